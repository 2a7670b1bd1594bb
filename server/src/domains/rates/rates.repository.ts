import { currencyCodes, RATE_AGE_DAYS_DEFAULT, type RateOut, type RateScope, type RatesQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  type Condition,
  type Dialect,
  fetchRows,
  inList,
  insertRows,
  LOOK_UP,
  readBy,
  type SqlValue,
} from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import { addDays, type Rate, type RateBook, toRateBook } from './rates.rules.ts';

/** The scope of the rates that everybody sees. */
export const FOR_ALL = 'all';

/** What is written: the rates of a person, or of everybody. */
export type RateOwner = { userId: string } | typeof FOR_ALL;

export type NewRate = { base: string; quote: string; date: string; rate: string };

function scopeOf(owner: RateOwner): string {
  return owner === FOR_ALL ? FOR_ALL : owner.userId;
}

/** Writes rates inside the caller's transaction; those that are there for the same pair and day are replaced. */
export async function upsertRates(
  em: SqlEntityManager,
  dialect: Dialect,
  { owner, rates, source, nowMs }: { owner: RateOwner; rates: readonly NewRate[]; source: string; nowMs: number },
): Promise<void> {
  const userId = owner === FOR_ALL ? null : owner.userId;
  await insertRows(em, dialect, {
    table: 'exchange_rates',
    columns: ['id', 'user_id', 'scope', 'base', 'quote', 'rated_on', 'rate', 'source', 'updated_at'],
    rows: rates.map(({ base, quote, date, rate }): SqlValue[] => [
      newId('rat'),
      userId,
      scopeOf(owner),
      base,
      quote,
      date,
      rate,
      source,
      nowMs,
    ]),
    onDuplicate: { key: ['scope', 'base', 'quote', 'rated_on'], update: ['rate', 'source', 'updated_at'] },
  });
}

export async function countRates(em: SqlEntityManager, owner: RateOwner): Promise<number> {
  const [row] = await em.execute<{ count: unknown }[]>('select count(*) as count from exchange_rates where scope = ?', [
    scopeOf(owner),
  ]);
  return Number(row?.count ?? 0);
}

/** One rate of a pair and day, as it is kept. */
export async function findRate(
  em: SqlEntityManager,
  owner: RateOwner,
  { base, quote, date }: { base: string; quote: string; date: string },
): Promise<RateOut | null> {
  const [row] = await em.execute<WholeRateRow[]>(
    'select * from exchange_rates where scope = ? and base = ? and quote = ? and rated_on = ?',
    [scopeOf(owner), base, quote, date],
  );
  return row ? toRateOut(row) : null;
}

/** True where there was one of that owner. */
export async function deleteRate(em: SqlEntityManager, owner: RateOwner, id: string): Promise<boolean> {
  const values = [id, scopeOf(owner)];
  const rows = await em.execute<unknown[]>('select 1 from exchange_rates where id = ? and scope = ?', values);
  await em.execute('delete from exchange_rates where id = ? and scope = ?', values, 'run');
  return rows.length > 0;
}

/** A page of what a person sees, newest date first, one more than asked for where there are more. */
export async function selectRates(
  em: SqlEntityManager,
  { userId, query, after }: { userId: string; query: RatesQuery; after: { date: string; id: string } | undefined },
): Promise<RateOut[]> {
  const conditions: [string, SqlValue[]][] = [];
  if (query.base !== undefined) conditions.push(['base = ?', [query.base]]);
  if (query.quote !== undefined) conditions.push(['quote = ?', [query.quote]]);
  if (query.from !== undefined) conditions.push(['rated_on >= ?', [query.from]]);
  if (query.to !== undefined) conditions.push(['rated_on <= ?', [query.to]]);
  if (after) {
    // The first condition alone lets the index be entered at the right date.
    conditions.push(['rated_on <= ?', [after.date]]);
    conditions.push(['(rated_on < ? or id < ?)', [after.date, after.id]]);
  }
  const scopes = query.scope === 'own' ? [userId] : query.scope === 'all' ? [FOR_ALL] : [userId, FOR_ALL];
  const where = ['scope = ?', ...conditions.map(([sql]) => sql)].join(' and ');
  const pages = await Promise.all(
    scopes.map((scope) =>
      em.execute<WholeRateRow[]>(
        `select * from exchange_rates where ${where} order by rated_on desc, id desc limit ?`,
        [scope, ...conditions.flatMap(([, values]) => values), query.limit + 1],
      ),
    ),
  );
  return pages
    .flat()
    .map(toRateOut)
    .toSorted((a, b) => (a.date !== b.date ? (a.date < b.date ? 1 : -1) : a.id < b.id ? 1 : -1))
    .slice(0, query.limit + 1);
}

const INDEX = 'exchange_rates_scope_base_quote_rated_on_unique';

/** The side of a pair that a currency stands on. */
type Side = 'base' | 'quote';
const OTHER_SIDE = { base: 'quote', quote: 'base' } as const;

/** Which pairs some currencies have rates of, whatever their days: by scope, side and currency, what stands on the other side. */
export type RatePairs = ReadonlyMap<string, ReadonlySet<string>>;

function placeOf(scope: string, side: Side, currency: string): string {
  return `${scope} ${side} ${currency}`;
}

/** The pairs of some currencies that there is any rate of, a person's own or for all. What it takes grows with the pairs, not with their rates. */
export async function loadRatePairs(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, currencies }: { userId: string; currencies: readonly string[] },
): Promise<RatePairs> {
  const statement = dialect === 'sqlite' ? probedPairs : groupedPairs;
  const { sql, values } = statement([userId, FOR_ALL], [...new Set(currencies)]);
  const rows = await fetchRows<Pick<RateRow, 'scope' | Side>>(em, sql, values);
  const pairs = new Map<string, Set<string>>();
  for (const row of rows) {
    for (const side of ['base', 'quote'] as const) {
      const place = placeOf(row.scope, side, row[side]);
      const others = pairs.get(place) ?? new Set();
      pairs.set(place, others.add(row[OTHER_SIDE[side]]));
    }
  }
  return pairs;
}

/** MySQL and MariaDB go from one pair to the next in the index, past all of its days. */
function groupedPairs(scopes: readonly string[], currencies: readonly string[]): Condition {
  const [scope, some] = [inList('mysql', scopes), inList('mysql', currencies)];
  return {
    sql: `select scope, base, quote from ${readBy('mysql', 'exchange_rates', INDEX)} where scope in (${scope.sql})
          group by scope, base, quote having base in (${some.sql}) or quote in (${some.sql})`,
    values: [...scope.values, ...some.values, ...some.values],
  };
}

/** SQLite would read every day of a pair, so each one that may be is looked for. */
function probedPairs(scopes: readonly string[], currencies: readonly string[]): Condition {
  const part = `select s.value as scope, b.value as base, q.value as quote
                from json_each(?) s cross join json_each(?) b cross join json_each(?) q
                where exists (select 1 from ${readBy('sqlite', 'exchange_rates', INDEX)}
                              where scope = s.value and base = b.value and quote = q.value)`;
  const [scope, some, all] = [scopes, currencies, [...currencyCodes]].map((list) => JSON.stringify(list));
  return { sql: `${part} union ${part}`, values: [scope, some, all, scope, all, some].map(String) };
}

type DayWanted = {
  userId: string;
  from: readonly string[];
  to: string;
  date: string;
  /** How many days before the date a rate may be; seven where nothing is said. */
  maxAgeDays?: number;
};

/**
 * The rates by which amounts of a person in some currencies are converted to another on a day. Of each pair the newest of their own and the newest for all, and
 * nothing else: what is read grows with the pairs that there are of these currencies, not with the rates. Pairs over a third currency are read for those
 * alone that have no straight one. `pairs`: those of all these currencies, where several days are asked for.
 */
export async function loadRateBook(
  em: SqlEntityManager,
  dialect: Dialect,
  wanted: DayWanted,
  pairs?: RatePairs,
): Promise<RateBook> {
  const { userId, to } = wanted;
  const from = new Set(wanted.from);
  from.delete(to);
  const known = pairs ?? (await loadRatePairs(em, dialect, { userId, currencies: [...from, to] }));
  const partsOf = (currency: string, others: ReadonlySet<string>): Part[] =>
    [userId, FOR_ALL].flatMap((scope) =>
      (['base', 'quote'] as const).map((side) => {
        const there = known.get(placeOf(scope, side, currency));
        return { scope, side, currency, others: there ? [...there].filter((other) => others.has(other)) : [] };
      }),
    );
  const read = (parts: readonly Part[]) => selectNewest(em, dialect, { ...wanted, parts });

  const straight = await read(partsOf(to, from));
  const isRated = currenciesOf(straight);
  const left = [...from].filter((currency) => !isRated.has(currency));
  const thirds = new Set(left.flatMap((currency) => partsOf(currency, currencyCodes).flatMap(({ others }) => others)));
  // The target's rates with the others of the currencies are there already.
  const ofTarget = [...straight, ...(await read(partsOf(to, thirds.difference(from))))];
  const reachable = thirds.intersection(currenciesOf(ofTarget));
  reachable.delete(to);
  return toRateBook([...ofTarget, ...(await read(left.flatMap((currency) => partsOf(currency, reachable))))]);
}

function currenciesOf(rates: readonly Rate[]): Set<string> {
  return new Set(rates.flatMap(({ base, quote }) => [base, quote]));
}

/** Pairs of one scope that have a currency on the same side. */
type Part = { scope: string; side: Side; currency: string; others: readonly string[] };

/** Pairs, and parts, that one statement looks for. */
const PAIRS_AT_A_TIME = 1_000;
const PARTS_AT_A_TIME = 32;

/** Of every pair the newest rate of a day, and of the days before it that it may be of. */
async function selectNewest(
  em: SqlEntityManager,
  dialect: Dialect,
  {
    date,
    maxAgeDays = RATE_AGE_DAYS_DEFAULT,
    parts,
  }: Pick<DayWanted, 'date' | 'maxAgeDays'> & { parts: readonly Part[] },
): Promise<Rate[]> {
  const rates: Rate[] = [];
  for (const some of chunksOf(parts.filter(({ others }) => others.length > 0))) {
    const conditions = some.map(({ scope, side, currency, others }): Condition => {
      const list = inList(dialect, others);
      return {
        sql: `scope = ? and ${side} = ? and ${OTHER_SIDE[side]} in (${list.sql}) and rated_on >= ? and rated_on <= ?`,
        values: [scope, currency, ...list.values, addDays(date, -maxAgeDays), date],
      };
    });
    const statement = conditions.map(
      ({ sql }) =>
        `select r.scope, r.base, r.quote, r.rated_on, r.rate, r.source
         from (select scope, base, quote, max(rated_on) as rated_on
               from ${readBy(dialect, 'exchange_rates', INDEX)} where ${sql}
               group by scope, base, quote) n
         ${LOOK_UP[dialect]} exchange_rates r
         on r.scope = n.scope and r.base = n.base and r.quote = n.quote and r.rated_on = n.rated_on`,
    );
    const values = conditions.flatMap((condition) => condition.values);
    rates.push(...(await fetchRows<RateRow>(em, statement.join(' union all '), values)).map(toRate));
  }
  return rates;
}

function* chunksOf(parts: readonly Part[]): Generator<Part[]> {
  let [chunk, pairs]: [Part[], number] = [[], 0];
  for (const part of parts) {
    if (chunk.length >= PARTS_AT_A_TIME || (chunk.length > 0 && pairs + part.others.length > PAIRS_AT_A_TIME)) {
      yield chunk;
      [chunk, pairs] = [[], 0];
    }
    chunk.push(part);
    pairs += part.others.length;
  }
  if (chunk.length > 0) yield chunk;
}

type RateRow = Record<'scope' | 'base' | 'quote' | 'rated_on' | 'rate' | 'source', string>;
type WholeRateRow = RateRow & { id: string; updated_at: unknown };

function toRate(row: RateRow): Rate {
  const scope: RateScope = row.scope === FOR_ALL ? 'all' : 'own';
  return { base: row.base, quote: row.quote, date: row.rated_on, rate: row.rate, source: row.source, scope };
}

function toRateOut(row: WholeRateRow): RateOut {
  return { id: row.id, ...toRate(row), updatedAt: toInstant(Number(row.updated_at)) };
}
