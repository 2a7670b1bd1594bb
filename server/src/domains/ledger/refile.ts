import { setImmediate } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { beside, fetchRows, inList, moneyFromSql, readBy, runSql } from '../../db/index.ts';
import type { Ledger } from './ledger.types.ts';
import type { Delta, MonthlyTotalKey } from './ledger.rules.ts';
import type { RawRow } from './ledger.rows.ts';
import { addToSums } from './ledger.sums.ts';

/** Whether anything is filed under the category. */
export async function isFiledUnder(em: SqlEntityManager, userId: string, categoryId: string): Promise<boolean> {
  const rows = await em.execute<RawRow[]>(
    'select kind from monthly_totals where user_id = ? and category_id = ? limit 1',
    [userId, categoryId],
  );
  return rows.length > 0;
}

/** Entries that move with one statement. */
const REFILED_AT_A_TIME = 2_000;

/**
 * Files everything of one category under another, or under none, so many entries at a time with everybody else's turn in between; monthly totals move along.
 * Inside the caller's transaction, with the ledger held.
 *
 * @returns the number of entries that moved
 */
export async function refileCategory(
  em: SqlEntityManager,
  ledger: Ledger,
  { fromId, toId }: { fromId: string; toId: string | null },
  atATime = REFILED_AT_A_TIME,
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
  for (let after: Place | undefined; ;) {
    const places = await selectFiled(em, ledger, { categoryId: fromId, after, limit: atATime });
    after = places.at(-1);
    if (!after) break;
    const ids = inList(dialect, [...new Set(places.map((place) => place.transaction_id))]);
    const instead = 'category_id = case when category_id = ? then ? else category_id end';
    await runSql(em, `update transactions set updated_at = ?, ${instead} where id in (${ids.sql})`, [
      changedAtMs,
      fromId,
      toId,
      ...ids.values,
    ]);
    await runSql(em, `update entries set ${instead} where transaction_id in (${ids.sql})`, [
      fromId,
      toId,
      ...ids.values,
    ]);
    // On SQLite all of it is this process's own work.
    await setImmediate();
  }
  return totals.reduce((sum, row) => sum + Number(row['count']), 0);
}

/** A place in the order of what is filed under a category. */
type Place = { occurred_on: string; transaction_id: string };

/**
 * What is filed under a category behind a place; a transaction twice where two of its entries are. Goes on from the place, since MySQL would step over everything
 * that has moved already to find what is left.
 */
function selectFiled(
  em: SqlEntityManager,
  { dialect, userId }: Ledger,
  { categoryId, after, limit }: { categoryId: string; after: Place | undefined; limit: number },
): Promise<Place[]> {
  const order = ['occurred_on', 'transaction_id'];
  const rest = after && beside(dialect, order, '>', [after.occurred_on, after.transaction_id]);
  return fetchRows<Place>(
    em,
    `select occurred_on, transaction_id
     from ${readBy(dialect, 'entries', 'entries_user_id_category_id_occurred_on_transaction_id_index')}
     where user_id = ? and category_id = ?${rest ? ` and ${rest.sql}` : ''} order by occurred_on, transaction_id limit ?`,
    [userId, categoryId, ...(rest?.values ?? []), limit],
  );
}
