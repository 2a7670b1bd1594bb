import { type Difference, type DifferenceKind, formatMoney } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, moneyFromSql, sumOfMoney } from '../../db/index.ts';
import { checkReconciliations, MARK_CHECKS } from './integrity.reconciliations.ts';
import type { RawRow } from './ledger.rows.ts';
import type { Units } from './ledger.types.ts';

type Sum = { amount: Units; count: number };

/** What a check found, and how much it looked at. */
type LedgerCheck = {
  differences: Difference[];
  hasMore: boolean;
  checked: { accounts: number; transactions: number; entries: number };
};

/**
 * Recomputes every kept figure of a person from the entries and names each difference, up to a number of them. Reads one consistent state where the
 * caller's transaction does; changes nothing.
 */
export async function checkLedger(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, differencesMax }: { userId: string; differencesMax: number },
): Promise<LedgerCheck> {
  const money = (value: unknown) => moneyFromSql(dialect, value);
  const rows = (sql: string) => em.execute<RawRow[]>(sql, [userId]);
  const differences: Difference[] = [];
  let hasMore = false;
  const report = (difference: Difference) => {
    if (differences.length < differencesMax) differences.push(difference);
    else hasMore = true;
  };
  const compare = (kind: DifferenceKind, kept: Map<string, Sum>, recomputed: Map<string, Sum>) => {
    for (const id of new Set([...kept.keys(), ...recomputed.keys()])) {
      const [a, b] = [kept.get(id), recomputed.get(id)];
      if (a?.amount === b?.amount && a?.count === b?.count) continue;
      report({ kind, id, kept: describe(a), recomputed: describe(b) });
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

  const balances = new Map<string, Units>();
  for (const row of entrySums) {
    const id = row['account_id'] as string;
    balances.set(id, (balances.get(id) ?? 0n) + money(row['total']));
  }
  const accounts = await rows('select id, balance from accounts where user_id = ?');
  for (const row of accounts) {
    const id = row['id'] as string;
    const [kept, recomputed] = [money(row['balance']), balances.get(id) ?? 0n];
    if (kept !== recomputed)
      report({ kind: 'balance', id, kept: formatMoney(kept), recomputed: formatMoney(recomputed) });
  }

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

  await checkReconciliations(em, dialect, { userId, report });

  for (const { kind, sql, isMoney } of ROW_CHECKS) {
    const limit = differencesMax === Infinity ? '' : ` limit ${differencesMax + 1}`;
    for (const row of await rows(sql + limit)) {
      const describeValue = (value: unknown) => (isMoney ? describeMoney(value, money) : describeText(value));
      report({
        kind,
        id: row['id'] as string,
        kept: describeValue(row['kept']),
        recomputed: describeValue(row['recomputed']),
      });
    }
  }
  const [transactions] = await rows('select count(*) as count from transactions where user_id = ?');
  return {
    differences,
    hasMore,
    checked: {
      accounts: accounts.length,
      transactions: Number(transactions?.['count'] ?? 0),
      entries: entrySums.reduce((sum, row) => sum + Number(row['count']), 0),
    },
  };
}

/** Comparisons of rows with each other: each statement takes the person and answers what differs. */
const ROW_CHECKS: readonly { kind: DifferenceKind; sql: string; isMoney?: boolean }[] = [
  {
    kind: 'missing_entries',
    sql: `select t.id as id, t.kind as kept from transactions t
      where t.user_id = ? and not exists (select 1 from entries e where e.transaction_id = t.id)`,
  },
  {
    kind: 'split_sum',
    isMoney: true,
    sql: `select t.id as id, t.amount as kept, sum(case when t.kind = 'income' then e.amount else -e.amount end) as recomputed
      from transactions t join entries e on e.transaction_id = t.id
      where t.user_id = ? and t.kind in ('income', 'expense') group by t.id, t.amount, t.kind
      having sum(case when t.kind = 'income' then e.amount else -e.amount end) <> t.amount`,
  },
  {
    kind: 'transfer_sum',
    isMoney: true,
    sql: `select t.id as id, t.amount as kept, -e.amount as recomputed
      from transactions t left join entries e on e.transaction_id = t.id and e.line = 0
      where t.user_id = ? and t.kind = 'transfer' and (e.amount is null or -e.amount <> t.amount or e.account_id <> t.account_id)`,
  },
  {
    kind: 'transfer_sum',
    isMoney: true,
    sql: `select t.id as id, t.to_amount as kept, e.amount as recomputed
      from transactions t left join entries e on e.transaction_id = t.id and e.line = 1
      where t.user_id = ? and t.kind = 'transfer' and (e.amount is null or e.amount <> t.to_amount or e.account_id <> t.to_account_id)`,
  },
  {
    kind: 'opening_sum',
    isMoney: true,
    sql: `select t.id as id, t.amount as kept, e.amount as recomputed from transactions t join entries e on e.transaction_id = t.id
      where t.user_id = ? and t.kind = 'opening' and (e.amount <> t.amount or e.account_id <> t.account_id)`,
  },
  {
    kind: 'entry_copy',
    sql: `select t.id as id, concat(e.kind, ' ', e.occurred_on, ' ', coalesce(e.category_id, '')) as kept,
      concat(t.kind, ' ', t.occurred_on, ' ', coalesce(t.category_id, '')) as recomputed
      from transactions t join entries e on e.transaction_id = t.id
      where t.user_id = ? and (e.kind <> t.kind or e.occurred_on <> t.occurred_on or e.user_id <> t.user_id
        or (t.kind in ('income', 'expense') and e.account_id <> t.account_id)
        or (t.is_split = 0 and coalesce(e.category_id, '') <> coalesce(t.category_id, '')))`,
  },
  {
    kind: 'entry_currency',
    sql: `select e.transaction_id as id, e.currency as kept, a.currency as recomputed
      from entries e join accounts a on a.id = e.account_id where e.user_id = ? and e.currency <> a.currency`,
  },
  {
    kind: 'transaction_currency',
    sql: `select t.id as id, t.currency as kept, a.currency as recomputed
      from transactions t join accounts a on a.id = t.account_id where t.user_id = ? and t.currency <> a.currency`,
  },
  {
    kind: 'transaction_currency',
    sql: `select t.id as id, t.to_currency as kept, a.currency as recomputed
      from transactions t join accounts a on a.id = t.to_account_id
      where t.user_id = ? and t.kind = 'transfer' and (t.to_currency is null or t.to_currency <> a.currency)`,
  },
  {
    kind: 'surplus_entries',
    sql: `select t.id as id, concat(case when t.kind = 'transfer' then 2 else 1 end, ' of ', t.kind) as kept, concat(count(*), ' entries') as recomputed
      from transactions t join entries e on e.transaction_id = t.id
      where t.user_id = ? and (t.kind in ('transfer', 'opening') or t.is_split = 0) group by t.id, t.kind
      having count(*) > case when t.kind = 'transfer' then 2 else 1 end`,
  },
  {
    kind: 'opening_link',
    sql: `select a.id as id, a.opening_transaction_id as kept, t.id as recomputed
      from accounts a left join transactions t on t.id = a.opening_transaction_id and t.user_id = a.user_id and t.account_id = a.id and t.kind = 'opening'
      where a.user_id = ? and a.opening_transaction_id is not null and t.id is null`,
  },
  {
    kind: 'opening_link',
    sql: `select a.id as id, a.opening_transaction_id as kept, t.id as recomputed
      from transactions t join accounts a on a.id = t.account_id
      where t.user_id = ? and t.kind = 'opening' and (a.opening_transaction_id is null or a.opening_transaction_id <> t.id)`,
  },
  {
    kind: 'tag_copy',
    sql: `select t.id as id, g.occurred_on as kept, t.occurred_on as recomputed
      from transactions t join transaction_tags g on g.transaction_id = t.id where t.user_id = ? and g.occurred_on <> t.occurred_on`,
  },
  {
    kind: 'unknown_account',
    sql: `select e.account_id as id, min(e.transaction_id) as kept from entries e
      left join accounts a on a.id = e.account_id and a.user_id = e.user_id where e.user_id = ? and a.id is null group by e.account_id`,
  },
  {
    kind: 'unknown_category',
    sql: `select e.category_id as id, min(e.transaction_id) as kept from entries e
      left join categories c on c.id = e.category_id and c.user_id = e.user_id
      where e.user_id = ? and e.category_id is not null and c.id is null group by e.category_id`,
  },
  ...MARK_CHECKS.map((sql) => ({ kind: 'cleared_mark' as const, sql })),
];

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

function describeText(value: unknown): string {
  return typeof value === 'string' ? value : 'none';
}
