import { parseMoney, type TransactionsQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, moneyToSql, type SqlValue } from '../../db/index.ts';
import { type RawRow, searchable } from '../ledger/index.ts';

/** A place in the order of dates, newest first. */
export type Place = { occurredOn: string; id: string };

type Search = {
  em: SqlEntityManager;
  dialect: Dialect;
  userId: string;
  query: TransactionsQuery;
  /** With `query.categoryId`: it and all below it. */
  categoryIds: readonly string[];
  after: Place | undefined;
};

type Condition = { sql: string; values: SqlValue[] };

/**
 * A page of transactions, newest date first, one more than asked for where there are more.
 *
 * Each filter that names something narrow (an account, a category, a tag) is read off an index that holds the ids in the order of the list, one range for each
 * account or category, so that a page costs the same wherever it is and however much there is.
 */
export async function searchTransactions(search: Search): Promise<RawRow[]> {
  const { em, query } = search;
  const limit = query.limit + 1;
  const conditions = [...placeConditions('t', search), ...rowConditions(search)];
  const ranges = rangesOf(search);
  if (ranges.length === 0) {
    return select(em, { from: 'transactions t', conditions, limit });
  }
  const parts = await Promise.all(
    ranges.map(({ from, condition, alias }) =>
      select(em, {
        from: `${from} join transactions t on t.id = ${alias}.transaction_id`,
        conditions: [condition, ...placeConditions(alias, search), ...conditions],
        limit,
        alias,
      }),
    ),
  );
  return mergePages(parts, limit);
}

/** A split may name a category twice: only its first line there counts. */
const FIRST_OF_CATEGORY = `(e.line = 0 or not exists (
  select 1 from entries p where p.transaction_id = e.transaction_id and p.line < e.line and p.category_id = e.category_id))`;

type Range = { from: string; alias: 'e' | 'g'; condition: Condition };

/** The index ranges of the narrowest filter: several where a category has others below it. */
function rangesOf({ userId, query, categoryIds }: Search): Range[] {
  if (query.accountId !== undefined) {
    return [
      {
        from: 'entries e',
        alias: 'e',
        condition: { sql: `e.account_id = ? and (e.line = 0 or e.kind = 'transfer')`, values: [query.accountId] },
      },
    ];
  }
  if (query.categoryId !== undefined) {
    return categoryIds.map((categoryId) => ({
      from: 'entries e',
      alias: 'e',
      condition: { sql: `e.user_id = ? and e.category_id = ? and ${FIRST_OF_CATEGORY}`, values: [userId, categoryId] },
    }));
  }
  if (query.tag !== undefined) {
    const condition = { sql: 'g.user_id = ? and g.tag = ?', values: [userId, query.tag] };
    return [{ from: 'transaction_tags g', alias: 'g', condition }];
  }
  return [];
}

/** Dates and place, on the table whose index is read. */
function placeConditions(alias: 't' | 'e' | 'g', { query, after }: Search): Condition[] {
  const id = alias === 't' ? 't.id' : `${alias}.transaction_id`;
  const date = `${alias}.occurred_on`;
  const conditions: Condition[] = [];
  if (query.from !== undefined) conditions.push({ sql: `${date} >= ?`, values: [query.from] });
  if (query.to !== undefined) conditions.push({ sql: `${date} <= ?`, values: [query.to] });
  if (after) {
    // The first condition alone lets the index be entered at the right date; neither database does so for the second.
    conditions.push({ sql: `${date} <= ?`, values: [after.occurredOn] });
    conditions.push({ sql: `(${date} < ? or ${id} < ?)`, values: [after.occurredOn, after.id] });
  }
  return conditions;
}

function rowConditions({ dialect, userId, query, categoryIds }: Search): Condition[] {
  const conditions: Condition[] = [{ sql: 't.user_id = ?', values: [userId] }];
  const add = (sql: string, ...values: SqlValue[]) => conditions.push({ sql, values });
  if (query.kind !== undefined) add('t.kind = ?', query.kind);
  if (query.currency !== undefined) add('t.currency = ?', query.currency);
  if (query.source !== undefined) add('t.source = ?', query.source);
  if (query.amountMin !== undefined) add('t.amount >= ?', moneyToSql(dialect, parseMoney(query.amountMin)));
  if (query.amountMax !== undefined) add('t.amount <= ?', moneyToSql(dialect, parseMoney(query.amountMax)));
  if (query.text !== undefined) add(`t.search_text like ? escape '!'`, `%${escapeLike(searchable(query.text))}%`);
  if (query.isUncategorized === true) {
    add(
      `t.kind in ('income', 'expense') and exists (select 1 from entries u where u.transaction_id = t.id and u.category_id is null)`,
    );
  }
  if (query.cleared !== undefined) {
    // Null stands for uncleared, and of what is no transfer the second side is none.
    const state = query.cleared === 'uncleared' ? null : query.cleared;
    const is = (column: string) => (state === null ? `${column} is null` : `${column} = ?`);
    const values: SqlValue[] = state === null ? [] : [state];
    const [own, to] = [is('t.cleared_state'), `t.to_account_id is not null and ${is('t.to_cleared_state')}`];
    if (query.accountId === undefined) add(`(${own} or ${to})`, ...values, ...values);
    else add(`case when t.account_id = ? then ${own} else ${to} end`, query.accountId, ...values, ...values);
  }
  // What is not the filter that the index is read for is looked up for each row.
  if (query.categoryId !== undefined && query.accountId !== undefined) {
    const places = categoryIds.map(() => '?').join(', ');
    add(
      `exists (select 1 from entries c where c.transaction_id = t.id and c.category_id in (${places}))`,
      ...categoryIds,
    );
  }
  if (query.tag !== undefined && (query.accountId !== undefined || query.categoryId !== undefined)) {
    add('exists (select 1 from transaction_tags x where x.transaction_id = t.id and x.tag = ?)', query.tag);
  }
  return conditions;
}

function escapeLike(text: string): string {
  return text.replaceAll(/[!%_]/g, (character) => `!${character}`);
}

type Selection = { from: string; conditions: readonly Condition[]; limit: number; alias?: 'e' | 'g' };

function select(em: SqlEntityManager, { from, conditions, limit, alias }: Selection): Promise<RawRow[]> {
  const [date, id] = alias ? [`${alias}.occurred_on`, `${alias}.transaction_id`] : ['t.occurred_on', 't.id'];
  return em.execute<RawRow[]>(
    `select t.* from ${from} where ${conditions.map(({ sql }) => sql).join(' and ')} order by ${date} desc, ${id} desc limit ?`,
    [...conditions.flatMap(({ values }) => values), limit],
  );
}

/** The first rows of several pages, each in order; a transaction that is in two of them stands once. */
function mergePages(pages: readonly RawRow[][], limit: number): RawRow[] {
  const [only] = pages;
  if (pages.length === 1 && only) return only;
  const rows = new Map(pages.flat().map((row) => [row['id'] as string, row]));
  const keyOf = (row: RawRow) => `${row['occurred_on'] as string} ${row['id'] as string}`;
  return [...rows.values()].toSorted((a, b) => (keyOf(a) > keyOf(b) ? -1 : 1)).slice(0, limit);
}
