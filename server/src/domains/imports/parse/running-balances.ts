import { glanceAtAmount } from './numbers.ts';

type Rows = readonly (readonly string[])[];
/** Figures of a column, one for each row; null where a cell has none. */
type Figures = readonly (number | null)[];

/** The rows and the columns that are looked at: the work is bounded however many there are. */
const ROWS_MAX = 50;
const COLUMNS_MAX = 12;

/**
 * The columns that are balances: from row to row, down or up the table, they change by the amount of another column, or by what stands in one of two, of which
 * one has what goes and the other what comes (`directions`, where nothing else says so).
 */
export function runningBalances(
  rows: Rows,
  columns: readonly number[],
  numbers: readonly number[],
): { places: ReadonlySet<number>; directions: { debit: number; credit: number } | null } {
  const figures = new Map(columns.map((place) => [place, figuresOf(rows.slice(0, ROWS_MAX), place)]));
  const of = (place: number) => figures.get(place) ?? [];
  const full = numbers.slice(0, COLUMNS_MAX);
  const halves = columns.filter((place) => !numbers.includes(place) && of(place).some(Boolean)).slice(0, COLUMNS_MAX);
  const changes = full.flatMap((place) => changesOf(of(place)).map((change) => ({ place, change })));
  const ofOne = changes.filter(({ place, change }) =>
    full.some((other) => other !== place && change.every((by, row) => by === null || isSize(of(other)[row], by))),
  );
  if (ofOne.length > 0) return { places: new Set(ofOne.map(({ place }) => place)), directions: null };
  for (const { place, change } of changes) {
    const amounts = [...full.filter((other) => other !== place), ...halves];
    const isOf = (column: number, sign: 1 | -1) =>
      change.every((by, row) => by === null || (by * sign > 0 ? isSize(of(column)[row], by) : !of(column)[row]));
    const debit = amounts.find((column) => isOf(column, -1));
    const credit = amounts.find((column) => isOf(column, 1));
    if (debit !== undefined && credit !== undefined && debit !== credit)
      return { places: new Set([place]), directions: { debit, credit } };
  }
  return { places: new Set(), directions: null };
}

function isSize(figure: number | null | undefined, change: number): boolean {
  return figure !== null && figure !== undefined && Math.abs(figure) === Math.abs(change);
}

/** The rows from which on changes say something: of two, the amounts of an account that began with nothing may look like its balances. */
const ROWS_MIN = 3;

/** By how much a column changes at each row, read down and read up; none where it does not change, or has a row without a figure. */
function changesOf(figures: Figures): Figures[] {
  if (figures.length < ROWS_MIN || figures.includes(null)) return [];
  const change = (from: number, to: number) => Number(figures[to]) - Number(figures[from]);
  const down = figures.map((_, row) => (row === 0 ? null : change(row - 1, row)));
  const up = figures.map((_, row) => (row === figures.length - 1 ? null : change(row + 1, row)));
  return [down, up].filter((each) => each.every((by) => by !== 0));
}

/** Digits with their sign: whole numbers in the least unit where all cells have as many digits behind the point, as those of a bank have. */
function figuresOf(rows: Rows, place: number): Figures {
  return rows.map((row) => {
    const cell = row[place]?.trim() ?? '';
    const amount = glanceAtAmount(cell);
    if (amount === null) return null;
    const size = Number(cell.replace(/\D/g, ''));
    return amount.isBelowZero ? -size : size;
  });
}
