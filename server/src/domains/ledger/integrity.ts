import { formatMoney } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, moneyFromSql, sumOfMoney } from '../../db/index.ts';
import type { RawRow } from './ledger.rows.ts';
import type { Units } from './ledger.types.ts';

/** A kept figure that is not what the entries say, or a row that hangs in the air. */
export type Fault = { kind: FaultKind; id: string; kept: string; recomputed: string };
export type FaultKind =
  | 'balance'
  | 'account_month'
  | 'monthly_total'
  | 'split_sum'
  | 'missing_entries'
  | 'unknown_account'
  | 'unknown_category';

const FAULTS_MAX = 1000;

type Sum = { amount: Units; count: number };

/**
 * Recomputes every kept figure of a person from the entries and names each difference. Reads one moment where the caller's transaction is a snapshot;
 * changes nothing.
 */
export async function checkLedger(em: SqlEntityManager, dialect: Dialect, userId: string): Promise<Fault[]> {
  const money = (value: unknown) => moneyFromSql(dialect, value);
  const rows = (sql: string) => em.execute<RawRow[]>(sql, [userId]);
  const faults: Fault[] = [];
  const compare = (kind: FaultKind, kept: Map<string, Sum>, recomputed: Map<string, Sum>) => {
    for (const id of new Set([...kept.keys(), ...recomputed.keys()])) {
      const [a, b] = [kept.get(id), recomputed.get(id)];
      if (a?.amount === b?.amount && a?.count === b?.count) continue;
      if (faults.length < FAULTS_MAX) faults.push({ kind, id, kept: describe(a), recomputed: describe(b) });
    }
  };

  const entrySums = await rows(
    `select account_id, substr(occurred_on, 1, 7) as month, ${sumOfMoney(dialect, 'amount')} as total, count(*) as count from entries where user_id = ? group by account_id, substr(occurred_on, 1, 7)`,
  );
  const months = keyed(entrySums, ['account_id', 'month'], money);
  compare(
    'account_month',
    keyed(await rows('select * from account_months where user_id = ?'), ['account_id', 'month'], money),
    months,
  );

  const balances = new Map<string, Sum>();
  for (const row of entrySums) {
    const id = row['account_id'] as string;
    balances.set(id, { amount: (balances.get(id)?.amount ?? 0n) + money(row['total']), count: 0 });
  }
  const accounts = await rows('select id, balance from accounts where user_id = ?');
  compare(
    'balance',
    new Map(accounts.map((row) => [row['id'] as string, { amount: money(row['balance']), count: 0 }])),
    new Map(accounts.map(({ id }) => [id as string, balances.get(id as string) ?? { amount: 0n, count: 0 }])),
  );

  const totalKey = ['month', 'currency', 'kind', 'category_id'];
  compare(
    'monthly_total',
    keyed(await rows('select * from monthly_totals where user_id = ?'), totalKey, money),
    keyed(
      await rows(
        `select substr(occurred_on, 1, 7) as month, currency, kind, coalesce(category_id, '') as category_id,
         ${sumOfMoney(dialect, "case when kind = 'income' then amount else -amount end")} as total, count(*) as count
         from entries where user_id = ? and kind in ('income', 'expense')
         group by substr(occurred_on, 1, 7), currency, kind, coalesce(category_id, '')`,
      ),
      totalKey,
      money,
    ),
  );

  const named = async (kind: FaultKind, sql: string) => {
    for (const row of await rows(`${sql} limit ${FAULTS_MAX}`)) {
      if (faults.length < FAULTS_MAX)
        faults.push({
          kind,
          id: row['id'] as string,
          kept: describeMoney(row['kept'], money),
          recomputed: describeMoney(row['recomputed'], money),
        });
    }
  };
  await named(
    'missing_entries',
    'select id from transactions t where user_id = ? and not exists (select 1 from entries e where e.transaction_id = t.id)',
  );
  await named(
    'split_sum',
    `select t.id as id, t.amount as kept, sum(e.amount) as recomputed from transactions t join entries e on e.transaction_id = t.id
     where t.user_id = ? and t.kind in ('income', 'expense') group by t.id, t.amount, t.kind
     having sum(case when t.kind = 'income' then e.amount else -e.amount end) <> t.amount`,
  );
  await named(
    'unknown_account',
    'select distinct e.account_id as id from entries e left join accounts a on a.id = e.account_id and a.user_id = e.user_id where e.user_id = ? and a.id is null',
  );
  await named(
    'unknown_category',
    'select distinct e.category_id as id from entries e left join categories c on c.id = e.category_id and c.user_id = e.user_id where e.user_id = ? and e.category_id is not null and c.id is null',
  );
  return faults;
}

function keyed(
  rows: readonly RawRow[],
  columns: readonly string[],
  money: (value: unknown) => Units,
): Map<string, Sum> {
  return new Map(
    rows.map((row) => [
      columns.map((column) => row[column] as string).join(' '),
      { amount: money(row['total']), count: Number(row['count']) },
    ]),
  );
}

function describe(sum: Sum | undefined): string {
  return sum ? `${formatMoney(sum.amount)} in ${sum.count}` : 'none';
}

function describeMoney(value: unknown, money: (value: unknown) => Units): string {
  return value === undefined || value === null ? 'none' : formatMoney(money(value));
}
