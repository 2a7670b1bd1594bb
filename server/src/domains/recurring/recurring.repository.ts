import type { RecurringDraft, RecurringOut, RecurringStatus } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows, type SqlValue } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import type { RawRow } from '../ledger/index.ts';
import type { Schedule } from './recurring.rules.ts';

/** Why a due date could not be made. */
export type Failure = { code: string; message: string; dueOn: string; atMs: number };

/** A template as it is kept. */
export type RecurringRecord = Schedule & {
  id: string;
  anchorOn: string | null;
  pausedOn: string | null;
  endsOn: string | null;
  count: number | null;
  userId: string;
  name: string;
  draft: RecurringDraft;
  timeZone: string;
  status: RecurringStatus;
  failure: Failure | null;
  nextOn: string | null;
  madeCount: number;
  createdAtMs: number;
  updatedAtMs: number;
};

const COLUMNS = [
  'id',
  'user_id',
  'created_at',
  'starts_on',
  'anchor_on',
  'name',
  'draft',
  'rule',
  'ends_on',
  'count',
  'last_on',
  'time_zone',
  'status',
  'paused_on',
  'failure',
  'next_on',
  'made_count',
  'updated_at',
] as const;
const MUTABLE_COLUMNS = COLUMNS.slice(3);

/** The template, where it is that person's. */
export async function findRecurring(em: SqlEntityManager, userId: string, id: string): Promise<RecurringRecord | null> {
  const [row] = await em.execute<RawRow[]>('select * from recurring where id = ? and user_id = ?', [id, userId]);
  return row ? fromRow(row) : null;
}

/** A page in the order of ids, one more than asked for where there are more. */
export async function selectRecurring(
  em: SqlEntityManager,
  userId: string,
  { afterId, limit }: { afterId: string; limit: number },
): Promise<RecurringRecord[]> {
  const rows = await em.execute<RawRow[]>('select * from recurring where user_id = ? and id > ? order by id limit ?', [
    userId,
    afterId,
    limit + 1,
  ]);
  return rows.map(fromRow);
}

export async function countRecurring(em: SqlEntityManager, userId: string): Promise<number> {
  const [row] = await em.execute<RawRow[]>('select count(*) as count from recurring where user_id = ?', [userId]);
  return Number(row?.['count'] ?? 0);
}

export async function insertRecurring(em: SqlEntityManager, dialect: Dialect, record: RecurringRecord): Promise<void> {
  await insertRows(em, dialect, { table: 'recurring', columns: COLUMNS, rows: [toRow(record)] });
}

export async function updateRecurring(em: SqlEntityManager, record: RecurringRecord): Promise<void> {
  await em.execute(
    `update recurring set ${MUTABLE_COLUMNS.map((column) => `${column} = ?`).join(', ')} where id = ? and user_id = ?`,
    [...toRow(record).slice(-MUTABLE_COLUMNS.length), record.id, record.userId],
    'run',
  );
}

export async function deleteRecurring(em: SqlEntityManager, userId: string, id: string): Promise<void> {
  await em.execute('delete from recurring where id = ? and user_id = ?', [id, userId], 'run');
}

/** A place in the order of {@link selectDue}. */
export type DuePlace = { nextOn: string; id: string };

/** A template whose next date has come somewhere on earth. `failure`: why it could not be made when it was last tried. */
export type Due = Pick<RecurringRecord, 'id' | 'userId' | 'timeZone' | 'failure'> & DuePlace;

/** Templates of everybody whose next date is not after a day, oldest date first, behind a place. */
export async function selectDue(
  em: SqlEntityManager,
  { until, after, limit }: { until: string; after: DuePlace; limit: number },
): Promise<Due[]> {
  const rows = await em.execute<RawRow[]>(
    `select id, user_id, next_on, time_zone, failure from recurring where next_on >= ? and next_on <= ? and (next_on > ? or id > ?)
     and status in ('active', 'failed') order by next_on, id limit ?`,
    [after.nextOn, until, after.nextOn, after.id, limit],
  );
  return rows.map((row) => ({
    id: row['id'] as string,
    userId: row['user_id'] as string,
    nextOn: row['next_on'] as string,
    timeZone: row['time_zone'] as string,
    failure: failureOf(row),
  }));
}

function toRow(record: RecurringRecord): SqlValue[] {
  return [
    record.id,
    record.userId,
    record.createdAtMs,
    record.startsOn,
    record.anchorOn,
    record.name,
    JSON.stringify(record.draft),
    record.rule,
    record.endsOn,
    record.count,
    record.lastOn,
    record.timeZone,
    record.status,
    record.pausedOn,
    record.failure && JSON.stringify(record.failure),
    record.nextOn,
    record.madeCount,
    record.updatedAtMs,
  ];
}

function fromRow(row: RawRow): RecurringRecord {
  return {
    id: row['id'] as string,
    userId: row['user_id'] as string,
    name: row['name'] as string,
    draft: JSON.parse(row['draft'] as string) as RecurringDraft,
    rule: row['rule'] as string,
    startsOn: row['starts_on'] as string,
    anchorOn: row['anchor_on'] as string | null,
    endsOn: row['ends_on'] as string | null,
    count: row['count'] === null ? null : Number(row['count']),
    lastOn: row['last_on'] as string | null,
    timeZone: row['time_zone'] as string,
    status: row['status'] as RecurringStatus,
    pausedOn: row['paused_on'] as string | null,
    failure: failureOf(row),
    nextOn: row['next_on'] as string | null,
    madeCount: Number(row['made_count']),
    createdAtMs: Number(row['created_at']),
    updatedAtMs: Number(row['updated_at']),
  };
}

function failureOf(row: RawRow): Failure | null {
  return row['failure'] === null ? null : (JSON.parse(row['failure'] as string) as Failure);
}

export function toRecurringOut(record: RecurringRecord): RecurringOut {
  const { userId: _owner, anchorOn: _origin, lastOn: _bounds, pausedOn: _pause, ...shown } = record;
  const { failure, createdAtMs, updatedAtMs, ...rest } = shown;
  return {
    ...rest,
    failure: failure && {
      code: failure.code,
      message: failure.message,
      dueOn: failure.dueOn,
      at: toInstant(failure.atMs),
    },
    createdAt: toInstant(createdAtMs),
    updatedAt: toInstant(updatedAtMs),
  };
}
