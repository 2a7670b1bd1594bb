import { currencyCodes, RATE_AGE_DAYS_DEFAULT, type RateOut, type RateScope, type RatesQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, inList, insertRows, LOOK_UP, readBy, type SqlValue } from '../../db/index.ts';
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

/** Pairs that one statement looks for. */
const PAIRS_AT_A_TIME = 1_000;

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
 * nothing else: what is read grows with the currencies, not with the rates that there are. Pairs over a third currency are read for those alone that
 * have no straight one.
 */
export async function loadRateBook(em: SqlEntityManager, dialect: Dialect, wanted: DayWanted): Promise<RateBook> {
  const { to } = wanted;
  const from = [...new Set(wanted.from)].filter((currency) => currency !== to);
  const read = (ones: readonly string[], others: readonly string[]) =>
    selectNewest(em, dialect, { ...wanted, ones, others });
  const straight = await read([to], from);
  const isKnown = new Set(straight.flatMap(({ base, quote }) => [base, quote]));
  const left = from.filter((currency) => !isKnown.has(currency));
  if (left.length === 0) return toRateBook(straight);
  const ofTarget = await read([to], [...currencyCodes]);
  const thirds = [...new Set(ofTarget.flatMap(({ base, quote }) => [base, quote]))].filter(
    (currency) => currency !== to,
  );
  return toRateBook([...ofTarget, ...(await read(left, thirds))]);
}

/** Of every pair of one of the ones with one of the others, either way round, the newest rate of the person's own and the newest for all. */
async function selectNewest(
  em: SqlEntityManager,
  dialect: Dialect,
  wanted: Pick<DayWanted, 'userId' | 'date' | 'maxAgeDays'> & { ones: readonly string[]; others: readonly string[] },
): Promise<Rate[]> {
  const { userId, date, maxAgeDays = RATE_AGE_DAYS_DEFAULT, ones, others } = wanted;
  if (ones.length === 0 || others.length === 0) return [];
  const rates: Rate[] = [];
  const step = Math.max(1, Math.floor(PAIRS_AT_A_TIME / others.length));
  for (let start = 0; start < ones.length; start += step) {
    const [some, rest] = [inList(dialect, ones.slice(start, start + step)), inList(dialect, others)];
    const parts = [userId, FOR_ALL].flatMap((scope) => [
      { scope, bases: some, quotes: rest },
      { scope, bases: rest, quotes: some },
    ]);
    const statement = parts.map(
      ({ bases, quotes }) =>
        `select r.scope, r.base, r.quote, r.rated_on, r.rate, r.source
         from (select scope, base, quote, max(rated_on) as rated_on
               from ${readBy(dialect, 'exchange_rates', 'exchange_rates_scope_base_quote_rated_on_unique')}
               where scope = ? and base in (${bases.sql}) and quote in (${quotes.sql}) and rated_on >= ? and rated_on <= ?
               group by scope, base, quote) n
         ${LOOK_UP[dialect]} exchange_rates r
         on r.scope = n.scope and r.base = n.base and r.quote = n.quote and r.rated_on = n.rated_on`,
    );
    const rows = await fetchRows<RateRow>(
      em,
      statement.join(' union all '),
      parts.flatMap(({ scope, bases, quotes }): SqlValue[] => [
        scope,
        ...bases.values,
        ...quotes.values,
        addDays(date, -maxAgeDays),
        date,
      ]),
    );
    rates.push(...rows.map(toRate));
  }
  return rates;
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
