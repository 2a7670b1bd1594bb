import { formatMoney, type ReconciliationEntriesOut, type ReconciliationOut } from '@finverse/shared';
import { moneyFromSql } from '../../db/index.ts';
import type { Dialect } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import type { MarkedIds, RawRow, TransactionRecord, Units } from '../ledger/index.ts';
import { sidesOf } from '../ledger/index.ts';
import type { ReconciliationRecord } from './reconciliations.repository.ts';

/** A sum, and of how many transactions. */
export type Sum = { total: Units; count: number };

/** What the statement has and the cleared entries have not. Zero is what finishing asks for. */
export function differenceOf({ statementBalance, openingBalance }: ReconciliationRecord, cleared: Sum): Units {
  return statementBalance - openingBalance - cleared.total;
}

/** @throws AppError RECONCILIATION_UNBALANCED naming the difference */
export function unbalanced(record: ReconciliationRecord, cleared: Sum): AppError {
  const difference = formatMoney(differenceOf(record, cleared));
  const sum = formatMoney(record.openingBalance + cleared.total);
  return new AppError(
    'RECONCILIATION_UNBALANCED',
    `The statement says ${formatMoney(record.statementBalance)}, what is cleared sums up to ${sum}: the difference is ${difference}.`,
    { details: [{ path: 'statementBalance', message: `differs by ${difference}` }] },
  );
}

/** @throws AppError CONFLICT for one that is finished */
export function requireOpen(record: ReconciliationRecord): ReconciliationRecord {
  if (record.finishedAtMs === null) return record;
  throw new AppError('CONFLICT', 'The reconciliation is finished; reopen it first.');
}

/** The newest finished one of an account's, which `listOfAccount` answers in the order of finishing. */
export function newestFinished(ofAccount: readonly ReconciliationRecord[]): ReconciliationRecord | undefined {
  return ofAccount.findLast(({ finishedAtMs }) => finishedAtMs !== null);
}

/**
 * What the finished reconciliations of an account leave to the next one: its opening balance is the closing balance of the newest, and statements follow each other.
 *
 * @throws AppError VALIDATION_FAILED for a statement that is older
 */
export function openingFor(ofAccount: readonly ReconciliationRecord[], statementDate: string): Units {
  const newest = newestFinished(ofAccount);
  if (!newest) return 0n;
  if (statementDate < newest.statementDate)
    throw invalidField('statementDate', `must not lie before ${newest.statementDate}, the newest finished statement`);
  return newest.statementBalance;
}

/** @throws AppError CONFLICT where another one is open */
export function requireNoneOpen(ofAccount: readonly ReconciliationRecord[]): void {
  const open = ofAccount.find(({ finishedAtMs }) => finishedAtMs === null);
  if (!open) return;
  throw new AppError('CONFLICT', `The account has an open reconciliation, ${open.id}: finish or cancel it first.`);
}

/** What changes where marks are set or taken away, and the oldest date of it. */
export type Ticks = MarkedIds & { earliestOn: string | null };

/**
 * Those of the transactions that are to be ticked off, or whose tick is to be taken away: what is so already is left out.
 *
 * @throws AppError VALIDATION_FAILED naming what is not on the account or dated after the statement, ENTRY_RECONCILED naming what another one has locked
 */
export function ticksOf(
  record: ReconciliationRecord,
  {
    ids,
    known,
    isCleared,
  }: { ids: readonly string[]; known: ReadonlyMap<string, TransactionRecord>; isCleared: boolean },
): Ticks {
  const [ownIds, toIds] = [new Set<string>(), new Set<string>()];
  let earliestOn: string | null = null;
  for (const [index, id] of ids.entries()) {
    const path = `transactionIds.${index}`;
    const transaction = known.get(id);
    const side = transaction && sidesOf(transaction).find(({ accountId }) => accountId === record.accountId);
    if (!side) throw invalidField(path, 'is no transaction on the account');
    const { occurredOn } = transaction;
    if (occurredOn > record.statementDate)
      throw invalidField(path, `is dated ${occurredOn}, after the statement of ${record.statementDate}`);
    if (side.mark !== null && side.mark.reconciliationId !== record.id) {
      throw new AppError('ENTRY_RECONCILED', 'A transaction is reconciled with an earlier statement.', {
        details: [{ path, message: `is locked by ${side.mark.reconciliationId}` }],
      });
    }
    if ((side.mark !== null) === isCleared) continue;
    (transaction.accountId === record.accountId ? ownIds : toIds).add(id);
    if (earliestOn === null || occurredOn < earliestOn) earliestOn = occurredOn;
  }
  return { ownIds: [...ownIds], toIds: [...toIds], earliestOn };
}

/** The reconciliation with more in it: nothing in it is older than `earliestOn`. */
export function reachingBack(record: ReconciliationRecord, earliestOn: string | null): ReconciliationRecord {
  const dates = [record.earliestOn, earliestOn].flatMap((date) => date ?? []);
  return { ...record, earliestOn: dates.toSorted()[0] ?? null };
}

/** `uncleared` is what is left on the account up to the statement date; null of one that is finished. */
export function toReconciliationOut(
  record: ReconciliationRecord,
  cleared: Sum,
  uncleared: Sum | null,
): ReconciliationOut {
  const { finishedAtMs } = record;
  return {
    id: record.id,
    accountId: record.accountId,
    currency: record.currency,
    status: finishedAtMs === null ? 'open' : 'finished',
    statementDate: record.statementDate,
    statementBalance: formatMoney(record.statementBalance),
    openingBalance: formatMoney(record.openingBalance),
    clearedBalance: formatMoney(record.openingBalance + cleared.total),
    difference: formatMoney(differenceOf(record, cleared)),
    clearedCount: cleared.count,
    unclearedCount: uncleared && uncleared.count,
    unclearedTotal: uncleared && formatMoney(uncleared.total),
    adjustmentTransactionId: record.adjustmentTransactionId,
    startedAt: toInstant(record.createdAtMs),
    finishedAt: finishedAtMs === null ? null : toInstant(finishedAtMs),
    updatedAt: toInstant(record.updatedAtMs),
  };
}

/** A row of `selectSides` as it is answered. */
export function toEntryOut(
  dialect: Dialect,
  { currency, finishedAtMs }: ReconciliationRecord,
  row: RawRow,
): ReconciliationEntriesOut['items'][number] {
  const kind = row['kind'] as TransactionRecord['kind'];
  const isOwn = Boolean(Number(row['is_own']));
  const amount = moneyFromSql(dialect, row[isOwn ? 'amount' : 'to_amount']);
  const isTaken = isOwn && (kind === 'expense' || kind === 'transfer');
  return {
    transactionId: row['id'] as string,
    kind,
    occurredOn: row['occurred_on'] as string,
    description: row['description'] as string,
    payee: row['payee'] as string,
    note: row['note'] as string,
    categoryId: row['category_id'] as string | null,
    amount: formatMoney(isTaken ? -amount : amount),
    currency,
    cleared: row['side_reconciliation_id'] === null ? 'uncleared' : finishedAtMs === null ? 'cleared' : 'reconciled',
  };
}
