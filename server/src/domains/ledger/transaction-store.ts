import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, inList, moneyFromSql } from '../../db/index.ts';
import { fromTransactionRow, type RawRow } from './ledger.rows.ts';
import type { Split, TransactionRecord } from './ledger.types.ts';

/** True for a row of `transactions` whose parts stand in the entries alone. */
export function isSplit(row: RawRow): boolean {
  return Boolean(row['is_split']);
}

/** Rows of `transactions` as records, in the same order, with the splits of those that have any. */
export async function withSplits(
  em: SqlEntityManager,
  dialect: Dialect,
  rows: readonly RawRow[],
): Promise<TransactionRecord[]> {
  const splitIds = rows.filter(isSplit).map((row) => row['id'] as string);
  const splits = await readSplits(em, dialect, splitIds);
  return rows.map((row) => fromTransactionRow(dialect, row, splits.get(row['id'] as string) ?? []));
}

/** Those of the ids that name transactions of this person. */
export async function findTransactions(
  em: SqlEntityManager,
  dialect: Dialect,
  userId: string,
  ids: readonly string[],
): Promise<Map<string, TransactionRecord>> {
  if (ids.length === 0) return new Map();
  const list = inList(dialect, [...new Set(ids)]);
  const rows = await fetchRows<RawRow>(em, `select * from transactions where user_id = ? and id in (${list.sql})`, [
    userId,
    ...list.values,
  ]);
  const records = await withSplits(em, dialect, rows);
  return new Map(records.map((record) => [record.id, record]));
}

async function readSplits(
  em: SqlEntityManager,
  dialect: Dialect,
  ids: readonly string[],
): Promise<Map<string, Split[]>> {
  const splits = new Map<string, Split[]>();
  if (ids.length === 0) return splits;
  const list = inList(dialect, ids);
  const rows = await fetchRows<RawRow>(
    em,
    `select transaction_id, kind, amount, category_id, note from entries where transaction_id in (${list.sql}) order by transaction_id, line`,
    list.values,
  );
  for (const row of rows) {
    const signed = moneyFromSql(dialect, row['amount']);
    const split = {
      amount: row['kind'] === 'income' ? signed : -signed,
      categoryId: row['category_id'] as string | null,
      note: row['note'] as string,
    };
    const id = row['transaction_id'] as string;
    splits.set(id, [...(splits.get(id) ?? []), split]);
  }
  return splits;
}
