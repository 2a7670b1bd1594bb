import { hash } from 'node:crypto';
import { type ImportFormat, parseMoney, type TransactionCreate } from '@finverse/shared';
import { OccurrenceCounter } from './occurrences.ts';
import { type ReadRow, shortId } from './read-drafts.ts';

/** The id of a transaction of ours, which is one wherever it stands. */
const OWN_ID = /^txn_[0-9a-z]{26}$/;

/** Whether an external id is that of a transaction of ours, as an export writes it. */
export function isOwnId(externalId: string): boolean {
  return OWN_ID.test(externalId);
}

/** A row's id as a bank wrote it, without the account that it is kept with. */
export function bareId({ accountId, externalId }: TransactionCreate): string | null {
  return externalId?.startsWith(`${accountId}/`) ? externalId.slice(accountId.length + 1) : null;
}

/**
 * Rows with ids that hold beyond their file. A bank numbers the transactions of each account on its own, so an id is kept with its account; those that an
 * export of ours wrote are the same everywhere. A row is at fault whose id an earlier row has with another date, amount, account or text: what both have is no
 * id (a reference that is always 0, a date and an amount), and taking the row for the same one again would lose it. In flat memory: 24 to 48 bytes for each row with an id.
 */
export async function* identifyRows(
  batches: AsyncIterable<ReadRow[]>,
  format: ImportFormat,
): AsyncGenerator<ReadRow[]> {
  const ids = new OccurrenceCounter();
  const bookings = new OccurrenceCounter();
  for await (const rows of batches) yield rows.map((row) => identify(row));

  function identify(row: ReadRow): ReadRow {
    if (row.draft.kind !== 'transaction' || row.draft.input.externalId === null) return row;
    const { input } = row.draft;
    const externalId = format === 'csv' ? csvId(input) : input.externalId;
    const timesById = countIn(ids, [externalId]);
    if (timesById === countIn(bookings, [externalId, ...bookingOf(input), input.payee, input.description]))
      return { ...row, draft: { kind: 'transaction', input: { ...input, externalId } } };
    const message =
      'is that of an earlier row with another date, amount, account or text; leave the column out if it is no id';
    return { ...row, draft: { kind: 'faulty', faults: [{ field: 'externalId', message }] } };
  }
}

function csvId({ accountId, externalId }: TransactionCreate): string | null {
  return externalId === null || isOwnId(externalId) ? externalId : shortId(accountId, externalId);
}

/** What makes two transactions with one id the same one. */
export function bookingOf({ kind, accountId, occurredOn, amount, transfer }: TransactionCreate): string[] {
  return [kind, accountId, occurredOn, String(parseMoney(amount)), transfer?.toAccountId ?? ''];
}

function countIn(counter: OccurrenceCounter, parts: readonly (string | null)[]): number {
  const digest = hash('sha256', JSON.stringify(parts), 'buffer');
  return counter.count(digest.readUInt32LE(0), digest.readUInt32LE(4));
}
