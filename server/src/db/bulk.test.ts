import {
  defineEntity,
  NotNullConstraintViolationException,
  p,
  UniqueConstraintViolationException,
} from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import BetterSqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { insertRows } from './bulk.ts';
import { dateColumn, epochMsColumn, moneyColumn, moneyFromSql, moneyToSql } from './columns.ts';
import type { SqlValue } from './statement.ts';
import { type Database, openDatabase } from './orm.ts';
import { describeDrivers } from './test-databases.ts';
import { transact } from './transact.ts';

const ItemSchema = defineEntity({
  name: 'Item',
  tableName: 'items',
  uniques: [{ properties: ['shelf', 'place'] }],
  properties: {
    id: p.integer().primary().autoincrement(false),
    shelf: p.string().length(10),
    place: p.integer(),
    label: p.string().length(100).nullable(),
    count: p.bigint('bigint'),
  },
});

const RecordSchema = defineEntity({
  name: 'Record',
  tableName: 'records',
  properties: {
    id: p.integer().primary().autoincrement(false),
    text: p.text(),
    price: moneyColumn().nullable(),
    day: dateColumn(),
    at: epochMsColumn(),
    isOpen: p.boolean().nullable(),
  },
});

const COLUMNS = ['id', 'shelf', 'place', 'label', 'count'];
const key = ['shelf', 'place'];

describeDrivers(['sqlite', 'mariadb', 'mysql'], (databases) => {
  let database: Database;

  beforeEach(async () => {
    database = await databases.open([ItemSchema, RecordSchema]);
    await database.orm.schema.create();
  });

  const insert = (rows: SqlValue[][], update?: string[]) =>
    transact(database, (em) =>
      insertRows(em, database.dialect, {
        table: 'items',
        columns: COLUMNS,
        rows,
        ...(update ? { onDuplicate: { key, update } } : {}),
      }),
    );
  const read = async () =>
    (await database.em().execute<Record<string, unknown>[]>('select * from items order by id')).map((row) =>
      COLUMNS.map((column) => (row[column] === null ? null : `${row[column] as string | number | bigint}`)),
    );

  test('rows arrive as they were given: nulls, quotes, other scripts, numbers above 2^53', async () => {
    await insert([
      [1, 'a', 1, `'; drop table items; -- \\ " ? :x`, 2n ** 63n - 1n],
      [2, 'a', 2, null, 0],
      [3, 'ä', 1, '财务 🏦 \n\t', -(2n ** 53n) - 1n],
    ]);
    expect(await read()).toEqual([
      ['1', 'a', '1', `'; drop table items; -- \\ " ? :x`, '9223372036854775807'],
      ['2', 'a', '2', null, '0'],
      ['3', 'ä', '1', '财务 🏦 \n\t', '-9007199254740993'],
    ]);
  });

  test('text, money, dates and instants come back to the last digit, as the first row of a call and as the last of 600', async () => {
    const texts = ['', `'\\''"\\\\n\\0\\'`, '??, :x, %s', '🏦 财务 \u0000\t\r\n', 'null', '0x61', 'é̂'.repeat(2000)];
    const units = [999999999912345678n, -1n, 1n, 0n, -999999999999999999n, null];
    const days = ['0001-01-01', '2024-02-29', '9999-12-31'];
    const instants = [0, -1, 1732550400123, Number.MAX_SAFE_INTEGER];
    const at = <Item>(items: readonly Item[], index: number) => items[index % items.length] as Item;
    const columns = ['id', 'text', 'price', 'day', 'at', 'is_open'];
    const rows = Array.from({ length: 600 }, (_, id) => {
      const price = at(units, id);
      const isOpen = at([true, false, null], id);
      return { id, text: at(texts, id), price, day: at(days, id), at: at(instants, id), isOpen };
    });
    await transact(database, (em) =>
      insertRows(em, database.dialect, {
        table: 'records',
        columns,
        rows: rows.map(({ id, text, price, day, at: instant, isOpen }) => [
          id,
          text,
          price === null ? null : moneyToSql(database.dialect, price),
          day,
          instant,
          isOpen,
        ]),
      }),
    );
    const stored = await database.em().execute<Record<string, unknown>[]>('select * from records order by id');
    expect(
      stored.map((row) => ({
        id: row['id'],
        text: row['text'],
        price: row['price'] === null ? null : moneyFromSql(database.dialect, row['price']),
        day: row['day'],
        at: row['at'],
        isOpen: row['is_open'] === null ? null : row['is_open'] === 1,
      })),
    ).toEqual(rows);
  });

  test('2,500 rows arrive, each once, in a few dozen statements at most', async () => {
    const statements: string[] = [];
    const url = await databases.newUrl();
    const counted = await openDatabase({ url, entities: [ItemSchema], onStatement: (sql) => statements.push(sql) });
    await counted.orm.schema.create();
    const rows = Array.from({ length: 2500 }, (_, id) => [id, 'a', id, `label ${id}`, id]);
    await transact(counted, (em) => insertRows(em, counted.dialect, { table: 'items', columns: COLUMNS, rows }));
    const [summary] = await counted
      .em()
      .execute<Record<string, unknown>[]>('select count(*) as n, sum(id) as total from items');
    await counted.close();
    expect([Number(summary?.['n']), Number(summary?.['total'])]).toEqual([2500, (2499 * 2500) / 2]);
    expect(statements.filter((sql) => sql.startsWith('insert into items')).length).toBeLessThanOrEqual(25);
  });

  test('no row is no statement', async () => {
    await insert([]);
    await insert([], ['label']);
    expect(await read()).toEqual([]);
  });

  test('without a rule for duplicates one throws, and nothing of the transaction stays', async () => {
    const rows = Array.from({ length: 1500 }, (_, id) => [id, 'a', id === 1499 ? 0 : id, null, 0]);
    await expect(insert(rows)).rejects.toThrow(UniqueConstraintViolationException);
    expect(await read()).toEqual([]);
  });

  test('a duplicate with nothing to update leaves the row as it was, and the others arrive', async () => {
    await insert([[1, 'a', 1, 'first', 1]]);
    await insert(
      [
        [2, 'a', 1, 'second', 2],
        [3, 'a', 2, 'third', 3],
      ],
      [],
    );
    expect(await read()).toEqual([
      ['1', 'a', '1', 'first', '1'],
      ['3', 'a', '2', 'third', '3'],
    ]);
  });

  test('a duplicate overwrites the named columns and no other', async () => {
    await insert([[1, 'a', 1, 'first', 1]]);
    await insert(
      [
        [2, 'a', 1, 'second', 2],
        [3, 'a', 2, 'third', 3],
      ],
      ['label'],
    );
    expect(await read()).toEqual([
      ['1', 'a', '1', 'second', '1'],
      ['3', 'a', '2', 'third', '3'],
    ]);
  });

  test('of two duplicates in one call the later one stays', async () => {
    await insert(
      [
        [1, 'a', 1, 'first', 1],
        [2, 'a', 1, 'second', 2],
      ],
      ['label', 'count'],
    );
    expect(await read()).toEqual([['1', 'a', '1', 'second', '2']]);
  });

  test('a rule for duplicates swallows no other error', async () => {
    await expect(insert([[1, 'a', 1, 'too large for a count', null]], ['label'])).rejects.toThrow(
      NotNullConstraintViolationException,
    );
    expect(await read()).toEqual([]);
  });

  describe.skipIf(databases.driver === 'sqlite')('on a server', () => {
    const countOf = async (em: SqlEntityManager, variable: string) => {
      const [row] = await em.execute<{ Value: string }[]>(`show session status like '${variable}'`);
      return Number(row?.Value);
    };
    const manyRows = (length: number, firstId: number) =>
      Array.from({ length }, (_, index) => [firstId + index, 'a', firstId + index, `label ${index}`, index]);
    const insertInto = (em: SqlEntityManager, rows: SqlValue[][]) =>
      insertRows(em, 'mysql', { table: 'items', columns: COLUMNS, rows });

    test('a table has five prepared statements at most, however many rows are inserted how often', async () => {
      await transact(database, async (em) => {
        let firstId = 0;
        for (const length of [1, 4, 341, 600, 1023, 7, 341]) {
          await insertInto(em, manyRows(length, firstId));
          firstId += length;
        }
        expect(await countOf(em, 'Com_stmt_prepare')).toBe(5);
        expect(await countOf(em, 'Com_stmt_execute')).toBeGreaterThan(20);
        expect(await countOf(em, 'Com_stmt_close')).toBe(0);
      });
      expect(await read()).toHaveLength(2317);
    });

    test('a connection that is lost takes its transaction with it, and the next one prepares anew', async () => {
      await insert([[1, 'a', 1, 'kept', 1]]);
      const lost = database.em().transactional(async (em) => {
        await insertInto(em, [[2, 'a', 2, 'lost', 2]]);
        await em.execute('kill connection_id()');
      });
      await expect(lost).rejects.toThrow(/killed|lost|closed/i);
      await insert([[3, 'a', 3, 'after', 3]]);
      expect(await read()).toEqual([
        ['1', 'a', '1', 'kept', '1'],
        ['3', 'a', '3', 'after', '3'],
      ]);
    });

    describe('whose settings are odd', () => {
      const restore: string[] = [];

      const setGlobal = async (variable: string, value: string) => {
        const server = await databases.server();
        const before = (await server.sql(`select @@global.${variable}`)).trim();
        restore.push(`set global ${variable} = ${/^\d+$/.test(before) ? before : `'${before}'`}`);
        await server.sql(`set global ${variable} = ${value}`);
      };
      afterEach(async () => {
        const server = await databases.server();
        for (const statement of restore.splice(0).toReversed()) await server.sql(statement);
      });
      const hostile = [
        [1, 'a', 1, `'; drop table items; -- \\ \\' " 🏦`, 2n ** 63n - 1n],
        [2, 'a', 2, null, -1],
      ];
      const arrived = hostile.map((row) => row.map((value) => (value === null ? null : `${value}`)));

      test('values are exact under any sql_mode', async () => {
        await setGlobal('sql_mode', `'ANSI,NO_BACKSLASH_ESCAPES,NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH'`);
        database = await databases.open([ItemSchema]);
        await database.orm.schema.create();
        await insert(hostile);
        expect(await read()).toEqual(arrived);
      });

      test('a server that has no prepared statement left gets the values as text', async () => {
        await setGlobal('max_prepared_stmt_count', '0');
        await insert(hostile);
        expect(await read()).toEqual(arrived);
        await insert([[3, 'a', 1, 'second', 0]], ['label']);
        await expect(insert([[1, 'a', 9, null, 0]])).rejects.toThrow(UniqueConstraintViolationException);
        expect((await read())[0]?.[3]).toBe('second');
      });
    });
  });

  test.runIf(databases.driver === 'sqlite')('a statement that comes back is not compiled again', async () => {
    const prepare = vi.spyOn(BetterSqlite.prototype, 'prepare');
    for (const firstId of [0, 341, 682]) {
      await insert(Array.from({ length: 341 }, (_, index) => [firstId + index, 'a', firstId + index, 'it\'s "?"', 0]));
    }
    const compiled = prepare.mock.calls.filter(([sql]) => sql.startsWith('insert'));
    prepare.mockRestore();
    expect(compiled).toHaveLength(5);
    expect(await read()).toHaveLength(1023);
  });
});
