import type { ReconciliationsQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows, moneyFromSql, moneyToSql, type SqlValue } from '../../db/index.ts';
import type { RawRow, Units } from '../ledger/index.ts';

/** A reconciliation as it is kept. */
export type ReconciliationRecord = {
  id: string;
  accountId: string;
  /** The account's. */
  currency: string;
  statementDate: string;
  statementBalance: Units;
  openingBalance: Units;
  /** No transaction in it is older; null where none was ever in it. */
  earliestOn: string | null;
  /** Transactions that it has locked; 0 while it is open. */
  transactionCount: number;
  adjustmentTransactionId: string | null;
  /** Null while it is open. */
  finishedAtMs: number | null;
  createdAtMs: number;
  updatedAtMs: number;
};

/** Whose, and where from. */
export type Reading = { em: SqlEntityManager; dialect: Dialect; userId: string };

const COLUMNS = [
  'id',
  'user_id',
  'account_id',
  'opening_balance',
  'created_at',
  'statement_date',
  'statement_balance',
  'earliest_on',
  'transaction_count',
  'adjustment_transaction_id',
  'finished_at',
  'updated_at',
] as const;
const MUTABLE_COLUMNS = COLUMNS.slice(5);

const SELECT =
  'select r.*, a.currency from reconciliations r join accounts a on a.id = r.account_id where r.user_id = ?';

/** A page of reconciliations before an id, the newest first, one more than asked for where there are more. */
export async function selectReconciliations(
  { em, dialect, userId }: Reading,
  query: ReconciliationsQuery,
  beforeId: string | undefined,
): Promise<ReconciliationRecord[]> {
  const conditions: [string, SqlValue[]][] = [];
  if (query.accountId !== undefined) conditions.push(['r.account_id = ?', [query.accountId]]);
  if (query.status !== undefined)
    conditions.push([query.status === 'open' ? 'r.finished_at is null' : 'r.finished_at is not null', []]);
  if (beforeId !== undefined) conditions.push(['r.id < ?', [beforeId]]);
  const rows = await em.execute<RawRow[]>(
    `${SELECT}${conditions.map(([sql]) => ` and ${sql}`).join('')} order by r.id desc limit ?`,
    [userId, ...conditions.flatMap(([, values]) => values), query.limit + 1],
  );
  return rows.map((row) => fromRow(dialect, row));
}

export async function findReconciliation(
  { em, dialect, userId }: Reading,
  id: string,
): Promise<ReconciliationRecord | null> {
  const [row] = await em.execute<RawRow[]>(`${SELECT} and r.id = ?`, [userId, id]);
  return row ? fromRow(dialect, row) : null;
}

/** All reconciliations of an account, in the order in which they were finished; one that is open comes last. */
export async function listOfAccount(
  { em, dialect, userId }: Reading,
  accountId: string,
): Promise<ReconciliationRecord[]> {
  const rows = await em.execute<RawRow[]>(
    `${SELECT} and r.account_id = ? order by case when r.finished_at is null then 1 else 0 end, r.finished_at`,
    [userId, accountId],
  );
  return rows.map((row) => fromRow(dialect, row));
}

/** Transactions that the finished reconciliations of an account have locked. */
export async function countLocked({ em, userId }: Reading, accountId: string): Promise<number> {
  const [row] = await em.execute<RawRow[]>(
    'select sum(transaction_count) as count from reconciliations where user_id = ? and account_id = ?',
    [userId, accountId],
  );
  return Number(row?.['count'] ?? 0);
}

export async function insertReconciliation(
  { em, dialect, userId }: Reading,
  record: ReconciliationRecord,
): Promise<void> {
  await insertRows(em, dialect, { table: 'reconciliations', columns: COLUMNS, rows: [toRow(dialect, userId, record)] });
}

export async function updateReconciliation(
  { em, dialect, userId }: Reading,
  record: ReconciliationRecord,
): Promise<void> {
  const values = toRow(dialect, userId, record).slice(-MUTABLE_COLUMNS.length);
  await em.execute(
    `update reconciliations set ${MUTABLE_COLUMNS.map((column) => `${column} = ?`).join(', ')} where id = ? and user_id = ?`,
    [...values, record.id, userId],
    'run',
  );
}

export async function deleteReconciliation({ em, userId }: Reading, id: string): Promise<void> {
  await em.execute('delete from reconciliations where id = ? and user_id = ?', [id, userId], 'run');
}

function toRow(dialect: Dialect, userId: string, record: ReconciliationRecord): SqlValue[] {
  return [
    record.id,
    userId,
    record.accountId,
    moneyToSql(dialect, record.openingBalance),
    record.createdAtMs,
    record.statementDate,
    moneyToSql(dialect, record.statementBalance),
    record.earliestOn,
    record.transactionCount,
    record.adjustmentTransactionId,
    record.finishedAtMs,
    record.updatedAtMs,
  ];
}

function fromRow(dialect: Dialect, row: RawRow): ReconciliationRecord {
  return {
    id: row['id'] as string,
    accountId: row['account_id'] as string,
    currency: row['currency'] as string,
    statementDate: row['statement_date'] as string,
    statementBalance: moneyFromSql(dialect, row['statement_balance']),
    openingBalance: moneyFromSql(dialect, row['opening_balance']),
    earliestOn: row['earliest_on'] as string | null,
    transactionCount: Number(row['transaction_count']),
    adjustmentTransactionId: row['adjustment_transaction_id'] as string | null,
    finishedAtMs: row['finished_at'] === null ? null : Number(row['finished_at']),
    createdAtMs: Number(row['created_at']),
    updatedAtMs: Number(row['updated_at']),
  };
}
