import { defineEntity, p } from '@mikro-orm/core';
import { beforeEach, describe, expect, test } from 'vitest';
import { isUnavailable } from './faults.ts';
import type { Database } from './orm.ts';
import { readSnapshot } from './read-snapshot.ts';
import { describeDrivers } from './test-databases.ts';
import { transact } from './transact.ts';

const CounterSchema = defineEntity({
  name: 'Counter',
  tableName: 'counters',
  properties: { id: p.integer().primary().autoincrement(false), value: p.integer() },
});
const NoteSchema = defineEntity({
  name: 'Note',
  tableName: 'notes',
  properties: { id: p.integer().primary(), text: p.string().length(50) },
});
const entities = [CounterSchema, NoteSchema];

const fault = (errno: number) => Object.assign(new Error(`errno ${errno}`), { errno });

describeDrivers(['sqlite', 'mariadb', 'mysql'], (databases) => {
  let database: Database;
  let url: string;

  beforeEach(async () => {
    url = await databases.newUrl();
    database = await databases.open(entities, url);
    await database.orm.schema.create();
    await database.em().execute('insert into counters (id, value) values (1, 0), (2, 0)', [], 'run');
  });

  const values = async () =>
    (await database.em().execute<{ value: unknown }[]>('select value from counters order by id')).map(({ value }) =>
      Number(value),
    );
  const notes = async () =>
    (await database.em().execute<{ text: string }[]>('select text from notes order by id')).map(({ text }) => text);

  test('what the work did is there when it is over, and its answer is answered', async () => {
    const answer = await transact(database, async (em) => {
      await em.execute('update counters set value = 7 where id = 1', [], 'run');
      em.create(NoteSchema, { text: 'by flush' });
      return 'done';
    });
    expect(answer).toBe('done');
    expect([await values(), await notes()]).toEqual([[7, 0], ['by flush']]);
  });

  test('of work that throws nothing stays, and it is not repeated', async () => {
    let tries = 0;
    const work = transact(database, async (em) => {
      tries += 1;
      await em.execute('update counters set value = 7 where id = 1', [], 'run');
      em.create(NoteSchema, { text: 'never' });
      await em.flush();
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect([await values(), await notes(), tries]).toEqual([[0, 0], [], 1]);
  });

  test('after a deadlock the whole work is replayed in a fresh EntityManager, and its effects are there once', async () => {
    let tries = 0;
    await transact(database, async (em) => {
      em.create(NoteSchema, { text: `try ${(tries += 1)}` });
      await em.execute('update counters set value = value + 1 where id = 1', [], 'run');
      if (tries < 3) throw fault(tries === 1 ? 1213 : 1205);
    });
    expect([await values(), await notes()]).toEqual([[1, 0], ['try 3']]);
  });

  test('five tries at most, then the error', async () => {
    let tries = 0;
    const work = transact(database, async (em) => {
      await em.execute('update counters set value = value + 1 where id = 1', [], 'run');
      tries += 1;
      throw fault(1213);
    });
    await expect(work).rejects.toThrow('errno 1213');
    expect([tries, await values()]).toEqual([5, [0, 0]]);
  });

  test('of twenty increments at once none is lost', async () => {
    const lock = database.dialect === 'mysql' ? ' for update' : '';
    await Promise.all(
      Array.from({ length: 20 }, () =>
        transact(database, async (em) => {
          const [row] = await em.execute<{ value: unknown }[]>(`select value from counters where id = 1${lock}`);
          await em.execute('update counters set value = ? where id = 1', [Number(row?.value) + 1], 'run');
        }),
      ),
    );
    expect(await values()).toEqual([20, 0]);
  });

  describe.each(databases.driver === 'sqlite' ? [] : [databases.driver])('with row locks of %s', () => {
    test('two transactions that lock rows in opposite order are a deadlock; the one that lost is replayed and both effects are there once', async () => {
      let tries = 0;
      let holders = 0;
      const bothHold = Promise.withResolvers<void>();
      const increment = (first: number, second: number, text: string) =>
        transact(database, async (em) => {
          tries += 1;
          await em.execute('insert into notes (text) values (?)', [text], 'run');
          await em.execute('update counters set value = value + 1 where id = ?', [first], 'run');
          // Each waits only until both hold their first row; a replay goes straight on.
          holders += 1;
          if (holders === 2) bothHold.resolve();
          await bothHold.promise;
          await em.execute('update counters set value = value + 1 where id = ?', [second], 'run');
          return text;
        });
      const answers = await Promise.all([increment(1, 2, 'up'), increment(2, 1, 'down')]);
      expect(answers).toEqual(['up', 'down']);
      expect(await values()).toEqual([2, 2]);
      expect((await notes()).toSorted()).toEqual(['down', 'up']);
      expect(tries).toBe(3);
    });

    test('after a lock wait time-out the statements before it are undone as well, and all of them run again', async () => {
      // A second is the least that the server takes; new connections have it.
      const { sql } = await databases.server();
      await sql('set global innodb_lock_wait_timeout = 1');
      try {
        const contender = await databases.open(entities, url);
        const release = Promise.withResolvers<void>();
        const isHeld = Promise.withResolvers<void>();
        const holding = transact(database, async (em) => {
          await em.execute('update counters set value = value + 10 where id = 1', [], 'run');
          isHeld.resolve();
          await release.promise;
        });
        await isHeld.promise;
        let tries = 0;
        await transact(contender, async (em) => {
          tries += 1;
          if (tries === 2) {
            release.resolve();
            // Over before the second try asks for the row: that one is not to wait for a slow commit until its time is out as well.
            await holding;
          }
          await em.execute('insert into notes (text) values (?)', [`try ${tries}`], 'run');
          await em.execute('update counters set value = value + 1 where id = 1', [], 'run');
        });
        await holding;
        expect([tries, await values(), await notes()]).toEqual([2, [11, 0], ['try 2']]);
      } finally {
        await sql('set global innodb_lock_wait_timeout = 50');
      }
    });
  });

  describe.each(databases.driver === 'sqlite' ? [] : [databases.driver])('with connections that %s ends', () => {
    const endConnections = async () => {
      const { sql } = await databases.server();
      const name = new URL(url).pathname.slice(1);
      const ids = await sql(`select id from information_schema.processlist where db = '${name}'`);
      for (const id of ids.split('\n').filter(Boolean)) await sql(`kill connection ${id}`);
    };

    test('a transaction whose connection is lost before its commit is replayed, and its effects are there once', async () => {
      let tries = 0;
      await transact(database, async (em) => {
        em.create(NoteSchema, { text: `try ${(tries += 1)}` });
        await em.execute('update counters set value = value + 1 where id = 1', [], 'run');
        if (tries === 1) await endConnections();
        await em.execute('update counters set value = value + 1 where id = 2', [], 'run');
      });
      expect([tries, await values(), await notes()]).toEqual([2, [1, 1], ['try 2']]);
    });

    test('one that is lost with its commit is not, since nobody knows whether that was done', async () => {
      let tries = 0;
      const work = transact(database, async (em) => {
        tries += 1;
        await em.execute('update counters set value = value + 1 where id = 1', [], 'run');
        await endConnections();
      });
      const error: unknown = await work.catch((thrown: unknown) => thrown);
      expect([tries, isUnavailable(error)]).toEqual([1, true]);
      expect(await values(), 'the connection after it is a new one').toEqual([0, 0]);
    });

    test('one that cannot be begun leaves its place in the pool', async () => {
      for (let times = 0; times < 12; times += 1) {
        await database.em().execute('begin', [], 'run');
        // Its isolation cannot be chosen any more.
        await expect(readSnapshot(database, async () => undefined)).rejects.toThrow('in progress');
      }
      expect(await values()).toEqual([0, 0]);
    });

    test('a server that only reads has refused for now', async () => {
      const { sql } = await databases.server();
      // Its own user may write in any case.
      await sql(
        "create user if not exists 'reader'@'127.0.0.1' identified by 'reader'; grant select, insert, update on *.* to 'reader'@'127.0.0.1'",
      );
      const bound = await databases.open(entities, url.replace('finverse:finverse', 'reader:reader'));
      await sql('set global read_only = 1');
      try {
        const work = transact(bound, (em) => em.execute('update counters set value = 7 where id = 1', [], 'run'));
        expect(isUnavailable(await work.catch((thrown: unknown) => thrown))).toBe(true);
      } finally {
        await sql('set global read_only = 0');
      }
    });
  });

  // A file has another way to clash.
  if (databases.driver !== 'sqlite') return;

  test('after a transaction that the disk had no room for, which SQLite itself has rolled back, the next one has its turn', async () => {
    const work = transact(database, async (em) => {
      await em.execute('update counters set value = 7 where id = 1', [], 'run');
      await em.execute('rollback', [], 'run');
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
    });
    await expect(work).rejects.toThrow('full');
    await transact(database, (em) => em.execute('update counters set value = 5 where id = 2', [], 'run'));
    expect(await values()).toEqual([0, 5]);
  });

  test('a file that another connection changed meanwhile is read anew: neither change is lost', async () => {
    const other = await databases.open(entities, url);
    const hasRead = Promise.withResolvers<void>();
    // Begun out here: inside, it would join the transaction.
    const written = hasRead.promise.then(() =>
      other.em().execute('update counters set value = value + 10 where id = 1', [], 'run'),
    );
    let tries = 0;
    await transact(database, async (em) => {
      tries += 1;
      const [row] = await em.execute<{ value: unknown }[]>('select value from counters where id = 1');
      hasRead.resolve();
      await written;
      await em.execute('update counters set value = ? where id = 1', [Number(row?.value) + 1], 'run');
    });
    expect([tries, await values()]).toEqual([2, [11, 0]]);
  });
});
