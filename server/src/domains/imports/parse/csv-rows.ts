import { IMPORT_COLUMNS_MAX, IMPORT_ROW_BYTES_MAX } from '@finverse/shared';
import { AppError } from '../../../kernel/errors.ts';
import { readCsvRow } from './csv-row.ts';

/** A row of a file: the line that it begins on, from 1, the characters it has there, and its cells, or why it has none. */
export type RawRow = { line: number; characters: number; cells: readonly string[]; fault: string | null };

/** A row of the first part of a file. */
export type SampleRow = Pick<RawRow, 'line' | 'cells'>;

/** Rows that are read without a pause, which others have to wait for. */
const ROWS_AT_A_TIME = 500;

const SAMPLE_ROWS_MAX = 500;

/**
 * The rows of the first part of a file. Unless it is the whole of it, its last line is left out, since the part may end in the middle of it. What cannot be
 * read ends them. A row at fault has no cells, and counts as it does when the file is read.
 */
export function sampleRows(text: string, { delimiter, isWhole }: { delimiter: string; isWhole: boolean }): SampleRow[] {
  const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
  const reader = new CsvReader(delimiter);
  reader.add(isWhole || end <= 0 ? text : text.slice(0, end + 1));
  const rows: SampleRow[] = [];
  try {
    for (let row = reader.next(true); row && rows.length < SAMPLE_ROWS_MAX; row = reader.next(true))
      rows.push({ line: row.line, cells: row.cells });
  } catch (error) {
    // The reading of the file itself says what is wrong, by its line; the sample may only have been cut.
    if (!(error instanceof AppError)) throw error;
  }
  return rows;
}

/**
 * The rows of a CSV text, some hundreds at a time, in flat memory. A quote that runs into the quotes of the lines behind it costs its own line, and reading goes on with the next one.
 *
 * @throws AppError IMPORT_FAULTY, naming the line, where nobody can tell what is a row from there on: a quote that is never closed, a row that is too
 * large or has too many cells. What follows is not guessed, so no caller can take the rows before it for the whole file
 */
export async function* readCsvRows(text: AsyncIterable<string>, delimiter: string): AsyncGenerator<RawRow[]> {
  const reader = new CsvReader(delimiter);
  for await (const piece of text) {
    reader.add(piece);
    yield* rowsOf(reader, false);
  }
  yield* rowsOf(reader, true);
}

function* rowsOf(reader: CsvReader, isEnd: boolean): Generator<RawRow[]> {
  let rows: RawRow[] = [];
  for (let row = reader.next(isEnd); row; row = reader.next(isEnd)) {
    rows.push(row);
    if (rows.length < ROWS_AT_A_TIME) continue;
    yield rows;
    rows = [];
  }
  yield rows;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

class CsvReader {
  readonly #delimiter: string;
  #rest = '';
  #at = 0;
  #line = 1;

  constructor(delimiter: string) {
    this.#delimiter = delimiter;
  }

  add(piece: string): void {
    this.#rest = this.#rest.slice(this.#at) + piece;
    this.#at = 0;
  }

  /** The next row that is not empty; null where its end has not come yet, or at the end of the text. */
  next(isEnd: boolean): RawRow | null {
    this.#skipEmptyLines(isEnd);
    if (this.#at >= this.#rest.length) return null;
    const row = readCsvRow(this.#rest, this.#at, { delimiter: this.#delimiter, isEnd });
    if (row === 'incomplete' || row === 'unclosed') {
      if (row === 'unclosed' && isEnd) throw this.#fatal('has a quote that is never closed');
      if (isTooLarge(this.#rest, this.#at, this.#rest.length)) throw this.#fatal(TOO_LARGE);
      return null;
    }
    if (isTooLarge(this.#rest, this.#at, row.end)) throw this.#fatal(TOO_LARGE);
    if (row.cells.length > IMPORT_COLUMNS_MAX) throw this.#fatal(`has more than ${IMPORT_COLUMNS_MAX} cells`);
    const [line, characters] = [this.#line, row.end - this.#at];
    this.#at = row.end;
    this.#line += row.lines;
    return { line, characters, cells: row.cells, fault: row.fault };
  }

  /** Goes past line ends that no row stands before. There may be as many as the file has bytes, so none of them is read as a row. */
  #skipEmptyLines(isEnd: boolean): void {
    const text = this.#rest;
    let [at, lines] = [this.#at, 0];
    for (; at < text.length; lines += 1) {
      const code = text.charCodeAt(at);
      if (code !== LINE_FEED && code !== CARRIAGE_RETURN) break;
      // A \n that belongs to it may come yet.
      if (code === CARRIAGE_RETURN && at + 1 === text.length && !isEnd) break;
      at += code === CARRIAGE_RETURN && text.charCodeAt(at + 1) === LINE_FEED ? 2 : 1;
    }
    this.#at = at;
    this.#line += lines;
  }

  #fatal(what: string): AppError {
    return new AppError('IMPORT_FAULTY', `Line ${this.#line}: the row ${what}; what follows it cannot be read.`);
  }
}

const TOO_LARGE = `is larger than ${IMPORT_ROW_BYTES_MAX / 1024} KB, or has a quote that is not closed`;

function isTooLarge(text: string, start: number, end: number): boolean {
  if (end - start > IMPORT_ROW_BYTES_MAX) return true;
  // A UTF-16 unit is three bytes of UTF-8 at most.
  return (end - start) * 3 > IMPORT_ROW_BYTES_MAX && Buffer.byteLength(text.slice(start, end)) > IMPORT_ROW_BYTES_MAX;
}
