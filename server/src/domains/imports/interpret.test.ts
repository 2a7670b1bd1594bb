import { expect, test } from 'vitest';
import { type ImportField, importFields, type ImportSettings } from '@finverse/shared';
import { interpreterOf } from './interpret.ts';

const book = {
  accounts: new Map([['Dollars', 'acc_usd']]),
  currencies: new Map<string, string>(),
  categories: () => [],
  openings: new Map(),
  usableIds: new Set<string>(),
  rules: { rules: [], checksPerSubject: 1 },
};

/** What rows with these columns become: `income 12.50`, or the faults. */
function read(
  fields: readonly ImportField[],
  rows: readonly string[][],
  settings: Partial<ImportSettings> = {},
): string[] {
  const interpret = interpreterOf({
    settings: {
      encoding: 'utf-8',
      delimiter: ',',
      skipRows: 0,
      hasHeader: true,
      dateFormat: 'YYYY-MM-DD',
      decimalSeparator: '.',
      isAmountInverted: false,
      unknownCategory: 'none',
      appliesRules: false,
      columns: Object.fromEntries(importFields.map((field) => [field, null])) as ImportSettings['columns'],
      ...settings,
    },
    places: Object.fromEntries([['date', 0], ...fields.map((field, index) => [field, index + 1])]),
    exchange: null,
    accountId: 'acc_eur',
    accountCurrency: 'EUR',
    source: 'bank',
    book,
  });
  return rows.map((cells) => {
    const draft = interpret(['2026-01-02', ...cells]);
    if (draft.kind === 'transaction') return `${draft.input.kind} ${Number(draft.input.amount)}`;
    return draft.kind === 'faulty' ? draft.faults.map(({ field }) => `! ${field}`).join(' ') : draft.kind;
  });
}

test('debits go and credits come, with or without a minus; signs that contradict are faults', () => {
  const debitCredit = (...rows: string[][]) => read(['debit', 'credit'], rows);
  expect(debitCredit(['10.00', ''], ['', '100'], ['0.00', '5'])).toEqual(['expense 10', 'income 100', 'income 5']);
  expect(debitCredit(['-10.00', ''], ['', '100'], ['-3', '0'])).toEqual(['expense 10', 'income 100', 'expense 3']);
  expect(debitCredit(['10.00', ''], ['-10.00', ''], ['', '100'])).toEqual(['expense 10', '! debit', 'income 100']);
  expect(debitCredit(['', '-5'], ['1', '1'], ['0', '0'], ['', ''])).toEqual([
    '! credit',
    '! credit',
    '! debit',
    '! debit',
  ]);
  expect(
    read(
      ['amount', 'debit'],
      [
        ['10', '10'],
        ['-10', ''],
        ['', '4'],
      ],
    ),
  ).toEqual(['! debit', 'expense 10', 'expense 4']);
});

test('a word says what goes and what comes; a sign that contradicts it, and a word that is missing, are faults', () => {
  const kinds = (rows: string[][], settings = {}) => read(['amount', 'kind'], rows, settings);
  expect(
    kinds([
      ['10', 'Af'],
      ['7', 'Bij'],
      ['3', 'Débit'],
    ]),
  ).toEqual(['expense 10', 'income 7', 'expense 3']);
  expect(
    kinds([
      ['-10', 'debit'],
      ['7', 'credit'],
    ]),
  ).toEqual(['expense 10', 'income 7']);
  expect(
    kinds([
      ['-10', 'credit'],
      ['7', ''],
      ['7', 'what'],
    ]),
  ).toEqual(['! amount', '! kind', '! kind']);
  expect(
    kinds([
      ['10', 'debit'],
      ['-10', 'debit'],
    ]),
  ).toEqual(['expense 10', '! amount']);
  expect(kinds([['-5', 'transfer']])).toEqual(['! amount']);
  expect(
    kinds(
      [
        ['10', 'debit'],
        ['-7', 'credit'],
      ],
      { isAmountInverted: true },
    ),
  ).toEqual(['expense 10', 'income 7']);
});

test('an amount is in the currency of its account: any other that its cell names is a fault', () => {
  const amounts = ['USD 12.00', '$20.00', '500 JPY', '12.00 EUR', '€12.00', '12.00 Deb'];
  expect(
    read(
      ['amount'],
      amounts.map((amount) => [amount]),
    ),
  ).toEqual(['! amount', '! amount', '! amount', 'income 12', 'income 12', '! amount']);
  const other = [
    ['$20.00', 'Dollars', 'usd'],
    ['€20.00', 'Dollars', 'USD'],
    ['$20.00', 'Dollars', ''],
  ];
  expect(read(['amount', 'account', 'currency'], other)).toEqual(['income 20', '! amount', '! amount']);
  expect(
    read(
      ['amount', 'currency'],
      [
        ['1', '((('],
        ['(1)', 'EUR'],
      ],
    ),
  ).toEqual(['income 1', 'expense 1']);
});

test('what is spent stands above zero on some statements; CR says itself that money came', () => {
  expect(read(['amount'], [['12.00'], ['-5.00'], ['50.00 CR'], ['3.00 DR']], { isAmountInverted: true })).toEqual([
    'expense 12',
    'income 5',
    'income 50',
    'expense 3',
  ]);
});

test('lists of more items than a transaction has are refused as one fault, and a row has few faults', () => {
  const faultsOf = (field: ImportField, cell: string) => read([field, 'amount'], [[cell, '1']])[0]?.split(' ! ') ?? [];
  const items = (count: number) => JSON.stringify(Array.from({ length: count }, () => ({})));
  expect(faultsOf('splits', items(15_000))).toEqual(['! splits']);
  expect(faultsOf('attachments', items(15_000))).toEqual(['! attachments']);
  expect(faultsOf('tags', 'a,'.repeat(700))).toEqual(['! tags']);
  expect(faultsOf('splits', items(50))).toHaveLength(10);
});
