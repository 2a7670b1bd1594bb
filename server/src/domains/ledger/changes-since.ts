import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect, SqlValue } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import type { Buried } from './account-store.ts';
import type { RawRow } from './ledger.rows.ts';

type Reading = { em: SqlEntityManager; dialect: Dialect; userId: string };

const TABLES: Record<Buried, string> = { account: 'accounts', category: 'categories', transaction: 'transactions' };

type Changed = { atMs: number; id: string; row: RawRow | null };

/**
 * What changed at or after an instant, oldest change first: rows as they are now, and tombstones. The times of changes are in the order of their commits, so a
 * client that asks again from the newest time it has seen misses nothing.
 */
export async function changesSince(
  reading: Reading,
  kind: Buried,
  query: { updatedSince: string; cursor?: string | undefined; limit: number },
): Promise<{ rows: RawRow[]; deleted: { id: string; deletedAt: string }[]; nextCursor: string | null }> {
  const [afterMs, afterId] = decodeCursor(query.cursor, ['number', 'string']);
  const place = { sinceMs: Date.parse(query.updatedSince), afterMs, afterId, limit: query.limit + 1 };
  const [live, buried] = await Promise.all([
    select(reading, { from: `${TABLES[kind]} where user_id = ?`, values: [reading.userId], time: 'updated_at' }, place),
    select(
      reading,
      { from: 'ledger_tombstones where user_id = ? and kind = ?', values: [reading.userId, kind], time: 'deleted_at' },
      place,
    ),
  ]);
  const changes: Changed[] = [
    ...live.map((row) => ({ atMs: Number(row['updated_at']), id: row['id'] as string, row })),
    ...buried.map((row) => ({ atMs: Number(row['deleted_at']), id: row['id'] as string, row: null })),
  ].toSorted((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  const page = changes.slice(0, query.limit);
  const last = page.at(-1);
  return {
    rows: page.flatMap(({ row }) => (row ? [row] : [])),
    deleted: page.flatMap(({ row, id, atMs }) => (row ? [] : [{ id, deletedAt: toInstant(atMs) }])),
    nextCursor: changes.length > query.limit && last ? encodeCursor([last.atMs, last.id]) : null,
  };
}

function select(
  { em }: Reading,
  { from, values, time }: { from: string; values: SqlValue[]; time: string },
  {
    sinceMs,
    afterMs,
    afterId,
    limit,
  }: { sinceMs: number; afterMs?: number | undefined; afterId?: string | undefined; limit: number },
): Promise<RawRow[]> {
  const after: SqlValue[] = afterMs === undefined || afterId === undefined ? [] : [afterMs, afterMs, afterId];
  const afterSql = after.length === 0 ? '' : ` and (${time} > ? or (${time} = ? and id > ?))`;
  return em.execute<RawRow[]>(`select * from ${from} and ${time} >= ?${afterSql} order by ${time}, id limit ?`, [
    ...values,
    Math.max(sinceMs, afterMs ?? sinceMs),
    ...after,
    limit,
  ]);
}
