import type { TransactionOut, TransactionsQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { CompiledQuery, QueryResult } from 'kysely';
import { describe, expect, test, vi } from 'vitest';
import { type Database, readSnapshot } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import { draft, type Draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import { type Place, searchAtOnce, searchTransactions } from './transactions.search.ts';
import { TransactionsService } from './transactions.service.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  const start = async () => {
    const database = await databases.openMigrated();
    const ledger = ledgerOn(database);
    const userId = await ledger.person();
    return { database, ledger, userId, ...(await places(ledger, userId)) };
  };

  test('amounts are compared to their last digit, however large they are', async () => {
    const { ledger, userId, accountId } = await start();
    const amounts = ['100000000.00000001', '100000000.00000002', '999999999.99999998', '999999999.99999999'];
    await create(
      ledger,
      userId,
      amounts.map((amount): Draft => ({ kind: 'income', accountId, amount, occurredOn: '2026-01-01' })),
    );
    for (const [index, amount] of amounts.entries()) {
      const found = async (query: Partial<TransactionsQuery>) =>
        (await ledger.transactions.list(userId, { ...query, limit: 9 })).items.map((each) => each.amount).toSorted();
      expect(await found({ amountMin: amount }), `from ${amount}`).toEqual(amounts.slice(index));
      expect(await found({ amountMax: amount }), `to ${amount}`).toEqual(amounts.slice(0, index + 1));
      expect(await found({ amountMin: amount, amountMax: amount }), amount).toEqual([amount]);
    }
  });

  describe('a page looks at no more than so many transactions', () => {
    const WORD = 'zeppelin';

    test('what lies behind them is found by following cursors, nothing twice and nothing missed', async () => {
      const { database, ledger, userId, accountId, categoryIds } = await start();
      const [top = '', below = ''] = categoryIds;
      // Three of a day, the oldest first; what is looked for is oldest of all, and once between.
      const drafts = Array.from({ length: 60 }, (_, index): Draft => {
        const isWanted = index < 4 || index === 33;
        return {
          kind: 'expense',
          accountId,
          amount: isWanted ? '7' : '1',
          occurredOn: `2026-01-${String(Math.floor(index / 3) + 1).padStart(2, '0')}`,
          payee: isWanted ? WORD : 'shop',
          source: isWanted ? 'bank' : 'manual',
          tags: ['all'],
          ...(index % 5 === 0
            ? {
                splits: [
                  { amount: isWanted ? '4' : '0.5', categoryId: top },
                  { amount: isWanted ? '3' : '0.5', categoryId: below },
                ],
              }
            : { categoryId: index % 2 === 0 ? top : below }),
        };
      });
      const created = await create(ledger, userId, drafts);
      const wanted = [33, 3, 2, 1, 0].map((index) => created[index]?.id);
      const bounded = new TransactionsService({
        database,
        clock: systemClock,
        importedIds: async () => null,
        scannedMax: 8,
      });

      const filters: Partial<TransactionsQuery>[] = [{ text: WORD }, { source: 'bank' }, { amountMin: '7' }];
      const ranges: Partial<TransactionsQuery>[] = [{}, { accountId }, { categoryId: top }, { tag: 'all' }];
      for (const query of filters.flatMap((filter) => ranges.map((range) => ({ ...filter, ...range })))) {
        const name = JSON.stringify(query);
        const first = await bounded.list(userId, { ...query, limit: 50 });
        expect(first.items, name).toEqual([]);
        expect(first.nextCursor, name).not.toBeNull();
        for (const limit of [1, 2, 50]) {
          const pages = await readAll(bounded, userId, { ...query, limit });
          expect(pages.flat(), name).toEqual(wanted);
          // At least two rows of each of two ranges are behind a page that shows nothing: an end is reached.
          expect(pages.length, name).toBeLessThanOrEqual(60);
        }
        const unbounded = await ledger.transactions.list(userId, { ...query, limit: 50 });
        expect(
          unbounded.items.map(({ id }) => id),
          name,
        ).toEqual(wanted);
        expect(unbounded.nextCursor, name).toBeNull();
      }
    });

    test('the account of somebody else is not looked through', async () => {
      const { database, ledger, userId, accountId } = await start();
      const drafts = Array.from({ length: 20 }, (): Draft => ({
        kind: 'expense',
        accountId,
        amount: '1',
        occurredOn: '2026-01-01',
      }));
      await create(ledger, userId, drafts);
      const stranger = await ledger.person();
      const bounded = new TransactionsService({
        database,
        clock: systemClock,
        importedIds: async () => null,
        scannedMax: 8,
      });
      const found = await bounded.list(stranger, { accountId, text: 'shop', limit: 50 });
      expect(found).toEqual({ items: [], deleted: [], nextCursor: null });
    });
  });

  test('a page reads what it shows or looks at, and nothing on the way there, whatever the list is of', async () => {
    const { database, ledger, userId, accountId, categoryIds } = await start();
    const [dense = '', sparse = ''] = categoryIds;
    const drafts = Array.from({ length: 2_000 }, (_, index): Draft => ({
      kind: 'expense',
      accountId,
      categoryId: index % 60 === 59 ? sparse : dense,
      amount: '1',
      // Two hundred of a day.
      occurredOn: `2026-01-${String(Math.floor(index / 200) + 1).padStart(2, '0')}`,
      tags: ['all'],
    }));
    const created = await create(ledger, userId, drafts);
    if (database.dialect === 'mysql')
      await database.em().execute('analyze table transactions, entries, transaction_tags');
    // So near the top that most of the list lies behind it: reading all of it looks cheap to a planner then.
    const { occurredOn = '', id = '' } = created[1400] ?? {};
    const search = { dialect: database.dialect, userId, after: { occurredOn, id }, categoryIds };
    for (const range of [{}, { accountId }, { categoryId: dense }, { tag: 'all' }]) {
      const name = JSON.stringify(range);
      const { page, reads, plans } = await watch(database, (em) =>
        searchTransactions({ ...search, em, query: { ...range, limit: 50 } }),
      );
      const shown = created.slice(1350, 1400).toReversed();
      expect(
        page.rows.map((row) => row['id']),
        name,
      ).toEqual(shown.map((each) => each.id));
      // For each row its place in the index and its parts; two ranges for the category.
      expect(reads, name).toBeLessThan(400);
      expect(plans, name).not.toMatch(/temp b-tree|filesort/i);
      if (database.dialect === 'sqlite') expect(plans, name).toMatch(/\(occurred_on,\w+\)<\(\?,\?\)/);

      const found = await watch(database, (em) =>
        searchTransactions({
          ...search,
          em,
          query: { ...range, text: 'nothing', limit: 50 },
          scannedMax: 40,
        }),
      );
      expect(found.page.rows, name).toEqual([]);
      expect(found.page.next, name).not.toBeNull();
      expect(found.reads, name).toBeLessThan(400);
    }
  });

  test('one statement finds a page whose category has none below it, and says where it cannot', async () => {
    const { database, ledger, userId, accountId, categoryIds } = await start();
    const [top = '', below = ''] = categoryIds;
    const drafts = Array.from({ length: 30 }, (_, index): Draft => ({
      kind: 'expense',
      accountId,
      categoryId: index % 3 === 0 ? top : below,
      amount: String(index),
      occurredOn: '2026-01-01',
    })).slice(1);
    const created = (await create(ledger, userId, drafts)).toReversed();
    const ids = (categoryId: string) => created.flatMap((each) => (each.categoryId === categoryId ? each.id : []));
    const at = async (query: TransactionsQuery, scannedMax?: number) => {
      const search = { em: database.em(), dialect: database.dialect, userId, query, after: null, scannedMax };
      const page = await searchAtOnce(search);
      return page && { ids: page.rows.map((row) => row['id']), next: page.next?.id ?? null };
    };
    const inBelow = ids(below);
    expect(await at({ categoryId: below, limit: 5 })).toEqual({ ids: inBelow.slice(0, 5), next: inBelow[4] });
    const some = inBelow.slice(0, -1);
    const query = { categoryId: below, amountMin: '2' };
    expect(await at({ ...query, limit: 5 })).toEqual({ ids: some.slice(0, 5), next: some[4] });
    expect(await at({ ...query, limit: 50 })).toEqual({ ids: some, next: null });
    // More is to be looked at than the first step does; nothing passes; another category stands below.
    expect(await at({ ...query, limit: 50 }, 10)).toBeNull();
    expect(await at({ ...query, amountMin: '50', limit: 5 })).toBeNull();
    expect(await at({ categoryId: top, limit: 5 })).toBeNull();
    expect(await at({ accountId, categoryId: top, limit: 5 })).toBeNull();
  });

  test('a page of a category with many below it reads few of each, and whole rows of what it shows alone', async () => {
    const { database, ledger, userId, accountId } = await start();
    const top = await category(ledger, userId, 'Many', null);
    const categoryIds = [top];
    for (let index = 0; index < 40; index += 1) categoryIds.push(await category(ledger, userId, `Below ${index}`, top));
    // Ninety of one category are newest of all, and before those every category has its turn; some are in two.
    const drafts = Array.from({ length: 40 * 30 + 90 }, (_, index): Draft => {
      const categoryId = categoryIds[index < 1_200 ? index % 40 : 7] ?? '';
      const splits = [
        { amount: '1', categoryId },
        { amount: '1', categoryId: categoryIds[(index + 1) % 40] ?? '' },
      ];
      const occurredOn = `2026-0${1 + Math.floor(index / 280)}-${String(Math.floor((index % 280) / 10) + 1).padStart(2, '0')}`;
      return {
        kind: 'expense',
        accountId,
        amount: '2',
        occurredOn,
        ...(index % 50 === 0 ? { splits } : { categoryId }),
      };
    });
    const created = (await create(ledger, userId, drafts)).toReversed();
    if (database.dialect === 'mysql') await database.em().execute('analyze table transactions, entries');
    const search = { dialect: database.dialect, userId, categoryIds };
    const pages: string[] = [];
    for (let after: Place | null = null; pages.length < created.length;) {
      const { page, reads, rows, plans } = await watch(database, (em) =>
        searchTransactions({ ...search, em, after, query: { categoryId: top, limit: 50 } }),
      );
      pages.push(...page.rows.map((row) => row['id'] as string));
      // Forty ranges of fifty each would be two thousand.
      expect(rows).toBeLessThan(500);
      expect(reads).toBeLessThan(900);
      expect(plans).not.toMatch(/temp b-tree|filesort/i);
      after = page.next;
      if (after === null) break;
    }
    expect(pages).toEqual(created.map(({ id }) => id));
    const found = await ledger.transactions.list(userId, { categoryId: top, amountMin: '2', limit: 200 });
    expect(found.items.map(({ id }) => id)).toEqual(pages.slice(0, found.items.length));
    expect(found.items.length).toBeGreaterThan(100);
  });
});

async function places(ledger: TestLedger, userId: string) {
  const { id: accountId } = await ledger.accounts.create(ledger.commit, userId, {
    name: 'Cash',
    type: 'wallet',
    currency: 'EUR',
    creditLimit: null,
    openingBalance: '0',
    openedOn: '2026-01-01',
    icon: null,
    color: null,
    note: '',
    isHidden: false,
  });
  const top = await category(ledger, userId, 'Top', null);
  return { accountId, categoryIds: [top, await category(ledger, userId, 'Below', top)] };
}

async function category(ledger: TestLedger, userId: string, name: string, parentId: string | null): Promise<string> {
  const input = { name, parentId, kind: 'both', icon: null, color: null } as const;
  return (await ledger.categories.create(ledger.commit, userId, input)).id;
}

async function create(ledger: TestLedger, userId: string, drafts: readonly Draft[]): Promise<TransactionOut[]> {
  const created: TransactionOut[] = [];
  for (let start = 0; start < drafts.length; start += 100) {
    const part = { create: drafts.slice(start, start + 100).map(draft), update: [], delete: [] };
    created.push(...(await ledger.transactions.bulk(ledger.commit, userId, part)).created);
  }
  return created;
}

/** The ids of every page. */
async function readAll(service: TransactionsService, userId: string, query: TransactionsQuery): Promise<string[][]> {
  const pages: string[][] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: Awaited<ReturnType<typeof service.list>> = await service.list(userId, { ...query, cursor });
    expect(page.items.length).toBeLessThanOrEqual(query.limit);
    pages.push(page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  }
  return pages;
}

/** What a list answers, the rows that came for it, those that the database read (which MariaDB counts and SQLite does not), and its plans. */
async function watch<Page>(database: Database, read: (em: SqlEntityManager) => Promise<Page>) {
  return readSnapshot(database, async (em) => {
    const execute = vi.spyOn(em.getKysely(), 'executeQuery');
    const countReads = async () => {
      if (database.dialect === 'sqlite') return 0;
      const counts = await em.execute<{ Value: string }[]>(`show session status like 'Handler_read%'`);
      return counts.reduce((sum, { Value }) => sum + Number(Value), 0);
    };
    const before = await countReads();
    execute.mockClear();
    const page = await read(em);
    const answers = await Promise.all(execute.mock.results.map(({ value }) => value as Promise<QueryResult<unknown>>));
    const rows = answers.reduce((sum, answer) => sum + answer.rows.length, 0);
    const statements = execute.mock.calls.map(([query]) => query as CompiledQuery);
    const reads = (await countReads()) - before;
    const explain = database.dialect === 'mysql' ? 'explain' : 'explain query plan';
    const plans: unknown[] = [];
    for (const { sql, parameters } of statements) plans.push(await em.execute(`${explain} ${sql}`, [...parameters]));
    return { page, rows, reads, plans: JSON.stringify(plans) };
  });
}
