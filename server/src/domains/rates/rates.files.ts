import { setImmediate } from 'node:timers/promises';
import { currencyCodes, dateInput, rateInput } from '@finverse/shared';
import { parse as parseCsv } from 'csv-parse';
import { SaxesParser } from 'saxes';
import { AppError, describeError } from '../../kernel/errors.ts';
import type { NewRate } from './rates.repository.ts';

/** What a file holds. `skipped` counts rates of currencies that no account can have. */
export type RatesFile = { rates: NewRate[]; skipped: Map<string, number> };

const FAULTS_MAX = 50;

/** Collects what is wrong with a file, each place by its name, and refuses the whole of it. */
class Faults {
  readonly #details: { path: string; message: string }[] = [];

  add(place: string, message: string): void {
    if (this.#details.length < FAULTS_MAX)
      this.#details.push({ path: 'content', message: `${place}: ${message.slice(0, 200)}` });
  }

  /** @throws AppError VALIDATION_FAILED with the places, up to fifty */
  refuse(): void {
    if (this.#details.length > 0)
      throw new AppError('VALIDATION_FAILED', 'The file was refused; see details. Nothing was imported.', {
        details: this.#details,
      });
  }
}

/** Adds a rate, or a fault; what is not known is skipped and counted. */
function addChecked(
  { rates, skipped }: RatesFile,
  faults: Faults,
  { place, isTable, ...rate }: NewRate & { place: string; isTable: boolean },
): void {
  if (!dateInput.safeParse(rate.date).success) return faults.add(place, `${show(rate.date)} is no date`);
  for (const currency of [rate.base, rate.quote]) {
    if (currencyCodes.has(currency)) continue;
    if (!isTable || !/^[A-Z]{3}$/.test(currency)) return faults.add(place, `${show(currency)} is no currency`);
    skipped.set(currency, (skipped.get(currency) ?? 0) + 1);
    return;
  }
  if (rate.base === rate.quote) return faults.add(place, `${rate.base} to itself is no rate`);
  const checked = rateInput.safeParse(rate.rate);
  if (!checked.success) return faults.add(place, `the rate ${show(rate.rate)} ${checked.error.issues[0]?.message}`);
  rates.push({ ...rate, rate: checked.data });
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}

/**
 * Reads rates from a CSV with a header, whose delimiter is a comma, a semicolon or a tab: `date,base,quote,rate` in any order, or the ECB's table of one
 * column for each currency, where an empty field and N/A are no rate.
 *
 * @throws AppError VALIDATION_FAILED naming the lines
 */
export async function readCsvRates(content: string, base: string): Promise<RatesFile> {
  const file: RatesFile = { rates: [], skipped: new Map() };
  const faults = new Faults();
  const [header = ''] = content.split('\n', 1);
  const delimiter = [';', '\t', ','].find((character) => header.includes(character)) ?? ',';
  let columns: string[] | null = null;
  let line = 0;
  try {
    // Streamed, so that a large file does not keep everybody else waiting.
    const records = parseCsv(content, {
      delimiter,
      bom: true,
      trim: true,
      relaxColumnCount: true,
      skipEmptyLines: true,
    });
    for await (const record of records as AsyncIterable<string[]>) {
      line += 1;
      if (!columns) {
        columns = readHeader(record);
        continue;
      }
      readLine(file, faults, { columns, record, base, place: `line ${line}` });
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    faults.add(`after line ${line}`, describeError(error));
  }
  faults.refuse();
  return file;
}

const LONG_COLUMNS = ['date', 'base', 'quote', 'rate'];

/** @throws AppError VALIDATION_FAILED where it is neither form */
function readHeader(record: readonly string[]): string[] {
  const names = record.map((name) => (/^[A-Z]{3}$/.test(name) ? name : name.toLowerCase()));
  const isLong = LONG_COLUMNS.every((name) => names.includes(name));
  const isTable = names.includes('date') && names.some((name) => currencyCodes.has(name));
  if (isLong || isTable) return names;
  throw new AppError('VALIDATION_FAILED', 'The file was refused; see details. Nothing was imported.', {
    details: [
      { path: 'content', message: 'line 1: must be a header with date, base, quote and rate, or date and currencies' },
    ],
  });
}

type Line = { columns: readonly string[]; record: readonly string[]; base: string; place: string };

function readLine(file: RatesFile, faults: Faults, { columns, record, base, place }: Line): void {
  const field = (name: string) => record[columns.indexOf(name)] ?? '';
  const date = field('date');
  if (LONG_COLUMNS.every((name) => columns.includes(name))) {
    addChecked(file, faults, {
      place,
      isTable: false,
      date,
      base: field('base'),
      quote: field('quote'),
      rate: field('rate'),
    });
    return;
  }
  for (const [index, quote] of columns.entries()) {
    const rate = record[index] ?? '';
    if (quote === 'date' || quote === '' || rate === '' || rate === 'N/A') continue;
    addChecked(file, faults, { place, isTable: true, date, base, quote, rate });
  }
}

/** Characters that the parser takes at once; others have their turn in between. */
const CHUNK_CHARS = 16 * 1024;

/**
 * Reads the XML of the European Central Bank: `Envelope > Cube > Cube[time] > Cube[currency, rate]`, one day, ninety, or all of them. The base is the euro.
 * The parser is strict, reads attributes as the text that they are, and knows no entities but XML's own.
 *
 * @throws AppError VALIDATION_FAILED where it is not such a file
 */
export async function readEcbRates(content: string): Promise<RatesFile> {
  const file: RatesFile = { rates: [], skipped: new Map() };
  const faults = new Faults();
  const path: string[] = [];
  let date: string | undefined;
  const parser = new SaxesParser({ xmlns: true });
  parser.on('opentag', ({ local, attributes }) => {
    path.push(local);
    if (path.join(' ') === 'Envelope Cube Cube') date = attributes['time']?.value;
    if (path.join(' ') !== 'Envelope Cube Cube Cube') return;
    const [day = '', quote = '', rate = ''] = [date, attributes['currency']?.value, attributes['rate']?.value];
    addChecked(file, faults, { place: `${day} ${quote}`, isTable: true, date: day, base: 'EUR', quote, rate });
  });
  parser.on('closetag', () => void path.pop());
  parser.on('error', (error) => {
    throw error;
  });
  try {
    for (let start = 0; start < content.length; start += CHUNK_CHARS) {
      parser.write(content.slice(start, start + CHUNK_CHARS));
      await setImmediate();
    }
    parser.close();
  } catch (error) {
    faults.add('the file', `is no XML: ${describeError(error)}`);
  }
  if (file.rates.length + file.skipped.size === 0) faults.add('the file', 'has no Envelope with rates');
  faults.refuse();
  return file;
}
