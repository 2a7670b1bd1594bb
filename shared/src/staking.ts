import { z } from 'zod';
import {
  addressOut,
  addressSchema,
  amountOut,
  baseUnitsOut,
  hashOut,
  idInput,
  instantOut,
  pageInput,
  pageOf,
} from './common.ts';

/**
 * `staked`: open in a vault without a lock · `locked`: open, the lock runs · `unlockable`: open, the lock is over · `closed`: withdrawn.
 */
export const positionState = z.enum(['staked', 'locked', 'unlockable', 'closed']);
export type PositionState = z.infer<typeof positionState>;

/** One position of one owner in one vault; times and states are as of the vault's cursor block. */
export const positionOut = z.object({
  id: z.string(),
  vaultId: z.string(),
  ownerAddress: addressOut,
  positionKey: z.string().meta({ description: 'What the contract calls it: the stake index for stake-vault' }),
  state: positionState,
  amount: amountOut,
  amountRaw: baseUnitsOut,
  decimals: z.number().int(),
  pendingReward: amountOut,
  pendingRewardRaw: baseUnitsOut,
  claimedReward: amountOut.meta({ description: 'All reward paid out so far, by claims and unstakes' }),
  claimedRewardRaw: baseUnitsOut,
  stakedAt: instantOut,
  unlockAt: instantOut.nullable(),
  closedAt: instantOut.nullable(),
  txHash: hashOut.nullable().meta({ description: 'The transaction that last changed it; null where a correction did' }),
  verifiedBlock: z
    .number()
    .int()
    .nullable()
    .meta({ description: 'The last block at which it was compared with the contract and found equal' }),
  finality: z.enum(['unfinalized', 'finalized']),
});
export type PositionOut = z.infer<typeof positionOut>;

/** One decoded log, or a correction that a reconcile run made where the logs did not explain the contract's state. */
export const stakingLogOut = z.object({
  id: z.string(),
  vaultId: z.string(),
  event: z.string().meta({ description: "The event's name; `Corrected` for a correction" }),
  ownerAddress: addressOut,
  positionKey: z.string(),
  amountRaw: baseUnitsOut.nullable(),
  rewardRaw: baseUnitsOut.nullable(),
  blockNumber: z.number().int(),
  blockHash: hashOut,
  logIndex: z.number().int(),
  txHash: hashOut.nullable(),
  blockTime: instantOut,
  status: z.enum(['applied', 'orphaned']),
});
export type StakingLogOut = z.infer<typeof stakingLogOut>;

export const positionsInput = z.strictObject({
  ...pageInput.shape,
  ownerAddress: addressSchema.optional(),
  vaultId: idInput.optional(),
  state: positionState.optional(),
});
export const positionsOut = pageOf(positionOut);

export const positionInput = z.strictObject({ id: idInput });

export const stakingLogsInput = z.strictObject({
  ...pageInput.shape,
  ownerAddress: addressSchema.optional(),
  vaultId: idInput.optional(),
  positionId: idInput.optional(),
});
export const stakingLogsOut = pageOf(stakingLogOut);
