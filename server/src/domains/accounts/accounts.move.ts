import { setImmediate } from 'node:timers/promises';
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
  updateAccount,
} from '../ledger/index.ts';
import { findOpening } from './accounts.opening.ts';
import { selectTransactionIdsOf } from './accounts.repository.ts';

/** Transactions that one call moves at the most: they move in one transaction. */
const MOVED_TRANSACTIONS_MAX = 20_000;
const MOVED_AT_A_TIME = 500;

/**
 * Moves all entries of an account to another, in the caller's transaction. Posts everything at once: what is in between, on neither account, must not be refused
 * for a limit. An opening balance moves like any other entry, and is added to that of the other account where both are of one day. Answers the number of entries.
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
    if (start > 0) await setImmediate();
    const some = ids.slice(start, start + MOVED_AT_A_TIME);
    for (const before of (await findTransactions(em, ledger.dialect, ledger.userId, some)).values()) {
      movedEntries += before.transfer ? 1 : Math.max(1, before.splits.length);
      if (before.kind === 'opening') continue;
      changes.push({ before, after: redirect(before, from, to, ledger) });
      if (before.transfer) others.add(before.accountId).add(before.transfer.toAccountId);
    }
  }
  const openings = joinOpenings(await findOpening(em, ledger, from), await findOpening(em, ledger, to), to, ledger);
  changes.push(...openings);
  const accounts = await findAccounts(em, ledger.dialect, ledger.userId, [...others]);
  const posted = await blaming('toAccountId', () => post(em, ledger, changes, accounts));
  if (openings.length === 0) return movedEntries;
  const openingTransactionId = openings.find(({ after }) => after)?.after?.id ?? null;
  for (const account of [from, to]) {
    const now = posted.find(({ id }) => id === account.id) ?? account;
    await updateAccount(em, ledger, {
      ...now,
      openingTransactionId: account === to ? openingTransactionId : null,
      updatedAtMs: ledger.changedAtMs,
    });
  }
  return movedEntries;
}

/**
 * The opening balance of one account as that of another; two of one day become one, or none where they sum up to zero.
 *
 * @throws AppError CONFLICT where they are of two days: one sum on either day would be another history of what the person had
 */
function joinOpenings(
  own: TransactionRecord | null,
  other: TransactionRecord | null,
  to: AccountRecord,
  ledger: Ledger,
): Change[] {
  if (!own) return [];
  const updatedAtMs = ledger.changedAtMs;
  if (!other) return [{ before: own, after: { ...own, accountId: to.id, updatedAtMs } }];
  if (own.occurredOn !== other.occurredOn) {
    throw new AppError(
      'CONFLICT',
      `Both accounts have an opening balance, of ${own.occurredOn} and ${other.occurredOn}; give both the same day first.`,
      { details: [{ path: 'toAccountId', message: 'has an opening balance of another day' }] },
    );
  }
  const amount = own.amount + other.amount;
  return [
    { before: own, after: null },
    { before: other, after: amount === 0n ? null : { ...other, amount, updatedAtMs } },
  ];
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
  return {
    ...record,
    accountId,
    transfer: transfer && { ...transfer, toAccountId: toAccountId ?? to.id },
    updatedAtMs: ledger.changedAtMs,
  };
}
