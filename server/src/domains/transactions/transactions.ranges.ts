import { parseMoney, type TransactionsQuery } from '@finverse/shared';
import { type Condition, type Dialect, moneyPlaceholder, moneyToSql, readBy, type SqlValue } from '../../db/index.ts';
import { searchable } from '../ledger/index.ts';

/** Whose transactions are asked for, and which. */
export type Filtered = {
  dialect: Dialect;
  userId: string;
  query: TransactionsQuery;
  /** With `query.categoryId`: it and all below it. */
  categoryIds: readonly string[];
  /** With `query.importId`: the range of the ids that it gives. */
  imported?: IdRange | undefined;
};

/** Ids from the first to the last, both included. */
export type IdRange = { first: string; last: string };

/** A range of an index that holds transactions in the order of the list. */
export type Range = {
  /** What the table is called, also where a statement looks at so many rows of it alone. */
  alias: string;
  from: string;
  /** The columns of the place. */
  date: string;
  id: string;
  /** What the index is entered by. */
  key: Condition;
  /** A transaction that stands in the range several times counts where it stands first; little is left out by this. */
  once?: string;
};

/** The ranges of the narrowest filter: several where a category has others below it. */
export function rangesOf({ dialect, userId, query, categoryIds }: Filtered): Range[] {
  const [date, id] = ['e.occurred_on', 'e.transaction_id'];
  const entries = { alias: 'e', date, id };
  if (query.accountId !== undefined) {
    // The index knows no person; nobody has the rows of another's account looked through.
    const isOwn = 'exists (select 1 from accounts a where a.id = ? and a.user_id = ?)';
    return [
      {
        ...entries,
        from: readBy(dialect, 'entries e', 'entries_account_id_occurred_on_transaction_id_line_index'),
        key: { sql: `e.account_id = ? and ${isOwn}`, values: [query.accountId, query.accountId, userId] },
        once: firstLineWhere('p.account_id = e.account_id'),
      },
    ];
  }
  const byCategory = readBy(dialect, 'entries e', 'entries_user_id_category_id_occurred_on_transaction_id_index');
  if (query.categoryId !== undefined) {
    return categoryIds.map((categoryId) => ({
      ...entries,
      from: byCategory,
      key: { sql: 'e.user_id = ? and e.category_id = ?', values: [userId, categoryId] },
      once: firstLineWhere('p.category_id = e.category_id'),
    }));
  }
  if (query.tag !== undefined) {
    return [
      {
        alias: 'g',
        from: readBy(dialect, 'transaction_tags g', 'transaction_tags_user_id_tag_occurred_on_transaction_id_index'),
        date: 'g.occurred_on',
        id: 'g.transaction_id',
        key: { sql: 'g.user_id = ? and g.tag = ?', values: [userId, query.tag] },
      },
    ];
  }
  if (query.isUncategorized === true) {
    return [
      {
        ...entries,
        from: byCategory,
        key: { sql: 'e.user_id = ? and e.category_id is null', values: [userId] },
        once: firstLineWhere('p.category_id is null'),
      },
    ];
  }
  return [
    {
      alias: 'l',
      from: readBy(dialect, 'transactions l', 'transactions_user_id_occurred_on_id_index'),
      date: 'l.occurred_on',
      id: 'l.id',
      key: { sql: 'l.user_id = ?', values: [userId] },
    },
  ];
}

/** A split may name a category twice: only its first line there counts. */
function firstLineWhere(isSame: string): string {
  return `(e.line = 0 or not exists (select 1 from entries p where p.transaction_id = e.transaction_id and p.line < e.line and ${isSame}))`;
}

/** What no index answers: it is looked up for each transaction of a range. */
export function filtersOf({ dialect, query, categoryIds, imported }: Filtered): Condition[] {
  const filters: Condition[] = [];
  const add = (sql: string, ...values: SqlValue[]) => filters.push({ sql, values });
  if (query.kind !== undefined) add('t.kind = ?', query.kind);
  if (query.source !== undefined) add('t.source = ?', query.source);
  if (imported) add('t.id between ? and ?', imported.first, imported.last);
  const money = moneyFilter(dialect, query);
  if (money) filters.push(money);
  if (query.text !== undefined) add(`t.search_text like ? escape '!'`, `%${escapeLike(searchable(query.text))}%`);
  if (query.isUncategorized === true) {
    add(`t.kind in ('income', 'expense')`);
    add(hasOne('entries u', 'u.transaction_id = t.id and u.category_id is null'));
  }
  if (query.cleared !== undefined) {
    // Null stands for uncleared, and of what is no transfer the second side is none.
    const state = query.cleared === 'uncleared' ? null : query.cleared;
    const is = (column: string) => (state === null ? `${column} is null` : `${column} = ?`);
    const values: SqlValue[] = state === null ? [] : [state];
    const to = `t.to_account_id is not null and ${is('t.to_cleared_state')}`;
    filters.push(onSides(query, { own: is('t.cleared_state'), to, values }));
  }
  // What the ranges are not of.
  if (query.categoryId !== undefined && query.accountId !== undefined) {
    const places = categoryIds.map(() => '?').join(', ');
    add(hasOne('entries c', `c.transaction_id = t.id and c.category_id in (${places})`), ...categoryIds);
  }
  if (query.tag !== undefined && (query.accountId !== undefined || query.categoryId !== undefined)) {
    add(hasOne('transaction_tags x', 'x.transaction_id = t.id and x.tag = ?'), query.tag);
  }
  return filters;
}

/** Currency and amounts, all of the same side of a transfer: what left one account, or what arrived on the other. */
function moneyFilter(
  dialect: Dialect,
  { currency, amountMin, amountMax, accountId }: TransactionsQuery,
): Condition | null {
  const asked: { column: 'currency' | 'amount'; comparison: string; values: SqlValue[] }[] = [];
  const money = (amount: string) => [moneyToSql(dialect, parseMoney(amount))];
  const place = moneyPlaceholder(dialect);
  if (currency !== undefined) asked.push({ column: 'currency', comparison: '= ?', values: [currency] });
  if (amountMin !== undefined) asked.push({ column: 'amount', comparison: `>= ${place}`, values: money(amountMin) });
  if (amountMax !== undefined) asked.push({ column: 'amount', comparison: `<= ${place}`, values: money(amountMax) });
  if (asked.length === 0) return null;
  const side = (prefix: string) =>
    asked.map(({ column, comparison }) => `${prefix}${column} ${comparison}`).join(' and ');
  const values = asked.flatMap((each) => each.values);
  return onSides({ accountId }, { own: side('t.'), to: side('t.to_'), values });
}

/**
 * What holds on the side of the account that is asked for, else on either side. Both conditions take the same values; that of the receiving side must not hold for
 * what is no transfer, whose columns are null there.
 */
function onSides(
  { accountId }: Pick<TransactionsQuery, 'accountId'>,
  { own, to, values }: { own: string; to: string; values: readonly SqlValue[] },
): Condition {
  if (accountId === undefined) return { sql: `(${own} or ${to})`, values: [...values, ...values] };
  return { sql: `case when t.account_id = ? then ${own} else ${to} end`, values: [accountId, ...values, ...values] };
}

/** Not by `exists`, which MariaDB turns into a join that it may begin with, reading a whole table first. */
function hasOne(table: string, condition: string): string {
  return `(select count(*) from ${table} where ${condition}) > 0`;
}

function escapeLike(text: string): string {
  return text.replaceAll(/[!%_]/g, (character) => `!${character}`);
}
