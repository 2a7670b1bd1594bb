import { parseMoney, type TransactionCreate } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { findFormerAccounts } from '../ledger/index.ts';
import { type Candidate, findByKeys, findDeletedKeys } from './known-rows.repository.ts';
import { hashOf, type ReadRow } from './read-drafts.ts';
import { bareId } from './row-ids.ts';

type Finding = {
  dialect: Dialect;
  userId: string;
  source: string;
  /** Whether another row is known to be that transaction. */
  isClaimed: (transactionId: string) => boolean;
  restoresDeleted: boolean;
};

/** What the rows of an account are known to be that were imported for another, whose entries have all been moved to it since; null: deleted since. */
export type MovedRows = ReadonlyMap<ReadRow, string | null>;

/**
 * Knows rows again by the accounts that were theirs before: a row of an account is looked up as it would be known on each account whose entries were all moved to
 * it ({@link findFormerAccounts}). The transaction has to be on the row's account now. An id has to be of the same date and amount besides, since the numbers
 * of two accounts of one bank may be the same; for that reason an id says nothing of what was deleted. Costs one statement where nothing was moved.
 *
 * @param rows those that are not known otherwise
 */
export async function findMovedRows(
  em: SqlEntityManager,
  { dialect, userId, source, isClaimed, restoresDeleted }: Finding,
  rows: readonly ReadRow[],
): Promise<MovedRows> {
  const found = new Map<ReadRow, string | null>();
  const ofAccount = Map.groupBy(rows, ({ draft }) => (draft.kind === 'transaction' ? draft.input.accountId : ''));
  const taken = new Set<string>();
  for (const [accountId, formerIds] of await findFormerAccounts(em, dialect, userId, [...ofAccount.keys()])) {
    for (const formerId of formerIds) {
      const keyed = (ofAccount.get(accountId) ?? []).flatMap((row) => {
        const key = found.has(row) ? null : keyUnder(row, formerId);
        return key ? [{ row, key }] : [];
      });
      const keys = keyed.map(({ key }) => key);
      const byKey = await findByKeys(em, dialect, { userId, source, keys });
      const hashes = keys.flatMap((key) => (isHash(key) ? [key] : []));
      const rowKeys = restoresDeleted ? [] : hashes;
      const deleted = await findDeletedKeys(em, dialect, { userId, source, rowKeys });
      for (const { row, key } of keyed) {
        const transaction = byKey.get(key);
        if (!transaction && deleted.has(key)) found.set(row, null);
        if (!transaction || taken.has(transaction.id) || isClaimed(transaction.id)) continue;
        if (!isOfRow(transaction, row, accountId)) continue;
        taken.add(transaction.id);
        found.set(row, transaction.id);
      }
    }
  }
  return found;
}

/** By what a row would be known had it been imported for another account; null for an id that is the same everywhere. */
function keyUnder({ draft, occurrence }: ReadRow, accountId: string): string | null {
  if (draft.kind !== 'transaction') return null;
  const { input } = draft;
  if (input.externalId === null) return hashOf({ ...input, accountId }, occurrence);
  const id = bareId(input);
  return id === null ? null : `${accountId}/${id}`;
}

function isHash(key: string): boolean {
  return !key.includes('/');
}

/** Whether a transaction is on the account of a row, and, where an id says that it is the row, of its date and amount there. */
function isOfRow(transaction: Candidate, { draft, contentHash }: ReadRow, accountId: string): boolean {
  if (draft.kind !== 'transaction') return false;
  const amount = amountsOn(transaction).get(accountId);
  if (amount === undefined || contentHash !== null) return amount !== undefined;
  return transaction.occurredOn === draft.input.occurredOn && amount === amountOf(draft.input);
}

/** What a transaction does to each of its accounts. */
function amountsOn({ kind, accountId, amount, transfer }: Candidate): Map<string, bigint> {
  const own = new Map([[accountId, kind === 'income' || kind === 'opening' ? amount : -amount]]);
  return transfer ? own.set(transfer.toAccountId, transfer.toAmount) : own;
}

function amountOf({ kind, amount }: TransactionCreate): bigint {
  return kind === 'income' ? parseMoney(amount) : -parseMoney(amount);
}
