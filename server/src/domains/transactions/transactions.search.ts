import { parseMoney, type TransactionsQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  beside,
  type Condition,
  type Dialect,
  fetchRows,
  inList,
  LOOK_UP,
  moneyPlaceholder,
  moneyToSql,
  readBy,
  type SqlValue,
} from '../../db/index.ts';
import { type RawRow, searchable } from '../ledger/index.ts';

/** A place in the order of dates, newest first. */
export type Place = { occurredOn: string; id: string };

/**
 * The most rows of an index that one page looks at for a filter that no index answers, and how many at a time. A page that finds nothing among five
 * thousand of a million takes MariaDB some fifteen milliseconds.
 */
const SCAN = { rowsMax: 5_000, step: 1_000 };

type Search = {
  em: SqlEntityManager;
  dialect: Dialect;
  userId: string;
  query: TransactionsQuery;
  /** With `query.categoryId`: it and all below it. */
  categoryIds: readonly string[];
  after: Place | undefined;
  /** Other bounds than the usual ones, for tests. */
  scan?: typeof SCAN | undefined;
};

/** `next` is the place behind which the next page begins; null at the end of the list. */
type Page = { rows: RawRow[]; next: Place | null };

/**
 * A page of transactions, newest date first.
 *
 * It is read off an index that holds the ids in the order of the list: of the person, or of the narrowest thing that the query names, one range for each account,
 * category or tag. What else is asked for (a text, an amount, a kind …) is looked up for each id, and a page looks at no more than so many: it may be
 * short, even empty, and go on behind the last one that it has looked at. So a page costs the same wherever it is, whatever it looks for, and however much
 * there is.
 */
export async function searchTransactions(search: Search): Promise<Page> {
  const { limit } = search.query;
  const ranges = rangesOf(search);
  const filters = filtersOf(search);
  const { rowsMax, step: one } = search.scan ?? SCAN;
  // Several ranges are asked all together: the fewer steps, the fewer statements.
  const step = ranges.length > 1 ? rowsMax : one;
  const rows: RawRow[] = [];
  let { after } = search;
  for (let scanned = 0; scanned < rowsMax; scanned += step) {
    const span = { after, end: filters.length === 0 ? null : await endOfScan(search, ranges, { after, step }) };
    rows.push(...(await selectPage(search, ranges, { span, filters, limit: limit + 1 - rows.length })));
    if (rows.length > limit) return { rows: rows.slice(0, limit), next: placeOf(rows[limit - 1] as RawRow) };
    if (span.end === null) return { rows, next: null };
    after = span.end;
  }
  return { rows, next: after ?? null };
}

/** True where one statement is all that a page takes: one range, and nothing to be looked up or known before. */
export function isOneStatement(query: TransactionsQuery): boolean {
  const { limit: _limit, cursor: _cursor, from: _from, to: _to, accountId, tag, ...others } = query;
  const isNarrowedOnce = accountId === undefined || tag === undefined;
  return isNarrowedOnce && Object.values(others).every((value) => value === undefined);
}

/** A range of an index that holds transactions in the order of the list. */
type Range = {
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
function rangesOf({ dialect, userId, query, categoryIds }: Search): Range[] {
  const entries = { date: 'e.occurred_on', id: 'e.transaction_id' };
  if (query.accountId !== undefined) {
    // The index knows no person; nobody has the rows of another's account looked through.
    const isOwn = 'exists (select 1 from accounts a where a.id = ? and a.user_id = ?)';
    return [
      {
        ...entries,
        from: readBy(dialect, 'entries e', 'entries_account_id_occurred_on_transaction_id_line_index'),
        key: { sql: `e.account_id = ? and ${isOwn}`, values: [query.accountId, query.accountId, userId] },
        once: `(e.line = 0 or e.kind = 'transfer')`,
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
      from: readBy(dialect, 'transactions t', 'transactions_user_id_occurred_on_id_index'),
      date: 't.occurred_on',
      id: 't.id',
      key: { sql: 't.user_id = ?', values: [userId] },
    },
  ];
}

/** A split may name a category twice: only its first line there counts. */
function firstLineWhere(isSame: string): string {
  return `(e.line = 0 or not exists (select 1 from entries p where p.transaction_id = e.transaction_id and p.line < e.line and ${isSame}))`;
}

/** What no index answers: it is looked up for each transaction of a range. */
function filtersOf({ dialect, query, categoryIds }: Search): Condition[] {
  const filters: Condition[] = [];
  const add = (sql: string, ...values: SqlValue[]) => filters.push({ sql, values });
  if (query.kind !== undefined) add('t.kind = ?', query.kind);
  if (query.source !== undefined) add('t.source = ?', query.source);
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

/** A stretch of the list: behind a place, or from the beginning, and up to another one, or to the end. */
type Span = { after: Place | undefined; end: Place | null };

/** Dates and places, by the columns of the index. */
function spanConditions({ dialect, query }: Search, { date, id }: Range, { after, end }: Span): Condition[] {
  const conditions: Condition[] = [];
  if (query.from !== undefined) conditions.push({ sql: `${date} >= ?`, values: [query.from] });
  if (query.to !== undefined) conditions.push({ sql: `${date} <= ?`, values: [query.to] });
  if (after) conditions.push(beside(dialect, [date, id], '<', [after.occurredOn, after.id]));
  if (end) conditions.push(beside(dialect, [date, id], '>=', [end.occurredOn, end.id]));
  return conditions;
}

/** How far so many rows of the index reach; null where they reach the end. Of several ranges the nearest counts: up to there none has more than its share. */
async function endOfScan(
  search: Search,
  ranges: readonly Range[],
  { after, step }: { after: Place | undefined; step: number },
): Promise<Place | null> {
  const skipped = Math.max(1, Math.floor(step / ranges.length)) - 1;
  const ends = await Promise.all(
    ranges.map((range) => {
      const conditions = [range.key, ...spanConditions(search, range, { after, end: null })];
      return select(search.em, {
        columns: placeColumns(range),
        from: range.from,
        conditions,
        range,
        limit: 1,
        skipped,
      });
    }),
  );
  const [newest] = ends.flat().toSorted(byPlace);
  return newest ? placeOf(newest) : null;
}

type Wanted = { span: Span; filters: readonly Condition[]; limit: number };

/** The first rows of one range; of several, which may be a thousand, places first and then the rows of those alone that are shown. */
async function selectPage(search: Search, ranges: readonly Range[], wanted: Wanted): Promise<RawRow[]> {
  const [only] = ranges;
  if (!only) return [];
  if (ranges.length === 1) return selectRange(search, only, { ...wanted, columns: 't.*' });
  const places =
    wanted.filters.length === 0
      ? await firstPlaces(search, ranges, wanted)
      : // The span holds no more of them than a page looks at.
        mergePlaces(await Promise.all(ranges.map((range) => selectPlaces(search, range, wanted))), wanted.limit);
  return selectByPlaces(search, places);
}

/**
 * The first places of several ranges together. A few are read of each, and then of those whose next ones may belong before the last twice as many again: so what is
 * read grows with the ranges and with the page, and not with one times the other.
 */
async function firstPlaces(search: Search, ranges: readonly Range[], { span, limit }: Wanted): Promise<RawRow[]> {
  const reads = ranges.map((range) => ({ range, places: [] as RawRow[], isWhole: false }));
  let open = reads;
  for (let step = Math.ceil(limit / ranges.length); ; step *= 2) {
    await Promise.all(
      open.map(async (read) => {
        const last = read.places.at(-1);
        const rest = last ? { ...span, after: placeOf(last) } : span;
        const more = await selectPlaces(search, read.range, { span: rest, filters: [], limit: step });
        read.places.push(...more);
        read.isWhole = more.length < step;
      }),
    );
    const first = mergePlaces(
      reads.map(({ places }) => places),
      limit,
    );
    const last = first[limit - 1];
    open = reads.filter(({ places, isWhole }) => !isWhole && (!last || byPlace(places.at(-1) as RawRow, last) < 0));
    if (open.length === 0) return first;
  }
}

function selectPlaces(search: Search, range: Range, wanted: Wanted): Promise<RawRow[]> {
  return selectRange(search, range, { ...wanted, columns: placeColumns(range) });
}

/** The rows of a page, in its order. */
async function selectByPlaces({ em, dialect, userId }: Search, places: readonly RawRow[]): Promise<RawRow[]> {
  if (places.length === 0) return [];
  const ids = inList(
    dialect,
    places.map((place) => place['id'] as string),
  );
  const rows = await fetchRows<RawRow>(em, `select * from transactions where id in (${ids.sql}) and user_id = ?`, [
    ...ids.values,
    userId,
  ]);
  return rows.toSorted(byPlace);
}

function selectRange(
  search: Search,
  range: Range,
  { span, filters, limit, columns }: Wanted & { columns: string },
): Promise<RawRow[]> {
  const { from, id, key, once } = range;
  // A range that knows its person and is not filtered answers places by itself.
  const isAlone = id === 't.id' || (columns !== 't.*' && filters.length === 0);
  return select(search.em, {
    columns,
    from: isAlone ? from : `${from} ${LOOK_UP[search.dialect]} transactions t on t.id = ${id}`,
    conditions: [
      key,
      ...spanConditions(search, range, span),
      ...(once === undefined ? [] : [{ sql: once, values: [] }]),
      ...(isAlone ? [] : [{ sql: 't.user_id = ?', values: [search.userId] }]),
      ...filters,
    ],
    range,
    limit,
  });
}

function placeColumns({ date, id }: Range): string {
  return `${date} as occurred_on, ${id} as id`;
}

type Selection = {
  columns: string;
  from: string;
  conditions: readonly Condition[];
  range: Range;
  limit: number;
  skipped?: number;
};

function select(
  em: SqlEntityManager,
  { columns, from, conditions, range: { date, id }, limit, skipped = 0 }: Selection,
): Promise<RawRow[]> {
  return fetchRows<RawRow>(
    em,
    `select ${columns} from ${from} where ${conditions.map(({ sql }) => sql).join(' and ')} order by ${date} desc, ${id} desc limit ? offset ?`,
    [...conditions.flatMap(({ values }) => values), limit, skipped],
  );
}

/** The first of several lists of places, each in order; a transaction that is in two of them stands once. */
function mergePlaces(parts: readonly RawRow[][], limit: number): RawRow[] {
  const places = new Map(parts.flat().map((row) => [row['id'] as string, row]));
  return [...places.values()].toSorted(byPlace).slice(0, limit);
}

function byPlace(a: RawRow, b: RawRow): number {
  const keyOf = ({ occurredOn, id }: Place) => `${occurredOn} ${id}`;
  return keyOf(placeOf(a)) > keyOf(placeOf(b)) ? -1 : 1;
}

function placeOf(row: RawRow): Place {
  return { occurredOn: row['occurred_on'] as string, id: row['id'] as string };
}
