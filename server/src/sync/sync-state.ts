import type { SyncCycleOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, insertRows } from '../db/index.ts';
import { decodeCursor, encodeCursor } from '../kernel/cursor.ts';
import { firstIdAt } from '../kernel/ids.ts';
import type { Page, PageRequest } from './sync.port.ts';

/** The operator's durable intent, and the counters of cycles. */
export type SyncState = {
  desiredState: 'running' | 'stopped';
  intervalSeconds: number;
  cyclesTotal: number;
  cyclesSucceeded: number;
  cyclesFailed: number;
  errors: number;
  lastSyncAtMs: number | null;
};

const ROW_ID = 1;

export async function readSyncState(em: SqlEntityManager): Promise<SyncState | null> {
  const [row] = await em.execute<Record<string, unknown>[]>('select * from sync_state where id = ?', [ROW_ID]);
  if (!row) return null;
  return {
    desiredState: row['desired_state'] === 'running' ? 'running' : 'stopped',
    intervalSeconds: Number(row['interval_seconds']),
    cyclesTotal: Number(row['cycles_total']),
    cyclesSucceeded: Number(row['cycles_succeeded']),
    cyclesFailed: Number(row['cycles_failed']),
    errors: Number(row['errors']),
    lastSyncAtMs: row['last_sync_at'] === null ? null : Number(row['last_sync_at']),
  };
}

/** The operator's intent alone: counters belong to whoever counts. */
export type Intent = Pick<SyncState, 'desiredState' | 'intervalSeconds'>;

/** What was counted since the counters were last written. */
export type CounterDelta = Pick<SyncState, 'cyclesTotal' | 'cyclesSucceeded' | 'cyclesFailed' | 'errors'>;

/** Writes the intent; makes the row where there is none. Leaves the counters alone, which another replica may be adding to. */
export async function writeIntent(
  em: SqlEntityManager,
  { dialect }: Database,
  { desiredState, intervalSeconds }: Intent,
  nowMs: number,
): Promise<void> {
  const columns = {
    id: ROW_ID,
    desired_state: desiredState,
    interval_seconds: intervalSeconds,
    updated_at: nowMs,
    cycles_total: 0,
    cycles_succeeded: 0,
    cycles_failed: 0,
    errors: 0,
  };
  await insertRows(em, dialect, {
    table: 'sync_state',
    columns: Object.keys(columns),
    rows: [Object.values(columns)],
    onDuplicate: { key: ['id'], update: ['desired_state', 'interval_seconds', 'updated_at'] },
  });
}

/** Adds to the counters and moves the time of the last successful cycle. The intent is left alone. */
export async function addToCounters(
  em: SqlEntityManager,
  delta: CounterDelta,
  { lastSyncAtMs, nowMs }: { lastSyncAtMs: number | null; nowMs: number },
): Promise<void> {
  await em.execute(
    `update sync_state set cycles_total = cycles_total + ?, cycles_succeeded = cycles_succeeded + ?, cycles_failed = cycles_failed + ?,
     errors = errors + ?, last_sync_at = coalesce(?, last_sync_at), updated_at = ? where id = ?`,
    [delta.cyclesTotal, delta.cyclesSucceeded, delta.cyclesFailed, delta.errors, lastSyncAtMs, nowMs, ROW_ID],
    'run',
  );
}

/** Records a run that changed something or failed. */
export async function insertRun(em: SqlEntityManager, cycle: SyncCycleOut): Promise<void> {
  await em.execute('insert into sync_runs (id, cycle) values (?, ?)', [cycle.id, JSON.stringify(cycle)], 'run');
}

/** Forgets the runs that were recorded before the instant. */
export async function pruneRuns(em: SqlEntityManager, olderThanMs: number): Promise<void> {
  await em.execute('delete from sync_runs where id < ?', [firstIdAt('cyc', olderThanMs)], 'run');
}

/** Recorded runs, newest first. */
export async function readRuns(em: SqlEntityManager, { limit, cursor }: PageRequest): Promise<Page<SyncCycleOut>> {
  const [beforeId] = decodeCursor('sync runs', cursor, ['string']);
  const rows = await em.execute<{ id: string; cycle: string }[]>(
    `select id, cycle from sync_runs${beforeId === undefined ? '' : ' where id < ?'} order by id desc limit ?`,
    beforeId === undefined ? [limit + 1] : [beforeId, limit + 1],
  );
  const items = rows.slice(0, limit).map(({ cycle }) => JSON.parse(cycle) as SyncCycleOut);
  return { items, nextCursor: rows.length > limit ? encodeCursor('sync runs', [items.at(-1)?.id ?? '']) : null };
}
