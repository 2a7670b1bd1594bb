import type { SyncLiveEvent } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, insertRows } from '../db/index.ts';

export type OutboxEvent = { seq: number; ownerAddress: string | null; event: SyncLiveEvent };

/** Appends live events inside the transaction that makes them true. The caller holds the lease row, so numbers commit in order. */
export async function appendOutbox(
  em: SqlEntityManager,
  { dialect }: Database,
  events: readonly { ownerAddress: string | null; event: SyncLiveEvent }[],
  nowMs: number,
): Promise<void> {
  await insertRows(em, dialect, {
    table: 'outbox',
    columns: ['owner_address', 'payload', 'created_at'],
    rows: events.map(({ ownerAddress, event }) => [ownerAddress, JSON.stringify(event), nowMs]),
  });
}

/** Events after a number, in order. */
export async function readOutboxAfter(em: SqlEntityManager, afterSeq: number, limit: number): Promise<OutboxEvent[]> {
  const rows = await em.execute<Record<string, unknown>[]>(
    'select seq, owner_address, payload from outbox where seq > ? order by seq limit ?',
    [afterSeq, limit],
  );
  return rows.map((row) => ({
    seq: Number(row['seq']),
    ownerAddress: row['owner_address'] as string | null,
    event: JSON.parse(row['payload'] as string) as SyncLiveEvent,
  }));
}

/** The oldest and newest number that is kept; zeros where there is none. */
export async function readOutboxBounds(em: SqlEntityManager): Promise<{ oldest: number; newest: number }> {
  const [row] = await em.execute<Record<string, unknown>[]>(
    'select min(seq) as oldest, max(seq) as newest from outbox',
  );
  return { oldest: Number(row?.['oldest'] ?? 0), newest: Number(row?.['newest'] ?? 0) };
}

/** Forgets events older than the instant. The newest one stays, whatever its age, so that a client's last id can still be judged. */
export async function pruneOutbox(em: SqlEntityManager, olderThanMs: number): Promise<void> {
  const { newest } = await readOutboxBounds(em);
  await em.execute('delete from outbox where created_at < ? and seq < ?', [olderThanMs, newest], 'run');
}
