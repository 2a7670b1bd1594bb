import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import {
  IMPORT_ROWS_MAX,
  type ImportFormat,
  type ImportSettings,
  parseMoney,
  type TransactionCreate,
} from '@finverse/shared';
import { AppError } from '../../kernel/errors.ts';
import { isExchangeHeader } from '../exports/index.ts';
import type { Book } from './book.ts';
import { type Draft, interpreterOf } from './interpret.ts';
import { OccurrenceCounter } from './occurrences.ts';
import type { AccountsWatch } from './parse/accounts-watch.ts';
import { currencyOfName } from './parse/column-names.ts';
import { placeColumns } from './parse/columns.ts';
import { readCsvRows } from './parse/csv-rows.ts';
import { decodeStream } from './parse/encoding.ts';
import { ofxFaultsOf } from './parse/ofx-faults.ts';
import { readOfxRows } from './parse/ofx-rows.ts';
import { rowShapeOf } from './parse/row-shape.ts';

/**
 * A row that was read. Its number counts from 1 over all rows of the file, faulty ones too, so that it is the same whenever the file is read. Without an id of its
 * own it has a hash, and `occurrence`, which counts from 1 the rows of the file that are equal to it.
 */
export type ReadRow = { row: number; line: number; contentHash: string | null; occurrence: number; draft: Draft };

export type Reading = {
  path: string;
  /** The bytes that the file had when it was uploaded. */
  fileBytes: number;
  format: ImportFormat;
  settings: ImportSettings;
  accountId: string;
  accountCurrency: string;
  source: string;
  book: Book;
  onBytes?: (count: number) => void;
  /** Sees the rows of a CSV that are read. */
  accounts?: AccountsWatch;
  signal?: AbortSignal;
};

/** Rows that are handed on together, and the characters from which on they are fewer. */
const ROWS_PER_BATCH = 2000;
const CHARACTERS_PER_BATCH = 4_000_000;

/**
 * The rows of a file as what they would become, two thousand at a time or fewer where they are long, in flat memory however long it is. Others have their turn
 * in between.
 *
 * @throws AppError IMPORT_FAULTY where the file as a whole cannot be read by its settings, or has lost its end; VALIDATION_FAILED naming a column that is not there
 */
export async function* readDrafts(reading: Reading): AsyncGenerator<ReadRow[]> {
  const bytes = createReadStream(reading.path, {
    highWaterMark: 256 * 1024,
    ...(reading.signal ? { signal: reading.signal } : {}),
  });
  let bytesRead = 0;
  const text = decodeStream(bytes, reading.settings.encoding, (count) => {
    bytesRead += count;
    reading.onBytes?.(count);
  });
  const drafts = reading.format === 'csv' ? csvDrafts(reading, text) : ofxDrafts(reading, text);
  const occurrences = new OccurrenceCounter();
  let batch: ReadRow[] = [];
  let batchCharacters = 0;
  let row = 0;
  try {
    for await (const rows of drafts) {
      for (const { line, characters, draft } of rows) {
        row += 1;
        if (row > IMPORT_ROWS_MAX)
          throw new AppError('IMPORT_FAULTY', `The file has more than ${IMPORT_ROWS_MAX} rows: split it.`);
        batch.push({ row, line, draft, ...countEqual(draft, occurrences) });
        batchCharacters += characters;
        if (batch.length < ROWS_PER_BATCH && batchCharacters < CHARACTERS_PER_BATCH) continue;
        yield batch;
        [batch, batchCharacters] = [[], 0];
      }
      await setImmediate();
    }
  } finally {
    bytes.destroy();
  }
  if (bytesRead < reading.fileBytes)
    throw new AppError(
      'IMPORT_FAULTY',
      `The file has lost its end (${bytesRead} of ${reading.fileBytes} bytes are here): upload it again.`,
    );
  if (batch.length > 0) yield batch;
}

type LineDraft = { line: number; characters: number; draft: Draft };

async function* csvDrafts(reading: Reading, text: AsyncIterable<string>): AsyncGenerator<LineDraft[]> {
  const { settings } = reading;
  let interpret: ((cells: readonly string[]) => Draft) | null = null;
  for await (const rows of readCsvRows(text, settings.delimiter)) {
    const drafts: LineDraft[] = [];
    for (const { line, characters, cells, fault } of rows) {
      if (line <= settings.skipRows) continue;
      if (!interpret && fault === null) {
        const header = settings.hasHeader ? cells : null;
        interpret = interpreterFor(reading, header, cells.length);
        if (header) continue;
      }
      const wrong = fault ?? (interpret ? null : 'stands before the header');
      const draft = wrong === null && interpret ? interpret(cells) : faultyRow(wrong ?? '');
      drafts.push({ line, characters, draft });
    }
    yield drafts;
  }
}

function faultyRow(message: string): Draft {
  return { kind: 'faulty', faults: [{ field: 'row', message }] };
}

function interpreterFor(
  reading: Reading,
  header: readonly string[] | null,
  width: number,
): (cells: readonly string[]) => Draft {
  const { settings } = reading;
  const { places, missing } = placeColumns(settings.columns, header, width);
  if (missing.length > 0) {
    throw new AppError('VALIDATION_FAILED', 'The file has not all the columns that the settings name; see details.', {
      details: missing.map((field) => ({ path: `settings.columns.${field}`, message: 'is no column of the file' })),
    });
  }
  if (header) requireCurrency(reading, header, places);
  const exchange = header && isExchangeHeader(header) ? { toCurrencyPlace: header.indexOf('to_currency') } : null;
  const interpret = interpreterOf({ ...reading, places, exchange });
  const { delimiter, dateFormat } = settings;
  const shapeFault = rowShapeOf({ header, delimiter, datePlace: places.date, dateFormat });
  reading.accounts?.begin(header, places);
  return (cells) => {
    const wrong = shapeFault(cells);
    if (wrong !== null) return faultyRow(wrong);
    reading.accounts?.see(cells);
    return interpret(cells);
  };
}

/** @throws AppError IMPORT_FAULTY where a header says that the amounts are not in the account's currency, and no column says so of each row */
function requireCurrency(
  { accountCurrency }: Reading,
  header: readonly string[],
  places: ReturnType<typeof placeColumns>['places'],
): void {
  if (places.currency !== undefined || places.account !== undefined) return;
  for (const place of [places.amount, places.debit, places.credit]) {
    const name = header[place ?? -1] ?? '';
    const currency = currencyOfName(name);
    if (currency !== null && currency !== accountCurrency) {
      throw new AppError(
        'IMPORT_FAULTY',
        `The column “${name}” is in ${currency}, the account in ${accountCurrency}: choose an account in ${currency}, or the column of another amount.`,
      );
    }
  }
}

/** The elements of an OFX transaction, in the places that its interpreter is given. */
const OFX_PLACES = { date: 0, amount: 1, payee: 2, description: 3, externalId: 4 } as const;

async function* ofxDrafts(reading: Reading, text: AsyncIterable<string>): AsyncGenerator<LineDraft[]> {
  const interpret = interpreterOf({ ...reading, places: OFX_PLACES, exchange: null });
  const { accountCurrency, settings } = reading;
  const faultsOf = ofxFaultsOf({ accountCurrency, isAmountInverted: settings.isAmountInverted });
  for await (const rows of readOfxRows(text)) {
    yield rows.map(({ line, characters, fields }): LineDraft => {
      const get = (name: string) => fields.get(name) ?? '';
      const faults = faultsOf(fields);
      if (faults.length > 0) return { line, characters, draft: { kind: 'faulty', faults } };
      const payee = get('NAME') || get('PAYEE');
      const fitId = get('FITID');
      const cells = [
        get('DTPOSTED').slice(0, 8),
        get('TRNAMT').replace(',', '.'),
        payee,
        get('MEMO') || get('CHECKNUM') || (payee === '' ? get('TRNTYPE') : ''),
        // A bank numbers the transactions of each account on its own.
        fitId === '' ? '' : shortId(reading.accountId, fitId),
      ];
      return { line, characters, draft: interpret(cells) };
    });
  }
}

/** An id of a bank with the account that it is of, in at most 200 characters. */
export function shortId(accountId: string, fitId: string): string {
  const id = `${accountId}/${fitId}`;
  return id.length <= 200 ? id : `${accountId}/${hash('sha256', fitId)}`;
}

function countEqual(
  draft: Draft,
  occurrences: OccurrenceCounter,
): { contentHash: string; occurrence: number } | { contentHash: null; occurrence: 0 } {
  if (draft.kind !== 'transaction' || draft.input.externalId !== null) return { contentHash: null, occurrence: 0 };
  const digest = digestOf(draft.input);
  const occurrence = occurrences.count(digest.readUInt32LE(0), digest.readUInt32LE(4));
  return { contentHash: hashOf(draft.input, occurrence, digest), occurrence };
}

/**
 * What makes a row without an id of its own the same one again: account, date, amount, payee, description, where it goes, and how many equal ones stand
 * before it in the file. Two equal coffees of one day are two, and the same file again adds none.
 */
export function hashOf(input: TransactionCreate, occurrence: number, digest = digestOf(input)): string {
  const final =
    occurrence === 1 ? digest : hash('sha256', Buffer.concat([digest, Buffer.from(String(occurrence))]), 'buffer');
  // The date first: a statement is in the order of dates, so its hashes go into one place of the index instead of all over it.
  return input.occurredOn.replaceAll('-', '') + final.toString('base64url').slice(0, HASH_CHARS);
}

function digestOf(input: TransactionCreate): Buffer {
  return hash('sha256', JSON.stringify(identityOf(input)), 'buffer');
}

/** 120 bits. */
const HASH_CHARS = 20;

function identityOf({
  kind,
  accountId,
  occurredOn,
  amount,
  payee,
  description,
  transfer,
}: TransactionCreate): string[] {
  const to = transfer ? [transfer.toAccountId, transfer.toAmount ?? '', transfer.rate ?? ''] : [];
  return [accountId, occurredOn, kind, String(parseMoney(amount)), payee, description, ...to];
}
