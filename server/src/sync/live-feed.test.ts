import type { SyncLiveEvent } from '@finverse/shared';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Database, transact } from '../db/index.ts';
import { describeDrivers } from '../db/test-databases.ts';
import { createLogger } from '../kernel/logger.ts';
import { SyncLease } from './lease.ts';
import { LiveFeed } from './live-feed.ts';
import { appendOutbox, pruneOutbox } from './outbox.ts';

const log = createLogger({ level: 'silent' });
const owners = [`0x${'1'.repeat(40)}`, `0x${'2'.repeat(40)}`];

type Heard = { id: string; event: SyncLiveEvent };
/** Events of these tests are told apart by their block number. */
const numbered = (number: number): SyncLiveEvent => ({
  type: 'reorganized',
  vaultId: 'vlt',
  blockNumber: number,
  factsOrphaned: 0,
});
const numberOf = ({ event }: Heard) => (event.type === 'reorganized' ? event.blockNumber : event.type);

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let lease: SyncLease;
  let feed: LiveFeed;
  let appended: number;

  beforeEach(async () => {
    database = await databases.openMigrated();
    lease = new SyncLease({ database, holder: 'test', ttlMs: 600_000, isAlone: false });
    await lease.acquire();
    feed = new LiveFeed({ database, log });
    appended = 0;
  });
  afterEach(() => feed.close());

  /** As every writer does it: under the lease's row, in one transaction. */
  const append = async (
    count: number,
    { owner = null, nowMs = 0, wake = true }: { owner?: string | null; nowMs?: number; wake?: boolean } = {},
  ) => {
    await transact(database, async (em) => {
      await lease.assertHeld(em);
      const events = Array.from({ length: count }, (_, at) => ({
        ownerAddress: owner,
        event: numbered(appended + at),
      }));
      await appendOutbox(em, database, events, nowMs);
      appended += count;
    });
    if (wake) feed.wake();
  };
  /** Hears so many events and leaves. */
  const hear = async (
    count: number,
    options: Parameters<LiveFeed['subscribe']>[0] = {},
    from: LiveFeed = feed,
  ): Promise<Heard[]> => {
    const heard: Heard[] = [];
    if (count === 0) return heard;
    for await (const item of from.subscribe(options)) {
      heard.push(item);
      if (heard.length === count) break;
    }
    return heard;
  };
  const feedEvents = async (stream: AsyncGenerator<Heard>, count: number): Promise<Heard[]> => {
    const events: Heard[] = [];
    while (events.length < count) events.push((await stream.next()).value as Heard);
    return events;
  };
  const upTo = (count: number, first = 0) => Array.from({ length: count }, (_, at) => first + at);

  test('a new subscriber hears what comes from now on, in order', async () => {
    await append(3);
    const stream = feed.subscribe({});
    const [place] = await feedEvents(stream, 1);
    expect(place?.event).toEqual({ type: 'checkpoint' });
    const next = appended;
    await append(3);
    expect((await feedEvents(stream, 3)).map(numberOf)).toEqual(upTo(3, next));
    expect(await hear(3, { lastEventId: place?.id })).toHaveLength(3);
    await stream.return(undefined);
  });

  test('who resumes after its last id, however often, misses nothing and sees nothing twice while others append', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        async (batches, visits, wakes) => {
          const start = appended;
          const total = batches.reduce((sum, size) => sum + size, 0);
          // A marker to resume after, as a client's last id would be.
          await append(1);
          const [row] = await database.em().execute<{ seq: unknown }[]>('select max(seq) as seq from outbox');
          let lastEventId = String(row?.seq);
          const appending = Promise.all(batches.map((size, at) => append(size, { wake: wakes[at] === true })));
          const heard: Heard[] = [];
          for (let visit = 0; heard.length < total; visit += 1) {
            const wanted = Math.min(visits[visit % visits.length] as number, total - heard.length);
            const part = await hear(wanted, { lastEventId });
            heard.push(...part);
            lastEventId = part.at(-1)?.id ?? lastEventId;
          }
          await appending;
          expect(heard.map(numberOf)).toEqual(upTo(total, start + 1));
          expect(new Set(heard.map(({ id }) => id)).size).toBe(total);
        },
      ),
      { numRuns: 12 },
    );
  });

  test('a replica that is told nothing hears what another one appended, and goes on where a client left off elsewhere', async () => {
    await append(5);
    const replica = new LiveFeed({ database, log });
    const [third] = (await hear(3, { lastEventId: '0' })).slice(-1);
    const listening = hear(4, { lastEventId: third?.id }, replica);
    await append(2);
    expect((await listening).map(numberOf)).toEqual([3, 4, 5, 6]);
    replica.close();
  });

  test('an owner hears what concerns it and what concerns everyone', async () => {
    await append(1, { owner: owners[0] as string });
    await append(1, { owner: owners[1] as string });
    await append(1);
    await append(1, { owner: owners[0] as string });
    const heard = await hear(3, { lastEventId: '0', ownerAddress: owners[0] });
    expect(heard.map(numberOf)).toEqual([0, 2, 3]);
  });

  describe('an id that cannot be resumed after', () => {
    test('one older than what is kept is answered with resync, and from there nothing is missed', async () => {
      await append(10, { nowMs: 1000 });
      const [row] = await database
        .em()
        .execute<{ first: unknown; last: unknown }[]>('select min(seq) as first, max(seq) as last from outbox');
      await pruneOutbox(database.em(), 5000);
      const stream = feed.subscribe({ lastEventId: String(row?.first) });
      expect((await stream.next()).value).toEqual({ id: String(row?.last), event: { type: 'resync' } });
      await append(2);
      const heard = [await stream.next(), await stream.next()].map(({ value }) => numberOf(value as Heard));
      expect(heard).toEqual([10, 11]);
      await stream.return(undefined);
    });

    test('one from the future is answered with resync, also where nothing was ever told', async () => {
      expect(await hear(1, { lastEventId: '7' })).toEqual([{ id: '0', event: { type: 'resync' } }]);
      await append(2);
      const [resync] = await hear(1, { lastEventId: '999999' });
      expect(resync?.event).toEqual({ type: 'resync' });
      // The id that comes with it is one that can be resumed after.
      await append(1);
      expect((await hear(1, { lastEventId: resync?.id })).map(numberOf)).toEqual([2]);
    });

    test('pruning keeps the newest, so the last id of a client that has everything stays good', async () => {
      await append(3, { nowMs: 1000 });
      const [last] = (await hear(3, { lastEventId: '0' })).slice(-1);
      await pruneOutbox(database.em(), 5000);
      const listening = hear(1, { lastEventId: last?.id });
      await append(1, { nowMs: 9000 });
      expect((await listening).map(numberOf)).toEqual([3]);
    });
  });

  test('a slow consumer hears everything in order, long after its events left the memory of the feed', async () => {
    await append(1);
    const slow = feed.subscribe({ lastEventId: '0' });
    const first = await slow.next();
    const fast = hear(6001, { lastEventId: '0' });
    for (let batch = 0; batch < 6; batch += 1) await append(1000);
    expect((await fast).map(numberOf)).toEqual(upTo(6001));
    const heard = [numberOf(first.value as Heard)];
    while (heard.length < 6001) heard.push(numberOf((await slow.next()).value as Heard));
    expect(heard).toEqual(upTo(6001));
    await slow.return(undefined);
  });

  test('an abort ends a stream that waits, and leaves the others', async () => {
    const abort = new AbortController();
    const stream = feed.subscribe({ lastEventId: '0', signal: abort.signal });
    const other = hear(1, { lastEventId: '0' });
    const waiting = stream.next();
    await database.ping();
    abort.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await append(1);
    expect((await other).map(numberOf)).toEqual([0]);
  });

  test('a signal that was aborted before, and a feed that closes, end a stream as well', async () => {
    expect(await feed.subscribe({ lastEventId: '0', signal: AbortSignal.abort() }).next()).toMatchObject({
      done: true,
    });
    const waiting = feed.subscribe({ lastEventId: '0' }).next();
    await database.ping();
    feed.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});
