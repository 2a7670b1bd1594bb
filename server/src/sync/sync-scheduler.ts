import type { SyncCycleOut } from '@finverse/shared';
import { Cron } from 'croner';
import type { Database } from '../db/index.ts';
import { type Clock, toInstant } from '../kernel/clock.ts';
import { AppError, describeError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { Mutex } from '../kernel/mutex.ts';
import { addChanges, NO_CHANGES } from './changes.ts';
import type { BlockchainSyncService } from './blockchain-sync-service.ts';
import { ChainReadError, DeepReorgError, UnexplainedTotalError } from './errors.ts';
import type { EventWatcher } from './event-watcher.ts';
import type { SyncLease } from './lease.ts';
import {
  addToCounters,
  type CounterDelta,
  insertRun,
  type Intent,
  readSyncState,
  type SyncState,
  writeIntent,
} from './sync-state.ts';

type SchedulerOptions = {
  database: Database;
  lease: SyncLease;
  /** True where no other process can hold the lease, so that it need not be renewed. */
  isAlone: boolean;
  leaseRenewMs: number;
  services: readonly BlockchainSyncService[];
  watcher: EventWatcher;
  clock: Clock;
  log: Logger;
  /** The intent of a fresh installation; an interval of null leaves it open. */
  defaults: { desiredState: SyncState['desiredState']; intervalSeconds: number | null };
};

const INTERVAL_SECONDS = 10;

const RETRY_FAILED_MS = 5_000;

const NOTHING_COUNTED: CounterDelta = { cyclesTotal: 0, cyclesSucceeded: 0, cyclesFailed: 0, errors: 0 };

function addCounters(a: CounterDelta, b: CounterDelta): CounterDelta {
  return {
    cyclesTotal: a.cyclesTotal + b.cyclesTotal,
    cyclesSucceeded: a.cyclesSucceeded + b.cyclesSucceeded,
    cyclesFailed: a.cyclesFailed + b.cyclesFailed,
    errors: a.errors + b.errors,
  };
}

type Trigger = SyncCycleOut['trigger'];

/**
 * Runs the engine: the durable intent to run or rest, the lease, the watcher, and the reconcile cycle, which never overlaps itself. What runs is always
 * what the intent and the lease say together.
 */
export class SyncScheduler {
  readonly #options: SchedulerOptions;
  readonly #transitions = new Mutex();
  #state: SyncState;
  #cron: Cron | null = null;
  #leaseTimer: NodeJS.Timeout | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #cycle: Promise<SyncCycleOut> | null = null;
  #lastCycle: SyncCycleOut | null = null;
  #lastError: { at: string; message: string } | null = null;
  #lastRecordedError: string | null = null;
  #unsaved: CounterDelta = NOTHING_COUNTED;
  #isClosed = false;

  private constructor(options: SchedulerOptions, state: SyncState) {
    this.#options = options;
    this.#state = state;
  }

  /** Reads the intent; nothing runs yet. */
  static async open(options: SchedulerOptions): Promise<SyncScheduler> {
    const { database, clock, defaults, log } = options;
    const stored = await readSyncState(database.em());
    if (stored) {
      if (defaults.intervalSeconds !== null && defaults.intervalSeconds !== stored.intervalSeconds) {
        log.warn(
          `SYNC_INTERVAL_SECONDS is ${defaults.intervalSeconds}, and ${stored.intervalSeconds} stays in force: the setting counts at the first start alone; POST /sync/start changes the interval`,
        );
      }
      return new SyncScheduler(options, stored);
    }
    const intent = { ...defaults, intervalSeconds: defaults.intervalSeconds ?? INTERVAL_SECONDS };
    await writeIntent(database.em(), database, intent, clock.now());
    return new SyncScheduler(options, { ...NOTHING_COUNTED, lastSyncAtMs: null, ...intent });
  }

  get state(): SyncState {
    return this.#state;
  }

  get lastCycle(): SyncCycleOut | null {
    return this.#lastCycle;
  }

  get lastError(): { at: string; message: string } | null {
    return this.#lastError;
  }

  /** True while this process applies what the chain says. */
  get isActive(): boolean {
    return this.#cron !== null;
  }

  /** Begins to follow intent and lease. */
  async begin(): Promise<void> {
    await this.#follow();
    if (this.#options.isAlone) return;
    this.#leaseTimer = setInterval(() => {
      this.#follow().catch((error: unknown) =>
        this.#options.log.warn({ err: error }, 'the lease could not be renewed'),
      );
    }, this.#options.leaseRenewMs);
  }

  async start(intervalSeconds?: number): Promise<void> {
    const isNewInterval = intervalSeconds !== undefined && intervalSeconds !== this.#state.intervalSeconds;
    await this.#intend({ desiredState: 'running', ...(intervalSeconds === undefined ? {} : { intervalSeconds }) });
    if (isNewInterval && this.#cron) this.#schedule();
    await this.#follow();
  }

  /** Returns when the work in hand is finished. */
  async stop(): Promise<void> {
    await this.#intend({ desiredState: 'stopped' });
    await this.#follow();
  }

  /** Runs a cycle, or joins the one that runs. A failed one is answered, not thrown. @throws AppError NOT_LEADER */
  async runCycle(trigger: Trigger): Promise<SyncCycleOut> {
    if (this.#cycle) return this.#cycle;
    await this.#prepare();
    // Only what has begun counts as running: a cycle that still waits for a transition must not be waited for by one.
    this.#cycle ??= this.#runCycle(trigger).finally(() => {
      this.#cycle = null;
    });
    return this.#cycle;
  }

  /** Makes sure that this process may write, also while the engine rests. @throws AppError NOT_LEADER */
  async requireLeader(): Promise<void> {
    await this.#prepare();
  }

  /** Finishes the work in hand, saves the counters and gives up the lease. The intent stays. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#leaseTimer) clearInterval(this.#leaseTimer);
    await this.#transitions.run(() => this.#deactivate());
    await this.#cycle?.catch(() => undefined);
    const { clock, lease } = this.#options;
    if (lease.fencingToken !== null) await this.#saveCounters(clock.now());
    await lease.release();
  }

  async #prepare(): Promise<void> {
    if (this.#isClosed) throw new AppError('SHUTTING_DOWN', 'The server is shutting down.');
    if (this.isActive) return;
    await this.#transitions.run(async () => {
      if (this.isActive) return;
      if (!(await this.#acquireLease())) {
        throw new AppError('NOT_LEADER', 'Another replica leads the sync; send this to it, or try again.', {
          retryAfterSeconds: 2,
        });
      }
      for (const service of this.#options.services) await service.resume();
    });
  }

  async #intend(change: Partial<Intent>): Promise<void> {
    const { database, clock } = this.#options;
    const next = { ...this.#state, ...change };
    await writeIntent(database.em(), database, next, clock.now());
    this.#state = next;
  }

  /** Brings what runs in line with the intent and the lease. */
  async #follow(): Promise<void> {
    await this.#transitions.run(async () => {
      if (this.#isClosed) return;
      const { isAlone, database } = this.#options;
      if (!isAlone) {
        const stored = await readSyncState(database.em());
        if (stored) this.#adopt(stored);
      }
      const leads = await this.#acquireLease();
      const shouldRun = leads && this.#state.desiredState === 'running';
      if (shouldRun && !this.isActive) await this.#activate();
      if (!shouldRun && this.isActive) await this.#deactivate();
    });
  }

  /** Where nobody else can take it, a lease that is held need not be renewed: an idle installation writes nothing. */
  async #acquireLease(): Promise<boolean> {
    const { lease, isAlone } = this.#options;
    return isAlone && lease.fencingToken !== null ? true : lease.acquire();
  }

  /** What another replica has written: the intent, and the counters up to what this one has not written yet. */
  #adopt(stored: SyncState): void {
    const isNewInterval = stored.intervalSeconds !== this.#state.intervalSeconds;
    this.#state = {
      ...stored,
      ...addCounters(stored, this.#unsaved),
      lastSyncAtMs: Math.max(stored.lastSyncAtMs ?? 0, this.#state.lastSyncAtMs ?? 0) || null,
    };
    if (isNewInterval && this.#cron) this.#schedule();
  }

  async #activate(): Promise<void> {
    const { services, watcher } = this.#options;
    for (const service of services) await service.resume();
    this.#schedule();
    watcher.start();
    void this.runCycle('start').catch(() => undefined);
  }

  async #deactivate(): Promise<void> {
    const running = this.#cycle;
    this.#cron?.stop();
    this.#cron = null;
    this.#cancelRetry();
    await this.#options.watcher.stop();
    for (const service of this.#options.services) await service.pause();
    await running?.catch(() => undefined);
  }

  #schedule(): void {
    this.#cron?.stop();
    this.#cron = new Cron('* * * * * *', { interval: this.#state.intervalSeconds, protect: true }, async () => {
      await this.runCycle('schedule').catch(() => undefined);
    });
  }

  async #runCycle(trigger: Trigger): Promise<SyncCycleOut> {
    const { services, clock, log } = this.#options;
    const startedAt = clock.now();
    const startedMonotonic = clock.monotonic();
    const reorgsBefore = this.#countReorgs();
    let changes = NO_CHANGES;
    let positionsVerified = 0;
    const faults: string[] = [];
    for (const service of services) {
      try {
        const outcome = await service.reconcile();
        changes = addChanges(changes, outcome.changes);
        positionsVerified += outcome.positionsVerified;
      } catch (error) {
        log.warn(
          { err: error, vault: service.writer.vault.id },
          'reconcile failed; nothing was changed by what could not be read',
        );
        faults.push(publicReason(error));
      }
    }
    const cycle: SyncCycleOut = {
      id: newId('cyc'),
      trigger,
      outcome: faults.length === 0 ? 'succeeded' : 'failed',
      startedAt: toInstant(startedAt),
      finishedAt: toInstant(clock.now()),
      durationMs: Math.round(clock.monotonic() - startedMonotonic),
      ...changes,
      reorgs: this.#countReorgs() - reorgsBefore,
      positionsVerified,
      error: faults.length === 0 ? null : faults.join('; '),
    };
    await this.#record(cycle, clock.now());
    if (faults.length > 0) this.#retrySoon();
    return cycle;
  }

  /** A failed cycle does not wait out a long interval: once the chain answers again, status and health say so within seconds. */
  #retrySoon(): void {
    this.#cancelRetry();
    if (!this.isActive || this.#state.intervalSeconds * 1000 <= RETRY_FAILED_MS) return;
    this.#retryTimer = setTimeout(() => void this.runCycle('schedule').catch(() => undefined), RETRY_FAILED_MS);
  }

  #cancelRetry(): void {
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  /** Counts the cycle; writes it down only where it changed something, or failed in another way than the one before. */
  async #record(cycle: SyncCycleOut, nowMs: number): Promise<void> {
    const hasFailed = cycle.outcome === 'failed';
    this.#lastCycle = cycle;
    if (cycle.error !== null) this.#lastError = { at: cycle.finishedAt, message: cycle.error };
    const counted = {
      cyclesTotal: 1,
      cyclesSucceeded: hasFailed ? 0 : 1,
      cyclesFailed: hasFailed ? 1 : 0,
      errors: hasFailed ? 1 : 0,
    };
    this.#unsaved = addCounters(this.#unsaved, counted);
    this.#state = {
      ...this.#state,
      ...addCounters(this.#state, counted),
      lastSyncAtMs: hasFailed ? this.#state.lastSyncAtMs : nowMs,
    };
    const hasChanged =
      cycle.factsApplied + cycle.creates + cycle.updates + cycle.deletes + cycle.conflicts + cycle.reorgs > 0;
    const isNewFailure = hasFailed && cycle.error !== this.#lastRecordedError;
    this.#lastRecordedError = cycle.error;
    if (!hasChanged && !isNewFailure) return;
    const { database, log } = this.#options;
    try {
      await insertRun(database.em(), cycle);
      await this.#saveCounters(nowMs);
    } catch (error) {
      log.warn({ err: error }, 'the run could not be recorded');
    }
  }

  async #saveCounters(nowMs: number): Promise<void> {
    const delta = this.#unsaved;
    await addToCounters(this.#options.database.em(), delta, { lastSyncAtMs: this.#state.lastSyncAtMs, nowMs });
    this.#unsaved = NOTHING_COUNTED;
  }

  #countReorgs(): number {
    return this.#options.services.reduce((sum, { writer }) => sum + writer.state.counters.reorgs, 0);
  }
}

/** What may be said of a failure outside: the chain's faults as they are, everything else only in the log. */
export function publicReason(error: unknown): string {
  const isSpeakable = [ChainReadError, DeepReorgError, UnexplainedTotalError].some((kind) => error instanceof kind);
  if (isSpeakable) return describeError(error);
  return 'the database or the engine failed; the log has the details';
}
