import { defineEntity, p } from '@mikro-orm/core';
import {
  addressColumn,
  baseUnitsColumn,
  blockNumberColumn,
  epochMsColumn,
  epochSecondsColumn,
  hashColumn,
  idColumn,
} from '../db/index.ts';

/** One configured contract and how far it is applied. Its row is locked by every transaction that applies facts. */
export const VaultSchema = defineEntity({
  name: 'Vault',
  tableName: 'vaults',
  uniques: [{ properties: ['chainId', 'address'] }],
  properties: {
    id: idColumn().primary(),
    kind: p.string().length(32),
    chainId: p.integer(),
    address: addressColumn(),
    tokenAddress: addressColumn(),
    decimals: p.integer(),
    lockSeconds: p.integer(),
    apyPercent: p.integer(),
    startBlock: blockNumberColumn(),
    cursorBlock: blockNumberColumn().nullable(),
    cursorHash: hashColumn().nullable(),
    /** The cursor block's own time: states and pending rewards are as of it. */
    cursorTime: epochSecondsColumn().nullable(),
    headBlock: blockNumberColumn().nullable(),
    finalizedBlock: blockNumberColumn().nullable(),
    verifiedBlock: blockNumberColumn().nullable(),
    stakedTotalRaw: baseUnitsColumn(),
    positions: p.integer(),
    factsApplied: p.bigint('number'),
    creates: p.bigint('number'),
    updates: p.bigint('number'),
    deletes: p.bigint('number'),
    conflicts: p.bigint('number'),
    reorgs: p.bigint('number'),
    createdAt: epochMsColumn(),
  },
});

/** Applied blocks above finality, for finding where a fork began; pruned as finality advances. */
export const ChainBlockSchema = defineEntity({
  name: 'ChainBlock',
  tableName: 'chain_blocks',
  properties: {
    vaultId: idColumn().primary(),
    number: blockNumberColumn().primary(),
    hash: hashColumn(),
    parentHash: hashColumn(),
  },
});

/** The durable intent of the operator and the counters of cycles; a single row. */
export const SyncStateSchema = defineEntity({
  name: 'SyncState',
  tableName: 'sync_state',
  properties: {
    id: p.integer().primary().autoincrement(false),
    desiredState: p.string().length(16),
    intervalSeconds: p.integer(),
    cyclesTotal: p.bigint('number'),
    cyclesSucceeded: p.bigint('number'),
    cyclesFailed: p.bigint('number'),
    errors: p.bigint('number'),
    lastSyncAt: epochMsColumn().nullable(),
    updatedAt: epochMsColumn(),
  },
});

/** Who leads. The fencing token grows with every change of holder and is checked by every applying transaction. */
export const SyncLeaseSchema = defineEntity({
  name: 'SyncLease',
  tableName: 'sync_leases',
  properties: {
    name: p.string().length(32).primary(),
    holder: p.string().length(64),
    fencingToken: p.integer(),
    expiresAt: epochMsColumn(),
    /** What its holder finds wrong with the sync, as JSON: the other replicas ask no chain and run no cycle. */
    faults: p.text().nullable(),
  },
});

/** Runs that changed something or failed, of the last 30 days; their ids tell when. */
export const SyncRunSchema = defineEntity({
  name: 'SyncRun',
  tableName: 'sync_runs',
  properties: {
    id: idColumn().primary(),
    cycle: p.text(),
  },
});

/** Live events in the order of their commits: every writer holds the lease row, so `seq` never commits out of order. */
export const OutboxSchema = defineEntity({
  name: 'OutboxEvent',
  tableName: 'outbox',
  properties: {
    seq: p.integer().primary(),
    ownerAddress: addressColumn().nullable(),
    payload: p.text(),
    createdAt: epochMsColumn().index(),
  },
});

export const syncEntities = [
  VaultSchema,
  ChainBlockSchema,
  SyncStateSchema,
  SyncLeaseSchema,
  SyncRunSchema,
  OutboxSchema,
];
