import { formatMoney, parseMoney } from '@finverse/shared';
import { defineEntity, p } from '@mikro-orm/core';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { MoneyType } from './columns.ts';
import type { Database } from './orm.ts';
import { describeDrivers } from './test-databases.ts';

const LedgerRowSchema = defineEntity({
  name: 'LedgerRow',
  tableName: 'ledger_rows',
  properties: {
    id: p.integer().primary().autoincrement(false),
    amount: p.type(MoneyType).$type<string>(),
    fee: p.type(MoneyType).$type<string>().nullable(),
  },
});

const LIMIT = 10n ** 18n;
/** Amounts of up to 18 digits; the extremes and those past 2^53 units are what floating point gets wrong. */
const amount = fc
  .oneof(
    fc.bigInt({ min: 1n - LIMIT, max: LIMIT - 1n }),
    fc.bigInt({ min: -1000n, max: 1000n }),
    fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }),
    fc.constantFrom(1n - LIMIT, LIMIT - 1n, 0n),
  )
  .map(formatMoney);
const byValue = (a: string, b: string) => (parseMoney(a) < parseMoney(b) ? -1 : parseMoney(a) > parseMoney(b) ? 1 : 0);

describeDrivers(['sqlite', 'mariadb', 'mysql'], (databases) => {
  let database: Database;

  beforeEach(async () => {
    database = await databases.open([LedgerRowSchema]);
    await database.orm.schema.create();
  });

  const store = async (amounts: readonly string[]) => {
    const em = database.em();
    await em.nativeDelete(LedgerRowSchema, {});
    if (amounts.length > 0)
      await em.insertMany(
        LedgerRowSchema,
        amounts.map((value, id) => ({ id, amount: value, fee: null })),
      );
  };

  test('every amount of up to 18 digits comes back digit for digit, by insert and by flush', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(amount, { minLength: 1, maxLength: 20 }), async (amounts) => {
        await store(amounts);
        const em = database.em();
        amounts.forEach((value, id) => em.create(LedgerRowSchema, { id: 1000 + id, amount: value, fee: value }));
        await em.flush();
        const rows = await database.em().find(LedgerRowSchema, {}, { orderBy: { id: 'asc' } });
        expect(rows.map((row) => row.amount)).toEqual([...amounts, ...amounts]);
        expect(rows.map((row) => row.fee)).toEqual([...amounts.map(() => null), ...amounts]);
      }),
      { numRuns: 30 },
    );
  });

  test('comparison and order are those of the exact values', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(amount, { minLength: 1, maxLength: 20 }), amount, amount, async (amounts, a, b) => {
        const [low, high] = byValue(a, b) < 0 ? [a, b] : [b, a];
        await store(amounts);
        const within = await database
          .em()
          .find(LedgerRowSchema, { amount: { $gte: low, $lte: high } }, { orderBy: { amount: 'asc', id: 'asc' } });
        const expected = amounts
          .filter((value) => byValue(low, value) <= 0 && byValue(value, high) <= 0)
          .toSorted(byValue);
        expect(within.map((row) => row.amount)).toEqual(expected);
        const [wanted = ''] = amounts;
        const same = await database.em().count(LedgerRowSchema, { amount: wanted });
        expect(same).toBe(amounts.filter((value) => value === wanted).length);
      }),
      { numRuns: 30 },
    );
  });

  test('a SUM in SQL is the exact sum: decimal text on a server, units of 10^-8 on SQLite', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(amount, { minLength: 1, maxLength: 9 }), async (amounts) => {
        await store(amounts);
        const [row] = await database.em().execute<{ total: unknown }[]>('select sum(amount) as total from ledger_rows');
        const exact = amounts.reduce((sum, value) => sum + parseMoney(value), 0n);
        const expected = databases.driver === 'sqlite' ? exact.toString() : formatMoney(exact);
        expect(String(row?.total)).toBe(expected);
      }),
      { numRuns: 30 },
    );
  });

  test('an amount with more digits than fit is refused before it reaches the database', async () => {
    for (const value of ['0.123456789', '10000000000', '1e5', 'NaN', '']) {
      await expect(database.em().insert(LedgerRowSchema, { id: 1, amount: value, fee: null }), value).rejects.toThrow(
        /must (be|have)/,
      );
    }
    expect(await database.em().count(LedgerRowSchema, {})).toBe(0);
  });

  test('an update that writes the same value in other words writes nothing', async () => {
    await store(['1.50000000']);
    const statements: string[] = [];
    const em = database.em();
    const row = await em.findOneOrFail(LedgerRowSchema, { id: 0 });
    row.amount = '1.50000000';
    em.getEventManager().registerSubscriber({
      onFlush: ({ uow }) => void statements.push(...uow.getChangeSets().map(String)),
    });
    await em.flush();
    expect(statements).toEqual([]);
  });

  test('whole numbers above 2^53 arrive exact from raw SQL', async () => {
    const large = [
      '9007199254740993',
      '-9007199254740993',
      '9223372036854775807',
      '-9223372036854775808',
      '9007199254740991',
    ];
    for (const text of large) {
      const [row] = await database
        .em()
        .execute<{ n: unknown }[]>(
          `select cast(${text} as ${databases.driver === 'sqlite' ? 'integer' : 'signed'}) as n`,
        );
      expect(String(row?.n)).toBe(text);
    }
  });
});
