import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
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
import { type Draft, type Fault, interpreterOf } from './interpret.ts';
import { OccurrenceCounter } from './occurrences.ts';
import { placeColumns } from './parse/columns.ts';
import { readCsvRows } from './parse/csv-rows.ts';
import { decodeStream } from './parse/encoding.ts';
import { readOfxRows } from './parse/ofx-rows.ts';

/** A row that was read. Its number counts from 1 over all rows of the file, faulty ones too, so that it is the same whenever the file is read. */
export type ReadRow = { row: number; line: number; contentHash: string | null; draft: Draft };

export type Reading = {
  path: string;
  format: ImportFormat;
  settings: ImportSettings;
  accountId: string;
  accountCurrency: string;
  source: string;
  book: Book;
  onBytes?: (count: number) => void;
  signal?: AbortSignal;
};

/** Rows that are handed on together. */
const ROWS_PER_BATCH = 2000;

/**
 * The rows of a file as what they would become, some thousands at a time, in flat memory however long it is.
 *
 * @throws AppError IMPORT_FAULTY where the file as a whole cannot be read by its settings; VALIDATION_FAILED naming a column that is not there
 */
export async function* readDrafts(reading: Reading): AsyncGenerator<ReadRow[]> {
  const bytes = createReadStream(reading.path, {
    highWaterMark: 256 * 1024,
    ...(reading.signal ? { signal: reading.signal } : {}),
  });
  const text = decodeStream(bytes, reading.settings.encoding, reading.onBytes);
  const drafts = reading.format === 'csv' ? csvDrafts(reading, text) : ofxDrafts(reading, text);
  const occurrences = new OccurrenceCounter();
  let batch: ReadRow[] = [];
  let row = 0;
  try {
    for await (const rows of drafts) {
      for (const { line, draft } of rows) {
        row += 1;
        if (row > IMPORT_ROWS_MAX)
          throw new AppError('IMPORT_FAULTY', `The file has more than ${IMPORT_ROWS_MAX} rows: split it.`);
        batch.push({ row, line, draft, contentHash: hashOf(draft, occurrences) });
      }
      if (batch.length < ROWS_PER_BATCH) continue;
      yield batch;
      batch = [];
    }
  } finally {
    bytes.destroy();
  }
  yield batch;
}

type LineDraft = { line: number; draft: Draft };

async function* csvDrafts(reading: Reading, text: AsyncIterable<string>): AsyncGenerator<LineDraft[]> {
  const { settings } = reading;
  let rowsToSkip = settings.skipRows;
  let width = Number.POSITIVE_INFINITY;
  let interpret: ((cells: readonly string[]) => Draft) | null = null;
  for await (const rows of readCsvRows(text, settings.delimiter)) {
    const drafts: LineDraft[] = [];
    for (const { line, cells, fault } of rows) {
      if (rowsToSkip > 0) {
        rowsToSkip -= 1;
        continue;
      }
      if (!interpret && fault === null) {
        const header = settings.hasHeader ? cells : null;
        interpret = interpreterFor(reading, header, cells.length);
        width = cells.length;
        if (header) continue;
      }
      // A delimiter too many, such as in a text that is not quoted, would shift what stands behind it.
      const shift = cells.length > width && cells.slice(width).some((cell) => cell.trim() !== '');
      const wrong = fault ?? (shift ? `has ${cells.length} cells where there are ${width} columns` : null);
      const draft: Draft =
        wrong !== null || !interpret
          ? { kind: 'faulty', faults: [{ field: 'row', message: wrong ?? 'stands before the header' }] }
          : interpret(cells);
      drafts.push({ line, draft });
    }
    yield drafts;
  }
}

function interpreterFor(reading: Reading, header: readonly string[] | null, width: number) {
  const { settings } = reading;
  const { places, missing } = placeColumns(settings.columns, header, width);
  if (missing.length > 0) {
    throw new AppError('VALIDATION_FAILED', 'The file has not all the columns that the settings name; see details.', {
      details: missing.map((field) => ({ path: `settings.columns.${field}`, message: 'is no column of the file' })),
    });
  }
  return interpreterOf({ ...reading, places, isExchange: header !== null && isExchangeHeader(header) });
}

/** The elements of an OFX transaction, in the places that its interpreter is given. */
const OFX_PLACES = { date: 0, amount: 1, payee: 2, description: 3, externalId: 4 } as const;

async function* ofxDrafts(reading: Reading, text: AsyncIterable<string>): AsyncGenerator<LineDraft[]> {
  const interpret = interpreterOf({ ...reading, places: OFX_PLACES, isExchange: false });
  let accountNumber: string | undefined;
  for await (const rows of readOfxRows(text)) {
    yield rows.map(({ line, fields }): LineDraft => {
      const get = (name: string) => fields.get(name) ?? '';
      accountNumber ??= fields.get('ACCTID') ?? '';
      const faults: Fault[] = [];
      if (get('ACCTID') !== accountNumber)
        faults.push({ field: 'account', message: 'is of another account than the rows before: import it on its own' });
      const currency = get('CURDEF').toUpperCase();
      if (currency !== '' && currency !== reading.accountCurrency)
        faults.push({ field: 'currency', message: `must be ${reading.accountCurrency}, the account's` });
      if (faults.length > 0) return { line, draft: { kind: 'faulty', faults } };
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
      return { line, draft: interpret(cells) };
    });
  }
}

/** An id of a bank with the account that it is of, in at most 200 characters. */
export function shortId(accountId: string, fitId: string): string {
  const id = `${accountId}/${fitId}`;
  return id.length <= 200 ? id : `${accountId}/${createHash('sha256').update(fitId).digest('hex')}`;
}

/**
 * What makes a row without an id of its own the same one again: account, date, amount, payee, description, where it goes, and how many equal ones stand
 * before it in the file. Two equal coffees of one day are two, and the same file again adds none.
 */
function hashOf(draft: Draft, occurrences: OccurrenceCounter): string | null {
  if (draft.kind !== 'transaction' || draft.input.externalId !== null) return null;
  const digest = createHash('sha256')
    .update(JSON.stringify(identityOf(draft.input)))
    .digest();
  const occurrence = occurrences.count(digest.readUInt32LE(0), digest.readUInt32LE(4));
  const final = occurrence === 1 ? digest : createHash('sha256').update(digest).update(String(occurrence)).digest();
  // The date first: a statement is in the order of dates, so its hashes go into one place of the index instead of all over it.
  return draft.input.occurredOn.replaceAll('-', '') + final.toString('base64url').slice(0, HASH_CHARS);
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
