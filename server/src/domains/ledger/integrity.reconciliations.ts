import { type Difference, formatMoney } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, moneyFromSql, sumOfMoney } from '../../db/index.ts';
import type { RawRow } from './ledger.rows.ts';
import type { Units } from './ledger.types.ts';

/**
 * Compares a person's reconciliations with the transactions that say to be in them: the balance of a finished one's statement with all that it and those before
 * it have locked, and each opening balance with the statement before.
 */
export async function checkReconciliations(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, report }: { userId: string; report: (difference: Difference) => void },
): Promise<void> {
  const money = (value: unknown) => moneyFromSql(dialect, value);
  const reconciliations = await em.execute<RawRow[]>(
    `select * from reconciliations where user_id = ?
     order by account_id, case when finished_at is null then 1 else 0 end, finished_at`,
    [userId],
  );
  if (reconciliations.length === 0) return;
  const sums = new Map(
    (await em.execute<RawRow[]>(sumsSql(dialect), [userId])).map((row) => [
      row['id'] as string,
      { total: money(row['total']), count: Number(row['count']) },
    ]),
  );
  let accountId: unknown;
  let statement: Units = 0n;
  let locked: Units = 0n;
  for (const row of reconciliations) {
    const id = row['id'] as string;
    if (row['account_id'] !== accountId) [accountId, statement, locked] = [row['account_id'], 0n, 0n];
    const opening = money(row['opening_balance']);
    if (opening !== statement)
      report({ kind: 'reconciliation_opening', id, kept: formatMoney(opening), recomputed: formatMoney(statement) });
    if (row['finished_at'] === null) continue;
    const sum = sums.get(id) ?? { total: 0n, count: 0 };
    statement = money(row['statement_balance']);
    locked += sum.total;
    const kept = { total: statement, count: Number(row['transaction_count']) };
    if (kept.total !== locked || kept.count !== sum.count) {
      const recomputed = describe({ total: locked, count: sum.count });
      report({ kind: 'reconciliation_sum', id, kept: describe(kept), recomputed });
    }
  }
}

/** What is in each reconciliation: amounts as the entries have them, a split counted once. */
function sumsSql(dialect: Dialect): string {
  const id = 'case when e.account_id = t.account_id then t.reconciliation_id else t.to_reconciliation_id end';
  return `select ${id} as id, ${sumOfMoney(dialect, 'e.amount')} as total,
      sum(case when e.line = 0 or e.kind = 'transfer' then 1 else 0 end) as count
    from transactions t join entries e on e.transaction_id = t.id
    where t.user_id = ? and (t.reconciliation_id is not null or t.to_reconciliation_id is not null) and ${id} is not null group by ${id}`;
}

function describe({ total, count }: { total: Units; count: number }): string {
  return `${formatMoney(total)}, ${count} locked`;
}

/** Each mark that is not what its reconciliation says: none such on that account, another state, or a date that the reconciliation does not reach. */
export const MARK_CHECKS: readonly string[] = (
  [
    ['t.account_id', 't.cleared_state', 't.reconciliation_id'],
    ['t.to_account_id', 't.to_cleared_state', 't.to_reconciliation_id'],
  ] as const
).map(
  ([account, state, reconciliation]) => `select t.id as id,
    concat(coalesce(${state}, 'uncleared'), ' ', t.occurred_on, ' ', coalesce(${reconciliation}, '')) as kept,
    case when r.id is not null then concat(case when r.finished_at is null then 'cleared' else 'reconciled' end, ' ', coalesce(r.earliest_on, ''), ' to ', r.statement_date) end as recomputed
  from transactions t left join reconciliations r on r.id = ${reconciliation} and r.user_id = t.user_id and r.account_id = ${account}
  where t.user_id = ? and (${state} is not null or ${reconciliation} is not null)
    and (r.id is null or ${state} is null or ${state} <> case when r.finished_at is null then 'cleared' else 'reconciled' end
      or r.earliest_on is null or t.occurred_on < r.earliest_on or t.occurred_on > r.statement_date)`,
);
