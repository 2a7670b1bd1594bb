import type { ImportField, ImportSettings, ImportSettingsInput } from '@finverse/shared';
import { cellsOf, isAmount, isDate } from './column-contents.ts';
import { type Columns, NO_COLUMNS, placeColumns } from './columns.ts';
import { parseDate } from './dates.ts';
import { isTransaction, type OpenField } from './warnings.ts';

/**
 * The settings that were right for a source the last time, without those that nobody gave and its file left open: a format that nothing told, a column of
 * directions that there was none of. `width` is the number of its columns.
 */
export type Remembered = Omit<ImportSettings, OpenField | 'columns'> &
  Partial<Pick<ImportSettings, OpenField>> & { columns: Partial<Columns>; width?: number };

/** The columns that say which way money goes. */
const DIRECTIONS = ['kind', 'debit', 'credit'] as const satisfies ImportField[];
export type Direction = (typeof DIRECTIONS)[number];
/** The share of cells of the sample that must be what the column is remembered to hold. */
const FITTING_SHARE = 0.8;

/** What a file teaches of its source that was imported by these settings. */
export function lessonOf(
  settings: ImportSettings,
  {
    openFields,
    openDirections,
    columnNames,
  }: { openFields: readonly OpenField[]; openDirections: readonly Direction[]; columnNames: readonly string[] },
): Remembered {
  const lesson: Remembered = { ...settings, columns: { ...settings.columns }, width: columnNames.length };
  for (const field of openFields) delete lesson[field];
  for (const field of openDirections) delete lesson.columns[field];
  return lesson;
}

/** The columns of directions that there are none of, without anybody having said so: now, or when the source was learned. */
export function openDirectionsOf(
  columns: Columns,
  given: ImportSettingsInput['columns'],
  known: Remembered | null,
): Direction[] {
  // Whoever names the column of signed amounts wants none for each direction.
  const isRefused = (field: Direction) =>
    given?.[field] === null || (field !== 'kind' && typeof given?.amount === 'string');
  return DIRECTIONS.filter(
    (field) => columns[field] === null && !isRefused(field) && (known === null || isOpen(known, field)),
  );
}

/** Whether nobody has said that there is no such column. Without a width it is not known which of them were refused. */
function isOpen({ columns, width }: Remembered, field: Direction): boolean {
  return columns[field] === undefined || (columns[field] === null && width === undefined);
}

/** The beginning of a file as a table. */
export type Table = {
  /** What stands before the header or the first row. */
  skipped: readonly (readonly string[])[];
  header: readonly string[] | null;
  data: readonly (readonly string[])[];
  width: number;
  hasHeader: boolean;
  /** The columns that the table itself seems to have. */
  guessed: Columns;
};

/** The columns that are remembered. */
export function rememberedColumns({ columns }: Remembered): Columns {
  return { ...NO_COLUMNS, ...columns };
}

/**
 * Whether what is remembered of a source is true of this table: its columns are there and hold what they are to hold, and none that says which way money goes has
 * come since. Columns that are known by their places alone are those of a table as wide as the one before.
 */
export function isFitting(remembered: Remembered, { header, data, width, hasHeader, guessed }: Table): boolean {
  // The places of columns are those of a table that has lost its header as well; one that has come names them better.
  if (hasHeader && !remembered.hasHeader) return false;
  const columns = rememberedColumns(remembered);
  const { places, missing } = placeColumns(columns, header, width);
  if (missing.length > 0) return false;
  if (DIRECTIONS.some((field) => isOpen(remembered, field) && guessed[field] !== null)) return false;
  const isByPlace = Object.values(columns).some((reference) => reference?.startsWith('#'));
  if (isByPlace && remembered.width !== undefined && remembered.width !== (header?.length ?? width)) return false;
  return (
    holds(cellsOf(data, places.date), dayTest(remembered)) &&
    [places.amount, places.debit, places.credit].every((place) => holds(cellsOf(data, place), isAmount))
  );
}

function holds(cells: readonly string[], test: (cell: string) => boolean): boolean {
  return cells.filter(test).length >= cells.length * FITTING_SHARE;
}

/** Whether a table that is cut out of a file as that of its source's last one was begins where this file's does: with a transaction, behind none, and none is its header. */
export function isWellCut(remembered: Remembered, { skipped, header, data, width }: Table): boolean {
  const { places } = placeColumns(rememberedColumns(remembered), header, width);
  const first = data[0]?.[places.date ?? -1]?.trim();
  return ![...skipped, header ?? []].some(isTransaction) && (first === undefined || dayTest(remembered)(first));
}

/** Tells the dates of a source: in the format that it has, where that is known. */
function dayTest({ dateFormat }: Remembered): (cell: string) => boolean {
  return dateFormat ? (cell) => parseDate(cell, dateFormat) !== null : isDate;
}
