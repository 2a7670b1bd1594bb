import type { SqlEntityManager } from '@mikro-orm/sql';
import { beside, type Condition, fetchRows, inList, LOOK_UP } from '../../db/index.ts';
import { decodeCursor } from '../../kernel/cursor.ts';
import type { RawRow } from '../ledger/index.ts';
import { type Filtered, filtersOf, type Range, rangesOf } from './transactions.ranges.ts';

/** A place in the order of dates, newest first. */
export type Place = { occurredOn: string; id: string };

/** The place that a cursor of the list names; null for the beginning of the list. @throws AppError VALIDATION_FAILED naming `cursor` */
export function placeOfCursor(list: 'transactions' | 'rules preview', cursor: string | undefined): Place | null {
  const [occurredOn, id] = decodeCursor(list, cursor, ['string', 'string']);
  return occurredOn === undefined || id === undefined ? null : { occurredOn, id };
}

/**
 * The most rows of an index that one page looks at for a filter that no index answers. MariaDB takes some twelve milliseconds where nothing passes; more rows
 * take longer, and fewer more requests for the whole list.
 */
export const SCANNED_MAX = 2_000;

/** The same of several ranges together, of which each has its share: with few for each a page would end soon where one of them is dense. */
const SCANNED_OF_SEVERAL_MAX = 5_000;

/** Rows that are looked at first, for each that is wanted: enough for most that is searched for. */
const SCANNED_FIRST = 4;

type Search = Filtered & {
  em: SqlEntityManager;
  after: Place | null;
  /** How far a page looks, other than usual for tests. */
  scannedMax?: number | undefined;
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
  const { query } = search;
  const ranges = rangesOf(search);
  const size = search.scannedMax ?? (ranges.length > 1 ? SCANNED_OF_SEVERAL_MAX : SCANNED_MAX);
  const wanted = { size, limit: query.limit + 1 };
  const { rows, end } = await (ranges.length === 1
    ? selectRange(search, ranges, wanted)
    : mergeRanges(search, ranges, wanted));
  return rows.length > query.limit ? pageOf(rows, query.limit) : { rows, next: end };
}

/**
 * The page where one statement finds all of it, so that it is as of one moment by itself; null where it may take more, as what has categories below it does.
 */
export async function searchAtOnce(search: Omit<Search, 'categoryIds'>): Promise<Page | null> {
  const { categoryId, limit } = search.query;
  const alone = { ...search, categoryIds: categoryId === undefined ? [] : [categoryId] };
  const [range] = rangesOf(alone);
  const size = Math.min(search.scannedMax ?? SCANNED_MAX, SCANNED_FIRST * (limit + 1));
  const rows = range ? await selectRows(alone, range, { size, limit: limit + 1 }) : [];
  const [first] = rows;
  // Without a row nothing tells whether there are categories below, nor how far it has come.
  if (!first || Number(first['categories_below']) > 0) return null;
  if (rows.length > limit) return pageOf(rows, limit);
  return placeFromEnd(first['scan_end']) === null ? { rows, next: null } : null;
}

function pageOf(rows: readonly RawRow[], limit: number): Page {
  return { rows: rows.slice(0, limit), next: placeOf(rows[limit - 1] as RawRow) };
}

/** So many rows of the index are looked at, of which `limit` are wanted. */
type Wanted = { size: number; limit: number };

/** What was found, and the last place that was looked at; null at the end of the list. */
type Found = { rows: RawRow[]; end: Place | null };

async function selectRange(search: Search, ranges: readonly Range[], wanted: Wanted): Promise<Found> {
  const [range] = ranges as readonly [Range];
  const rows = await selectRows(search, range, wanted);
  const [first] = rows;
  if (!first) return { rows, end: filtersOf(search).length === 0 ? null : await endOfScan(search, ranges, wanted) };
  return { rows, end: placeFromEnd(first['scan_end']) };
}

/** Of several ranges, which may be a thousand, places first, and then the rows of those alone that are shown. */
async function mergeRanges(search: Search, ranges: readonly Range[], wanted: Wanted): Promise<Found> {
  if (filtersOf(search).length === 0) {
    return { rows: await selectByPlaces(search, await firstPlaces(search, ranges, wanted)), end: null };
  }
  const end = await endOfScan(search, ranges, wanted);
  // The span holds no more of them than a page looks at.
  const parts = await Promise.all(
    ranges.map((range) => selectPlaces(search, range, { after: search.after, end, limit: wanted.limit })),
  );
  return { rows: await selectByPlaces(search, mergePlaces(parts, wanted.limit)), end };
}

/**
 * Rows of one range. Without filters they are the next ones. With filters the statement takes so many places of the index first, and looks up those
 * alone, so that it ends however little passes; then each row has the last of them as `scan_end`, null at the end of the range. With a category, each
 * says how many stand right below that one, as `categories_below`.
 */
function selectRows(search: Search, range: Range, { size, limit }: Wanted): Promise<RawRow[]> {
  const { dialect, userId, query, after } = search;
  const filters = filtersOf(search);
  const conditions = conditionsOf(search, range, { after, end: null });
  const columns: Condition[] = [text('t.*')];
  let from = text(range.from);
  if (filters.length > 0) {
    const end = selection({ range, columns: [endColumn(range)], conditions, limit: 1, skipped: size - 1 });
    columns.push({ sql: `(${end.sql}) as scan_end`, values: end.values });
    const scanned = selection({ range, columns: [text(range.date), text(range.id)], conditions, limit: size });
    from = { sql: `(${scanned.sql}) ${range.alias}`, values: scanned.values };
  }
  if (query.categoryId !== undefined) {
    const below = '(select count(*) from categories c where c.user_id = ? and c.parent_id = ?) as categories_below';
    columns.push({ sql: below, values: [userId, query.categoryId] });
  }
  return fetch(search, {
    range,
    columns,
    from: { sql: `${from.sql} ${LOOK_UP[dialect]} transactions t on t.id = ${range.id}`, values: from.values },
    conditions: [...(filters.length > 0 ? filters : conditions), { sql: 't.user_id = ?', values: [userId] }],
    limit,
  });
}

/** How far so many rows of the index reach; null where they reach the end. Of several ranges the nearest counts: up to there none has more than its share. */
async function endOfScan(search: Search, ranges: readonly Range[], { size }: Wanted): Promise<Place | null> {
  const skipped = Math.max(1, Math.floor(size / ranges.length)) - 1;
  const ends = await Promise.all(
    ranges.map((range) => {
      const conditions = conditionsOf(search, range, { after: search.after, end: null });
      return fetch(search, { range, columns: placeColumns(range), conditions, limit: 1, skipped });
    }),
  );
  const [newest] = ends.flat().toSorted(byPlace);
  return newest ? placeOf(newest) : null;
}

/**
 * The first places of several ranges together. A few are read of each, and then of those whose next ones may belong before the last twice as many again: so what is
 * read grows with the ranges and with the page, and not with one times the other.
 */
async function firstPlaces(search: Search, ranges: readonly Range[], { limit }: Wanted): Promise<RawRow[]> {
  const reads = ranges.map((range) => ({ range, places: [] as RawRow[], isWhole: false }));
  let open = reads;
  for (let step = Math.ceil(limit / ranges.length); ; step *= 2) {
    await Promise.all(
      open.map(async (read) => {
        const last = read.places.at(-1);
        const span = { after: last ? placeOf(last) : search.after, end: null };
        const more = await selectPlaces(search, read.range, { ...span, limit: step });
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

/** Places of one range, of what passes the filters. Without filters the index answers by itself. */
function selectPlaces(search: Search, range: Range, { limit, ...span }: Span & { limit: number }): Promise<RawRow[]> {
  const filters = filtersOf(search);
  const lookedUp = [{ sql: 't.user_id = ?', values: [search.userId] }, ...filters];
  return fetch(search, {
    range,
    columns: placeColumns(range),
    from:
      filters.length === 0
        ? text(range.from)
        : text(`${range.from} ${LOOK_UP[search.dialect]} transactions t on t.id = ${range.id}`),
    conditions: [...conditionsOf(search, range, span), ...(filters.length === 0 ? [] : lookedUp)],
    limit,
  });
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

/** A stretch of the list: behind a place, or from the beginning, and up to another one, or to the end. */
type Span = { after: Place | null; end: Place | null };

/** What is of the range and of the stretch, by the columns of the index, each transaction once. */
function conditionsOf({ dialect, query }: Search, { key, date, id, once }: Range, { after, end }: Span): Condition[] {
  const conditions: Condition[] = [key];
  if (query.from !== undefined) conditions.push({ sql: `${date} >= ?`, values: [query.from] });
  if (query.to !== undefined) conditions.push({ sql: `${date} <= ?`, values: [query.to] });
  if (after) conditions.push(beside(dialect, [date, id], '<', [after.occurredOn, after.id]));
  if (end) conditions.push(beside(dialect, [date, id], '>=', [end.occurredOn, end.id]));
  if (once !== undefined) conditions.push(text(once));
  return conditions;
}

function placeColumns({ date, id }: Range): Condition[] {
  return [text(`${date} as occurred_on`), text(`${id} as id`)];
}

/** A place in one column. */
const END_SEPARATOR = ' ';

function endColumn({ date, id }: Range): Condition {
  return text(`concat(${date}, '${END_SEPARATOR}', ${id})`);
}

function placeFromEnd(end: unknown): Place | null {
  if (typeof end !== 'string') return null;
  const [occurredOn = '', id = ''] = end.split(END_SEPARATOR);
  return { occurredOn, id };
}

type Selection = {
  range: Range;
  columns: readonly Condition[];
  /** The range's own table by default. */
  from?: Condition;
  conditions: readonly Condition[];
  limit: number;
  skipped?: number;
};

/** A statement in the order of the range, with its values in the order of their places. */
function selection({ range, columns, from = text(range.from), conditions, limit, skipped = 0 }: Selection): Condition {
  const parts = [...columns, from, ...conditions];
  return {
    sql: [
      `select ${columns.map(({ sql }) => sql).join(', ')} from ${from.sql}`,
      `where ${conditions.map(({ sql }) => sql).join(' and ')}`,
      `order by ${range.date} desc, ${range.id} desc limit ? offset ?`,
    ].join(' '),
    values: [...parts.flatMap(({ values }) => values), limit, skipped],
  };
}

function fetch({ em }: Search, asked: Selection): Promise<RawRow[]> {
  const { sql, values } = selection(asked);
  return fetchRows<RawRow>(em, sql, values);
}

function text(sql: string): Condition {
  return { sql, values: [] };
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
