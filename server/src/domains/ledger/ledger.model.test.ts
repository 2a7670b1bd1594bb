import {
  type CategoryKind,
  formatMoney,
  parseMoney,
  type TransactionOut,
  type TransactionUpdate,
} from '@finverse/shared';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { type Database, moneyFromSql } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { AppError } from '../../kernel/errors.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { checkLedger } from './integrity.ts';
import { type Automation, automationCommands, noAutomation, runAutomation } from './test-automation.ts';
import { type Copies, emptyCopies, expectCopied, pullAll } from './test-copies.ts';
import { expectLocked, runStatement, statementCommands, type Statements, comparable } from './test-statements.ts';
import { draft, type Draft, ledgerOn, type TestLedger } from './test-ledger.ts';

/** Amounts of every size that a ledger takes, most of them ordinary. */
const amount = fc
  .oneof(
    { weight: 8, arbitrary: fc.bigInt({ min: 1n, max: 10n ** 12n }) },
    { weight: 1, arbitrary: fc.bigInt({ min: 1n, max: 9n }) },
    { weight: 1, arbitrary: fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }) },
  )
  .map(formatMoney);
const date = fc
  .record({ month: fc.integer({ min: 1, max: 4 }), day: fc.integer({ min: 1, max: 28 }) })
  .map(({ month, day }) => `2026-0${month}-${String(day).padStart(2, '0')}`);
/** Which of what there is; taken modulo its number. */
const pick = fc.nat({ max: 50 });

/** What a part of a split is; some take away. */
const signedPart = fc
  .tuple(fc.bigInt({ min: 1n, max: 10n ** 12n }), fc.nat({ max: 3 }))
  .map(([units, sign]) => (sign === 0 ? -units : units));
const signed = fc.bigInt({ min: -(10n ** 11n), max: 10n ** 11n }).map(formatMoney);
const money = { amount, occurredOn: date, account: pick, category: fc.option(pick) };
const anyCommand = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('income', 'expense'), ...money }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('transfer'), ...money, to: pick, toAmount: amount }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('split'),
      ...money,
      kind: fc.constantFrom('income', 'expense'),
      parts: fc.array(signedPart, { minLength: 2, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete'), which: pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('editMoney'), which: pick, ...money }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refile'), which: pick, category: fc.option(pick) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('changeKind'), which: pick, to: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('bulk'), ...money, which: pick, gone: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('archive'), account: pick, isArchived: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('opening'),
      account: pick,
      amount: signed,
      occurredOn: date,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('moveEntries'), account: pick, to: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('merge'), category: pick, into: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('changeSide'),
      category: pick,
      side: fc.constantFrom('income', 'expense', 'both'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('byRate'),
      ...money,
      toDollars: fc.boolean(),
      rate: fc.constantFrom('1.0825', '0.00371', '141.5'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('editAmount'), which: pick, amount }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('editSplits'),
      which: pick,
      parts: fc.array(signedPart, { minLength: 2, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('deleteCategory'), category: pick, into: fc.option(pick) }) },
  ...automationCommands({ pick, date, amount }),
  ...statementCommands(pick, date, signed),
);
type Command = Record<string, unknown> & { do: string };
/** What there is when the commands begin, so that those of many transactions at once have some. */
const beginning: readonly Command[] = [
  { do: 'expense', account: 0, amount: '12.5', occurredOn: '2026-01-31', category: 0 },
  { do: 'split', kind: 'expense', account: 1, occurredOn: '2026-02-01', parts: [20n, -3n, 5n] },
  {
    do: 'import',
    account: 0,
    rows: [true, false, false].map((isIncome) => ({ amount: '7.00000000', occurredOn: '2026-03-03', isIncome })),
  },
];
/** By how many rows at a time a client asks for what has changed, after every second command or so. */
const anyPull = fc.option(fc.integer({ min: 1, max: 9 }), { freq: 2 });

/** Begins after all that the commands plan; recurring transactions begin at most a year back. */
const aheadMs = Date.parse('2026-08-02T12:00:00Z') - systemClock.now();
const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let ledger: TestLedger;
  beforeEach(async () => {
    database = await databases.openMigrated();
    ledger = ledgerOn(database, clock);
  });

  test('money is conserved: after any sequence, every kept figure is what a naive recomputation says', async () => {
    let applied = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(anyCommand, anyPull), { minLength: 5, maxLength: 40, size: 'max' }),
        async (commands) => {
          const world = await openWorld(database, ledger);
          for (const each of beginning) await run(world, each);
          for (const [each, pulled] of commands) {
            try {
              await run(world, each);
              applied += 1;
            } catch (error) {
              // A refusal is an answer like any other; what it must not do is leave half of itself behind.
              if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
              refused += 1;
            }
            if (pulled !== null) await pullAll(world, pulled);
          }
          await expectConserved(database, world);
        },
      ),
      { numRuns: databases.driver === 'sqlite' ? 25 : 12 },
    );
    expect(applied).toBeGreaterThan(refused);
  }, 240_000);
});

type World = {
  database: Database;
  clock: Clock;
  ledger: TestLedger;
  userId: string;
  accounts: string[];
  categories: string[];
  transactions: Map<string, TransactionOut>;
  openings: Map<string, string>;
  statements: Statements;
  automation: Automation;
  copies: Copies;
};

async function openWorld(database: Database, ledger: TestLedger): Promise<World> {
  const userId = await ledger.person();
  const accounts: string[] = [];
  const kinds = ['wallet', 'saving', 'credit', 'investment'] as const;
  for (const [index, currency] of ['EUR', 'EUR', 'EUR', 'USD'].entries()) {
    const { id } = await ledger.accounts.create(ledger.commit, userId, {
      name: `Account ${index}`,
      type: kinds[index] ?? 'wallet',
      currency,
      creditLimit: kinds[index] === 'credit' ? '5000' : null,
      openingBalance: '0',
      icon: null,
      color: null,
      note: '',
      isHidden: false,
    });
    accounts.push(id);
  }
  const world: World = {
    database,
    clock,
    ledger,
    userId,
    accounts,
    categories: [],
    transactions: new Map(),
    openings: new Map(),
    statements: { open: new Map(), locked: new Map() },
    automation: noAutomation(),
    copies: emptyCopies(),
  };
  // Of each side, so that much of what is filed is a refund or a reversal.
  for (const kind of ['expense', 'income', 'expense', 'both'] as const) await addCategory(world, kind);
  return world;
}

async function addCategory({ ledger, userId, categories }: World, kind: CategoryKind): Promise<void> {
  const fields = { name: `Category ${(names += 1)}`, kind, parentId: null, icon: null, color: null };
  categories.push((await ledger.categories.create(ledger.commit, userId, fields)).id);
}

let names = 0;

/** What is filed under a category that is gone is under another, or under none. Another category takes its place for what comes. */
async function refileAll(world: World, from: string, into: string | null): Promise<void> {
  world.categories = world.categories.filter((id) => id !== from);
  const moved = (id: string | null) => (id === from ? into : id);
  for (const each of world.transactions.values()) {
    world.transactions.set(each.id, {
      ...each,
      categoryId: moved(each.categoryId),
      splits: each.splits.map((split) => ({ ...split, categoryId: moved(split.categoryId) })),
    });
  }
  await addCategory(world, 'both');
}

/** Does it for real, and keeps what the answers say: the model is the sum of the answers. */
async function run(world: World, command: Command): Promise<void> {
  const { ledger, userId, transactions } = world;
  const { commit } = ledger;
  const account = world.accounts[Number(command['account'] ?? 0) % world.accounts.length] as string;
  const to = world.accounts[Number(command['to'] ?? 0) % world.accounts.length] as string;
  const categoryId =
    command['category'] === null || command['category'] === undefined
      ? null
      : (world.categories[Number(command['category']) % world.categories.length] as string);
  const known = [...transactions.values()];
  const chosen = known[Number(command['which'] ?? 0) % Math.max(1, known.length)];
  const base = { accountId: account, amount: command['amount'] as string, occurredOn: command['occurredOn'] as string };
  const keep = (made: readonly TransactionOut[]) => made.forEach((each) => transactions.set(each.id, each));
  const made =
    (await runStatement(world, command, account)) ??
    (await runAutomation(world, command, { accountId: account, categoryId }));
  if (made) return keep(made);
  const create = async (fields: Draft) => keep([await ledger.transactions.create(commit, userId, draft(fields))]);
  switch (command.do) {
    case 'income':
    case 'expense':
      return create({ kind: command.do, ...base, categoryId });
    case 'transfer':
      return create({
        kind: 'transfer',
        ...base,
        transfer: {
          toAccountId: to,
          ...(to === world.accounts[3] || account === world.accounts[3]
            ? { toAmount: command['toAmount'] as string }
            : {}),
        },
      });
    case 'split': {
      const kind = command['kind'] as 'income' | 'expense';
      return create({ kind, ...base, ...partsOf(command['parts'] as bigint[], world.categories) });
    }
    case 'delete':
      if (!chosen) return;
      await ledger.transactions.remove(commit, userId, chosen.id);
      transactions.delete(chosen.id);
      return;
    case 'editMoney':
      if (chosen) keep([await ledger.transactions.update(commit, userId, { id: chosen.id, ...base, splits: [] })]);
      return;
    case 'refile':
      if (chosen) keep([await ledger.transactions.update(commit, userId, { id: chosen.id, categoryId })]);
      return;
    case 'changeKind': {
      if (!chosen) return;
      const isTransfer = chosen.kind !== 'transfer';
      const changes: Omit<TransactionUpdate, 'id'> = isTransfer
        ? { kind: 'transfer', transfer: { toAccountId: to }, categoryId: null, splits: [] }
        : { kind: 'income', transfer: null };
      keep([await ledger.transactions.update(commit, userId, { id: chosen.id, ...changes })]);
      return;
    }
    case 'bulk': {
      const gone = known[Number(command['gone']) % Math.max(1, known.length)];
      const outcome = await ledger.transactions.bulk(commit, userId, {
        create: [draft({ kind: 'income', ...base, categoryId }), draft({ kind: 'expense', ...base })],
        update: chosen && chosen !== gone ? [{ id: chosen.id, occurredOn: base.occurredOn }] : [],
        delete: gone ? [gone.id] : [],
      });
      keep([...outcome.created, ...outcome.updated]);
      for (const id of outcome.deleted) transactions.delete(id);
      return;
    }
    case 'archive':
      await ledger.accounts.setArchived(commit, userId, { id: account, isArchived: command['isArchived'] as boolean });
      return;
    case 'opening': {
      const { amount: openingBalance, occurredOn: openedOn } = base;
      await ledger.accounts.update(commit, userId, { id: account, openingBalance, openedOn });
      world.openings.set(account, openingBalance);
      return;
    }
    case 'moveEntries': {
      await ledger.accounts.moveEntries(commit, userId, { id: account, toAccountId: to });
      const both = [account, to].map((id) => parseMoney(world.openings.get(id) ?? '0'));
      world.openings.set(to, formatMoney(both.reduce((sum, units) => sum + units, 0n)));
      world.openings.delete(account);
      for (const each of known) {
        const moved = (id: string) => (id === account ? to : id);
        transactions.set(each.id, {
          ...each,
          accountId: moved(each.accountId),
          transfer: each.transfer && { ...each.transfer, toAccountId: moved(each.transfer.toAccountId) },
        });
      }
      return;
    }
    case 'merge': {
      const from = world.categories[Number(command['category']) % world.categories.length] as string;
      const into = world.categories[Number(command['into']) % world.categories.length] as string;
      await ledger.categories.merge(commit, userId, { id: from, intoId: into });
      await refileAll(world, from, into);
      return;
    }
    case 'deleteCategory': {
      if (categoryId === null) return;
      const into =
        command['into'] === null ? null : world.categories[Number(command['into']) % world.categories.length];
      await ledger.categories.remove(commit, userId, { id: categoryId, moveTo: into ?? null });
      await refileAll(world, categoryId, into ?? null);
      return;
    }
    case 'changeSide':
      if (categoryId === null) return;
      await ledger.categories.update(commit, userId, { id: categoryId, kind: command['side'] as CategoryKind });
      return;
    case 'byRate': {
      const [euros, dollars] = [world.accounts[Number(command['account']) % 3] as string, world.accounts[3] as string];
      const [accountId, toAccountId] = command['toDollars'] === true ? [euros, dollars] : [dollars, euros];
      const transfer = { toAccountId, rate: command['rate'] as string };
      return create({ kind: 'transfer', ...base, accountId, transfer });
    }
    case 'editAmount':
      if (chosen) keep([await ledger.transactions.update(commit, userId, { id: chosen.id, amount: base.amount })]);
      return;
    case 'editSplits': {
      const changes = { categoryId: null, ...partsOf(command['parts'] as bigint[], world.categories) };
      if (chosen) keep([await ledger.transactions.update(commit, userId, { id: chosen.id, ...changes })]);
      return;
    }
    default:
      throw new Error(`unknown command ${command.do}`);
  }
}

/** Parts that are not all taken away, and the amount that they sum up to. */
function partsOf(parts: readonly bigint[], categories: readonly string[]) {
  const sum = parts.reduce((total, units) => total + units, 0n);
  const whole = sum > 0n ? parts : [...parts, 1n - sum];
  return {
    amount: formatMoney(sum > 0n ? sum : 1n),
    splits: whole.map((units, index) => ({
      amount: formatMoney(units),
      categoryId: categories[index % 3] ?? null,
      note: '',
    })),
  };
}

/** Adds up, the simple way, what the answers said, and compares it with every figure that the database keeps. */
async function expectConserved(database: Database, world: World): Promise<void> {
  const { ledger, userId, transactions } = world;
  const balances = new Map(world.accounts.map((id) => [id, parseMoney(world.openings.get(id) ?? '0')]));
  const totals = new Map<string, { total: bigint; count: number }>();
  const add = (id: string, units: bigint) => balances.set(id, (balances.get(id) ?? 0n) + units);
  for (const {
    kind,
    accountId,
    amount: text,
    transfer,
    splits,
    categoryId,
    occurredOn,
    currency,
  } of transactions.values()) {
    const units = parseMoney(text);
    add(accountId, kind === 'income' ? units : -units);
    if (transfer) {
      add(transfer.toAccountId, parseMoney(transfer.toAmount));
      continue;
    }
    for (const part of splits.length > 0 ? splits : [{ amount: text, categoryId }]) {
      const key = [occurredOn.slice(0, 7), currency, kind, part.categoryId ?? ''].join(' ');
      const known = totals.get(key) ?? { total: 0n, count: 0 };
      totals.set(key, { total: known.total + parseMoney(part.amount), count: known.count + 1 });
    }
  }
  const { items } = await ledger.accounts.list(userId, { limit: 200, includeArchived: true, includeHidden: true });
  expect(new Map(items.map(({ id, balance }) => [id, balance]))).toEqual(
    new Map([...balances].map(([id, units]) => [id, formatMoney(units)])),
  );
  const rows = await database
    .em()
    .execute<Record<string, unknown>[]>('select * from monthly_totals where user_id = ?', [userId]);
  const kept = rows.map((row) => [
    ['month', 'currency', 'kind', 'category_id'].map((column) => row[column] as string).join(' '),
    { total: moneyFromSql(database.dialect, row['total']), count: Number(row['count']) },
  ]);
  expect(new Map(kept as [string, unknown][])).toEqual(totals);
  const check = await checkLedger(database.em(), database.dialect, { userId, differencesMax: 100 });
  expect(check.differences).toEqual([]);
  const listed = await ledger.transactions.list(userId, { limit: 200 });
  expect(listed.nextCursor).toBeNull();
  expect(await keptMonths(world)).toEqual(monthsOf(listed.items));
  const seen = listed.items.filter(({ kind }) => kind !== 'opening');
  expect(new Set(seen.map(({ id }) => id))).toEqual(new Set(transactions.keys()));
  for (const each of seen) expect(comparable(each)).toEqual(comparable(transactions.get(each.id) as TransactionOut));
  await expectLocked(world, listed.items);
  await expectCopied(world);
}

type Month = { total: bigint; count: number };

/** What each month did to each account, added up from what is listed. */
function monthsOf(listed: readonly TransactionOut[]): Map<string, Month> {
  const months = new Map<string, Month>();
  for (const { kind, accountId, amount: text, transfer, splits, occurredOn } of listed) {
    const add = (id: string, total: bigint, count: number) => {
      const key = `${id} ${occurredOn.slice(0, 7)}`;
      const known = months.get(key) ?? { total: 0n, count: 0 };
      months.set(key, { total: known.total + total, count: known.count + count });
    };
    const units = parseMoney(text);
    add(accountId, kind === 'income' || kind === 'opening' ? units : -units, Math.max(1, splits.length));
    if (transfer) add(transfer.toAccountId, parseMoney(transfer.toAmount), 1);
  }
  return months;
}

async function keptMonths({ database, userId }: World): Promise<Map<string, Month>> {
  const rows = await database
    .em()
    .execute<Record<string, unknown>[]>('select * from account_months where user_id = ?', [userId]);
  return new Map(
    rows.map((row) => [
      `${row['account_id'] as string} ${row['month'] as string}`,
      { total: moneyFromSql(database.dialect, row['total']), count: Number(row['count']) },
    ]),
  );
}
