import { IMPORT_SKIP_LINES_MAX, type ImportSettings, type ImportSettingsInput } from '@finverse/shared';
import { isAmount, isDate, isTransaction } from './column-contents.ts';
import { guessColumns, placeColumns } from './columns.ts';
import { type SampleRow, sampleRows } from './csv-rows.ts';

/** The beginning of a file, or the whole of it. */
export type Sample = { text: string; isWhole: boolean };

/** The rows of a sample as a delimiter separates their cells, and how many lines stand before its table. */
type Layout = { delimiter: ImportSettings['delimiter']; rows: readonly SampleRow[]; skipRows: number };
type Rows = readonly (readonly string[])[];

const DELIMITERS = [',', ';', '\t', '|'] as const;
const HEADER_SEARCH_ROWS = 30;
/** The cells that are looked at for a header, and for how many rows are transactions: the work is bounded however wide the rows are. */
const COUNTED_CELLS_MAX = 5000;

/**
 * What separates the cells of a file, and where its table begins. The delimiter is the one by which the most rows have a date and an amount; where as many do,
 * one by which a header names both; then the one by which the most rows have the same width, and the widest.
 */
export function detectLayout(
  { text, isWhole }: Sample,
  given: Pick<ImportSettingsInput, 'delimiter' | 'skipRows'>,
): Layout {
  const delimiters = given.delimiter === undefined ? DELIMITERS : [given.delimiter];
  const layouts = delimiters.map((delimiter): Layout => {
    const rows = sampleRows(text, { delimiter, isWhole });
    return { delimiter, rows, skipRows: given.skipRows ?? linesBefore(rows) };
  });
  const [only, ...others] = layouts;
  if (only && others.length === 0) return only;
  const scored = layouts.map((layout) => ({ layout, score: scoreOf(layout) }));
  return scored.reduce((best, next) => (isHigher(next.score, best.score) ? next : best)).layout;
}

function cellsOfRow({ cells }: SampleRow): readonly string[] {
  return cells;
}

/** The lines that stand before the table; none where no other row does, since empty lines are no rows. */
function linesBefore(rows: readonly SampleRow[]): number {
  const end = rows.findIndex(({ line }, index) => index === HEADER_SEARCH_ROWS || line > IMPORT_SKIP_LINES_MAX + 1);
  const index = firstOfTable(rows.map(cellsOfRow), end < 0 ? rows.length : end);
  return index === 0 ? 0 : (rows[index]?.line ?? 1) - 1;
}

/** Figures of which the first one counts most. */
function scoreOf({ rows, skipRows }: Layout): readonly number[] {
  const body = rows.filter(({ line }) => line > skipRows).map(cellsOfRow);
  const { width, count } = usualWidth(body);
  const evenness = width > 1 ? count / body.length + width / 1000 : 0;
  return [countTransactions(body), body[0] && placesOfHeader(body[0]) ? 1 : 0, evenness];
}

function isHigher(one: readonly number[], other: readonly number[]): boolean {
  const place = one.findIndex((figure, index) => figure !== other[index]);
  return place >= 0 && (one[place] ?? 0) > (other[place] ?? 0);
}

function countTransactions(rows: Rows): number {
  return bounded(rows).filter(isTransaction).length;
}

/** The first rows, as many as have few enough cells. */
function bounded(rows: Rows): Rows {
  let cells = 0;
  const end = rows.findIndex(({ length }) => (cells += length) > COUNTED_CELLS_MAX);
  return end < 0 ? rows : rows.slice(0, end);
}

/**
 * The row that a table begins with: of those that name a date and an amount, the one that the most rows fit. Without one, the header that stands nearest before
 * the first transaction, or the first row that is as wide as transactions are. Banks put a few lines of their own before it, of which there may be more than
 * transactions, and a spreadsheet makes them as wide as the table. Only the first `searchedCount` rows are looked at for it.
 */
function firstOfTable(rows: Rows, searchedCount: number): number {
  const searched = bounded(rows.slice(0, searchedCount));
  let best = { index: -1, fitting: -1 };
  for (const [index, row] of searched.entries()) {
    const places = placesOfHeader(row);
    if (!places) continue;
    const fitting = bounded(rows.slice(index + 1)).filter((each) => isFitting(each, places)).length;
    if (fitting > best.fitting) best = { index, fitting };
  }
  return best.index >= 0 ? best.index : firstOfUsualWidth(rows, searched);
}

type HeaderPlaces = { width: number; date: number; amounts: number[] };

/** Where a header has its date and its amounts; null for a row that is no header, or names not both. */
function placesOfHeader(row: readonly string[]): HeaderPlaces | null {
  if (row.length < 2 || !isHeader(row)) return null;
  const { places } = placeColumns(guessColumns(row), row, row.length);
  const amounts = [places.amount, places.debit, places.credit].filter((place) => place !== undefined);
  return places.date === undefined || amounts.length === 0 ? null : { width: row.length, date: places.date, amounts };
}

function isFitting(row: readonly string[], { width, date, amounts }: HeaderPlaces): boolean {
  if (Math.abs(row.length - width) > 1 || !isDate(row[date]?.trim() ?? '')) return false;
  return amounts.some((place) => isAmount(row[place]?.trim() ?? ''));
}

function usualWidth(rows: Rows): { width: number; count: number } {
  const counts = new Map<number, number>();
  for (const { length } of rows) counts.set(length, (counts.get(length) ?? 0) + 1);
  let usual = { width: 0, count: 0 };
  for (const [width, count] of counts) if (count > usual.count) usual = { width, count };
  return usual;
}

/** Where no header names what is looked for. A header may lack a name for the empty cell with which every row ends. */
function firstOfUsualWidth(rows: Rows, searched: Rows): number {
  const transactions = bounded(rows).filter(isTransaction);
  const { width } = usualWidth(transactions.length > 0 ? transactions : rows);
  const first = searched.findIndex((row) => row.length === width && (transactions.length === 0 || isTransaction(row)));
  const isNamed = (row: readonly string[]) =>
    row.length === width && isHeader(row) && row.filter((cell) => cell.trim() !== '').length * 2 > width;
  const header = transactions.length === 0 ? -1 : searched.slice(0, Math.max(0, first)).findLastIndex(isNamed);
  const index = header >= 0 ? header : searched.findIndex((row) => row.length === width);
  const before = rows[index - 1];
  const isHeaderBefore = before !== undefined && width > 2 && before.length === width - 1 && isHeader(before);
  return isHeaderBefore && rows[index]?.at(-1)?.trim() === '' ? index - 1 : Math.max(0, index);
}

/** A header holds neither dates nor amounts. */
export function isHeader(row: readonly string[]): boolean {
  return !row.some((cell) => isDate(cell.trim()) || isAmount(cell.trim()));
}
