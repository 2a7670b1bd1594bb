import { defineEntity, p } from '@mikro-orm/core';
import {
  addressColumn,
  baseUnitsColumn,
  blockNumberColumn,
  epochMsColumn,
  epochSecondsColumn,
  hashColumn,
  idColumn,
} from '../../db/index.ts';

/** Facts: decoded logs and corrections. Never deleted; a log of a dropped block is marked orphaned. */
export const StakingLogSchema = defineEntity({
  name: 'StakingLog',
  tableName: 'staking_logs',
  uniques: [{ properties: ['chainId', 'blockHash', 'logIndex'] }],
  // Few and narrow: each is paid for with every log of a back-fill.
  indexes: [{ properties: ['ref'] }, { properties: ['blockNumber', 'logIndex', 'id'] }],
  properties: {
    id: idColumn().primary(),
    vaultId: idColumn(),
    chainId: p.integer(),
    /** Owner address and position key, joined. */
    ref: p.string().length(128),
    ownerAddress: addressColumn(),
    positionKey: p.string().length(80),
    event: p.string().length(32),
    effect: p.string().length(8),
    amountRaw: baseUnitsColumn().nullable(),
    rewardRaw: baseUnitsColumn().nullable(),
    stakedAt: epochSecondsColumn().nullable(),
    rewardClaimed: p.boolean().nullable(),
    blockNumber: blockNumberColumn(),
    blockHash: hashColumn(),
    blockTime: epochSecondsColumn(),
    /** Corrections stand behind every log of their block. */
    logIndex: p.integer(),
    txHash: hashColumn().nullable(),
    status: p.string().length(8),
  },
});

/** Positions: the fold of their applied facts. */
export const StakeSchema = defineEntity({
  name: 'Stake',
  tableName: 'stakes',
  // No key begins with the vault: SQLite would take it for the sweep, which walks the rows in id order, and sort the whole vault.
  uniques: [{ properties: ['ref', 'vaultId'] }],
  indexes: [{ properties: ['ownerAddress', 'vaultId', 'id'] }],
  properties: {
    id: idColumn().primary(),
    vaultId: idColumn(),
    ref: p.string().length(128),
    ownerAddress: addressColumn(),
    positionKey: p.string().length(80),
    amountRaw: baseUnitsColumn(),
    claimedRewardRaw: baseUnitsColumn(),
    rewardClaimed: p.boolean(),
    stakedAt: epochSecondsColumn(),
    closedAt: epochSecondsColumn().nullable(),
    txHash: hashColumn().nullable(),
    /** Place of the newest fact in the fold. */
    lastBlock: blockNumberColumn(),
    lastLogIndex: p.integer(),
    /** Block of the oldest fact in the fold. */
    firstBlock: blockNumberColumn(),
  },
});

/** The audit trail of conflicts: what the row said, what the contract said, and why the contract's state won. */
export const StakingConflictSchema = defineEntity({
  name: 'StakingConflict',
  tableName: 'staking_conflicts',
  properties: {
    id: idColumn().primary(),
    vaultId: idColumn(),
    ownerAddress: addressColumn(),
    positionKey: p.string().length(80),
    reason: p.string().length(40),
    stateBefore: p.text(),
    stateAfter: p.text(),
    blockNumber: blockNumberColumn(),
    blockHash: hashColumn(),
    createdAt: epochMsColumn(),
  },
});

export const stakingEntities = [StakingLogSchema, StakeSchema, StakingConflictSchema];
