import { type ImportField, importFields, type ImportSettings, type ImportSettingsInput } from '@finverse/shared';
import { amountsOf, cellsOf, isAmount, isDate, isKindNeedless, isTransaction } from './column-contents.ts';
import { type Columns, NO_COLUMNS, placeColumns } from './columns.ts';
import type { SampleRow } from './csv-rows.ts';
import { parseDate } from './dates.ts';
import type { OpenField } from './warnings.ts';

/**
 * The settings that were right for a source the last time, without those that nobody gave and its file left open: a format that nothing told, a column of
 * directions that there was none of. `width` is the number of its columns, `isKindGiven` whether a person named the column of words that say which way.
 */
export type Remembered = Omit<ImportSettings, OpenField | 'columns'> &
  Partial<Pick<ImportSettings, OpenField>> & { columns: Partial<Columns>; width?: number; isKindGiven?: boolean };

/** The columns that say which way money goes. */
const DIRECTIONS = ['kind', 'debit', 'credit'] as const satisfies ImportField[];
export type Direction = (typeof DIRECTIONS)[number];
/** The share of cells of the sample that must be what the column is remembered to hold. */
const FITTING_SHARE = 0.8;

/**
 * What a file teaches of its source that was imported: what was said of it, then what was known before, then what it looks like. That goes before the settings it
 * was read by, which are older than what the source was taught while the import waited. A file all of whose letters are ASCII leaves the encoding as it was.
 */
export function lessonOf(
  {
    settings,
    openFields,
    openDirections,
    columnNames,
    isEncodingOpen,
    isKindGiven,
  }: {
    settings: ImportSettings;
    openFields: readonly OpenField[];
    openDirections: readonly Direction[];
    columnNames: readonly string[];
    isEncodingOpen: boolean;
    isKindGiven: boolean;
  },
  remembered: Remembered | null,
): Remembered {
  const lesson: Remembered = { ...settings, columns: { ...settings.columns }, width: columnNames.length, isKindGiven };
  for (const field of openFields) delete lesson[field];
  for (const field of openDirections) delete lesson.columns[field];
  if (isEncodingOpen && remembered) lesson.encoding = remembered.encoding;
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
  skipped: readonly SampleRow[];
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
 * What is remembered of a source, as far as it is true of this table: null where a column is not there, or where one that is known by its place alone is of a
 * table of another width or holds something else. Columns that have come since and say which way money goes are taken beside or instead of those that are
 * remembered, a column of words that nobody named is left out where it is needless, and a format of dates that most of them contradict is no longer known.
 */
export function fittingPart(remembered: Remembered, table: Table): Remembered | null {
  const { header, data, width, hasHeader } = table;
  // The places of columns are those of a table that has lost its header as well; one that has come names them better.
  if (hasHeader && !remembered.hasHeader) return null;
  const known = { ...withNewDirections(remembered, table), isKindGiven: wasKindGiven(remembered) };
  const columns = rememberedColumns(known);
  const { places, missing } = placeColumns(columns, header, width);
  if (missing.length > 0) return null;
  const isByPlace = (field: ImportField) => columns[field]?.startsWith('#') ?? false;
  const isOfOtherWidth = remembered.width !== undefined && remembered.width !== (header?.length ?? width);
  if (isOfOtherWidth && importFields.some(isByPlace)) return null;
  const isDay = dayTest(known);
  const holdsAll = (field: ImportField, test: (cell: string) => boolean) =>
    !isByPlace(field) || holds(cellsOf(data, places[field]), test);
  if (!holdsAll('date', (cell) => isDay(cell) || isDate(cell))) return null;
  if (!(['amount', 'debit', 'credit'] as const).every((field) => holdsAll(field, isAmount))) return null;
  if (!holds(cellsOf(data, places.date), isDay)) delete known.dateFormat;
  if (!known.isKindGiven && isKindNeedless(columns, data, places, known.isAmountInverted)) {
    const { kind: _needless, ...others } = known.columns;
    known.columns = others;
  }
  return known;
}

/** A source that was learned before this was kept may have been told, so its column of words counts as one that a person named. */
function wasKindGiven(remembered: Remembered): boolean {
  return remembered.isKindGiven ?? typeof remembered.columns.kind === 'string';
}

/** The same with the columns that say which way money goes, and that are new. They replace signs: an amount without any is not turned round beside them. */
function withNewDirections(remembered: Remembered, { header, data, width, guessed }: Table): Remembered {
  const added = DIRECTIONS.filter((field) => isOpen(remembered, field) && guessed[field] !== null);
  if (added.length === 0) return { ...remembered };
  const columns = { ...remembered.columns };
  for (const field of added) columns[field] = guessed[field];
  if (added.some((field) => field !== 'kind')) columns.amount = guessed.amount;
  const { places } = placeColumns({ ...NO_COLUMNS, ...columns }, header, width);
  const isSigned =
    columns.amount === remembered.columns.amount &&
    amountsOf(data, places.amount).some(({ isBelowZero }) => isBelowZero);
  return { ...remembered, columns, isAmountInverted: remembered.isAmountInverted && isSigned };
}

function holds(cells: readonly string[], test: (cell: string) => boolean): boolean {
  return cells.filter(test).length >= cells.length * FITTING_SHARE;
}

/** Whether a table that is cut out of a file as that of its source's last one was begins where this file's does: with a transaction, behind none, and none is its header. */
export function isWellCut(remembered: Remembered, { skipped, header, data, width }: Table): boolean {
  const { places } = placeColumns(rememberedColumns(remembered), header, width);
  const first = data[0]?.[places.date ?? -1]?.trim();
  return (
    ![...skipped.map(({ cells }) => cells), header ?? []].some(isTransaction) &&
    (first === undefined || dayTest(remembered)(first))
  );
}

/** Tells the dates of a source: in the format that it has, where that is known. */
function dayTest({ dateFormat }: Remembered): (cell: string) => boolean {
  return dateFormat ? (cell) => parseDate(cell, dateFormat) !== null : isDate;
}
