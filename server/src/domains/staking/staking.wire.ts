import { type PositionOut, type StakingLogOut, type SyncLiveEvent, tokenAmountText } from '@finverse/shared';
import { secondsToInstant } from '../../kernel/clock.ts';
import { adapterOf, type AsOf, type Fact, type Hex, type Vault } from '../../sync/index.ts';
import type { PositionFold } from './staking.rules.ts';

/** A position with its identity. */
export type PositionRow = PositionFold & { id: string; ownerAddress: string; positionKey: string };

/** A stored fact with its identity. */
export type LogRow = Fact & { id: string; status: 'applied' | 'orphaned' };

/** The wire form of a position, its state and pending reward as of the given block. */
export function toPositionOut(
  row: PositionRow,
  { vault, block, finalizedBlock }: AsOf,
  verifiedBlock: number | null,
): PositionOut {
  const pendingRewardRaw = adapterOf(vault.kind).pendingReward(row, vault, block.timestamp);
  const amountText = (raw: bigint) => tokenAmountText(raw, vault.decimals);
  return {
    id: row.id,
    vaultId: vault.id,
    ownerAddress: row.ownerAddress,
    positionKey: row.positionKey,
    state: stateAt(row, vault, block.timestamp),
    amount: amountText(row.amountRaw),
    amountRaw: row.amountRaw.toString(),
    decimals: vault.decimals,
    pendingReward: amountText(pendingRewardRaw),
    pendingRewardRaw: pendingRewardRaw.toString(),
    claimedReward: amountText(row.claimedRewardRaw),
    claimedRewardRaw: row.claimedRewardRaw.toString(),
    stakedAt: secondsToInstant(row.stakedAt),
    unlockAt: vault.lockSeconds > 0 ? secondsToInstant(row.stakedAt + vault.lockSeconds) : null,
    closedAt: row.closedAt === null ? null : secondsToInstant(row.closedAt),
    txHash: row.txHash,
    verifiedBlock,
    finality: finalizedBlock !== null && row.lastBlock <= finalizedBlock ? 'finalized' : 'unfinalized',
  };
}

function stateAt(row: PositionFold, vault: Vault, atSeconds: number): PositionOut['state'] {
  if (row.closedAt !== null) return 'closed';
  if (vault.lockSeconds === 0) return 'staked';
  return atSeconds < row.stakedAt + vault.lockSeconds ? 'locked' : 'unlockable';
}

/** The wire form of a fact. */
export function toStakingLogOut(row: LogRow, vaultId: string): StakingLogOut {
  return {
    id: row.id,
    vaultId,
    event: row.event,
    ownerAddress: row.ownerAddress,
    positionKey: row.positionKey,
    amountRaw: row.amountRaw?.toString() ?? null,
    rewardRaw: row.rewardRaw?.toString() ?? null,
    blockNumber: row.blockNumber,
    blockHash: row.blockHash,
    logIndex: row.logIndex,
    txHash: row.txHash,
    blockTime: secondsToInstant(row.blockTime),
    status: row.status,
  };
}

/** What subscribers are told of a fact, and of its position after it. */
export function describeFact(
  log: LogRow,
  row: PositionRow | null,
  asOf: AsOf,
): { ownerAddress: Hex; event: SyncLiveEvent } {
  return {
    ownerAddress: log.ownerAddress,
    event: {
      type: 'fact',
      vaultId: asOf.vault.id,
      fact: toStakingLogOut(log, asOf.vault.id),
      position: row ? toPositionOut(row, asOf, null) : null,
    },
  };
}

/** What subscribers are told of a position that was made equal to the contract. */
export function describeCorrection(row: PositionRow, asOf: AsOf): { ownerAddress: Hex; event: SyncLiveEvent } {
  return {
    ownerAddress: row.ownerAddress as Hex,
    event: { type: 'corrected', vaultId: asOf.vault.id, position: toPositionOut(row, asOf, asOf.block.number) },
  };
}
