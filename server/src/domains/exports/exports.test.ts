import { type CategoryKind, type ExportFilter, type ExportFormat, formatMoney, parseMoney } from '@finverse/shared';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { type Database, moneyFromSql } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { accountFields, draft, type Draft, ledgerOn, type TestLedger } from '../ledger/test-ledger.ts';
import {
  commitToEnd,
  expectExact,
  openWorld,
  prepare,
  preview,
  transactionsOf,
  type World,
} from '../imports/test-imports.ts';
import { readExportBook } from './export-book.ts';
import { journalNames } from './journal-names.ts';
import { openBank } from '../reconciliations/test-reconciliations.ts';
import { hasHledger, hledger, hledgerTransactions } from '../../../../e2e/support/hledger.ts';

const isHledgerThere = hasHledger();

/** Text that breaks what is careless: formulas, quotes, separators, comments, line ends, apostrophes before formulas. */
const hostile = fc
  .array(
    fc.constantFrom(
      '=1+1',
      '+',
      '-5',
      '@SUM(A1)',
      "'",
      "'=x",
      '"',
      '""',
      ',',
      ';',
      ';;',
      '|',
      '\n',
      '\t',
      '  ',
      ':',
      '%',
      '(',
      '*',
      '!',
      '[2020-01-01]',
      'date:2020-01-01',
      '#',
      '<',
      'ä',
      '😀',
      '[2026-13-45]',
      'date:',
      'https://x.y',
      '!',
      '#',
      'x',
      '=',
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join('').trim());
const name = hostile.map((text) => text || 'n');
const amount = fc.oneof(
  fc.bigInt({ min: 1n, max: 10n ** 12n }).map(formatMoney),
  fc.bigInt({ min: 1n, max: 9n }).map(formatMoney),
);
const date = fc
  .record({ month: fc.integer({ min: 1, max: 4 }), day: fc.integer({ min: 1, max: 28 }) })
  .map(({ month, day }) => `2026-0${month}-${String(day).padStart(2, '0')}`);
const pick = fc.nat({ max: 50 });
const item = fc.record({
  kind: fc.constantFrom('income', 'expense', 'transfer'),
  amount,
  parts: fc.array(amount, { maxLength: 3 }),
  takesAway: fc.boolean(),
  occurredOn: date,
  description: hostile,
  payee: hostile,
  note: hostile,
  tags: fc.array(
    name.map((text) => Array.from(text.replaceAll(',', '.')).slice(0, 20).join('').trim() || 't'),
    { maxLength: 3 },
  ),
  account: pick,
  to: pick,
  category: fc.option(pick),
});
const book = fc.record({
  accounts: fc.array(name, { minLength: 3, maxLength: 4 }),
  categories: fc.uniqueArray(name, {
    minLength: 2,
    maxLength: 4,
    selector: (text) => text.normalize('NFKC').toLowerCase(),
  }),
  openings: fc.array(fc.bigInt({ min: -(10n ** 11n), max: 10n ** 11n }).map(formatMoney), {
    minLength: 4,
    maxLength: 4,
  }),
  items: fc.array(item, { maxLength: 30 }),
});
type Book = typeof book extends fc.Arbitrary<infer Value> ? Value : never;

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database);
  });
  const numRuns = databases.driver === 'sqlite' ? 20 : 5;

  test('what is exported as CSV and imported by somebody else is the same ledger', async () => {
    await fc.assert(
      fc.asyncProperty(book, async (fields) => {
        const [from, to] = [await fill(ledger, database, fields, true), await fill(ledger, database, fields, false)];
        const csv = await exported(ledger, from.userId, 'csv');
        const made = await prepare(to, csv, { source: 'export' });
        const seen = await preview(to, made.id);
        expect(seen.faults).toEqual([]);
        expect(await commitToEnd(to, made.id)).toMatchObject({ status: 'completed', faulty: 0 });
        expect(await comparable(to)).toEqual(await comparable(from));
        await expectExact(to);
        const again = await commitToEnd(to, (await prepare(to, csv, { source: 'export' })).id);
        expect(again).toMatchObject({ created: 0 });
      }),
      { numRuns },
    );
  }, 240_000);

  test.skipIf(!isHledgerThere)(
    'hledger finds every balance and every monthly total of ours in the journal',
    async () => {
      await fc.assert(
        fc.asyncProperty(book, async (fields) => {
          const world = await fill(ledger, database, fields, true);
          const journal = await exported(ledger, world.userId, 'journal');
          expect(await theirs(journal)).toEqual(await ours(world));
        }),
        { numRuns },
      );
    },
    240_000,
  );

  test.skipIf(!isHledgerThere)(
    'hledger finds every tag and note in the journal, and no other tags',
    async () => {
      await fc.assert(
        fc.asyncProperty(book, async (fields) => {
          const world = await fill(ledger, database, fields, true);
          const read = hledgerTransactions(await exported(ledger, world.userId, 'journal'));
          const byId = new Map(read.map((each) => [each.tcode, each]));
          for (const { id, tags, note, splits } of await transactionsOf(world)) {
            const { ttags = [], tcomment = '', tpostings = [] } = byId.get(id) ?? {};
            expect(ttags.map(([tag]) => decodeURIComponent(tag))).toEqual(tags);
            const [, ...comments] = tcomment.split('\n').map(decodeURIComponent);
            expect(words(comments.slice(tags.length > 0 ? 1 : 0).join('\n'))).toEqual(words(note));
            expect(tpostings.flatMap(({ ptags }) => ptags)).toEqual([]);
            const notes = tpostings.slice(1).map(({ pcomment }) => words(decodeURIComponent(pcomment)));
            if (splits.length > 0) expect(notes).toEqual(splits.map((split) => words(split.note)));
          }
        }),
        { numRuns },
      );
    },
    240_000,
  );

  test.skipIf(!isHledgerThere)('what a statement has confirmed is marked in the journal', async () => {
    const bank = await openBank(database);
    const open = await bank.add({ payee: 'open' });
    const both = await bank.add({ kind: 'transfer', transfer: { toAccountId: bank.savings } });
    const first = await bank.start('80');
    await bank.clearAll(first.id);
    await bank.finish(first.id);
    const ticked = await bank.add({ payee: 'ticked', occurredOn: '2026-02-01' });
    const second = await bank.start('70', '2026-02-28');
    await bank.clear(second.id, ticked.id);
    const unmarked = await bank.add({ payee: 'not yet', occurredOn: '2026-03-01' });
    const marksOf = async (id: string) => {
      const read = hledgerTransactions(await exported(bank.ledger, bank.userId, 'journal'));
      const found = read.find(({ tcode }) => tcode === id);
      return [found?.tstatus, ...(found?.tpostings.map(({ pstatus }) => pstatus) ?? [])];
    };
    expect(await marksOf(bank.openingId)).toEqual(['Cleared', 'Unmarked', 'Unmarked']);
    expect(await marksOf(open.id)).toEqual(['Cleared', 'Unmarked', 'Unmarked']);
    expect(await marksOf(ticked.id)).toEqual(['Pending', 'Unmarked', 'Unmarked']);
    expect(await marksOf(unmarked.id)).toEqual(['Unmarked', 'Unmarked', 'Unmarked']);
    expect(await marksOf(both.id)).toEqual(['Unmarked', 'Cleared', 'Unmarked']);
    const third = await bank.start('10', '2026-01-31', bank.savings);
    await bank.clearAll(third.id);
    expect(await marksOf(both.id)).toEqual(['Unmarked', 'Cleared', 'Pending']);
    await bank.finish(third.id);
    expect(await marksOf(both.id)).toEqual(['Cleared', 'Unmarked', 'Unmarked']);
    const journal = await exported(bank.ledger, bank.userId, 'journal');
    const cleared = hledger(journal, 'bal', 'assets:Giro', '--cleared', '--no-total', '--layout=tidy');
    expect(cleared.map((row) => parseMoney(plain(row.at(-1) ?? '')))).toEqual([parseMoney('80')]);
  });

  test('no cell that a person can write is a formula to a spreadsheet', async () => {
    const world = await openWorld(database, ledger, { name: '=cmd' });
    for (const text of ['=1+1', '+1', '-1', '@x', '\uff1d1', "'=1"]) {
      await ledger.transactions.create(
        ledger.commit,
        world.userId,
        draft({
          kind: 'expense',
          accountId: world.accountId,
          amount: '1',
          occurredOn: '2026-01-01',
          payee: text,
          description: text,
          note: text,
        }),
      );
    }
    const csv = await exported(ledger, world.userId, 'csv');
    const cells = csv.split('\r\n').flatMap((line) => line.split(','));
    expect(cells.filter((cell) => /^"?[=+\-@\t\r\uff1d]/.test(cell))).toEqual([]);
  });

  test('an export of a ledger that changes meanwhile does not end as if it were whole', async () => {
    const world = await openWorld(database, ledger);
    const signal = new AbortController().signal;
    const expense = { kind: 'expense', accountId: world.accountId, amount: '1', occurredOn: '2026-01-01' } as const;
    const bulk = { create: Array.from({ length: 100 }, () => draft(expense)), update: [], delete: [] };
    for (let count = 0; count < 6; count += 1) await ledger.transactions.bulk(ledger.commit, world.userId, bulk);
    const pieces = ledger.exports.pieces(world.userId, { format: 'json', signal });
    await pieces[Symbol.asyncIterator]().next();
    await ledger.transactions.create(ledger.commit, world.userId, draft(expense));
    await expect(pieces[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('a file of some days or of one account holds these transactions, each once, over as many pages as there are', async () => {
    const world = await openWorld(database, ledger);
    const { userId, accountId } = world;
    const other = (await ledger.accounts.create(ledger.commit, userId, accountFields({ name: 'Other' }))).id;
    const on = (occurredOn: string, input: Partial<Draft>) =>
      draft({ kind: 'expense', accountId: other, amount: '1', occurredOn, ...input });
    const days = ['2026-01-01', '2026-01-02', '2026-01-03'];
    for (const day of days) {
      const create = [
        ...Array.from({ length: 97 }, () => on(day, {})),
        on(day, {
          payee: 'mine',
          accountId,
          amount: '2',
          splits: [{ amount: '1' }, { amount: '1' }] as Draft['splits'],
        }),
        on(day, { payee: 'mine', kind: 'transfer', transfer: { toAccountId: accountId } }),
        on(day, { payee: 'mine', kind: 'transfer', accountId, transfer: { toAccountId: other } }),
      ];
      for (let count = 0; count < 2; count += 1)
        await ledger.transactions.bulk(ledger.commit, userId, { create, update: [], delete: [] });
    }
    const read = async (filter: ExportFilter) => {
      const { transactions } = JSON.parse(await exported(ledger, userId, 'json', filter)) as {
        transactions: { id: string; occurred_on: string; payee: string }[];
      };
      expect(new Set(transactions.map(({ id }) => id)).size).toBe(transactions.length);
      return transactions;
    };
    const all = await read({});
    expect(all).toHaveLength(600);
    expect(await read({ from: '2026-01-02' })).toEqual(all.slice(200));
    expect(await read({ to: '2026-01-02' })).toEqual(all.slice(0, 400));
    expect(await read({ from: '2026-01-02', to: '2026-01-02' })).toEqual(all.slice(200, 400));
    expect(await read({ from: '2026-02-01' })).toEqual([]);
    expect(await read({ accountId })).toEqual(all.filter(({ payee }) => payee === 'mine'));
    expect(await read({ accountId: other })).toHaveLength(594);
    expect(await read({ accountId, from: '2026-01-02', to: '2026-01-02' })).toHaveLength(6);
    await expect(read({ accountId: 'acc_none' })).rejects.toMatchObject({ details: [{ path: 'accountId' }] });
  });

  test('the JSON is one document, and a reader who comes back goes on where it was', async () => {
    const world = await openWorld(database, ledger);
    const expense = { kind: 'expense', accountId: world.accountId, amount: '1', occurredOn: '2026-01-01' } as const;
    const bulk = { create: Array.from({ length: 100 }, () => draft(expense)), update: [], delete: [] };
    for (let count = 0; count < 6; count += 1) await ledger.transactions.bulk(ledger.commit, world.userId, bulk);
    const whole = await exported(ledger, world.userId, 'json');
    expect((JSON.parse(whole) as { transactions: unknown[] }).transactions).toHaveLength(600);
    const signal = new AbortController().signal;
    let text = '';
    for (let lastEventId: string | undefined, isLast = false; !isLast;) {
      const query = { format: 'json' as const, signal, ...(lastEventId === undefined ? {} : { lastEventId }) };
      for await (const { id, piece } of ledger.exports.pieces(world.userId, query)) {
        text += piece.text;
        [lastEventId, isLast] = [id, piece.isLast];
        break;
      }
    }
    expect(text).toBe(whole);
  });
});

/** A person with accounts in two currencies, categories and, where `isFull`, transactions. */
async function fill(ledger: TestLedger, database: Database, fields: Book, isFull: boolean): Promise<World> {
  const userId = await ledger.person();
  const names = fields.accounts.map((text, index) => `${text} ${index}`.trim());
  const accounts: { id: string; currency: string }[] = [];
  for (const [index, each] of names.entries()) {
    const currency = index === 0 ? 'USD' : 'EUR';
    const type = index === 2 ? 'credit' : 'wallet';
    const openingBalance = fields.openings[index] ?? '0';
    const rest = { creditLimit: null, icon: null, color: null, note: '', isHidden: false, openedOn: '2026-01-01' };
    const made = await ledger.accounts.create(ledger.commit, userId, {
      name: each,
      type,
      currency,
      openingBalance,
      ...rest,
    });
    accounts.push({ id: made.id, currency });
  }
  const look = { icon: null, color: null };
  const made = await ledger.categories.createMany(
    ledger.commit,
    userId,
    fields.categories.map((each) => ({ name: each, kind: 'both' as const, parentId: null, ...look })),
  );
  // Names that stand at several places, and places that two categories have.
  const [first, second] = made;
  if (first && second) {
    const addCategory = async (added: { name: string; kind: CategoryKind; parentId: string | null }) => {
      const category = await ledger.categories.create(ledger.commit, userId, { ...added, ...look });
      made.push(category);
      return category;
    };
    await addCategory({ name: 'Food / Drink', kind: 'both', parentId: first.id });
    await addCategory({ name: second.name, kind: 'both', parentId: first.id });
    const twin = await addCategory({ name: first.name, kind: 'expense', parentId: null });
    await addCategory({ name: 'Food / Drink', kind: 'expense', parentId: twin.id });
    await addCategory({ name: first.name, kind: 'income', parentId: null });
    await addCategory({ name: second.name, kind: 'income', parentId: null });
  }
  const world = { database, ledger, userId, accountId: accounts[0]?.id ?? '' };
  if (!isFull) return world;
  for (const each of fields.items) {
    const account = accounts[each.account % accounts.length] as { id: string; currency: string };
    const to = accounts[each.to % accounts.length] as { id: string; currency: string };
    const { occurredOn, description, payee, note, tags } = each;
    const common = { accountId: account.id, occurredOn, description, payee, note, tags };
    const category = each.category === null ? undefined : made[each.category % made.length];
    const categoryId = category?.id ?? null;
    let input: Draft;
    if (each.kind === 'transfer' && to.id !== account.id) {
      const toAmount = to.currency === account.currency ? {} : { toAmount: each.parts[0] ?? '1' };
      input = { ...common, kind: 'transfer', amount: each.amount, transfer: { toAccountId: to.id, ...toAmount } };
    } else if (each.parts.length > 1) {
      const [own = 0n, ...rest] = each.parts.map(parseMoney);
      const whole = rest.reduce((total, part) => total + part, own);
      // What the first part adds beyond the amount the others take away.
      const parts = each.takesAway ? [whole, ...rest.map((part) => -part)] : [own, ...rest];
      const sum = formatMoney(each.takesAway ? own : whole);
      const splits = parts.map((part, index) => ({
        amount: formatMoney(part),
        note: payee.slice(0, 100),
        categoryId: index === 0 ? categoryId : null,
      }));
      input = { ...common, kind: each.kind === 'income' ? 'income' : 'expense', amount: sum, splits };
    } else {
      input = { ...common, kind: each.kind === 'income' ? 'income' : 'expense', amount: each.amount, categoryId };
    }
    await ledger.transactions.create(ledger.commit, userId, draft(input));
  }
  return world;
}

async function exported(
  ledger: TestLedger,
  userId: string,
  format: ExportFormat,
  filter: ExportFilter = {},
): Promise<string> {
  let text = '';
  const signal = new AbortController().signal;
  for await (const { piece } of ledger.exports.pieces(userId, { ...filter, format, signal })) text += piece.text;
  return text;
}

/** What two ledgers have in common that were filled alike: everything but ids and times. */
async function comparable(world: World): Promise<string[]> {
  const { ledger, userId } = world;
  const accounts = (await ledger.accounts.list(userId, { limit: 200, includeArchived: true, includeHidden: true }))
    .items;
  const nameOf = (id: string) => accounts.find((account) => account.id === id)?.name ?? '';
  const categories = (await ledger.categories.list(userId, { includeArchived: true })).items;
  const pathOf = (id: string | null) => {
    const category = categories.find((each) => each.id === id);
    return category && [category.path, category.kind];
  };
  const rows = (await transactionsOf(world)).map((each) => {
    const { kind, currency, occurredOn, description, payee, note, tags, splits, transfer } = each;
    return JSON.stringify([
      [
        kind,
        each.amount,
        currency,
        occurredOn,
        description,
        payee,
        note,
        tags,
        nameOf(each.accountId),
        pathOf(each.categoryId),
      ],
      splits.map((split) => [split.amount, pathOf(split.categoryId), split.note]),
      transfer && [nameOf(transfer.toAccountId), transfer.toAmount, transfer.toCurrency, transfer.rate],
    ]);
  });
  const balances = accounts.map(({ name: each, balance }) => `${each} ${balance}`);
  return [...rows, ...balances].toSorted((a, b) => (a < b ? -1 : 1));
}

/** Every balance and every total of a month by category, as hledger adds them up. */
async function theirs(journal: string): Promise<string[]> {
  const sums = new Map<string, bigint>();
  const report = ['--flat', '--no-total', '--layout=tidy'];
  for (const [account = '', , , , currency = '', value = '0'] of hledger(
    journal,
    'bal',
    'assets',
    'liabilities',
    ...report,
  ))
    add(sums, `${account} ${currency}`, parseMoney(plain(value)));
  for (const [account = '', month = '', , , currency = '', value = '0'] of hledger(
    journal,
    'bal',
    'income',
    'expenses',
    '--monthly',
    ...report,
  ))
    add(sums, `${month} ${account} ${currency}`, parseMoney(plain(value)) * (account.startsWith('income') ? -1n : 1n));
  return lines(sums);
}

async function ours({ database, ledger, userId }: World): Promise<string[]> {
  const names = journalNames(await readExportBook(database.em(), database.dialect, userId));
  const accounts = (await ledger.accounts.list(userId, { limit: 200, includeArchived: true, includeHidden: true }))
    .items;
  const sums = new Map<string, bigint>();
  for (const { id, balance, currency } of accounts) add(sums, `${names.account(id)} ${currency}`, parseMoney(balance));
  const totals = 'select * from monthly_totals where user_id = ?';
  for (const row of await database.em().execute<Record<string, string>[]>(totals, [userId])) {
    const kind = row['kind'] as 'income' | 'expense';
    const category = names.category(kind, row['category_id'] || null);
    // A refund lowers what was spent, a reversal what was earned.
    const sign = category.startsWith('income') === (kind === 'income') ? 1n : -1n;
    add(sums, `${row['month']} ${category} ${row['currency']}`, sign * moneyFromSql(database.dialect, row['total']));
  }
  return lines(sums);
}

function add(sums: Map<string, bigint>, key: string, value: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + value);
}

/** A text without what lines and spaces become of it. */
function words(text: string): string[] {
  return text.split(/[\s\u0085]+/u).filter(Boolean);
}

function plain(value: string): string {
  return value.replaceAll(',', '') || '0';
}

function lines(sums: ReadonlyMap<string, bigint>): string[] {
  const totals = [...sums].filter(([, value]) => value !== 0n).map(([key, value]) => `${key} ${formatMoney(value)}`);
  return totals.toSorted((a, b) => (a < b ? -1 : 1));
}
