import type { ExportFormat, ExportPiece } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { encodeCursor, placeIn } from '../../kernel/cursor.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { ensureLedger, type RawRow, withSplits } from '../ledger/index.ts';
import { csvWriter } from './csv-writer.ts';
import { type ExportBook, type ExportWriter, readExportBook } from './export-book.ts';
import type { ExportsApi } from './exports.port.ts';
import { journalWriter } from './journal-writer.ts';
import { readExportPage } from './export-page.ts';
import { jsonWriter } from './json-writer.ts';

const WRITERS: Record<ExportFormat, ExportWriter> = { csv: csvWriter, json: jsonWriter, journal: journalWriter };

/** Transactions of one piece: some 100 to 500 KB of text at the most that is usual. */
const TRANSACTIONS_PER_PIECE = 500;

/** A person's ledger for other programs. */
export class ExportsService implements ExportsApi {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  async check(userId: string, { format, accountId, lastEventId }: Parameters<ExportsApi['check']>[1]): Promise<void> {
    placeOf(format, lastEventId);
    const { dialect } = this.#database;
    if (accountId !== undefined) requireAccount(await readExportBook(this.#database.em(), dialect, userId), accountId);
  }

  async *pieces(
    userId: string,
    { format, lastEventId, signal, ...filter }: Parameters<ExportsApi['pieces']>[1],
  ): AsyncGenerator<{ id: string; piece: ExportPiece }> {
    await ensureLedger(this.#database, { userId, nowMs: this.#clock.now() });
    const em = this.#database.em();
    const { dialect } = this.#database;
    const writer = WRITERS[format];
    const [startedAt, occurredOn, id] = placeOf(format, lastEventId);
    const changedAt = startedAt ?? (await readChangedAt(em, userId));
    const book = await readExportBook(em, dialect, userId);
    requireAccount(book, filter.accountId);
    let place = { occurredOn: occurredOn ?? filter.from ?? '', id: id ?? '' };
    let text = lastEventId === undefined ? writer.head(book) : '';
    for (let isLast = false; !isLast && !signal.aborted;) {
      const rows = await readExportPage(em, dialect, { userId, filter, after: place, limit: TRANSACTIONS_PER_PIECE });
      const records = await withSplits(em, dialect, rows);
      text += writer.transactions(book, records, place.id === '');
      isLast = rows.length < TRANSACTIONS_PER_PIECE;
      if (isLast) {
        text += writer.tail();
        // Pages of different states would add up to what the ledger never was.
        if ((await readChangedAt(em, userId)) !== changedAt)
          throw new AppError('CONFLICT', 'The ledger changed while it was exported: export it again.');
      }
      const last = records.at(-1);
      if (last) place = { occurredOn: last.occurredOn, id: last.id };
      yield {
        id: encodeCursor(`pieces of ${format}`, [changedAt, place.occurredOn, place.id]),
        piece: { text, isLast },
      };
      text = '';
    }
  }
}

async function readChangedAt(em: SqlEntityManager, userId: string): Promise<number> {
  const [row] = await em.execute<RawRow[]>('select changed_at from ledgers where user_id = ?', [userId]);
  return Number(row?.['changed_at'] ?? 0);
}

/** When the export began and behind which transaction it goes on; all undefined at its beginning. @throws AppError VALIDATION_FAILED naming `lastEventId` */
function placeOf(format: ExportFormat, lastEventId: string | undefined) {
  const place = placeIn(`pieces of ${format}`, lastEventId, ['number', 'string', 'string']);
  if (place) return place;
  throw invalidField('lastEventId', 'must be the id of a piece of this export');
}

/** @throws AppError VALIDATION_FAILED naming `accountId` */
function requireAccount({ accounts }: ExportBook, accountId: string | undefined): void {
  if (accountId !== undefined && !accounts.has(accountId)) throw invalidField('accountId', 'is no account');
}
