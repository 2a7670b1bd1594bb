import type { SqlEntityManager } from '@mikro-orm/sql';
import { beside, type Condition, type Dialect, fetchRows, readBy } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import type { Buried } from './account-store.ts';
import type { RawRow } from './ledger.rows.ts';

type Reading = { em: SqlEntityManager; dialect: Dialect; userId: string };

/** Categories are few: they need no index in the order of changes. */
const TABLES = {
  account: { table: 'accounts', index: 'accounts_user_id_updated_at_id_index' },
  category: { table: 'categories', index: null },
  transaction: { table: 'transactions', index: 'transactions_user_id_updated_at_id_index' },
} satisfies Record<Buried, { table: string; index: string | null }>;
const TOMBSTONES = { table: 'ledger_tombstones', index: 'ledger_tombstones_user_id_kind_deleted_at_id_index' };

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
  const [afterMs, afterId] = decodeCursor(`changes of ${kind}`, query.cursor, ['number', 'string']);
  const place = { sinceMs: Date.parse(query.updatedSince), afterMs, afterId, limit: query.limit + 1 };
  const own = { sql: 'user_id = ?', values: [reading.userId] };
  const [live, buried] = await Promise.all([
    select(reading, { ...TABLES[kind], conditions: [own], time: 'updated_at' }, place),
    select(
      reading,
      { ...TOMBSTONES, conditions: [own, { sql: 'kind = ?', values: [kind] }], time: 'deleted_at' },
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
    nextCursor: changes.length > query.limit && last ? encodeCursor(`changes of ${kind}`, [last.atMs, last.id]) : null,
  };
}

type Source = { table: string; index: string | null; conditions: readonly Condition[]; time: string };

type Place = { sinceMs: number; afterMs?: number | undefined; afterId?: string | undefined; limit: number };

function select({ em, dialect }: Reading, source: Source, place: Place): Promise<RawRow[]> {
  const { table, index, time } = source;
  const { sinceMs, afterMs, afterId, limit } = place;
  const conditions = [...source.conditions, { sql: `${time} >= ?`, values: [sinceMs] }];
  if (afterMs !== undefined && afterId !== undefined)
    conditions.push(beside(dialect, [time, 'id'], '>', [afterMs, afterId]));
  const from = index === null ? table : readBy(dialect, table, index);
  return fetchRows<RawRow>(
    em,
    `select * from ${from} where ${conditions.map(({ sql }) => sql).join(' and ')} order by ${time}, id limit ?`,
    [...conditions.flatMap(({ values }) => values), limit],
  );
}
