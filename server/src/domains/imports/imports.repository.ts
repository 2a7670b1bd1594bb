import { setImmediate } from 'node:timers/promises';
import type { ImportFormat, ImportOut, ImportSettings, ImportSettingsInput, ImportStatus } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, forUpdate, insertRows, type SqlValue } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { importedTransactionIds } from '../../kernel/ids.ts';

/** An import as it is kept. */
export type ImportRecord = {
  id: string;
  userId: string;
  source: string;
  accountId: string;
  format: ImportFormat;
  fileId: string;
  fileName: string;
  fileBytes: number;
  given: ImportSettingsInput;
  settings: ImportSettings;
  warnings: readonly string[];
  status: ImportStatus;
  skipsFaulty: boolean;
  restoresDeleted: boolean;
  skipsPossibleDuplicates: boolean;
  isCancelRequested: boolean;
  runHex: string | null;
  runAt: number | null;
  beatAt: number;
  revision: number;
  bytesRead: number;
  rowsRead: number;
  created: number;
  duplicates: number;
  faulty: number;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  hasFile: boolean;
};

/** What may change of an import. */
export type ImportChanges = Partial<Omit<ImportRecord, 'id' | 'userId' | 'revision' | 'hasFile'>>;

type Row = Record<string, unknown>;

const COLUMNS = {
  id: 'id',
  userId: 'user_id',
  source: 'source',
  accountId: 'account_id',
  format: 'format',
  fileId: 'file_id',
  fileName: 'file_name',
  fileBytes: 'file_bytes',
  given: 'given',
  settings: 'settings',
  warnings: 'warnings',
  status: 'status',
  skipsFaulty: 'skips_faulty',
  restoresDeleted: 'restores_deleted',
  skipsPossibleDuplicates: 'skips_possible_duplicates',
  isCancelRequested: 'is_cancel_requested',
  runHex: 'run_hex',
  runAt: 'run_at',
  beatAt: 'beat_at',
  revision: 'revision',
  bytesRead: 'bytes_read',
  rowsRead: 'rows_read',
  created: 'created',
  duplicates: 'duplicates',
  faulty: 'faulty',
  errorCode: 'error_code',
  errorMessage: 'error_message',
  createdAt: 'created_at',
  startedAt: 'started_at',
  finishedAt: 'finished_at',
} as const satisfies Record<Exclude<keyof ImportRecord, 'hasFile'>, string>;

const SELECT = 'select i.*, f.id as kept_file from imports i left join import_files f on f.id = i.file_id';

export async function insertImport(em: SqlEntityManager, dialect: Dialect, record: ImportRecord): Promise<void> {
  await insertRows(em, dialect, {
    table: 'imports',
    columns: Object.values(COLUMNS),
    rows: [(Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]).map((name) => toSql(record[name]))],
  });
}

/** One import of a person. With `lock` nobody else changes it until the end of the transaction. */
export async function findImport(
  em: SqlEntityManager,
  { userId, id, lock }: { userId: string; id: string; lock?: Dialect },
): Promise<ImportRecord | null> {
  // The lock is on the import alone: the file's row is not joined then.
  const sql = lock
    ? `select i.*, (select f.id from import_files f where f.id = i.file_id) as kept_file from imports i where i.user_id = ? and i.id = ?${forUpdate(lock)}`
    : `${SELECT} where i.user_id = ? and i.id = ?`;
  const [row] = await em.execute<Row[]>(sql, [userId, id]);
  return row ? fromRow(row) : null;
}

/** A person's imports, newest first, one more than asked for where there are more. */
export async function listImports(
  em: SqlEntityManager,
  { userId, beforeId, limit }: { userId: string; beforeId: string | undefined; limit: number },
): Promise<ImportRecord[]> {
  const rows = await em.execute<Row[]>(
    `${SELECT} where i.user_id = ?${beforeId === undefined ? '' : ' and i.id < ?'} order by i.id desc limit ?`,
    [userId, ...(beforeId === undefined ? [] : [beforeId]), limit + 1],
  );
  return rows.map(fromRow);
}

/** Everybody's imports that a process was at work on. */
export async function findUnfinished(em: SqlEntityManager): Promise<ImportRecord[]> {
  const rows = await em.execute<Row[]>(`${SELECT} where i.status in ('running', 'undoing') order by i.id`);
  return rows.map(fromRow);
}

export async function countImports(
  em: SqlEntityManager,
  userId: string,
  statuses: readonly ImportStatus[],
): Promise<number> {
  const [row] = await em.execute<Row[]>(
    `select count(*) as count from imports where user_id = ? and status in (${statuses.map(() => '?').join(', ')})`,
    [userId, ...statuses],
  );
  return Number(row?.['count'] ?? 0);
}

/**
 * Changes an import, where it is still in that run and state.
 *
 * @returns whether it was
 */
export async function changeImport(
  em: SqlEntityManager,
  where: { id: string; runHex?: string; status?: ImportStatus; beatAt?: number },
  changes: ImportChanges,
): Promise<boolean> {
  const names = Object.keys(changes) as (keyof ImportChanges)[];
  const conditions: [string, SqlValue][] = [['id = ?', where.id]];
  if (where.runHex !== undefined) conditions.push(['run_hex = ?', where.runHex]);
  if (where.status !== undefined) conditions.push(['status = ?', where.status]);
  if (where.beatAt !== undefined) conditions.push(['beat_at = ?', where.beatAt]);
  const { affectedRows } = await em.execute<{ affectedRows: number }>(
    `update imports set ${names.map((name) => `${COLUMNS[name]} = ?`).join(', ')}, revision = revision + 1 where ${conditions.map(([sql]) => sql).join(' and ')}`,
    [
      ...names.map((name) => toSql(changes[name] as ImportRecord[keyof typeof COLUMNS])),
      ...conditions.map(([, value]) => value),
    ],
    'run',
  );
  return affectedRows > 0;
}

/** Says that the process of a run is alive; no change for those who watch it. */
export async function beat(em: SqlEntityManager, where: { id: string; runHex: string }, nowMs: number): Promise<void> {
  await em.execute(
    'update imports set beat_at = ? where id = ? and run_hex = ?',
    [nowMs, where.id, where.runHex],
    'run',
  );
}

/** The first and the last of the ids that an import of a person gives its transactions; null where there is no such import, or it was never committed. */
export async function importedIds(
  em: SqlEntityManager,
  userId: string,
  importId: string,
): Promise<{ first: string; last: string } | null> {
  const [row] = await em.execute<Row[]>('select run_at, run_hex from imports where user_id = ? and id = ?', [
    userId,
    importId,
  ]);
  const runHex = row?.['run_hex'];
  return typeof runHex === 'string' ? importedTransactionIds(Number(row?.['run_at']), runHex) : null;
}

/** Those of a run's transactions that are there, the last ones by id, with the time (milliseconds) at which they were made: from `first` up to `until`. */
export async function findMade(
  em: SqlEntityManager,
  {
    userId,
    first,
    until,
    limit,
  }: { userId: string; first: string; until: { id: string; isIncluded: boolean }; limit: number },
): Promise<{ id: string; createdAt: number }[]> {
  const rows = await em.execute<Row[]>(
    `select id, created_at from transactions where id >= ? and id ${until.isIncluded ? '<=' : '<'} ? and user_id = ? order by id desc limit ?`,
    [first, until.id, userId, limit],
  );
  return rows.map((row) => ({ id: row['id'] as string, createdAt: Number(row['created_at']) }));
}

/** Transactions that are looked at in one statement. */
const SURVEYED_AT_A_TIME = 10_000;

/** Of the transactions in a range of ids: how many are reconciled, on either account, and which accounts they are on. Others have their turn meanwhile. */
export async function surveyMade(
  em: SqlEntityManager,
  { userId, first, last }: { userId: string; first: string; last: string },
): Promise<{ reconciled: number; accountIds: Set<string> }> {
  const accountIds = new Set<string>();
  let reconciled = 0;
  for (let after: string | null = null; ;) {
    const groups: Row[] = await em.execute<Row[]>(
      `select account_id, to_account_id, count(*) as count, max(id) as last_id,
              sum(case when cleared_state = 'reconciled' or to_cleared_state = 'reconciled' then 1 else 0 end) as reconciled
       from (select id, account_id, to_account_id, cleared_state, to_cleared_state from transactions
             where id ${after === null ? '>=' : '>'} ? and id <= ? and user_id = ? order by id limit ${SURVEYED_AT_A_TIME}) as part
       group by account_id, to_account_id`,
      [after ?? first, last, userId],
    );
    for (const group of groups) {
      reconciled += Number(group['reconciled']);
      for (const name of ['account_id', 'to_account_id'])
        if (group[name] !== null) accountIds.add(group[name] as string);
    }
    if (groups.reduce((sum, group) => sum + Number(group['count']), 0) < SURVEYED_AT_A_TIME)
      return { reconciled, accountIds };
    after =
      groups
        .map((group) => group['last_id'] as string)
        .toSorted()
        .at(-1) ?? last;
    await setImmediate();
  }
}

function toSql(value: ImportRecord[keyof typeof COLUMNS]): SqlValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

function fromRow(row: Row): ImportRecord {
  const numberOf = (name: string) => Number(row[name]);
  const numberOrNull = (name: string) => (row[name] === null ? null : Number(row[name]));
  return {
    id: row['id'] as string,
    userId: row['user_id'] as string,
    source: row['source'] as string,
    accountId: row['account_id'] as string,
    format: row['format'] as ImportFormat,
    fileId: row['file_id'] as string,
    fileName: row['file_name'] as string,
    fileBytes: numberOf('file_bytes'),
    given: JSON.parse(row['given'] as string) as ImportSettingsInput,
    settings: JSON.parse(row['settings'] as string) as ImportSettings,
    warnings: JSON.parse(row['warnings'] as string) as string[],
    status: row['status'] as ImportStatus,
    skipsFaulty: Boolean(row['skips_faulty']),
    restoresDeleted: Boolean(row['restores_deleted']),
    skipsPossibleDuplicates: Boolean(row['skips_possible_duplicates']),
    isCancelRequested: Boolean(row['is_cancel_requested']),
    runHex: row['run_hex'] as string | null,
    runAt: numberOrNull('run_at'),
    beatAt: numberOf('beat_at'),
    revision: numberOf('revision'),
    bytesRead: numberOf('bytes_read'),
    rowsRead: numberOf('rows_read'),
    created: numberOf('created'),
    duplicates: numberOf('duplicates'),
    faulty: numberOf('faulty'),
    errorCode: row['error_code'] as string | null,
    errorMessage: row['error_message'] as string | null,
    createdAt: numberOf('created_at'),
    startedAt: numberOrNull('started_at'),
    finishedAt: numberOrNull('finished_at'),
    hasFile: row['kept_file'] !== null,
  };
}

export function toImportOut(record: ImportRecord): ImportOut {
  const instantOrNull = (ms: number | null) => (ms === null ? null : toInstant(ms));
  return {
    id: record.id,
    source: record.source,
    accountId: record.accountId,
    format: record.format,
    fileName: record.fileName,
    fileBytes: record.fileBytes,
    hasFile: record.hasFile,
    settings: record.settings,
    warnings: [...record.warnings],
    status: record.status,
    bytesRead: record.bytesRead,
    rowsRead: record.rowsRead,
    created: record.created,
    duplicates: record.duplicates,
    faulty: record.faulty,
    error: record.errorCode === null ? null : { code: record.errorCode, message: record.errorMessage ?? '' },
    createdAt: toInstant(record.createdAt),
    startedAt: instantOrNull(record.startedAt),
    finishedAt: instantOrNull(record.finishedAt),
  };
}
