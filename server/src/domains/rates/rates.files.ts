import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { currencyCodes, dateInput, rateInput, RATES_MAX } from '@finverse/shared';
import { parse as parseCsv } from 'csv-parse';
import { SaxesParser } from 'saxes';
import { AppError, describeError } from '../../kernel/errors.ts';
import type { NewRate } from './rates.repository.ts';

/** What a file holds. `skipped` counts rates of currencies that no account can have. */
export type RatesFile = { rates: NewRate[]; skipped: Map<string, number> };

/** The same while it is read. `found`: each rate by its day and pair. */
type Reading = RatesFile & { found: Map<string, string> };

const FAULTS_MAX = 50;

/** Collects what is wrong with a file, each place by its name, and refuses the whole of it. */
class Faults {
  readonly #details: { path: string; message: string }[] = [];

  /** @throws AppError VALIDATION_FAILED with the fiftieth, behind which nobody reads on */
  add(place: string, message: string): void {
    this.#details.push({ path: 'content', message: `${place}: ${message.slice(0, 200)}` });
    if (this.#details.length >= FAULTS_MAX) this.refuse();
  }

  /** @throws AppError VALIDATION_FAILED with the places, up to fifty */
  refuse(): void {
    if (this.#details.length > 0) throw refusal(this.#details);
  }
}

function refusal(details: AppError['details']): AppError {
  return new AppError('VALIDATION_FAILED', 'The file was refused; see details. Nothing was imported.', { details });
}

/**
 * Adds a rate, or a fault; what is not known is skipped and counted.
 *
 * @throws AppError VALIDATION_FAILED where the file holds more rates than can be kept
 */
function addChecked(
  { rates, skipped, found }: Reading,
  faults: Faults,
  { place, isTable, ...rate }: NewRate & { place: string; isTable: boolean },
): void {
  if (!isDate(rate.date)) return faults.add(place, `${show(rate.date)} is no date`);
  for (const currency of [rate.base, rate.quote]) {
    if (currencyCodes.has(currency)) continue;
    if (!isTable || !/^[A-Z]{3}$/.test(currency)) return faults.add(place, `${show(currency)} is no currency`);
    skipped.set(currency, (skipped.get(currency) ?? 0) + 1);
    return;
  }
  if (rate.base === rate.quote) return faults.add(place, `${rate.base} to itself is no rate`);
  const checked = rateInput.safeParse(rate.rate);
  if (!checked.success) return faults.add(place, `the rate ${show(rate.rate)} ${checked.error.issues[0]?.message}`);
  const key = `${rate.date} ${rate.base} ${rate.quote}`;
  const before = found.get(key);
  if (before !== undefined && Number(before) !== Number(checked.data))
    return faults.add(place, `the rate ${show(checked.data)} of ${key} stands before as ${show(before)}`);
  found.set(key, checked.data);
  if (rates.length >= RATES_MAX) throw refusal([{ path: 'content', message: `holds more than ${RATES_MAX} rates` }]);
  rates.push({ ...rate, rate: checked.data });
}

function isDate(text: string): boolean {
  return dateInput.safeParse(text).success;
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

/** What a parser takes at once, in bytes of a CSV or characters of XML; others have their turn in between. */
const PIECE_SIZE = 16 * 1024;
/** The longest line of a CSV. */
const LINE_BYTES_MAX = 64 * 1024;

/**
 * Reads rates from a CSV with a header, whose delimiter is a comma, a semicolon or a tab: `date,base,quote,rate` in any order, or the ECB's table of one
 * column for each currency, where an empty field and N/A are no rate. The work grows with the characters of the file alone.
 *
 * @throws AppError VALIDATION_FAILED naming the lines
 */
export async function readCsvRates(content: string, base: string): Promise<RatesFile> {
  const file: Reading = { rates: [], skipped: new Map(), found: new Map() };
  const faults = new Faults();
  const [header = ''] = content.split('\n', 1);
  const delimiter = [';', '\t', ','].find((character) => header.includes(character)) ?? ',';
  let columns: Columns | null = null;
  let line = 0;
  try {
    const parser = parseCsv({
      delimiter,
      bom: true,
      trim: true,
      relaxColumnCount: true,
      skipEmptyLines: true,
      skipRecordsWithEmptyValues: true,
      maxRecordSize: LINE_BYTES_MAX,
      // Taken here and not read from the stream, which costs ten times as much as the line itself.
      onRecord: (record: string[]) => {
        line += 1;
        if (columns) readLine(file, faults, { columns, record, base, place: `line ${line}` });
        else columns = readHeader(record);
        return null;
      },
    });
    await pipeline(Readable.from(piecesOf(content)), parser.resume());
  } catch (error) {
    if (error instanceof AppError) throw error;
    faults.add(`after line ${line}`, describeError(error));
  }
  faults.refuse();
  return { rates: file.rates, skipped: file.skipped };
}

/** As bytes, since a character may reach over the end of a piece. */
async function* piecesOf(content: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content);
  for (let start = 0; start < bytes.length; start += PIECE_SIZE) {
    yield bytes.subarray(start, start + PIECE_SIZE);
    await setImmediate();
  }
}

const LONG_COLUMNS = ['date', 'base', 'quote', 'rate'] as const;
/** Columns of a file: more than there are currencies. */
const COLUMNS_MAX = 200;

/** Where a CSV has what: a rate for each line, or one for each of the currencies of a line, which are by their columns. */
type Columns = { width: number } & (
  | { kind: 'long'; at: Record<(typeof LONG_COLUMNS)[number], number> }
  | { kind: 'table'; dateAt: number; quotes: readonly string[] }
);

/** @throws AppError VALIDATION_FAILED where it is neither form, has too many columns, or one twice */
function readHeader(record: readonly string[]): Columns {
  const refuse = (message: string) => refusal([{ path: 'content', message: `line 1: ${message}` }]);
  if (record.length > COLUMNS_MAX) throw refuse(`has ${record.length} columns; at most ${COLUMNS_MAX} are read`);
  const names = record.map((name) => (/^[A-Z]{3}$/.test(name) ? name : name.toLowerCase()));
  const isLong = LONG_COLUMNS.every((name) => names.includes(name));
  const isTable = names.includes('date') && names.some((name) => currencyCodes.has(name));
  if (!isLong && !isTable) throw refuse('must be a header with date, base, quote and rate, or date and currencies');
  const read = isLong ? names.filter((name) => LONG_COLUMNS.some((known) => known === name)) : names.filter(Boolean);
  const twice = read.find((name, index) => read.indexOf(name) !== index);
  if (twice !== undefined) throw refuse(`has the column ${show(twice)} twice`);
  const [date, base, quote, rate] = LONG_COLUMNS.map((name) => names.indexOf(name)) as [number, number, number, number];
  const width = names.length;
  return isLong
    ? { kind: 'long', width, at: { date, base, quote, rate } }
    : { kind: 'table', width, dateAt: date, quotes: names };
}

type Line = { columns: Columns; record: readonly string[]; base: string; place: string };

function readLine(file: Reading, faults: Faults, { columns, record, base, place }: Line): void {
  const field = (at: number) => record[at] ?? '';
  // 1,25 without quotes would otherwise be a rate of 1.
  if (record.slice(columns.width).some(Boolean)) return faults.add(place, 'has more fields than the header');
  if (columns.kind === 'long') {
    const { at } = columns;
    const rate = { date: field(at.date), base: field(at.base), quote: field(at.quote), rate: field(at.rate) };
    return addChecked(file, faults, { place, isTable: false, ...rate });
  }
  const { dateAt, quotes } = columns;
  const date = field(dateAt);
  if (!isDate(date)) return faults.add(place, `${show(date)} is no date`);
  // What the line has, not what the header promises: a short line costs no more than it is long.
  for (const [index, rate] of record.slice(0, quotes.length).entries()) {
    const quote = quotes[index] ?? '';
    if (index === dateAt || quote === '' || rate === '' || rate === 'N/A') continue;
    addChecked(file, faults, { place, isTable: true, date, base, quote, rate });
  }
}

/** The elements above a day and above a rate, each with its own. */
const DAY_PATH = ['Envelope', 'Cube', 'Cube'];
const RATE_PATH = [...DAY_PATH, 'Cube'];
/** Elements within elements. */
const DEPTH_MAX = 16;

function isPath(path: readonly string[], expected: readonly string[]): boolean {
  return path.length === expected.length && expected.every((name, index) => name === path[index]);
}

/**
 * Reads the XML of the European Central Bank: `Envelope > Cube > Cube[time] > Cube[currency, rate]`, one day, ninety, or all of them. The base is the euro.
 * The parser is strict, reads attributes as the text that they are, and knows no entities but XML's own.
 *
 * @throws AppError VALIDATION_FAILED where it is not such a file
 */
export async function readEcbRates(content: string): Promise<RatesFile> {
  const file: Reading = { rates: [], skipped: new Map(), found: new Map() };
  const faults = new Faults();
  const path: string[] = [];
  let date: string | undefined;
  const parser = new SaxesParser({ xmlns: true });
  parser.on('opentag', ({ local, attributes }) => {
    path.push(local);
    // The parser looks for a prefix all the way up, so that its own work, too, grows with the depth.
    if (path.length > DEPTH_MAX)
      throw refusal([{ path: 'content', message: `the file: is nested deeper than ${DEPTH_MAX} levels` }]);
    if (isPath(path, DAY_PATH)) date = attributes['time']?.value;
    if (!isPath(path, RATE_PATH)) return;
    const [day = '', quote = '', rate = ''] = [date, attributes['currency']?.value, attributes['rate']?.value];
    addChecked(file, faults, { place: `${day} ${quote}`, isTable: true, date: day, base: 'EUR', quote, rate });
  });
  parser.on('closetag', () => void path.pop());
  parser.on('error', (error) => {
    throw error;
  });
  try {
    for (let start = 0; start < content.length; start += PIECE_SIZE) {
      parser.write(content.slice(start, start + PIECE_SIZE));
      await setImmediate();
    }
    parser.close();
  } catch (error) {
    if (error instanceof AppError) throw error;
    faults.add('the file', `is no XML: ${describeError(error)}`);
  }
  if (file.rates.length + file.skipped.size === 0) faults.add('the file', 'has no Envelope with rates');
  faults.refuse();
  return { rates: file.rates, skipped: file.skipped };
}
