import type { Ledger } from './ledger.types.ts';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { moneyFromSql } from '../../db/index.ts';
import type { Delta, MonthlyTotalKey } from './ledger.rules.ts';
import type { RawRow } from './ledger.rows.ts';
import { addToSums } from './ledger.sums.ts';

/** The kinds of what is filed under the category; none where nothing is. */
export async function kindsFiledUnder(
  em: SqlEntityManager,
  userId: string,
  categoryId: string,
): Promise<MonthlyTotalKey['kind'][]> {
  const rows = await em.execute<{ kind: MonthlyTotalKey['kind'] }[]>(
    'select distinct kind from monthly_totals where user_id = ? and category_id = ?',
    [userId, categoryId],
  );
  return rows.map(({ kind }) => kind);
}

/**
 * Files everything of one category under another, or under none, with few statements however much it is; monthly totals move along. Inside the caller's
 * transaction, with the ledger held.
 *
 * @returns the number of entries that moved
 */
export async function refileCategory(
  em: SqlEntityManager,
  ledger: Ledger,
  { fromId, toId }: { fromId: string; toId: string | null },
): Promise<number> {
  const { dialect, userId, changedAtMs } = ledger;
  const totals = await em.execute<RawRow[]>('select * from monthly_totals where user_id = ? and category_id = ?', [
    userId,
    fromId,
  ]);
  const deltas = totals.flatMap((row): (MonthlyTotalKey & Delta)[] => {
    const key = {
      month: row['month'] as string,
      currency: row['currency'] as string,
      kind: row['kind'] as MonthlyTotalKey['kind'],
    };
    const [amount, count] = [moneyFromSql(dialect, row['total']), Number(row['count'])];
    return [
      { ...key, categoryId: fromId, amount: -amount, count: -count },
      { ...key, categoryId: toId ?? '', amount, count },
    ];
  });
  await addToSums(em, ledger, { balances: new Map(), accountMonths: [], monthlyTotals: deltas });
  // First, while the entries still say which transactions these are: their splits changed, or their own category.
  await em.execute(
    `update transactions set updated_at = ?, category_id = case when category_id = ? then ? else category_id end
     where user_id = ? and id in (select transaction_id from entries where user_id = ? and category_id = ?)`,
    [changedAtMs, fromId, toId, userId, userId, fromId],
    'run',
  );
  await em.execute(
    'update entries set category_id = ? where user_id = ? and category_id = ?',
    [toId, userId, fromId],
    'run',
  );
  return totals.reduce((sum, row) => sum + Number(row['count']), 0);
}
