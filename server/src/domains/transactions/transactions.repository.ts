import type { MonthlyTotalsQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, moneyFromSql, type SqlValue } from '../../db/index.ts';
import type { RawRow, Units } from '../ledger/index.ts';

type Reading = { em: SqlEntityManager; dialect: Dialect; userId: string };

type MonthlyTotal = {
  month: string;
  currency: string;
  kind: 'income' | 'expense';
  categoryId: string | null;
  total: Units;
  count: number;
};

/** Monthly totals after a place in the order of month, currency, kind and category, one more than asked for where there are more. */
export async function selectMonthlyTotals(
  { em, dialect, userId }: Reading,
  query: MonthlyTotalsQuery,
  after: readonly string[] | null,
): Promise<MonthlyTotal[]> {
  const conditions: [string, SqlValue[]][] = [
    ['user_id = ? and month >= ? and month <= ?', [userId, after?.[0] ?? query.from, query.to]],
  ];
  if (query.currency !== undefined) conditions.push(['currency = ?', [query.currency]]);
  if (query.kind !== undefined) conditions.push(['kind = ?', [query.kind]]);
  if (after) conditions.push(['(month, currency, kind, category_id) > (?, ?, ?, ?)', [...after]]);
  const rows = await fetchRows<RawRow>(
    em,
    `select * from monthly_totals where ${conditions.map(([sql]) => sql).join(' and ')}
     order by month, currency, kind, category_id limit ?`,
    [...conditions.flatMap(([, values]) => values), query.limit + 1],
  );
  return rows.map((row) => ({
    month: row['month'] as string,
    currency: row['currency'] as string,
    kind: row['kind'] as MonthlyTotal['kind'],
    categoryId: (row['category_id'] as string) || null,
    total: moneyFromSql(dialect, row['total']),
    count: Number(row['count']),
  }));
}
