import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../db/index.ts';
import { describeDrivers } from '../db/test-databases.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import type { BlockchainSyncService } from './blockchain-sync-service.ts';
import { ChainReadError } from './errors.ts';
import type { EventWatcher } from './event-watcher.ts';
import { SyncLease } from './lease.ts';
import { SyncScheduler } from './sync-scheduler.ts';
import { addToCounters, pruneRuns, readRuns, readSyncState, writeIntent } from './sync-state.ts';
import { NO_CHANGES } from './changes.ts';

const log = createLogger({ level: 'silent' });
const INTERVAL_SECONDS = 3_600;

/** A vault whose reconcile runs end when the test says so, and a watcher that only remembers whether it runs. */
function createFakes() {
  const events: string[] = [];
  const running: PromiseWithResolvers<typeof outcome>[] = [];
  const waiting: (() => void)[] = [];
  const outcome = { changes: NO_CHANGES, positionsVerified: 0 };
  const service = {
    writer: { vault: { id: 'vlt' }, state: { counters: { reorgs: 0 } } },
    resume: async () => void events.push('resume'),
    pause: async () => void events.push('pause'),
    reconcile: async () => {
      events.push('reconcile');
      const run = Promise.withResolvers<typeof outcome>();
      running.push(run);
      waiting.shift()?.();
      const answer = await run.promise;
      events.push('reconciled');
      return answer;
    },
  };
  const watcher = { start: () => events.push('watch'), stop: async () => void events.push('unwatch') };
  return {
    events,
    service: service as unknown as BlockchainSyncService,
    watcher: watcher as unknown as EventWatcher,
    /** Resolves when one more reconcile run has begun. */
    begun: () => new Promise<void>((resolve) => (running.length > 0 ? resolve() : waiting.push(resolve))),
    end: (changes = NO_CHANGES) => running.shift()?.resolve({ changes, positionsVerified: 7 }),
    fail: (error: Error) => running.shift()?.reject(error),
  };
}

type OpenOptions = { holder?: string; isAlone?: boolean; desiredState?: 'running' | 'stopped' };

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let opened: SyncScheduler[];

  beforeEach(async () => {
    database = await databases.openMigrated();
    opened = [];
  });
  afterEach(async () => {
    for (const scheduler of opened) await scheduler.close();
  });

  const open = async (
    fakes: ReturnType<typeof createFakes>,
    { holder = 'a', isAlone = true, desiredState = 'stopped' }: OpenOptions = {},
  ) => {
    const lease = new SyncLease({ database, holder, ttlMs: 600_000, isAlone });
    const scheduler = await SyncScheduler.open({
      database,
      lease,
      isAlone,
      leaseRenewMs: 20,
      services: [fakes.service],
      watcher: fakes.watcher,
      clock: systemClock,
      log,
      defaults: { desiredState, intervalSeconds: INTERVAL_SECONDS },
    });
    opened.push(scheduler);
    return scheduler;
  };
  const runsWritten = async () => (await readRuns(database.em(), { limit: 100 })).items.length;

  test('an interval of the settings that is not the one in force is told, one that is left open is not', async () => {
    const fakes = createFakes();
    const warningsAt = async (intervalSeconds: number | null) => {
      const lines: string[] = [];
      const scheduler = await SyncScheduler.open({
        database,
        lease: new SyncLease({ database, holder: 'a', ttlMs: 600_000, isAlone: true }),
        isAlone: true,
        leaseRenewMs: 20,
        services: [fakes.service],
        watcher: fakes.watcher,
        clock: systemClock,
        log: createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } }),
        defaults: { desiredState: 'stopped', intervalSeconds },
      });
      expect(scheduler.state.intervalSeconds).toBe(10);
      return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    };
    for (const interval of [null, null, 10]) expect(await warningsAt(interval)).toEqual([]);
    expect(await warningsAt(30)).toEqual([
      expect.stringMatching(/^SYNC_INTERVAL_SECONDS is 30, and 10 stays in force: .*POST \/sync\/start/),
    ]);
  });

  test('runs that were recorded before an instant are forgotten, later ones are not', async () => {
    const fakes = createFakes();
    const scheduler = await open(fakes);
    const run = async () => {
      const running = scheduler.runCycle('manual');
      await fakes.begun();
      fakes.end({ ...NO_CHANGES, factsApplied: 1 });
      return running;
    };
    const cycles = [await run(), await run()];
    const pruneAt = async (atMs: number) => {
      await pruneRuns(database.em(), atMs);
      return (await readRuns(database.em(), { limit: 100 })).items.map(({ id }) => id);
    };
    expect(await pruneAt(Date.parse(cycles[0]?.startedAt ?? ''))).toEqual(cycles.map(({ id }) => id).toReversed());
    expect(await pruneAt(Date.parse(cycles[1]?.finishedAt ?? '') + 1_000)).toEqual([]);
  });

  describe('a cycle', () => {
    test('that is asked for while one runs is the one that runs: one reconcile, one id', async () => {
      const fakes = createFakes();
      const scheduler = await open(fakes);
      const asked = [scheduler.runCycle('manual'), scheduler.runCycle('manual')];
      await fakes.begun();
      asked.push(scheduler.runCycle('schedule'), scheduler.runCycle('manual'));
      fakes.end();
      const cycles = await Promise.all(asked);
      expect(new Set(cycles.map(({ id }) => id)).size).toBe(1);
      expect(fakes.events.filter((event) => event === 'reconcile')).toHaveLength(1);

      const next = scheduler.runCycle('manual');
      await fakes.begun();
      fakes.end();
      expect((await next).id).not.toBe(cycles[0]?.id);
      expect(scheduler.state).toMatchObject({ cyclesTotal: 2, cyclesSucceeded: 2, cyclesFailed: 0 });
    });

    test('asked for while a stop waits for a start is waited for by neither', async () => {
      const fakes = createFakes();
      const resumed = Promise.withResolvers<void>();
      const entered = Promise.withResolvers<void>();
      Object.assign(fakes.service, { resume: () => (entered.resolve(), resumed.promise) });
      const scheduler = await open(fakes);
      const starting = scheduler.start();
      await entered.promise;
      const stopping = scheduler.stop();
      // The intent is written first; after it the stop stands in line behind the start.
      while ((await readSyncState(database.em()))?.desiredState !== 'stopped');
      await new Promise(setImmediate);
      const cycle = scheduler.runCycle('manual');
      resumed.resolve();
      // Whichever cycles begin may end at once.
      const ending = setInterval(() => fakes.end(), 1);
      await Promise.all([starting, stopping, cycle]);
      clearInterval(ending);
      expect(scheduler.isActive).toBe(false);
    });

    test('that is counted leaves what another replica intends alone, and its counters grow on', async () => {
      const fakes = createFakes();
      const scheduler = await open(fakes, { desiredState: 'running' });
      await writeIntent(database.em(), database, { desiredState: 'stopped', intervalSeconds: 77 }, 1);
      for (let cycle = 0; cycle < 2; cycle += 1) {
        await addToCounters(
          database.em(),
          { cyclesTotal: 10, cyclesSucceeded: 10, cyclesFailed: 0, errors: 0 },
          { lastSyncAtMs: null, nowMs: 2 },
        );
        const running = scheduler.runCycle('manual');
        await fakes.begun();
        fakes.end({ ...NO_CHANGES, updates: 1 });
        await running;
      }
      expect(await readSyncState(database.em())).toMatchObject({
        desiredState: 'stopped',
        intervalSeconds: 77,
        cyclesTotal: 22,
        cyclesSucceeded: 22,
      });
    });

    test('without a difference writes no row; one with a difference does', async () => {
      const fakes = createFakes();
      const scheduler = await open(fakes);
      for (const changes of [NO_CHANGES, { ...NO_CHANGES, updates: 1 }]) {
        const cycle = scheduler.runCycle('manual');
        await fakes.begun();
        fakes.end(changes);
        expect(await cycle).toMatchObject({
          outcome: 'succeeded',
          updates: changes.updates,
          positionsVerified: 7,
          error: null,
        });
        expect(await runsWritten()).toBe(changes.updates);
      }
    });

    test('that failed is answered and counted, and written once for the same fault; what is not the chain’s fault is not told', async () => {
      const fakes = createFakes();
      const scheduler = await open(fakes);
      const faults: [Error, string, number][] = [
        [new ChainReadError('eth_call: no answer'), 'eth_call: no answer', 1],
        [new ChainReadError('eth_call: no answer'), 'eth_call: no answer', 1],
        [new Error('select * from secrets'), 'the database or the engine failed; the log has the details', 2],
      ];
      for (const [fault, told, written] of faults) {
        const cycle = scheduler.runCycle('manual');
        await fakes.begun();
        fakes.fail(fault);
        expect(await cycle).toMatchObject({ outcome: 'failed', error: told });
        expect(await runsWritten()).toBe(written);
      }
      expect(scheduler.state).toMatchObject({ cyclesTotal: 3, cyclesFailed: 3, errors: 3, lastSyncAtMs: null });
      expect(scheduler.lastError?.message).toBe(faults[2]?.[1]);
    });
  });

  describe('stop', () => {
    test('returns when the work in hand is finished, and not before', async () => {
      const fakes = createFakes();
      const scheduler = await open(fakes, { desiredState: 'running' });
      await scheduler.begin();
      await fakes.begun();
      const stopping = scheduler.stop().then(() => fakes.events.push('stopped'));
      // Far enough for a stop that did not wait: the intent is durable before anything ends.
      while (!fakes.events.includes('pause')) await database.ping();
      await database.ping();
      const isEarly = fakes.events.includes('stopped');
      fakes.end();
      await stopping;
      expect(isEarly).toBe(false);
      expect(fakes.events).toEqual(['resume', 'watch', 'reconcile', 'unwatch', 'pause', 'reconciled', 'stopped']);
      expect(scheduler.isActive).toBe(false);
    });

    test('is done at once where nothing runs, and twice is once', async () => {
      const fakes = createFakes();
      const scheduler = await open(fakes);
      await scheduler.stop();
      await scheduler.stop();
      expect(fakes.events).toEqual([]);
    });

    test('does not keep a cycle from being run by hand', async () => {
      const fakes = createFakes();
      const scheduler = await open(fakes);
      await scheduler.stop();
      const cycle = scheduler.runCycle('manual');
      await fakes.begun();
      fakes.end();
      expect((await cycle).outcome).toBe('succeeded');
      expect(scheduler.isActive).toBe(false);
    });
  });

  describe('the intent', () => {
    test('to run and its interval survive a restart, whatever the settings of a fresh installation say', async () => {
      const [before, after] = [createFakes(), createFakes()];
      const first = await open(before, { desiredState: 'stopped' });
      await first.begin();
      expect(before.events).toEqual([]);
      await first.start(77);
      await before.begun();
      before.end();
      await first.close();

      const second = await open(after, { desiredState: 'stopped' });
      expect(second.state).toMatchObject({ desiredState: 'running', intervalSeconds: 77, cyclesTotal: 1 });
      await second.begin();
      await after.begun();
      expect(second.isActive).toBe(true);
      after.end();
    });

    test('to rest survives a restart, also where a process dies without closing', async () => {
      const [before, after] = [createFakes(), createFakes()];
      const first = await open(before, { desiredState: 'running' });
      await first.begin();
      await before.begun();
      before.end();
      await first.stop();

      const second = await open(after, { desiredState: 'running' });
      await second.begin();
      expect([second.state.desiredState, second.isActive, after.events]).toEqual(['stopped', false, []]);
    });

    test('to run is kept by a shutdown', async () => {
      const [before, after] = [createFakes(), createFakes()];
      const first = await open(before, { desiredState: 'running' });
      await first.begin();
      await before.begun();
      before.end();
      await first.close();
      const second = await open(after, { desiredState: 'running' });
      await second.begin();
      await after.begun();
      after.end();
      expect(second.isActive).toBe(true);
    });
  });

  test('after close nothing can be started any more', async () => {
    const scheduler = await open(createFakes());
    await scheduler.close();
    await expect(scheduler.runCycle('manual')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(scheduler.requireLeader()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  // Several processes on one database: on a server alone.
  if (databases.driver === 'sqlite') return;

  test('a replica that does not lead runs nothing, says so, and takes over when the leader leaves', async () => {
    const [a, b] = [createFakes(), createFakes()];
    const leader = await open(a, { holder: 'a', isAlone: false, desiredState: 'running' });
    await leader.begin();
    await a.begun();
    a.end();
    const other = await open(b, { holder: 'b', isAlone: false, desiredState: 'running' });
    await other.begin();
    await expect(other.runCycle('manual')).rejects.toMatchObject({ code: 'NOT_LEADER' });
    expect([other.isActive, b.events]).toEqual([false, []]);
    await leader.close();
    await b.begun();
    expect(other.isActive).toBe(true);
    b.end();
  });

  test('an order to stop that another replica takes reaches the one that leads', async () => {
    const [a, b] = [createFakes(), createFakes()];
    const leader = await open(a, { holder: 'a', isAlone: false, desiredState: 'running' });
    await leader.begin();
    await a.begun();
    a.end();
    const other = await open(b, { holder: 'b', isAlone: false, desiredState: 'running' });
    await other.stop();
    while (leader.isActive) {
      // Its timer may have begun one more, which the stop waits for.
      a.end();
      await database.ping();
    }
    expect(leader.state.desiredState).toBe('stopped');
  });
});
