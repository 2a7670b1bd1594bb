import {
  type ClearedState,
  parseMoney,
  type TransactionOut,
  transactionsInput,
  type TransactionsQuery,
} from '@finverse/shared';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeDrivers } from '../../db/test-databases.ts';
import { systemClock } from '../../kernel/clock.ts';
import { TransactionsService } from '../transactions/index.ts';
import { searchable } from './ledger.rules.ts';
import { draft, type Draft, ledgerOn } from './test-ledger.ts';

const TRANSACTIONS = 90;
/** Searched for and written: what LIKE, SQL and case folding could take for something else. */
const TEXTS = [
  'Läden',
  'LÄDEN',
  '100%',
  '100 euro',
  'a_b',
  'axb',
  "it's",
  'back\\slash',
  'wow!',
  '😀 party',
  'ﬁne',
  'x',
];
const SEARCHES = [...TEXTS, 'läd', '%', '_', '!', '\\', "'", 'FI', 'e', '😀', 'no such thing'];
const TAGS = ['a', 'A', 'ä', 'a%', 'home'];
const DATES = ['2026-01-31', '2026-02-01', '2026-02-02', '2026-02-28', '2026-03-01'];
const AMOUNTS = ['0.00000001', '1', '9.99999999', '10', '10.00000001', '9999999999'];

const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined, freq: 1 });

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  test('every filter, alone and with all others, finds what a naive one finds, in the same order, whatever the pages', async () => {
    const database = await databases.openMigrated();
    const ledger = ledgerOn(database);
    const [userId, stranger] = [await ledger.person(), await ledger.person()];
    const account = async (owner: string, currency: string) =>
      (
        await ledger.accounts.create(ledger.commit, owner, {
          name: currency,
          type: 'wallet',
          currency,
          creditLimit: null,
          openingBalance: owner === userId ? '-3' : '0',
          openedOn: '2026-02-01',
          icon: null,
          color: null,
          note: '',
          isHidden: false,
        })
      ).id;
    const accounts = [await account(userId, 'EUR'), await account(userId, 'EUR'), await account(userId, 'USD')];
    const category = async (name: string, parentId: string | null) =>
      (await ledger.categories.create(ledger.commit, userId, { name, parentId, kind: 'both', icon: null, color: null }))
        .id;
    const top = await category('Top', null);
    const middle = await category('Middle', top);
    const parents = new Map<string, string | null>([
      [top, null],
      [middle, top],
      [await category('Bottom', middle), middle],
      [await category('Other', null), null],
    ]);
    const categoryIds = [...parents.keys()];

    const anyCategory = fc.option(fc.constantFrom(...categoryIds), { freq: 3 });
    const anyDraft = fc
      .record({
        kind: fc.constantFrom('income', 'expense', 'transfer', 'split'),
        from: fc.nat({ max: 2 }),
        amount: fc.constantFrom('0.00000001', '1', '9.99999999', '10', '10.00000001'),
        toAmount: fc.constantFrom('0.00000001', '1', '10'),
        occurredOn: fc.constantFrom(...DATES),
        description: fc.constantFrom('', ...TEXTS),
        payee: fc.constantFrom('', ...TEXTS),
        note: fc.constantFrom('', ...TEXTS),
        categoryId: anyCategory,
        tags: fc.subarray(TAGS),
        source: fc.constantFrom('manual', 'bank'),
        parts: fc.array(fc.tuple(anyCategory, fc.constantFrom('', ...TEXTS)), { minLength: 1, maxLength: 3 }),
      })
      .map(({ kind, from, parts, categoryId, amount, toAmount, ...rest }): Draft => {
        const base = { ...rest, amount, accountId: accounts[from] ?? '' };
        if (kind === 'transfer') {
          const toAccountId = accounts[(from + 1) % 3] ?? '';
          return { ...base, kind, transfer: { toAccountId, ...(from === 0 ? {} : { toAmount }) } };
        }
        if (kind !== 'split') return { ...base, kind: kind === 'income' ? kind : 'expense', categoryId };
        const splits = parts.map(([part, splitNote]) => ({ amount: '2', categoryId: part, note: splitNote }));
        return { ...base, kind: 'expense', amount: String(2 * parts.length), splits };
      });
    const drafts = fc.sample(anyDraft, { numRuns: TRANSACTIONS, seed: 7 }).map(draft);
    await ledger.transactions.bulk(ledger.commit, userId, { create: drafts, update: [], delete: [] });
    const foreign = await account(stranger, 'EUR');
    const theirs = drafts
      .filter(({ kind, splits }) => kind === 'income' && splits.length === 0)
      .map((each) => ({ ...each, accountId: foreign, categoryId: null }));
    await ledger.transactions.bulk(ledger.commit, stranger, { create: theirs, update: [], delete: [] });
    const pagesOf = async (transactions: TransactionsService, query: TransactionsQuery) => {
      const items: TransactionOut[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page: Awaited<ReturnType<typeof transactions.list>> = await transactions.list(userId, {
          ...query,
          ...(cursor === undefined ? {} : { cursor }),
        });
        expect(page.items.length).toBeLessThanOrEqual(query.limit);
        items.push(...page.items);
        cursor = page.nextCursor;
      }
      return items.map(({ id }) => id);
    };
    // Every third of an account is ticked off on a statement.
    const ofFirst = await ledger.transactions.list(userId, { accountId: accounts[0], limit: 200 });
    const { id: reconciliationId } = await ledger.reconciliations.start(ledger.commit, userId, {
      accountId: accounts[0] ?? '',
      statementDate: ofFirst.items[0]?.occurredOn ?? '',
      statementBalance: '0',
    });
    const transactionIds = ofFirst.items.filter((_, index) => index % 3 === 0).map(({ id }) => id);
    await ledger.reconciliations.clear(ledger.commit, userId, { id: reconciliationId, transactionIds });
    const all = (await ledger.transactions.list(userId, { limit: 200 })).items;
    expect(all).toHaveLength(TRANSACTIONS + accounts.length);
    // As if an import had made the half of them in the middle of the ids.
    const ids = all.map(({ id }) => id).toSorted();
    const imported = {
      first: ids[Math.floor(TRANSACTIONS / 4)] ?? '',
      last: ids[Math.floor((TRANSACTIONS * 3) / 4)] ?? '',
    };
    const importedIds = async (_em: unknown, _userId: string, id: string) => (id === 'imp_one' ? imported : null);
    // As it is, and with pages that look at so few that most are short.
    const parts = { database, clock: systemClock, importedIds };
    const [usual, bounded] = [new TransactionsService(parts), new TransactionsService({ ...parts, scannedMax: 30 })];

    const isBelow = (id: string | null, wanted: string): boolean =>
      id !== null && (id === wanted || isBelow(parents.get(id) ?? null, wanted));
    const matches = (each: TransactionOut, query: TransactionsQuery): boolean => {
      const filed = each.splits.length > 0 ? each.splits.map(({ categoryId }) => categoryId) : [each.categoryId];
      const isFiled = each.kind === 'income' || each.kind === 'expense';
      const checks: [unknown, () => boolean][] = [
        [query.accountId, () => [each.accountId, each.transfer?.toAccountId].includes(query.accountId)],
        [query.categoryId, () => filed.some((id) => isBelow(id, query.categoryId ?? ''))],
        [query.isUncategorized || undefined, () => isFiled && filed.includes(null)],
        [query.tag, () => each.tags.includes(query.tag ?? '')],
        [query.kind, () => each.kind === query.kind],
        [query.from, () => each.occurredOn >= (query.from ?? '')],
        [query.to, () => each.occurredOn <= (query.to ?? '')],
        [query.currency ?? query.amountMin ?? query.amountMax, () => hasMoney(each, query)],
        [
          query.text,
          () =>
            [each.description, each.payee, each.note, ...each.splits.map(({ note }) => note)].some((text) =>
              searchable(text).includes(searchable(query.text ?? '')),
            ),
        ],
        [query.source, () => each.source === query.source],
        [query.importId, () => query.importId === 'imp_one' && each.id >= imported.first && each.id <= imported.last],
        [query.cleared, () => sidesOf(each, query.accountId).some(({ state }) => state === query.cleared)],
      ];
      return checks.every(([given, holds]) => given === undefined || holds());
    };
    const filters: Record<string, fc.Arbitrary<unknown>> = {
      accountId: fc.constantFrom(...accounts, foreign, 'acc_none'),
      categoryId: fc.constantFrom(...categoryIds, 'cat_none'),
      isUncategorized: fc.boolean(),
      tag: fc.constantFrom(...TAGS, 'none'),
      kind: fc.constantFrom('income', 'expense', 'transfer', 'opening'),
      currency: fc.constantFrom('EUR', 'USD'),
      from: fc.constantFrom(...DATES),
      to: fc.constantFrom(...DATES),
      amountMin: fc.constantFrom(...AMOUNTS),
      amountMax: fc.constantFrom(...AMOUNTS),
      text: fc.constantFrom(...SEARCHES),
      source: fc.constantFrom('manual', 'bank', 'opening', 'none'),
      importId: fc.constantFrom('imp_one', 'imp_none'),
      cleared: fc.constantFrom('uncleared', 'cleared', 'reconciled'),
    };
    // A filter that is new is tried here as well.
    const known = new Set([...Object.keys(filters), 'limit', 'cursor', 'updatedSince']);
    expect(Object.keys(transactionsInput.shape).filter((name) => !known.has(name))).toEqual([]);

    const compare = async (fields: object) => {
      const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
      const query = transactionsInput.parse(given);
      const expected = all.filter((each) => matches(each, query)).map(({ id }) => id);
      expect(await pagesOf(usual, query), JSON.stringify(given)).toEqual(expected);
      expect(await pagesOf(bounded, query), JSON.stringify(given)).toEqual(expected);
      return expected.length;
    };
    for (const [name, values] of Object.entries(filters)) {
      for (const value of new Set(fc.sample(values, 60))) await compare({ [name]: value, limit: 40 });
    }
    let found = 0;
    const limit = fc.constantFrom(1, 3, 10, 200);
    const anyQuery = fc.record({
      limit,
      ...Object.fromEntries(Object.entries(filters).map(([name, each]) => [name, maybe(each)])),
    });
    // Few filters at once, so that most find something.
    const someQuery = fc
      .tuple(limit, fc.subarray(Object.keys(filters), { maxLength: 3 }), anyQuery)
      .map(([size, names, query]) => ({
        limit: size,
        ...Object.fromEntries(Object.entries(query).filter(([name]) => names.includes(name))),
      }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(someQuery, someQuery, anyQuery), async (query) => {
        found += (await compare(query)) > 0 ? 1 : 0;
      }),
      { numRuns: 100 },
    );
    expect(found).toBeGreaterThan(20);
  }, 120_000);
});

type Side = { id: string; state: ClearedState; currency: string; amount: string };

/** The account that is asked for, or each that the transaction is on. */
function sidesOf(
  { accountId: id, cleared: state, currency, amount, transfer }: TransactionOut,
  wanted?: string,
): Side[] {
  const sides = [{ id, state, currency, amount }];
  if (transfer) {
    const { toAccountId, toCleared, toCurrency, toAmount } = transfer;
    sides.push({ id: toAccountId, state: toCleared, currency: toCurrency, amount: toAmount });
  }
  return sides.filter((side) => wanted === undefined || side.id === wanted);
}

/** A transfer between currencies is found by what its statements show, on either side; currency and amounts are asked of the same one. */
function hasMoney(transaction: TransactionOut, query: TransactionsQuery): boolean {
  const { accountId, currency: wanted, amountMin, amountMax } = query;
  return sidesOf(transaction, accountId).some(
    ({ currency, amount }) =>
      (wanted === undefined || currency === wanted) &&
      (amountMin === undefined || parseMoney(amount) >= parseMoney(amountMin)) &&
      (amountMax === undefined || parseMoney(amount) <= parseMoney(amountMax)),
  );
}
