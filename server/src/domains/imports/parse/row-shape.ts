import type { ImportDateFormat } from '@finverse/shared';
import { parseDate } from './dates.ts';

/** What is known of every row of a file. */
type Shape = {
  header: readonly string[] | null;
  delimiter: string;
  /** Where the date stands, and how it is written. */
  datePlace: number | undefined;
  dateFormat: ImportDateFormat;
};

/**
 * Says of each row, in the order of the file, whether its cells are where those of the others are. A delimiter too many, such as the comma of an amount that
 * is not quoted, or one too few shifts what stands behind it, so that another figure is read as the amount; a quote that is not closed takes whole rows
 * into one cell. Either looks like any other row.
 *
 * Rows are as wide as the first one, which may end with empty cells that the header has no names for, or lack those for which its name is empty.
 */
export function rowShapeOf({
  header,
  delimiter,
  datePlace,
  dateFormat,
}: Shape): (cells: readonly string[]) => string | null {
  let width: number | null = null;
  return (cells) => {
    width ??= header ? widthBy(header, cells) : cells.length;
    if (cells.length !== width) return `has ${cells.length} cells where there are ${width} columns`;
    return cells.some((cell, place) => holdsRows(cell, place))
      ? 'has a quote that is not closed, or holds other rows'
      : null;
  };

  /** A line within a cell that has a date where rows have theirs was a row, or the rest of this one. */
  function holdsRows(cell: string, place: number): boolean {
    if (datePlace === undefined || !/[\r\n]/.test(cell)) return false;
    return cell.split(/[\r\n]+/).some((line, index) => {
      const parts = line.split(delimiter);
      if (parts.length < 2) return false;
      const date = parts[index === 0 ? datePlace - place : datePlace]?.trim() ?? '';
      return parseDate(date, dateFormat) !== null;
    });
  }
}

/** The cells of a first row where they may be those of its header, otherwise the columns of the header. */
function widthBy(header: readonly string[], first: readonly string[]): number {
  const named = header.findLastIndex((name) => name.trim() !== '') + 1;
  const isFitting = first.length >= named && first.slice(header.length).every((cell) => cell.trim() === '');
  return isFitting ? first.length : header.length;
}
