import { formatMoney, parseMoney, transactionCreateInput, type TransactionUpdate } from '@finverse/shared';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { AppError } from '../../kernel/errors.ts';
import type { AccountRecord, CategoryRecord, TransactionRecord } from '../ledger/index.ts';
import { convert, edit, type Named, toRecord, toTransactionOut } from './transactions.rules.ts';

type Draft = z.input<typeof transactionCreateInput>;

const account = (id: string, currency: string): [string, AccountRecord] => [
  id,
  {
    id,
    name: id,
    type: 'wallet',
    currency,
    balance: 0n,
    creditLimit: null,
    openingTransactionId: null,
    icon: null,
    color: null,
    note: '',
    isHidden: false,
    archivedAtMs: null,
    createdAtMs: 0,
    updatedAtMs: 0,
  },
];
const category = (id: string, kind: CategoryRecord['kind'], archivedAtMs: number | null = null) =>
  [
    id,
    {
      id,
      parentId: null,
      name: id,
      kind,
      icon: null,
      color: null,
      systemKey: null,
      archivedAtMs,
      createdAtMs: 0,
      updatedAtMs: 0,
    },
  ] as const;

const named: Named = {
  accounts: new Map([
    account('eur', 'EUR'),
    account('eur2', 'EUR'),
    account('usd', 'USD'),
    account('usd2', 'USD'),
    account('yen', 'JPY'),
    account('dinar', 'KWD'),
  ]),
  categories: new Map([
    category('any', 'both'),
    category('in', 'income'),
    category('out', 'expense'),
    category('old', 'both', 1),
  ]),
};

const make = (fields: Partial<Draft>): TransactionRecord =>
  toRecord(
    transactionCreateInput.parse({
      kind: 'expense',
      accountId: 'eur',
      amount: '10',
      occurredOn: '2026-02-03',
      ...fields,
    }),
    named,
    {
      id: 'txn_1',
      nowMs: 1,
    },
  );
const change = (before: TransactionRecord, changes: Omit<TransactionUpdate, 'id'>, now = named) =>
  edit(before, { id: before.id, ...changes }, now, 2);

/** The fields that a refusal names. */
function refused(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe('VALIDATION_FAILED');
    return error.details.map(({ path }) => path);
  }
  throw new Error('it was accepted');
}

describe('a new transaction', () => {
  test.each<[string, Partial<Draft>, string]>([
    ['an account that is none', { accountId: 'nowhere' }, 'accountId'],
    ["a currency that is not the account's", { currency: 'USD' }, 'currency'],
    ['a category that is none', { categoryId: 'nothing' }, 'categoryId'],
    ['an archived category', { categoryId: 'old' }, 'categoryId'],
    ['a category beside splits', { categoryId: 'any', splits: [{ amount: '10' }] }, 'categoryId'],
    ['splits that are too little', { splits: [{ amount: '9.99999999' }] }, 'splits'],
    ['splits that are too much', { splits: [{ amount: '10' }, { amount: '0.00000001' }] }, 'splits'],
    [
      'a category of a split that is none',
      { splits: [{ amount: '4' }, { amount: '6', categoryId: 'x' }] },
      'splits.1.categoryId',
    ],
    ['a way to go', { transfer: { toAccountId: 'eur2' } }, 'transfer'],
  ])('an expense is refused with %s', (_, fields, path) => {
    expect(refused(() => make(fields))).toEqual([path]);
  });

  test('an income in a category of expenses is a refund, an expense in one of incomes a reversal, whole or in parts', () => {
    expect(make({ kind: 'income', categoryId: 'out' })).toMatchObject({ kind: 'income', categoryId: 'out' });
    expect(make({ categoryId: 'in' })).toMatchObject({ kind: 'expense', categoryId: 'in' });
    const splits = [
      { amount: '4', categoryId: 'out' },
      { amount: '6', categoryId: 'in' },
    ];
    for (const kind of ['income', 'expense'] as const) {
      expect(make({ kind, splits }).splits).toMatchObject(splits.map(({ categoryId }) => ({ categoryId })));
    }
  });

  test('parts of either sign sum up to the amount: a discount takes away; none is zero', () => {
    const taken = [{ amount: '13', categoryId: 'out' }, { amount: '-3' }];
    const { splits, amount } = toTransactionOut(make({ splits: taken }));
    expect(amount).toBe('10.00000000');
    expect(splits.map((each) => each.amount)).toEqual(['13.00000000', '-3.00000000']);
    expect(refused(() => make({ splits: [{ amount: '13' }, { amount: '-4' }] }))).toEqual(['splits']);
    expect(() => make({ splits: [{ amount: '10' }, { amount: '0' }] })).toThrow('must not be zero');
    expect(() => make({ amount: '-3', splits: [{ amount: '-3' }] })).toThrow('must be above zero');
  });

  test('what the parts add, before others take it away, is no more than an amount can be', () => {
    const takingAway = (added: string, taken: string) =>
      make({ splits: [{ amount: added }, { amount: added }, ...[taken, taken].map((amount) => ({ amount }))] });
    expect(takingAway('4999999999', '-4999999994').splits).toHaveLength(4);
    expect(refused(() => takingAway('5000000000', '-4999999995'))).toEqual(['splits']);
  });

  test.each<[string, Partial<Draft>, string]>([
    ['no way to go', {}, 'transfer'],
    ['a way to nowhere', { transfer: { toAccountId: 'nowhere' } }, 'transfer.toAccountId'],
    ['a way to itself', { transfer: { toAccountId: 'eur' } }, 'transfer.toAccountId'],
    ['a category', { categoryId: 'any', transfer: { toAccountId: 'eur2' } }, 'categoryId'],
    ['splits', { splits: [{ amount: '10' }], transfer: { toAccountId: 'eur2' } }, 'splits'],
    ['a rate within a currency', { transfer: { toAccountId: 'eur2', rate: '1' } }, 'transfer.rate'],
    [
      'another amount arriving within a currency',
      { transfer: { toAccountId: 'eur2', toAmount: '9' } },
      'transfer.toAmount',
    ],
    ['neither rate nor what arrives', { transfer: { toAccountId: 'usd' } }, 'transfer.toAmount'],
    [
      'a rate that says something else than what arrives',
      { transfer: { toAccountId: 'usd', rate: '2', toAmount: '20.00000001' } },
      'transfer.toAmount',
    ],
  ])('a transfer is refused with %s', (_, fields, path) => {
    expect(refused(() => make({ kind: 'transfer', ...fields }))).toEqual([path]);
  });

  test.each([
    ['nothing', '0.004', '1.1'],
    ['more than there can be', '9999999999', '2'],
  ])('of which %s arrives is refused naming both that it is reckoned from', (_, amount, rate) => {
    const transfer = { toAccountId: 'usd', rate };
    expect(refused(() => make({ kind: 'transfer', amount, transfer }))).toEqual(['amount', 'transfer.rate']);
  });

  test('what arrives is the amount by the rate, rounded once, half to even', () => {
    expect(formatMoney(convert(parseMoney('0.00000005'), '0.5', 1n))).toBe('0.00000002');
    expect(formatMoney(convert(parseMoney('0.00000003'), '0.5', 1n))).toBe('0.00000002');
    expect(formatMoney(convert(parseMoney('10'), '1.0825', 1n))).toBe('10.82500000');
    expect(formatMoney(convert(parseMoney('9999999999.99999999'), '0.000000000001', 1n))).toBe('0.01000000');
    expect(formatMoney(convert(parseMoney('10'), '1.0825', parseMoney('0.01')))).toBe('10.82000000');
    // Rounded to eight digits first it would be 2.005, and then 2.
    expect(formatMoney(convert(parseMoney('1'), '2.005000000001', parseMoney('0.01')))).toBe('2.01000000');
  });

  test.each([
    ['yen', '10', '150.3333333', '1503.00000000'],
    ['usd', '10', '1.0825', '10.82000000'],
    ['usd', '10', '1.0835', '10.84000000'],
    ['dinar', '10', '0.38255', '3.82600000'],
    ['dinar', '10', '0.3769', '3.76900000'],
  ])('by a rate %s get %s at %s as %s: what a bank books in that currency', (toAccountId, amount, rate, toAmount) => {
    const arrives = (transfer: object) =>
      toTransactionOut(make({ kind: 'transfer', amount, transfer: { toAccountId, rate, ...transfer } })).transfer;
    expect(arrives({})).toMatchObject({ toAmount, rate });
    expect(arrives({ toAmount })).toMatchObject({ toAmount, rate });
  });

  test('beside a rate what arrived is taken where it is the rounding, to either side in the middle, and no other amount', () => {
    const arrives = (toAmount: string) =>
      toTransactionOut(make({ kind: 'transfer', transfer: { toAccountId: 'usd', rate: '1.0825', toAmount } })).transfer;
    for (const toAmount of ['10.82000000', '10.83000000', '10.82500000'])
      expect(arrives(toAmount)).toMatchObject({ toAmount, rate: '1.0825' });
    for (const toAmount of ['10.81', '10.84', '10.824', '10.825001'])
      expect(refused(() => arrives(toAmount))).toEqual(['transfer.toAmount']);
  });
});

describe('an edit', () => {
  const plain = make({ categoryId: 'out', note: 'n', tags: ['t'] });
  const bare = make({});
  const split = make({
    splits: [{ amount: '4', categoryId: 'out', note: 'a' }, { amount: '6' }],
  });
  const toEur2 = { toAccountId: 'eur2' };
  const within = make({ kind: 'transfer', transfer: toEur2 });
  const across = make({ kind: 'transfer', transfer: { toAccountId: 'usd', toAmount: '11' } });
  const byRate = make({ kind: 'transfer', transfer: { toAccountId: 'usd', rate: '1.1' } });

  test('of nothing changes nothing but the time', () => {
    for (const before of [plain, split, within, across, byRate]) {
      expect(change(before, {})).toEqual({ ...before, updatedAtMs: 2 });
    }
  });

  test.each<[string, TransactionRecord, Omit<TransactionUpdate, 'id'>, object]>([
    ['another kind leaves the category', plain, { kind: 'income' }, { kind: 'income', categoryId: 'out' }],
    ['another kind leaves the splits', split, { kind: 'income' }, { kind: 'income', splits: split.splits }],
    [
      'a category replaces splits that are given up',
      split,
      { categoryId: 'any', splits: [] },
      { categoryId: 'any', splits: [] },
    ],
    ['no category leaves the splits', split, { categoryId: null }, { splits: split.splits }],
    [
      'splits take the category away',
      plain,
      { splits: [{ amount: '10', categoryId: null, note: '' }] },
      { categoryId: null },
    ],
    ['no splits leave no category', split, { splits: [] }, { categoryId: null, splits: [] }],
    [
      'amount and splits change together',
      split,
      { amount: '7', splits: [{ amount: '7', categoryId: 'any', note: '' }] },
      { amount: parseMoney('7'), splits: [{ amount: parseMoney('7'), categoryId: 'any', note: '' }] },
    ],
    [
      'a transfer takes the place of a category that is given up',
      plain,
      { kind: 'transfer', categoryId: null, transfer: { toAccountId: 'eur2' } },
      { categoryId: null, splits: [], transfer: within.transfer },
    ],
    [
      'a transfer takes the place of splits that are given up',
      split,
      { kind: 'transfer', splits: [], transfer: { toAccountId: 'eur2' } },
      { categoryId: null, splits: [], transfer: within.transfer },
    ],
    [
      'a transfer takes the place of nothing where there is nothing',
      bare,
      { kind: 'transfer', transfer: { toAccountId: 'eur2' } },
      { categoryId: null, splits: [], transfer: within.transfer },
    ],
    [
      'what is no transfer any more goes nowhere',
      across,
      { kind: 'expense', transfer: null },
      { transfer: null, categoryId: null },
    ],
    [
      'a new amount within a currency arrives whole',
      within,
      { amount: '3' },
      { transfer: { ...within.transfer, toAmount: parseMoney('3') } },
    ],
    [
      'a new amount and what arrives change together',
      across,
      { amount: '5', transfer: { toAccountId: 'usd', toAmount: '5.4' } },
      { transfer: { ...across.transfer, toAmount: parseMoney('5.4') } },
    ],
    [
      'a new amount moves what arrives by the rate',
      byRate,
      { amount: '20' },
      { transfer: { ...byRate.transfer, toAmount: parseMoney('22'), rate: '1.1' } },
    ],
    [
      'another text leaves what arrived without a rate',
      across,
      { amount: '10.00', note: 'fee' },
      { transfer: across.transfer },
    ],
    [
      'another text leaves what arrived by a rate, to eight digits too',
      make({ kind: 'transfer', transfer: { toAccountId: 'usd', rate: '1.0825', toAmount: '10.825' } }),
      { amount: '10', note: 'fee' },
      { transfer: { ...byRate.transfer, toAmount: parseMoney('10.825'), rate: '1.0825' } },
    ],
    [
      'an account in the currency of the other end makes both ends equal',
      across,
      { accountId: 'usd2', amount: '12' },
      { currency: 'USD', transfer: { ...across.transfer, toAmount: parseMoney('12') } },
    ],
    [
      'an account in another currency takes a new amount',
      plain,
      { accountId: 'usd', amount: '12' },
      { currency: 'USD', amount: parseMoney('12'), categoryId: 'out' },
    ],
  ])('%s', (_, before, changes, expected) => {
    expect(change(before, changes)).toMatchObject(expected);
  });

  test.each<[string, TransactionRecord, Omit<TransactionUpdate, 'id'>, string]>([
    ['a category beside splits that are there', split, { categoryId: 'any' }, 'categoryId'],
    ['a category and an amount beside splits that are there', split, { categoryId: 'any', amount: '7' }, 'categoryId'],
    ['a new amount without new splits', split, { amount: '11' }, 'splits'],
    ['an account in another currency without an amount', plain, { accountId: 'usd' }, 'amount'],
    ['the same for a transfer', across, { accountId: 'usd2' }, 'amount'],
    ['a new amount where what arrived was given without a rate', across, { amount: '5' }, 'transfer.toAmount'],
    ['an amount of which nothing would arrive by the rate', byRate, { amount: '0.004' }, 'amount'],
    ['an amount of which too much would arrive by the rate', byRate, { amount: '9999999999' }, 'amount'],
    [
      'a rate by which nothing would arrive of the amount',
      byRate,
      { transfer: { toAccountId: 'usd', rate: '0.0001' } },
      'transfer.rate',
    ],
    ['a transfer that would lose its category', plain, { kind: 'transfer', transfer: toEur2 }, 'categoryId'],
    ['the same beside no splits', plain, { kind: 'transfer', transfer: toEur2, splits: [] }, 'categoryId'],
    ['a transfer that would lose its splits', split, { kind: 'transfer', transfer: toEur2 }, 'splits'],
    ['the same beside no category', split, { kind: 'transfer', transfer: toEur2, categoryId: null }, 'splits'],
    ['another kind for a transfer that is not given up', across, { kind: 'expense' }, 'transfer'],
    ['the same within a currency', within, { kind: 'income' }, 'transfer'],
    ['a transfer that goes nowhere', within, { transfer: null }, 'transfer'],
    ['a transfer to where it comes from', within, { accountId: 'eur2' }, 'transfer.toAccountId'],
    ['a way to go for what is no transfer', plain, { transfer: { toAccountId: 'eur2' } }, 'transfer'],
    ['a new kind that would go nowhere', bare, { kind: 'transfer' }, 'transfer'],
    ['a category for a transfer', within, { categoryId: 'any' }, 'categoryId'],
    ['splits for a transfer', within, { splits: [{ amount: '10', categoryId: null, note: '' }] }, 'splits'],
    ['an archived category that it did not have', plain, { categoryId: 'old' }, 'categoryId'],
  ])('is refused: %s', (_, before, changes, path) => {
    expect(refused(() => change(before, changes))).toEqual([path]);
  });

  test('leaves a category alone that was archived since', () => {
    const archived: Named = { ...named, categories: new Map([...named.categories, category('out', 'expense', 5)]) };
    expect(change(plain, { payee: 'New' }, archived)).toMatchObject({ categoryId: 'out', payee: 'New' });
    expect(change(plain, { amount: '11', categoryId: 'out' }, archived)).toMatchObject({ categoryId: 'out' });
    expect(change(split, { payee: 'New' }, archived).splits).toEqual(split.splits);
  });

  test('of an amount to what it is moves nothing that arrives, whatever the two amounts are', () => {
    const units = fc.bigInt({ min: 1n, max: 10n ** 18n - 1n });
    fc.assert(
      fc.property(units, units, (amount, toAmount) => {
        const before = make({
          kind: 'transfer',
          amount: formatMoney(amount),
          transfer: { toAccountId: 'usd', toAmount: formatMoney(toAmount) },
        });
        expect(change(before, { amount: formatMoney(amount) }).transfer).toEqual(before.transfer);
      }),
    );
  });

  test('of any of the fields at once is refused by name, or leaves a transaction that a creation would make as well', () => {
    const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
    const anAmount = fc.constantFrom('1', '4', '6', '10', '10.00000001');
    const aCategory = fc.constantFrom('any', 'in', 'out', 'old', 'none', null);
    const anyChange = fc.record({
      kind: maybe(fc.constantFrom('income', 'expense', 'transfer')),
      accountId: maybe(fc.constantFrom('eur', 'eur2', 'usd', 'usd2', 'nowhere')),
      amount: maybe(anAmount),
      categoryId: maybe(aCategory),
      splits: maybe(
        fc.array(
          fc.record({
            amount: fc.oneof(anAmount, fc.constantFrom('-4', '-6')),
            categoryId: aCategory,
            note: fc.constant('s'),
          }),
          { maxLength: 3 },
        ),
      ),
      transfer: maybe(
        fc.option(
          fc.record(
            {
              toAccountId: fc.constantFrom('eur', 'eur2', 'usd'),
              toAmount: anAmount,
              rate: fc.constantFrom('1', '1.1'),
            },
            { requiredKeys: ['toAccountId'] },
          ),
        ),
      ),
    });
    fc.assert(
      fc.property(fc.constantFrom(plain, split, within, across, byRate), anyChange, (before, changes) => {
        const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
        let after: TransactionRecord;
        try {
          after = change(before, given);
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          expect(error.details.map(({ path }) => path.split('.')[0])).toSatisfy((paths: string[]) =>
            paths.every((path) => ['accountId', 'amount', 'categoryId', 'splits', 'transfer'].includes(path)),
          );
          return;
        }
        const { kind, accountId, amount, categoryId, splits, transfer } = toTransactionOut(after);
        // What was given is what it is.
        expect({ kind, accountId, categoryId }).toMatchObject(
          Object.fromEntries(Object.entries(given).filter(([name]) => ['kind', 'accountId'].includes(name))),
        );
        // What nobody spoke of is what it was; new splits alone take a category's place.
        if (changes.splits === undefined) expect(splits).toEqual(toTransactionOut(before).splits);
        if (changes.splits === undefined && changes.categoryId === undefined)
          expect(categoryId).toBe(before.categoryId);
        if (changes.transfer === undefined) expect(transfer?.toAccountId).toBe(before.transfer?.toAccountId);
        if (changes.amount !== undefined) expect(amount).toBe(formatMoney(parseMoney(changes.amount)));
        const again = make({
          kind: kind as 'income',
          accountId,
          amount,
          categoryId,
          splits,
          transfer: transfer && { toAccountId: transfer.toAccountId, toAmount: transfer.toAmount },
        });
        expect(toTransactionOut(again)).toMatchObject({ kind, accountId, amount, categoryId, splits });
        expect(again.transfer?.toAmount).toBe(after.transfer?.toAmount);
      }),
      { numRuns: 2_000 },
    );
  });

  test('of an opening balance goes through its account', () => {
    expect(() => change({ ...plain, kind: 'opening', categoryId: null }, { payee: 'p' })).toThrow(
      'through its account',
    );
  });
});
