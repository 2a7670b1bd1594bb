import {
  defineEntity,
  NotNullConstraintViolationException,
  p,
  UniqueConstraintViolationException,
} from '@mikro-orm/core';
import { beforeEach, expect, test } from 'vitest';
import { insertRows } from './bulk.ts';
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

const COLUMNS = ['id', 'shelf', 'place', 'label', 'count'];
const key = ['shelf', 'place'];

describeDrivers(['sqlite', 'mariadb', 'mysql'], (databases) => {
  let database: Database;

  beforeEach(async () => {
    database = await databases.open([ItemSchema]);
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
});
