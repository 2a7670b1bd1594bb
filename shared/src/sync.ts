import { z } from 'zod';
import { addressOut, addressSchema, baseUnitsOut, hashOut, instantOut, pageInput, pageOf } from './common.ts';
import { positionOut, stakingLogOut } from './staking.ts';

const count = z.number().int().nonnegative();

/** What was changed. `deletes` are positions that were closed, and those whose every fact was dropped by a reorganisation. */
export const changeCounts = z.object({
  factsApplied: count,
  creates: count,
  updates: count,
  deletes: count,
  conflicts: count,
});
export type ChangeCounts = z.infer<typeof changeCounts>;

/** One pass of the reconcile cycle over all vaults. */
export const syncCycleOut = z.object({
  id: z.string(),
  trigger: z.enum(['schedule', 'manual', 'start']),
  outcome: z.enum(['succeeded', 'failed']),
  startedAt: instantOut,
  finishedAt: instantOut,
  durationMs: count,
  ...changeCounts.shape,
  reorgs: count,
  positionsVerified: count.meta({ description: 'Positions read from the contract and compared in this run' }),
  error: z.string().nullable(),
});
export type SyncCycleOut = z.infer<typeof syncCycleOut>;

export const syncStatistics = z.object({
  cyclesTotal: count,
  cyclesSucceeded: count,
  cyclesFailed: count,
  ...changeCounts.shape,
  reorgs: count,
  errors: count,
});
export type SyncStatistics = z.infer<typeof syncStatistics>;

export const watcherState = z.enum(['stopped', 'connecting', 'live', 'polling', 'down']);

export const vaultStatusOut = z.object({
  id: z.string(),
  kind: z.string(),
  chainId: z.number().int(),
  address: addressOut,
  tokenAddress: addressOut,
  headBlock: count.nullable(),
  finalizedBlock: count.nullable(),
  cursorBlock: count.nullable(),
  cursorHash: hashOut.nullable(),
  lagBlocks: count.nullable(),
  positions: count,
  stakedTotalRaw: baseUnitsOut,
  watcher: z.object({
    transport: z.enum(['websocket', 'polling']),
    state: watcherState,
    lastHeadAt: instantOut.nullable(),
  }),
  verifiedBlock: count
    .nullable()
    .meta({ description: 'Every position was compared with the contract at this block or a later one' }),
  haltedReason: z
    .string()
    .nullable()
    .meta({ description: 'Why this vault stopped for good: a reorganisation deeper than finality' }),
});
export type VaultStatusOut = z.infer<typeof vaultStatusOut>;

/** The state of the engine as the answering replica knows it. */
export const syncStatusOut = z.object({
  isRunning: z.boolean(),
  syncIntervalSeconds: z.number().int().positive(),
  lastSyncTime: instantOut.nullable(),
  statistics: syncStatistics,
  lastError: z.object({ at: instantOut, message: z.string() }).nullable(),
  lastCycle: syncCycleOut.nullable(),
  leader: z.object({ holder: z.string(), isThisInstance: z.boolean(), fencingToken: count }).nullable(),
  vaults: z.array(vaultStatusOut),
});
export type SyncStatusOut = z.infer<typeof syncStatusOut>;

/** Healthy answers 200 with this; anything else is a 503 of code SYNC_UNHEALTHY that names the reasons. */
export const syncHealthOut = z.object({
  status: z.literal('healthy'),
  isRunning: z.boolean(),
  vaults: z.array(
    z.object({
      id: z.string(),
      cursorBlock: count.nullable(),
      headBlock: count.nullable(),
      lagBlocks: count.nullable(),
    }),
  ),
});
export type SyncHealthOut = z.infer<typeof syncHealthOut>;

export const syncStartInput = z
  .strictObject({ intervalSeconds: z.number().int().min(1).max(86_400).optional() })
  .optional();
export const syncUserInput = z.strictObject({ userAddress: addressSchema });

export const syncUserOut = z.object({
  userAddress: addressOut,
  ...changeCounts.shape,
  positions: z.array(positionOut),
});
export type SyncUserOut = z.infer<typeof syncUserOut>;

/** Recorded runs: those that changed something or failed; a run without a difference writes no row. */
export const syncRunsInput = pageInput;
export const syncRunsOut = pageOf(syncCycleOut);

/** A position that differed from the contract and was not explained by missed logs: the contract's state won. */
export const syncConflictOut = z.object({
  id: z.string(),
  vaultId: z.string(),
  ownerAddress: addressOut,
  positionKey: z.string(),
  reason: z.enum(['row_differed_from_facts', 'contract_differs_from_facts', 'absent_in_contract']),
  before: z.string().meta({ description: 'The row as JSON' }),
  after: z.string().meta({ description: 'What replaced it, as JSON' }),
  blockNumber: count,
  blockHash: hashOut,
  createdAt: instantOut,
});
export type SyncConflictOut = z.infer<typeof syncConflictOut>;
export const syncConflictsInput = pageInput;
export const syncConflictsOut = pageOf(syncConflictOut);

export const syncLiveInput = z
  .strictObject({
    lastEventId: z
      .string()
      .regex(/^\d{1,15}$/, 'must be the id of an event')
      .optional(),
    ownerAddress: addressSchema.optional(),
  })
  .optional();

/**
 * What the live feed says. `fact`: a log was applied (or orphaned) and this is the position after it · `backfilled`: many facts at once, read the lists
 * again · `corrected`: a position was made equal to the contract · `checkpoint`: nothing happened, the id is a place to resume from (the first event of every
 * subscription) · `reorganized`: blocks above `blockNumber` were dropped · `resync`: the last event id is older than what is kept, read everything again.
 */
export const syncLiveEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('fact'), vaultId: z.string(), fact: stakingLogOut, position: positionOut.nullable() }),
  z.object({
    type: z.literal('backfilled'),
    vaultId: z.string(),
    fromBlock: count,
    toBlock: count,
    factsApplied: count,
  }),
  z.object({ type: z.literal('reorganized'), vaultId: z.string(), blockNumber: count, factsOrphaned: count }),
  z.object({ type: z.literal('corrected'), vaultId: z.string(), position: positionOut }),
  z.object({ type: z.literal('resync') }),
  z.object({ type: z.literal('checkpoint') }),
]);
export type SyncLiveEvent = z.infer<typeof syncLiveEvent>;

/** The contract shapes that the engine knows. */
export const vaultKinds = ['stake-vault'] as const;
