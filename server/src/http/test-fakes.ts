import type { PositionOut, SyncLiveEvent, SyncStatusOut } from '@finverse/shared';
import type { StakingReads } from '../domains/staking/staking.port.ts';
import { AppError } from '../kernel/errors.ts';
import type { SyncApi } from '../sync/sync.port.ts';

// Test support: in-memory fakes of the two ports behind the HTTP layers. Nothing else in their tests is a fake.

export const ADDRESS = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';
const HASH = `0x${'ab'.repeat(32)}`;
const INSTANT = '2026-01-02T03:04:05.678Z';
const COUNTS = { factsApplied: 0, creates: 0, updates: 0, deletes: 0, conflicts: 0 };

export const POSITION: PositionOut = {
  id: 'pos_1',
  vaultId: 'vlt_1',
  ownerAddress: ADDRESS,
  positionKey: '0',
  state: 'locked',
  amount: '1.50000000',
  amountRaw: '1500000000000000000',
  decimals: 18,
  pendingReward: '0.00000000',
  pendingRewardRaw: '0',
  claimedReward: '0.00000000',
  claimedRewardRaw: '0',
  stakedAt: INSTANT,
  unlockAt: null,
  closedAt: null,
  txHash: HASH,
  verifiedBlock: 7,
  finality: 'finalized',
};

const STATUS: SyncStatusOut = {
  isRunning: true,
  syncIntervalSeconds: 10,
  lastSyncTime: null,
  statistics: { ...COUNTS, cyclesTotal: 0, cyclesSucceeded: 0, cyclesFailed: 0, reorgs: 0, errors: 0 },
  lastError: null,
  lastCycle: null,
  leader: null,
  vaults: [],
};

/** What a test sees of the calls behind the sync port, and where it can make them fail. */
export type FakeSync = SyncApi & {
  calls: string[];
  /** Thrown by `status` while set. */
  failure: Error | undefined;
  emit(event: SyncLiveEvent): void;
  readonly listenerCount: number;
};

/** An in-memory fake of the engine's port. Its live feed keeps every event and counts who listens. */
export function fakeSync(): FakeSync {
  const calls: string[] = [];
  const events: SyncLiveEvent[] = [];
  const wakers = new Set<() => void>();
  let listenerCount = 0;
  const call = (name: string) => void calls.push(name);
  return {
    calls,
    failure: undefined,
    get listenerCount() {
      return listenerCount;
    },
    emit(event) {
      events.push(event);
      for (const wake of wakers) wake();
    },
    async status() {
      call('status');
      if (this.failure) throw this.failure;
      return STATUS;
    },
    async health() {
      call('health');
      return { status: 'healthy', isRunning: true, vaults: [] };
    },
    async start({ intervalSeconds }) {
      call(`start ${intervalSeconds}`);
      return STATUS;
    },
    async stop() {
      call('stop');
      return STATUS;
    },
    async runCycle() {
      call('runCycle');
      const cycle = {
        id: 'cyc_1',
        trigger: 'manual',
        outcome: 'succeeded',
        startedAt: INSTANT,
        finishedAt: INSTANT,
      } as const;
      return { ...cycle, durationMs: 1, ...COUNTS, reorgs: 0, positionsVerified: 0, error: null };
    },
    async syncUser(address) {
      call(`user ${address}`);
      return { userAddress: address, ...COUNTS, positions: [POSITION] };
    },
    async runs({ limit }) {
      call(`runs ${limit}`);
      return { items: [], nextCursor: null };
    },
    async conflicts() {
      call('conflicts');
      return { items: [], nextCursor: null };
    },
    async *live({ lastEventId, signal }) {
      listenerCount += 1;
      try {
        for (let next = Number(lastEventId ?? events.length); !signal?.aborted;) {
          const event = events[next];
          if (event) {
            next += 1;
            yield { id: String(next), event };
            continue;
          }
          await new Promise<void>((resolve) => {
            wakers.add(resolve);
            signal?.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      } finally {
        listenerCount -= 1;
      }
    },
  };
}

/** An in-memory fake of the staking reads' port, with one position. */
export function fakeStaking(): StakingReads & { queries: unknown[] } {
  const queries: unknown[] = [];
  return {
    queries,
    async positions(query) {
      queries.push(query);
      return { items: [POSITION], nextCursor: 'next' };
    },
    async position(id) {
      queries.push(id);
      if (id !== POSITION.id) throw new AppError('NOT_FOUND', 'There is no such position.');
      return POSITION;
    },
    async logs(query) {
      queries.push(query);
      return { items: [], nextCursor: null };
    },
  };
}
