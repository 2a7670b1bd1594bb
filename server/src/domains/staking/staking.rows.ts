import type { SqlValue } from '../../db/index.ts';
import { type FactEffect, type Hex, positionRef, type Vault } from '../../sync/index.ts';
import type { LogRow, PositionRow } from './staking.wire.ts';

/** Raw rows of `stakes` and `staking_logs` to values and back. The hot path writes them in bulk and goes past the entities. */
export type RawRow = Record<string, unknown>;

export const STAKE_COLUMNS = [
  'id',
  'vault_id',
  'ref',
  'owner_address',
  'position_key',
  'amount_raw',
  'claimed_reward_raw',
  'reward_claimed',
  'staked_at',
  'closed_at',
  'tx_hash',
  'last_block',
  'last_log_index',
  'first_block',
] as const;

/** What a refold may change; identity stays. */
export const STAKE_MUTABLE_COLUMNS = STAKE_COLUMNS.slice(5);

export function fromStake(row: RawRow): PositionRow {
  return {
    id: row['id'] as string,
    ownerAddress: row['owner_address'] as Hex,
    positionKey: row['position_key'] as string,
    amountRaw: BigInt(row['amount_raw'] as string),
    claimedRewardRaw: BigInt(row['claimed_reward_raw'] as string),
    rewardClaimed: Boolean(row['reward_claimed']),
    stakedAt: Number(row['staked_at']),
    closedAt: toNullableNumber(row['closed_at']),
    txHash: row['tx_hash'] as Hex | null,
    lastBlock: Number(row['last_block']),
    lastLogIndex: Number(row['last_log_index']),
    firstBlock: Number(row['first_block']),
  };
}

export function toStake(row: PositionRow, vaultId: string): SqlValue[] {
  return [
    row.id,
    vaultId,
    `${row.ownerAddress}:${row.positionKey}`,
    row.ownerAddress,
    row.positionKey,
    row.amountRaw.toString(),
    row.claimedRewardRaw.toString(),
    row.rewardClaimed ? 1 : 0,
    row.stakedAt,
    row.closedAt,
    row.txHash,
    row.lastBlock,
    row.lastLogIndex,
    row.firstBlock,
  ];
}

export const LOG_COLUMNS = [
  'id',
  'vault_id',
  'chain_id',
  'ref',
  'owner_address',
  'position_key',
  'event',
  'effect',
  'amount_raw',
  'reward_raw',
  'staked_at',
  'reward_claimed',
  'block_number',
  'block_hash',
  'block_time',
  'log_index',
  'tx_hash',
  'status',
] as const;

export function fromLog(row: RawRow): LogRow {
  return {
    id: row['id'] as string,
    event: row['event'] as string,
    effect: row['effect'] as FactEffect,
    ownerAddress: row['owner_address'] as Hex,
    positionKey: row['position_key'] as string,
    amountRaw: toNullableBigInt(row['amount_raw']),
    rewardRaw: toNullableBigInt(row['reward_raw']),
    stakedAt: toNullableNumber(row['staked_at']),
    rewardClaimed: row['reward_claimed'] === null ? null : Boolean(row['reward_claimed']),
    blockNumber: Number(row['block_number']),
    blockHash: row['block_hash'] as Hex,
    blockTime: Number(row['block_time']),
    logIndex: Number(row['log_index']),
    txHash: row['tx_hash'] as Hex | null,
    status: row['status'] as LogRow['status'],
  };
}

export function toLog(fact: LogRow, vault: Vault): SqlValue[] {
  return [
    fact.id,
    vault.id,
    vault.chainId,
    positionRef(fact),
    fact.ownerAddress,
    fact.positionKey,
    fact.event,
    fact.effect,
    fact.amountRaw?.toString() ?? null,
    fact.rewardRaw?.toString() ?? null,
    fact.stakedAt,
    fact.rewardClaimed === null ? null : fact.rewardClaimed ? 1 : 0,
    fact.blockNumber,
    fact.blockHash,
    fact.blockTime,
    fact.logIndex,
    fact.txHash,
    fact.status,
  ];
}

function toNullableNumber(value: unknown): number | null {
  return value === null ? null : Number(value);
}

function toNullableBigInt(value: unknown): bigint | null {
  return value === null ? null : BigInt(value as string);
}
