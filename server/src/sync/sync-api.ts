import type {
  PositionOut,
  SyncConflictOut,
  SyncHealthOut,
  SyncStatusOut,
  SyncUserOut,
  VaultStatusOut,
} from '@finverse/shared';
import type { Database } from '../db/index.ts';
import { type Clock, toInstant } from '../kernel/clock.ts';
import { AppError, describeError } from '../kernel/errors.ts';
import { addChanges, NO_CHANGES } from './changes.ts';
import type { BlockchainSyncService } from './blockchain-sync-service.ts';
import { ChainReadError, DeepReorgError, StaleWriterError } from './errors.ts';
import type { EventWatcher } from './event-watcher.ts';
import { findLeaderFaults, lagOf } from './faults.ts';
import type { SyncLease } from './lease.ts';
import type { LiveFeed } from './live-feed.ts';
import type { Page, PageRequest, SyncApi } from './sync.port.ts';
import type { SyncScheduler } from './sync-scheduler.ts';
import { readRuns } from './sync-state.ts';
import type { Hex, SyncFault } from './types.ts';
import { readVaults, type VaultState } from './vault-store.ts';

type ApiOptions = {
  database: Database;
  scheduler: SyncScheduler;
  services: readonly BlockchainSyncService[];
  watcher: EventWatcher;
  lease: SyncLease;
  holder: string;
  feed: LiveFeed;
  clock: Clock;
  /** What the domain behind the sink tells; the engine knows no table of it. */
  readModel: {
    positionsOf(owner: Hex): Promise<PositionOut[]>;
    conflicts(page: PageRequest): Promise<Page<SyncConflictOut>>;
  };
};

/** The engine as the routers see it. */
export function createSyncApi(options: ApiOptions): SyncApi {
  const { database, scheduler, services, watcher, lease, feed } = options;

  const status = async (): Promise<SyncStatusOut> => {
    const { state } = scheduler;
    const held = await lease.read();
    const states = await vaultStates(options);
    const counters = states.map(({ counters: counted }) => counted);
    const sum = (key: keyof (typeof counters)[number]) => counters.reduce((total, counter) => total + counter[key], 0);
    return {
      isRunning: state.desiredState === 'running',
      syncIntervalSeconds: state.intervalSeconds,
      lastSyncTime: state.lastSyncAtMs === null ? null : toInstant(state.lastSyncAtMs),
      statistics: {
        cyclesTotal: state.cyclesTotal,
        cyclesSucceeded: state.cyclesSucceeded,
        cyclesFailed: state.cyclesFailed,
        factsApplied: sum('factsApplied'),
        creates: sum('creates'),
        updates: sum('updates'),
        deletes: sum('deletes'),
        conflicts: sum('conflicts'),
        reorgs: sum('reorgs'),
        errors: state.errors,
      },
      lastError: scheduler.lastError,
      lastCycle: scheduler.lastCycle,
      leader: held
        ? { holder: held.holder, isThisInstance: held.holder === options.holder, fencingToken: held.fencingToken }
        : null,
      vaults: services.map((service, index) => vaultStatus(service, states[index] ?? service.writer.state, watcher)),
    };
  };

  const health = async (): Promise<SyncHealthOut> => {
    const states = await vaultStates(options);
    const vaults = services.map((service, index) =>
      vaultStatus(service, states[index] ?? service.writer.state, watcher),
    );
    const isRunning = scheduler.state.desiredState === 'running';
    const reasons = isRunning ? await findFaults() : [];
    if (reasons.length > 0) {
      throw new AppError('SYNC_UNHEALTHY', `Sync is not healthy: ${reasons.map(({ message }) => message).join('; ')}`, {
        details: reasons,
      });
    }
    return {
      status: 'healthy',
      isRunning,
      vaults: vaults.map(({ id, cursorBlock, headBlock, lagBlocks }) => ({ id, cursorBlock, headBlock, lagBlocks })),
    };
  };

  return {
    status,
    health,
    start: async ({ intervalSeconds }) => {
      await scheduler.start(intervalSeconds);
      return status();
    },
    stop: async () => {
      await scheduler.stop();
      return status();
    },
    runCycle: () => scheduler.runCycle('manual'),
    syncUser: (address) => asAppErrors(() => syncUser(options, address)),
    runs: (page) => readRuns(database.em(), page),
    conflicts: (page) => options.readModel.conflicts(page),
    live: (request) => feed.subscribe(request),
  };

  async function findFaults(): Promise<SyncFault[]> {
    const reasons: SyncFault[] = [];
    const add = (path: string, message: string) => reasons.push({ path, message });
    const held = await lease.read().catch(() => null);
    if (!held) add('leader', 'no replica leads the sync');
    await database.ping().catch(() => add('database', 'the database does not answer'));
    const isFollower = held !== null && held.holder !== options.holder;
    return [...reasons, ...(isFollower ? held.faults : findLeaderFaults(options))];
  }
}

function vaultStatus(
  { writer: { vault }, haltedReason }: BlockchainSyncService,
  state: VaultState,
  watcher: EventWatcher,
): VaultStatusOut {
  const { transport, state: watcherState, lastHeadAtMs } = watcher.status();
  const cursorBlock = state.cursor?.number ?? null;
  const headBlock = state.headBlock === null ? null : Math.max(state.headBlock, cursorBlock ?? 0);
  return {
    id: vault.id,
    kind: vault.kind,
    chainId: vault.chainId,
    address: vault.address,
    tokenAddress: vault.tokenAddress,
    headBlock,
    finalizedBlock: state.finalizedBlock,
    cursorBlock,
    cursorHash: state.cursor?.hash ?? null,
    lagBlocks: lagOf(state, vault.startBlock),
    positions: state.positions,
    stakedTotalRaw: state.stakedTotalRaw.toString(),
    watcher: { transport, state: watcherState, lastHeadAt: lastHeadAtMs === null ? null : toInstant(lastHeadAtMs) },
    verifiedBlock: state.verifiedBlock,
    haltedReason,
  };
}

/** How far each vault is: this process knows better than its row while it applies; otherwise the row knows, which another replica writes. */
async function vaultStates({ database, scheduler, services }: ApiOptions): Promise<VaultState[]> {
  if (scheduler.isActive) return services.map(({ writer }) => writer.state);
  const stored = await readVaults(database.em()).catch(() => []);
  const rows = new Map(stored.map(({ vault, state }) => [vault.id, state]));
  return services.map(({ writer }) => rows.get(writer.vault.id) ?? writer.state);
}

async function syncUser({ scheduler, services, readModel }: ApiOptions, address: Hex): Promise<SyncUserOut> {
  await scheduler.requireLeader();
  let changes = NO_CHANGES;
  for (const service of services) changes = addChanges(changes, (await service.reconcileOwner(address)).changes);
  return { userAddress: address, ...changes, positions: await readModel.positionsOf(address) };
}

async function asAppErrors<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ChainReadError)
      throw new AppError('CHAIN_UNAVAILABLE', `The chain cannot be read now: ${describeError(error)}`, {
        cause: error,
        retryAfterSeconds: 5,
      });
    if (error instanceof DeepReorgError) throw new AppError('SYNC_HALTED', describeError(error), { cause: error });
    if (error instanceof StaleWriterError)
      throw new AppError('NOT_LEADER', 'Another replica leads the sync; try again.', {
        cause: error,
        retryAfterSeconds: 2,
      });
    throw error;
  }
}
