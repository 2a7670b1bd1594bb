import type { RateOut, RateScope, RatesQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows, type SqlValue } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import { addDays, type Rate, type RateBook, toRateBook } from './rates.rules.ts';
import { RATE_AGE_DAYS_DEFAULT } from '@finverse/shared';

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
  const [row] = await em.execute<RateRow[]>(
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
      em.execute<RateRow[]>(`select * from exchange_rates where ${where} order by rated_on desc, id desc limit ?`, [
        scope,
        ...conditions.flatMap(([, values]) => values),
        query.limit + 1,
      ]),
    ),
  );
  return pages
    .flat()
    .map(toRateOut)
    .toSorted((a, b) => (a.date !== b.date ? (a.date < b.date ? 1 : -1) : a.id < b.id ? 1 : -1))
    .slice(0, query.limit + 1);
}

/**
 * The rates that can take a person's amounts from one of the currencies to another, also over a third one, on the days from `from` to `to`.
 *
 * @param maxAgeDays how many days before `from` a rate may be
 */
export async function loadRateBook(
  em: SqlEntityManager,
  wanted: { userId: string; currencies: readonly string[]; from: string; to: string; maxAgeDays?: number },
): Promise<RateBook> {
  const currencies = [...new Set(wanted.currencies)];
  if (currencies.length < 2) return new Map();
  const places = currencies.map(() => '?').join(', ');
  const rows = await em.execute<RateRow[]>(
    `select * from exchange_rates where scope in (?, ?) and rated_on >= ? and rated_on <= ? and (base in (${places}) or quote in (${places}))`,
    [
      wanted.userId,
      FOR_ALL,
      addDays(wanted.from, -(wanted.maxAgeDays ?? RATE_AGE_DAYS_DEFAULT)),
      wanted.to,
      ...currencies,
      ...currencies,
    ],
  );
  return toRateBook(rows.map(toRate));
}

type RateRow = Record<'id' | 'scope' | 'base' | 'quote' | 'rated_on' | 'rate' | 'source', string> & {
  updated_at: unknown;
};

function toRate(row: RateRow): Rate {
  const scope: RateScope = row.scope === FOR_ALL ? 'all' : 'own';
  return { base: row.base, quote: row.quote, date: row.rated_on, rate: row.rate, source: row.source, scope };
}

function toRateOut(row: RateRow): RateOut {
  return { id: row.id, ...toRate(row), updatedAt: toInstant(Number(row.updated_at)) };
}
