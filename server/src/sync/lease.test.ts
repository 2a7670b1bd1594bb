import { beforeEach, describe, expect, test } from 'vitest';
import { type Database, transact } from '../db/index.ts';
import { describeDrivers } from '../db/test-databases.ts';
import { StaleWriterError } from './errors.ts';
import { SyncLease } from './lease.ts';

const TTL_MS = 60_000;

describeDrivers(['sqlite', 'mariadb', 'mysql'], (databases) => {
  let databaseA: Database;
  let databaseB: Database;

  beforeEach(async () => {
    const url = await databases.migratedUrl();
    databaseA = await databases.openMigrated(url);
    // Two connections to one file would block each other's thread, which is the same one; and no two processes share a file.
    databaseB = databases.driver === 'sqlite' ? databaseA : await databases.openMigrated(url);
  });

  const lease = (holder: string, options: Partial<ConstructorParameters<typeof SyncLease>[0]> = {}) =>
    new SyncLease({ database: databaseA, holder, ttlMs: TTL_MS, isAlone: false, ...options });
  /** What the clock of the database would do in time. */
  const expire = () => databaseA.em().execute('update sync_leases set expires_at = 0', [], 'run');
  const written = async () =>
    Number((await databaseA.em().execute<{ n: unknown }[]>('select count(*) as n from outbox'))[0]?.n);
  const write = (database: Database, held: SyncLease) =>
    transact(database, async (em) => {
      await held.assertHeld(em);
      await em.execute(`insert into outbox (payload, created_at) values ('{}', 0)`, [], 'run');
    });

  test('of two holders only the first leads, and it goes on leading under the same token', async () => {
    const [a, b] = [lease('a'), lease('b', { database: databaseB })];
    expect(await a.acquire()).toBe(true);
    expect(await b.acquire()).toBe(false);
    expect(await a.acquire()).toBe(true);
    expect([a.fencingToken, b.fencingToken]).toEqual([1, null]);
    expect(await b.read()).toMatchObject({ holder: 'a', fencingToken: 1 });
  });

  test('the others read what its holder found wrong when it last renewed', async () => {
    const faults = [{ path: 'vaults.0', message: 'the chain dropped block 40, which was final' }];
    const [a, b] = [lease('a', { findFaults: () => [...faults] }), lease('b', { database: databaseB })];
    await a.acquire();
    expect((await b.read())?.faults).toEqual(faults);
    faults.pop();
    await a.acquire();
    expect((await b.read())?.faults).toEqual([]);
  });

  test('however much its holder finds wrong, the lease is renewed with what fits', async () => {
    const faults = Array.from({ length: 200 }, (_, index) => ({
      path: `vaults.${index}`,
      message: '\u0001'.repeat(5_000),
    }));
    const a = lease('a', { findFaults: () => faults });
    expect(await a.acquire()).toBe(true);
    const kept = (await a.read())?.faults ?? [];
    expect(kept).toHaveLength(20);
    for (const { message } of kept) expect(message).toBe(`${'\u0001'.repeat(499)}…`);
  });

  test('of several that race for a lease that nobody ever held exactly one leads, and none fails', async () => {
    const racers = Array.from({ length: 6 }, (_, at) =>
      lease(`racer ${at}`, { database: at % 2 === 0 ? databaseA : databaseB }),
    );
    const leads = await Promise.all(racers.map((racer) => racer.acquire()));
    expect(leads.filter(Boolean)).toHaveLength(1);
  });

  test('of several that race for an expired lease exactly one leads, under one new token', async () => {
    await lease('dead').acquire();
    await expire();
    const racers = Array.from({ length: 6 }, (_, at) =>
      lease(`racer ${at}`, { database: at % 2 === 0 ? databaseA : databaseB }),
    );
    const leads = await Promise.all(racers.map((racer) => racer.acquire()));
    expect(leads.filter(Boolean)).toHaveLength(1);
    expect(racers.map((racer) => racer.fencingToken).filter((token) => token !== null)).toEqual([2]);
  });

  test('a renewal pushes the end further away, by the database’s clock', async () => {
    const a = lease('a', { ttlMs: 1000 });
    await a.acquire();
    const before = (await a.read())?.expiresAt ?? 0;
    const longer = lease('a', { ttlMs: 100_000 });
    expect(await longer.acquire()).toBe(true);
    expect(((await a.read())?.expiresAt ?? 0) - before).toBeGreaterThan(90_000);
  });

  describe('after the lease expired', () => {
    test('another takes over with a greater token; what the stale holder then writes is refused and writes nothing', async () => {
      const [a, b] = [lease('a'), lease('b', { database: databaseB })];
      await a.acquire();
      await write(databaseA, a);
      await expire();
      expect(await a.read()).toBeNull();
      expect(await b.acquire()).toBe(true);
      expect(b.fencingToken).toBe(2);
      await expect(write(databaseA, a)).rejects.toThrow(StaleWriterError);
      expect(await written()).toBe(1);
      await write(databaseB, b);
      expect(await written()).toBe(2);
      expect(await a.acquire()).toBe(false);
      await expect(write(databaseA, a)).rejects.toThrow(StaleWriterError);
    });

    test('its holder may take it again where nobody else did, under the same token', async () => {
      const a = lease('a');
      await a.acquire();
      await expire();
      expect(await a.acquire()).toBe(true);
      expect(a.fencingToken).toBe(1);
      await write(databaseA, a);
    });

    test('back with its first holder the token has grown twice, so what began under the first one stays refused', async () => {
      const [a, b, stale] = [lease('a'), lease('b'), lease('a')];
      await a.acquire();
      await stale.acquire();
      await expire();
      await b.acquire();
      await expire();
      await a.acquire();
      expect(a.fencingToken).toBe(3);
      await expect(write(databaseA, stale)).rejects.toThrow(StaleWriterError);
    });
  });

  test('given up, it is free for the other at once', async () => {
    const [a, b] = [lease('a'), lease('b', { database: databaseB })];
    await a.acquire();
    await a.release();
    expect(a.fencingToken).toBeNull();
    await expect(write(databaseA, a)).rejects.toThrow(StaleWriterError);
    expect(await b.acquire()).toBe(true);
    expect(b.fencingToken).toBe(2);
    await a.release();
    expect(await b.read()).toMatchObject({ holder: 'b' });
  });

  test('who never led may not write', async () => {
    await expect(write(databaseA, lease('a'))).rejects.toThrow(StaleWriterError);
    await lease('b').acquire();
    await expect(write(databaseA, lease('a'))).rejects.toThrow(StaleWriterError);
    expect(await written()).toBe(0);
  });

  test('who is alone takes it from whoever held it last: that one must be dead', async () => {
    await lease('dead').acquire();
    const alone = lease('alive', { isAlone: true });
    expect(await alone.acquire()).toBe(true);
    expect(alone.fencingToken).toBe(2);
    await write(databaseA, alone);
  });

  // Several processes on one database: on a server alone.
  if (databases.driver === 'sqlite') return;

  test('a take-over waits for the transaction that is writing under the old token', async () => {
    const [a, b] = [lease('a'), lease('b', { database: databaseB })];
    await a.acquire();
    await expire();
    let isTakenOver = false;
    const isWriting = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const writing = transact(databaseA, async (em) => {
      await a.assertHeld(em);
      isWriting.resolve();
      await mayEnd.promise;
      await em.execute(`insert into outbox (payload, created_at) values ('{}', 0)`, [], 'run');
    });
    await isWriting.promise;
    const takingOver = b.acquire().then((leads) => (isTakenOver = leads));
    // The server says when somebody waits for the row.
    const { sql } = await databases.server();
    const isWaiting = async () =>
      (await sql('select count(*) from information_schema.innodb_lock_waits')).trim() !== '0';
    while (!isTakenOver && !(await isWaiting()));
    const wasEarly = isTakenOver;
    mayEnd.resolve();
    await writing;
    expect([wasEarly, await takingOver, await written()]).toEqual([false, true, 1]);
  });
});
