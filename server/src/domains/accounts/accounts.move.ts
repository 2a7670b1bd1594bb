import type { SqlEntityManager } from '@mikro-orm/sql';
import { AppError, blaming } from '../../kernel/errors.ts';
import {
  type AccountRecord,
  type Change,
  findAccounts,
  findTransactions,
  type Ledger,
  post,
  type TransactionRecord,
} from '../ledger/index.ts';
import { selectTransactionIdsOf } from './accounts.repository.ts';

/** Transactions that one call moves at the most: they move in one transaction. */
const MOVED_TRANSACTIONS_MAX = 20_000;
const MOVED_AT_A_TIME = 500;

/**
 * Moves all entries of an account to another, in the caller's transaction. Posts everything at once: what is in between, on neither account, must not be refused
 * for a limit. Answers the number of entries.
 *
 * @throws AppError CONFLICT for too many, and for a transfer or opening balance that cannot move; what posting refuses, naming `toAccountId`
 */
export async function moveAll(
  em: SqlEntityManager,
  ledger: Ledger,
  from: AccountRecord,
  to: AccountRecord,
  transactionsMax = MOVED_TRANSACTIONS_MAX,
): Promise<number> {
  const reading = { em, dialect: ledger.dialect, userId: ledger.userId };
  const ids = await selectTransactionIdsOf(reading, from.id, transactionsMax + 1);
  if (ids.length > transactionsMax)
    throw new AppError('CONFLICT', `More than ${transactionsMax} transactions are too many to move at once.`);
  const changes: Change[] = [];
  const others = new Set([from.id, to.id]);
  let movedEntries = 0;
  for (let start = 0; start < ids.length; start += MOVED_AT_A_TIME) {
    const some = ids.slice(start, start + MOVED_AT_A_TIME);
    for (const before of (await findTransactions(em, ledger.dialect, ledger.userId, some)).values()) {
      changes.push({ before, after: redirect(before, from, to, ledger) });
      movedEntries += before.transfer ? 1 : Math.max(1, before.splits.length);
      if (before.transfer) others.add(before.accountId).add(before.transfer.toAccountId);
    }
  }
  const accounts = await findAccounts(em, ledger.dialect, ledger.userId, [...others]);
  await blaming('toAccountId', () => post(em, ledger, changes, accounts));
  return movedEntries;
}

/** The same transaction on another account. @throws AppError CONFLICT for a transfer between the two, which would lead to itself. */
function redirect(
  record: TransactionRecord,
  from: AccountRecord,
  to: AccountRecord,
  ledger: Ledger,
): TransactionRecord {
  const instead = (id: string) => (id === from.id ? to.id : id);
  const { transfer } = record;
  const accountId = instead(record.accountId);
  const toAccountId = transfer && instead(transfer.toAccountId);
  if (accountId === toAccountId) {
    throw new AppError(
      'CONFLICT',
      `The transfer ${record.id} goes from one of the two accounts to the other; delete it first.`,
    );
  }
  if (record.kind === 'opening') {
    throw new AppError(
      'CONFLICT',
      'The account has an opening balance; set it to zero first, and add it to the other.',
    );
  }
  return {
    ...record,
    accountId,
    transfer: transfer && { ...transfer, toAccountId: toAccountId ?? to.id },
    updatedAtMs: ledger.changedAtMs,
  };
}
