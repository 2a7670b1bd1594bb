import type { PositionOut, SyncConflictOut } from '@finverse/shared';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { randomId } from '../kernel/random.ts';
import type { Logger } from '../kernel/logger.ts';
import { BlockchainSyncService } from './blockchain-sync-service.ts';
import { ChainIdentity } from './chain/chain-identity.ts';
import { checkNodes } from './chain/check-nodes.ts';
import { holdHeadSocket } from './chain/head-socket.ts';
import { createChainReader } from './chain/reader.ts';
import { EventWatcher } from './event-watcher.ts';
import type { OnFault } from './fault-kinds.ts';
import { findLeaderFaults } from './faults.ts';
import { SyncLease } from './lease.ts';
import { LiveFeed } from './live-feed.ts';
import { LogFetcher } from './log-fetcher.ts';
import { createFaultCounter, type FaultCounter } from './metrics.ts';
import { pruneOutbox } from './outbox.ts';
import type { Page, PageRequest, SyncApi } from './sync.port.ts';
import { registerVaults, type VaultConfig } from './register-vaults.ts';
import { rereadVault } from './reread-vault.ts';
import type { FactSink } from './sink.ts';
import { createSyncApi } from './sync-api.ts';
import { SyncScheduler } from './sync-scheduler.ts';
import { pruneRuns } from './sync-state.ts';
import type { Hex, Vault } from './types.ts';
import { VaultWriter } from './vault-writer.ts';

export type SyncSettings = {
  rpcUrls: readonly string[];
  wsUrls: readonly string[];
  /** Null takes the node's word. */
  chainId: number | null;
  vaults: readonly VaultConfig[];
  /** Of a fresh installation; null where the settings leave it open. */
  intervalSeconds: number | null;
  /** True for a chain that was made at this start: what the database knows of an earlier one is void. */
  isChainFresh: boolean;
  /** Whether a fresh installation runs by itself. */
  autostart: boolean;
};

type EngineOptions = {
  database: Database;
  settings: SyncSettings;
  sink: FactSink;
  clock: Clock;
  log: Logger;
  readModel: {
    positionsOf(owner: Hex): Promise<PositionOut[]>;
    conflicts(page: PageRequest): Promise<Page<SyncConflictOut>>;
  };
  /** Called for every HTTP request to a node, for metrics and benchmarks. */
  onRpcRequest?: (method: string) => void;
};

export type SyncEngine = {
  api: SyncApi;
  vaults: readonly Vault[];
  services: readonly BlockchainSyncService[];
  /** What went wrong since the process began. */
  faults: FaultCounter;
  /** Begins to follow the durable intent. */
  begin(): Promise<void>;
  /** Finishes the work in hand and ends everything. */
  close(): Promise<void>;
};

const LEASE_TTL_MS = 6_000;
const LEASE_RENEW_MS = 1_500;
const WATCHDOG_INTERVAL_MS = 2_000;
const POLL_INTERVAL_MS = 500;
const HEAD_TIMEOUT_MS = 3_000;
const OUTBOX_KEEP_MS = 7 * 24 * 60 * 60 * 1000;
const RUNS_KEEP_MS = 30 * 24 * 60 * 60 * 1000;
const PRUNE_INTERVAL_MS = 60 * 60 * 1000;

/** Puts the engine together. Reads the chain to check the vaults; writes nothing of theirs before {@link SyncEngine.begin}. */
export async function createSyncEngine(options: EngineOptions): Promise<SyncEngine> {
  const { database, settings, sink, clock, log, readModel } = options;
  const identity = new ChainIdentity(settings.chainId);
  const readerOf = (urls: readonly string[], timeoutMs?: number) =>
    createChainReader({
      urls,
      identity,
      onRequest: options.onRpcRequest,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  const reader = readerOf(settings.rpcUrls);
  const unanswered = await checkNodes({
    urls: settings.rpcUrls,
    chainId: settings.chainId,
    readerOf: (url) => readerOf([url], HEAD_TIMEOUT_MS),
  });
  const vaults = await registerVaults({
    database,
    reader,
    identity,
    chainId: settings.chainId,
    vaults: settings.vaults,
    clock,
    log,
  });
  // Only now: a start that fails says why in one line, and nothing else.
  for (const warning of unanswered) log.warn(warning);
  if (settings.isChainFresh) {
    for (const vault of vaults) {
      const factsSetAside = await rereadVault({
        database,
        sink,
        clock,
        vault,
        startBlock: vault.startBlock,
        isAlone: true,
      });
      if (factsSetAside > 0) log.warn({ vault: vault.id, factsSetAside }, 'the chain is new: the vault is read anew');
    }
  }
  const holder = randomId();
  // Only one process at a time opens an SQLite file; the data folder's lock sees to it.
  const isAlone = database.dialect === 'sqlite';
  const lease = new SyncLease({
    database,
    holder,
    ttlMs: isAlone ? Number.MAX_SAFE_INTEGER / 2 : LEASE_TTL_MS,
    isAlone,
    findFaults: () => (leader ? findLeaderFaults(leader) : []),
  });
  let leader: Parameters<typeof findLeaderFaults>[0] | null = null;
  const feed = new LiveFeed({ database, log });
  const faults = createFaultCounter(vaults.map(({ id }) => id));
  const services = await Promise.all(
    vaults.map(async (vault) => {
      const onFault: OnFault = (kind) => faults.inc({ vault: vault.id, kind });
      const fetcher = new LogFetcher({ vault, reader, log, onFault });
      const writer = await VaultWriter.open({ database, lease, sink, clock, vault, onEvents: () => feed.wake() });
      return new BlockchainSyncService({ database, reader, fetcher, writer, sink, clock, log, onFault });
    }),
  );
  const watcher = new EventWatcher({
    // A reader of its own: what it asks is answered at once or not at all, so a chain that hangs is noticed soon.
    reader: readerOf(settings.rpcUrls, HEAD_TIMEOUT_MS),
    holdSocket: (socket) => holdHeadSocket({ ...socket, identity }),
    wsUrls: settings.wsUrls,
    onHead: (header) => services.forEach((service) => service.hearHead(header)),
    clock,
    log,
    onFault: (kind) => faults.inc({ vault: '', kind }),
    pollIntervalMs: settings.wsUrls.length > 0 ? WATCHDOG_INTERVAL_MS : POLL_INTERVAL_MS,
  });
  const scheduler = await SyncScheduler.open({
    database,
    lease,
    isAlone,
    leaseRenewMs: LEASE_RENEW_MS,
    services,
    watcher,
    clock,
    log,
    defaults: { desiredState: settings.autostart ? 'running' : 'stopped', intervalSeconds: settings.intervalSeconds },
  });
  leader = { scheduler, services, watcher, clock };
  const pruning = setInterval(() => {
    Promise.all([
      pruneOutbox(database.em(), clock.now() - OUTBOX_KEEP_MS),
      pruneRuns(database.em(), clock.now() - RUNS_KEEP_MS),
    ]).catch((error: unknown) => log.warn({ err: error }, 'events and runs that are over could not be pruned'));
  }, PRUNE_INTERVAL_MS);
  pruning.unref();
  return {
    api: createSyncApi({ database, scheduler, services, watcher, lease, holder, feed, clock, readModel }),
    vaults,
    services,
    faults,
    begin: () => scheduler.begin(),
    close: async () => {
      clearInterval(pruning);
      feed.close();
      await scheduler.close();
    },
  };
}
