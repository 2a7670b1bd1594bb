import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deltasOf, entriesOf, isSameBooking, movedAccounts, searchable } from './ledger.rules.ts';
import type { Change, TransactionRecord } from './ledger.types.ts';

const BASE: TransactionRecord = {
  id: 'txn_1',
  kind: 'expense',
  accountId: 'a',
  amount: 10n,
  currency: 'EUR',
  occurredOn: '2026-02-28',
  description: '',
  payee: '',
  note: '',
  categoryId: null,
  tags: [],
  splits: [],
  transfer: null,
  attachments: [],
  source: 'manual',
  externalId: null,
  contentHash: null,
  marks: { own: null, to: null },
  createdAtMs: 0,
  updatedAtMs: 0,
};
const record = (fields: Partial<TransactionRecord>): TransactionRecord => ({ ...BASE, ...fields });

const units = fc.bigInt({ min: 1n, max: 10n ** 18n - 1n });
const signedUnits = fc.oneof(
  units,
  units.map((each) => -each),
);
const place = {
  accountId: fc.constantFrom('a', 'b', 'c'),
  occurredOn: fc.constantFrom('2026-01-31', '2026-02-01', '2026-02-28'),
};
const category = fc.option(fc.constantFrom('x', 'y'));
const anyRecord: fc.Arbitrary<TransactionRecord> = fc.oneof(
  fc.record({ kind: fc.constantFrom('income', 'expense'), ...place, amount: units, categoryId: category }).map(record),
  fc
    .record({
      ...place,
      amount: signedUnits,
    })
    .map((each) => record({ ...each, kind: 'opening' })),
  fc
    .record({ ...place, amount: units, toAmount: units, toAccountId: fc.constantFrom('d', 'e') })
    .map(({ toAmount, toAccountId, ...each }) =>
      record({ ...each, kind: 'transfer', transfer: { toAccountId, toAmount, toCurrency: 'USD', rate: null } }),
    ),
  fc
    .record({
      kind: fc.constantFrom('income', 'expense'),
      ...place,
      splits: fc.array(fc.record({ amount: signedUnits, categoryId: category, note: fc.constantFrom('', 'n') }), {
        minLength: 1,
        maxLength: 4,
      }),
    })
    .map((each) => record({ ...each, amount: each.splits.reduce((sum, { amount }) => sum + amount, 0n) })),
);
const anyChange: fc.Arbitrary<Change> = fc.record({ before: fc.option(anyRecord), after: fc.option(anyRecord) });

describe('entries', () => {
  test('what a transaction does to its account is its amount, with the sign of its kind', () => {
    fc.assert(
      fc.property(anyRecord, (transaction) => {
        const own = entriesOf(transaction).filter(({ line }) => transaction.kind !== 'transfer' || line === 0);
        const sign = { income: 1n, expense: -1n, transfer: -1n, opening: 1n }[transaction.kind];
        expect(own.reduce((sum, { amount }) => sum + amount, 0n)).toBe(sign * transaction.amount);
        expect(own.every(({ accountId }) => accountId === transaction.accountId)).toBe(true);
        expect(entriesOf(transaction).map(({ line }) => line)).toEqual(entriesOf(transaction).map((_, line) => line));
      }),
    );
  });

  test('a transfer that goes nowhere has none', () => {
    expect(() => entriesOf(record({ kind: 'transfer' }))).toThrow('goes nowhere');
  });
});

describe('differences', () => {
  test('of any changes are those of all entries that come less all that go, for every sum that is kept', () => {
    fc.assert(
      fc.property(fc.array(anyChange, { maxLength: 8 }), (changes) => {
        const sums = new Map<string, { amount: bigint; count: number }>();
        const add = (key: string, amount: bigint, count: number) => {
          const known = sums.get(key) ?? { amount: 0n, count: 0 };
          sums.set(key, { amount: known.amount + amount, count: known.count + count });
        };
        for (const { before, after } of changes) {
          for (const [transaction, sign] of [
            [before, -1],
            [after, 1],
          ] as const) {
            for (const entry of transaction ? entriesOf(transaction) : []) {
              const { kind, occurredOn } = transaction as TransactionRecord;
              const amount = BigInt(sign) * entry.amount;
              const month = occurredOn.slice(0, 7);
              add(`balance ${entry.accountId}`, amount, 0);
              add(`month ${entry.accountId} ${month}`, amount, sign);
              if (kind === 'income')
                add(`total ${month} ${entry.currency} income ${entry.categoryId ?? ''}`, amount, sign);
              if (kind === 'expense')
                add(`total ${month} ${entry.currency} expense ${entry.categoryId ?? ''}`, -amount, sign);
            }
          }
        }
        const deltas = deltasOf(changes);
        const found = [
          ...[...deltas.balances].map(([id, amount]) => [`balance ${id}`, { amount, count: 0 }] as const),
          ...deltas.accountMonths.map(
            ({ accountId, month, amount, count }) => [`month ${accountId} ${month}`, { amount, count }] as const,
          ),
          ...deltas.monthlyTotals.map(
            ({ month, currency, kind, categoryId, amount, count }) =>
              [`total ${month} ${currency} ${kind} ${categoryId}`, { amount, count }] as const,
          ),
        ];
        expect(new Set(found.map(([key]) => key)).size).toBe(found.length);
        expect(new Map(found)).toEqual(
          new Map([...sums].filter(([, { amount, count }]) => amount !== 0n || count !== 0)),
        );
      }),
    );
  });

  test('of what comes and goes again are none', () => {
    fc.assert(
      fc.property(anyRecord, (each) => {
        const none = { balances: new Map(), accountMonths: [], monthlyTotals: [] };
        expect(deltasOf([{ before: each, after: each }])).toEqual(none);
        expect(
          deltasOf([
            { before: null, after: each },
            { before: each, after: null },
          ]),
        ).toEqual(none);
      }),
    );
  });
});

describe('a booking', () => {
  test('is the same whatever is written about it, and another one for everything that an entry holds', () => {
    fc.assert(
      fc.property(anyRecord, (each) => {
        expect(isSameBooking(each, { ...each, payee: 'p', note: 'n', tags: ['t'], updatedAtMs: 9 })).toBe(true);
        expect(isSameBooking(each, { ...each, occurredOn: '2026-12-31' })).toBe(false);
        expect(isSameBooking(each, { ...each, accountId: 'z' })).toBe(false);
      }),
    );
    const split = record({
      splits: [
        { amount: 4n, categoryId: 'x', note: '' },
        { amount: 6n, categoryId: null, note: '' },
      ],
    });
    const [first, second] = split.splits as [TransactionRecord['splits'][number], TransactionRecord['splits'][number]];
    for (const splits of [
      [second, first],
      [{ ...first, note: 'n' }, second],
      [{ ...first, categoryId: 'y' }, second],
    ]) {
      expect(isSameBooking(split, { ...split, splits })).toBe(false);
    }
  });

  test('moves money on an account when amount or date there change, and not when only the filing does', () => {
    fc.assert(
      fc.property(anyRecord, (each) => {
        const all = [...new Set(entriesOf(each).map(({ accountId }) => accountId))].toSorted();
        expect(movedAccounts({ before: null, after: each })).toEqual(all);
        expect(movedAccounts({ before: each, after: null })).toEqual(all);
        expect(movedAccounts({ before: each, after: { ...each, occurredOn: '2026-12-31' } })).toEqual(all);
        expect(movedAccounts({ before: each, after: { ...each, payee: 'p', categoryId: 'other' } })).toEqual([]);
      }),
    );
    const there = record({ accountId: 'b' });
    expect(movedAccounts({ before: BASE, after: there })).toEqual(['a', 'b']);
    const parts = [
      { amount: 4n, categoryId: 'x', note: '' },
      { amount: 6n, categoryId: null, note: '' },
    ];
    expect(movedAccounts({ before: BASE, after: record({ splits: parts }) })).toEqual([]);
  });
});

test('text is searched without regard to case and composition, and kept up to a bound', () => {
  expect(searchable('La\u0308den', '', 'ﬁ')).toBe('läden\nfi');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 2000 }), (text) => {
      const found = searchable(text, 'ﷺ'.repeat(2_000));
      expect(found.length).toBeLessThanOrEqual(13_000);
      expect(found.isWellFormed()).toBe(true);
      expect(searchable(found)).toBe(found);
    }),
  );
});
