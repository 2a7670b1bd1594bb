import type { ImportDateFormat } from '@finverse/shared';
import { type Columns, NO_COLUMNS, placeColumns } from './columns.ts';
import { parseDate } from './dates.ts';
import { directionOf } from './directions.ts';
import { glanceAtAmount } from './numbers.ts';
import { runningBalances } from './running-balances.ts';

type Rows = readonly (readonly string[])[];
type Places = ReturnType<typeof placeColumns>['places'];

/** The cells of a column that are not empty. */
export function cellsOf(rows: Rows, place: number | undefined): string[] {
  return place === undefined ? [] : rows.map((row) => row[place]?.trim() ?? '').filter((cell) => cell !== '');
}

/**
 * The columns that a header names, without those that hold something else: a kind where any cell says neither that money goes nor that it comes (unless most do,
 * and signs say otherwise: such a row is a fault), or all are empty, or some are and signs or other columns say as much; an id that several transactions have; a currency that is a date. Of an amount and a debit and credit beside it, those remain that say which way money goes.
 */
export function fitColumns(named: Columns, header: readonly string[], rows: Rows): Columns {
  const { places } = placeColumns(named, header, header.length);
  const columns = { ...named };
  const kinds = cellsOf(rows, places.kind);
  const said = kinds.filter((cell) => directionOf(cell) !== null).length;
  const isNone = said < kinds.length && !(said > kinds.length / 2 && isContradicted(rows, places));
  if (isNone || (kinds.length === 0 && rows.length > 0) || isKindNeedless(columns, rows, places)) columns.kind = null;
  if (hasRepeatedIds(rows, places)) columns.externalId = null;
  // In some languages a currency and the day on which money counts are one word.
  const currencies = cellsOf(rows, places.currency);
  if (currencies.length > 0 && currencies.every(isDate)) columns.currency = null;
  if (columns.amount === null) return columns;
  const hasSigns = columns.kind !== null || amountsOf(rows, places.amount).some(({ isBelowZero }) => isBelowZero);
  if (hasSigns || columns.debit === null || columns.credit === null) return { ...columns, debit: null, credit: null };
  return { ...columns, amount: null };
}

/** Whether the sign of any amount is another one than its row's word, so that it does not say which way money goes. */
export function isContradicted(
  rows: Rows,
  { kind, amount }: { kind?: number | undefined; amount?: number | undefined },
  isAmountInverted = false,
): boolean {
  return rows.some((row) => {
    const said = directionOf(row[kind ?? -1]?.trim() ?? '');
    const [figure] = amountsOf([row], amount);
    if (said === null || figure === undefined) return false;
    return (figure.isBelowZero !== isAmountInverted) !== (said === 'expense');
  });
}

/** Whether some cells of a kind are empty, and columns for each direction, or the signs of the amounts, say all that its words say: such a row is no fault then. */
export function isKindNeedless(columns: Columns, rows: Rows, places: Places, isAmountInverted = false): boolean {
  if (places.kind === undefined || cellsOf(rows, places.kind).length === rows.length) return false;
  if (columns.debit !== null && columns.credit !== null) return true;
  if (!amountsOf(rows, places.amount).some(({ isBelowZero }) => isBelowZero)) return false;
  return !isContradicted(rows, places, isAmountInverted);
}

/** An id that stands beside different dates, amounts or texts is none: rows of other transactions would be taken for duplicates. */
function hasRepeatedIds(rows: Rows, places: Places): boolean {
  if (places.externalId === undefined) return false;
  const figures = new Map<string, string>();
  return rows.some((row) => {
    const id = row[places.externalId ?? -1]?.trim() ?? '';
    const own = TOLD_APART_BY.map((field) => row[places[field] ?? -1]).join('\n');
    const before = figures.get(id);
    figures.set(id, own);
    return id !== '' && before !== undefined && before !== own;
  });
}

/** What two transactions may differ in that a bank gave one id. */
const TOLD_APART_BY = ['date', 'amount', 'debit', 'credit', 'payee', 'description'] as const;

/** What the amounts of a column look like, without those that are zero or no amounts. */
export function amountsOf(rows: Rows, place: number | undefined): NonNullable<ReturnType<typeof glanceAtAmount>>[] {
  return cellsOf(rows, place).flatMap((cell) => {
    const amount = glanceAtAmount(cell);
    return amount === null || amount.isZero ? [] : [amount];
  });
}

/**
 * The columns of rows without a header. Of several that hold numbers the amount is one with signs, then one with fractions, not a number of a cheque, nor a
 * running balance.
 */
export function guessByContent(rows: Rows, width: number): Columns {
  const share = (index: number, test: (cell: string) => boolean) =>
    rows.filter((row) => test(row[index]?.trim() ?? '')).length / Math.max(1, rows.length);
  const indexes = Array.from({ length: width }, (_, index) => index);
  const date = indexes.find((index) => share(index, isDate) > 0.8);
  const numbers = indexes.filter((index) => index !== date && share(index, isAmount) > 0.8);
  const weight = (index: number) => {
    const amounts = amountsOf(rows, index);
    return (
      (amounts.some(({ isBelowZero }) => isBelowZero) ? 2 : 0) +
      (amounts.some(({ hasFraction }) => hasFraction) ? 1 : 0)
    );
  };
  const balances = runningBalances(rows, indexes, numbers);
  const { directions } = balances;
  const candidates = numbers.filter((index) => !balances.places.has(index));
  const weights = new Map(candidates.map((index) => [index, weight(index)]));
  const amount = directions
    ? undefined
    : candidates.toSorted((one, other) => (weights.get(other) ?? 0) - (weights.get(one) ?? 0))[0];
  const texts = indexes.filter(
    (index) => index !== date && !numbers.includes(index) && share(index, (cell) => /\p{L}{3}/u.test(cell)) > 0.5,
  );
  const reference = (index: number | undefined) => (index === undefined ? null : `#${index + 1}`);
  return {
    ...NO_COLUMNS,
    date: reference(date),
    amount: reference(amount),
    debit: reference(directions?.debit),
    credit: reference(directions?.credit),
    payee: texts.length > 1 ? reference(texts[0]) : null,
    description: reference(texts.length > 1 ? texts[1] : texts[0]),
  };
}

const PLAUSIBLE: readonly ImportDateFormat[] = [
  'YYYY-MM-DD',
  'YYYY/MM/DD',
  'YYYYMMDD',
  'DD.MM.YYYY',
  'DD/MM/YYYY',
  'MM/DD/YYYY',
  'DD-MM-YYYY',
  'DD.MM.YY',
  'DD/MM/YY',
  'MM/DD/YY',
  'YY/MM/DD',
  'YY.MM.DD',
  'DD MMM YYYY',
  'MMM DD, YYYY',
];
const DATE_CHARACTERS_MAX = 60;

export function isDate(cell: string): boolean {
  return (
    cell.length <= DATE_CHARACTERS_MAX &&
    /\d/.test(cell) &&
    PLAUSIBLE.some((format) => parseDate(cell, format) !== null)
  );
}

export function isAmount(cell: string): boolean {
  return glanceAtAmount(cell) !== null && !isDate(cell);
}

/** Whether a row has a date and an amount. */
export function isTransaction(cells: readonly string[]): boolean {
  const trimmed = cells.map((cell) => cell.trim());
  return trimmed.some(isDate) && trimmed.some(isAmount);
}
