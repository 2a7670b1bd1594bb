import { pipeline, Readable } from 'node:stream';
import { IMPORT_ROW_BYTES_MAX } from '@finverse/shared';
import { type CsvError, type Options, parse } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';

/** A row of a file: its cells, or why it has none. */
export type RawRow = { line: number; cells: readonly string[]; fault: string | null };

const COMMON: Options = {
  bom: true,
  relax_column_count: true,
  // A quote out of place stays in its cell; otherwise the parser would take all that follows for quoted, up to the next quote.
  relax_quotes: true,
  skip_empty_lines: true,
  // Named, because the parser would otherwise take the first line's ending for that of all.
  record_delimiter: ['\r\n', '\n', '\r'],
  max_record_size: IMPORT_ROW_BYTES_MAX,
};

/** The rows of the first part of a file; its last line is left out, since the part may end in the middle of it. */
export function sampleRows(text: string, delimiter: string): string[][] {
  const end = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r'));
  try {
    return parseSync(end > 0 ? text.slice(0, end + 1) : text, {
      ...COMMON,
      delimiter,
      skip_records_with_error: true,
      to: 500,
    });
  } catch {
    return [];
  }
}

/**
 * The rows of a CSV text, in flat memory. One that is malformed (a quote that is never closed, a row that is too large) is answered with its fault, and reading
 * goes on behind it.
 */
export async function* readCsvRows(text: AsyncIterable<string>, delimiter: string): AsyncGenerator<RawRow[]> {
  const skipped: RawRow[] = [];
  const parser = parse({
    ...COMMON,
    delimiter,
    info: true,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      const { lines } = (error ?? {}) as { lines?: number };
      skipped.push({ line: lines ?? 0, cells: [], fault: faultOf(error) });
    },
  });
  let failure: unknown = null;
  pipeline(Readable.from(text, { highWaterMark: 4 }), parser, (error) => (failure = error ?? null));
  let rows: RawRow[] = [];
  for await (const each of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
    rows.push({ line: each.info.lines, cells: each.record, fault: null });
    if (rows.length < ROWS_PER_YIELD) continue;
    yield rows.concat(skipped.splice(0));
    rows = [];
  }
  if (failure instanceof Error) throw failure;
  yield rows.concat(skipped.splice(0));
}

const ROWS_PER_YIELD = 500;

function faultOf(error: CsvError | undefined): string {
  switch (error?.code) {
    case 'CSV_MAX_RECORD_SIZE':
      return `is larger than ${IMPORT_ROW_BYTES_MAX / 1024} KB`;
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'has a quote that is never closed';
    default:
      return 'has a quote out of place';
  }
}
