import type { ImportFormat, ImportOut, ImportSettings, ImportSettingsInput, ImportStatus } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  type Dialect,
  fetchRows,
  forUpdate,
  inList,
  insertRows,
  LOOK_UP,
  moneyFromSql,
  readBy,
  type SqlValue,
} from '../../db/index.ts';
import type { TransactionRecord, Units } from '../ledger/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import type { Remembered } from './parse/remembered.ts';

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

export type FileRecord = { id: string; userId: string; bytes: number; sha256: string; createdAt: number };

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

export async function readRemembered(em: SqlEntityManager, userId: string, source: string): Promise<Remembered | null> {
  const [row] = await em.execute<Row[]>('select settings from import_sources where user_id = ? and source = ?', [
    userId,
    source,
  ]);
  return row ? (JSON.parse(row['settings'] as string) as Remembered) : null;
}

export async function listRemembered(
  em: SqlEntityManager,
  userId: string,
): Promise<{ source: string; settings: Remembered }[]> {
  const rows = await em.execute<Row[]>(
    'select source, settings from import_sources where user_id = ? order by source',
    [userId],
  );
  return rows.map(({ source, settings }) => ({
    source: source as string,
    settings: JSON.parse(settings as string) as Remembered,
  }));
}

export async function remember(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, source, settings, nowMs }: { userId: string; source: string; settings: Remembered; nowMs: number },
): Promise<void> {
  await insertRows(em, dialect, {
    table: 'import_sources',
    columns: ['user_id', 'source', 'settings', 'updated_at'],
    rows: [[userId, source, JSON.stringify(settings), nowMs]],
    onDuplicate: { key: ['user_id', 'source'], update: ['settings', 'updated_at'] },
  });
}

export async function insertFile(em: SqlEntityManager, dialect: Dialect, file: FileRecord): Promise<void> {
  await insertRows(em, dialect, {
    table: 'import_files',
    columns: ['id', 'user_id', 'bytes', 'sha256', 'created_at'],
    rows: [[file.id, file.userId, file.bytes, file.sha256, file.createdAt]],
  });
}

export async function findFile(em: SqlEntityManager, userId: string, id: string): Promise<FileRecord | null> {
  const [row] = await em.execute<Row[]>('select * from import_files where user_id = ? and id = ?', [userId, id]);
  if (!row) return null;
  return {
    id,
    userId,
    bytes: Number(row['bytes']),
    sha256: row['sha256'] as string,
    createdAt: Number(row['created_at']),
  };
}

/** How many files of a person are kept, and their bytes. */
export async function sumFiles(em: SqlEntityManager, userId: string): Promise<{ count: number; bytes: number }> {
  const [row] = await em.execute<Row[]>(
    'select count(*) as count, coalesce(sum(bytes), 0) as bytes from import_files where user_id = ?',
    [userId],
  );
  return { count: Number(row?.['count'] ?? 0), bytes: Number(row?.['bytes'] ?? 0) };
}

/**
 * Forgets the file of an import that is over, unless another import of it waits, runs or has failed and may be tried again. Locks the file, so that of two that end
 * at once the later sees the other's end.
 *
 * @returns whether it was forgotten
 */
export async function releaseFile(
  em: SqlEntityManager,
  dialect: Dialect,
  { id, userId, fileId }: Pick<ImportRecord, 'id' | 'userId' | 'fileId'>,
): Promise<boolean> {
  await em.execute(`select id from import_files where id = ?${forUpdate(dialect)}`, [fileId]);
  const [others] = await em.execute<Row[]>(
    `select count(*) as count from imports where user_id = ? and file_id = ? and id <> ?
     and status in ('ready', 'running', 'undoing', 'failed')`,
    [userId, fileId, id],
  );
  if (Number(others?.['count'] ?? 0) > 0) return false;
  await em.execute('delete from import_files where id = ?', [fileId], 'run');
  return true;
}

/** Forgets the files from before that instant that no import is being made of. */
export async function deleteOldFiles(em: SqlEntityManager, beforeMs: number): Promise<void> {
  await em.execute(
    `delete from import_files where created_at < ?
     and not exists (select 1 from imports i where i.file_id = import_files.id and i.status in ('running', 'undoing'))`,
    [beforeMs],
    'run',
  );
}

export async function knownFiles(em: SqlEntityManager, dialect: Dialect, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const list = inList(dialect, ids);
  const rows = await em.execute<Row[]>(`select id from import_files where id in (${list.sql})`, list.values);
  return new Set(rows.map(({ id }) => id as string));
}

/** Those of the content hashes that a source has transactions of already, each with its transaction's id. */
export async function findHashes(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, source, hashes }: { userId: string; source: string; hashes: readonly string[] },
): Promise<Map<string, string>> {
  if (hashes.length === 0) return new Map();
  const list = inList(dialect, hashes);
  const rows = await em.execute<Row[]>(
    `select id, content_hash from transactions where user_id = ? and source = ? and content_hash in (${list.sql})`,
    [userId, source, ...list.values],
  );
  return new Map(rows.map((row) => [row['content_hash'] as string, row['id'] as string]));
}

/** Those of the keys of rows (external ids, content hashes) at a source whose transactions the person has deleted. */
export async function findDeletedKeys(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, source, rowKeys }: { userId: string; source: string; rowKeys: readonly string[] },
): Promise<Set<string>> {
  if (rowKeys.length === 0) return new Set();
  const list = inList(dialect, rowKeys);
  const rows = await em.execute<Row[]>(
    `select row_key from ledger_tombstones where user_id = ? and source = ? and row_key in (${list.sql})`,
    [userId, source, ...list.values],
  );
  return new Set(rows.map((row) => row['row_key'] as string));
}

/** What a transaction is known again by: its booking as {@link bookingOf} gives it for a draft. */
export type Booking = { id: string; accountId: string; booking: readonly string[] };

/** The transactions of a person that have one of the external ids at that source, or one of the ids, each by what was asked for. */
export async function findBookings(
  em: SqlEntityManager,
  dialect: Dialect,
  by: { userId: string; source: string; externalIds: readonly string[] } | { userId: string; ids: readonly string[] },
): Promise<Map<string, Booking>> {
  const [column, keys, from] =
    'ids' in by ? (['id', by.ids, null] as const) : (['external_id', by.externalIds, by.source] as const);
  if (keys.length === 0) return new Map();
  const list = inList(dialect, keys);
  const rows = await em.execute<Row[]>(
    `select ${column} as found_by, id, kind, account_id, occurred_on, amount, to_account_id from transactions
     where user_id = ?${from === null ? '' : ' and source = ?'} and ${column} in (${list.sql})`,
    [by.userId, ...(from === null ? [] : [from]), ...list.values],
  );
  return new Map(
    rows.map((row) => {
      const accountId = row['account_id'] as string;
      const amount = String(moneyFromSql(dialect, row['amount']));
      const parts = [row['kind'], accountId, row['occurred_on'], amount, row['to_account_id'] ?? ''] as string[];
      return [row['found_by'] as string, { id: row['id'] as string, accountId, booking: parts }];
    }),
  );
}

/** A transaction of the ledger that a row may be. `key`: its external id or content hash at its source. */
export type Candidate = Pick<TransactionRecord, 'id' | 'kind' | 'accountId' | 'amount' | 'occurredOn' | 'source'> & {
  key: string | null;
  transfer: { toAccountId: string; toAmount: Units } | null;
};

const CANDIDATE_COLUMNS = `t.id, t.kind, t.account_id, t.amount, t.to_account_id, t.to_amount, t.occurred_on, t.source,
            coalesce(t.external_id, t.content_hash) as row_key`;

function candidateOf(dialect: Dialect, row: Row): Candidate {
  const toAccountId = row['to_account_id'] as string | null;
  const toAmount = moneyFromSql(dialect, row['to_amount']);
  return {
    id: row['id'] as string,
    kind: row['kind'] as TransactionRecord['kind'],
    accountId: row['account_id'] as string,
    amount: moneyFromSql(dialect, row['amount']),
    transfer: toAccountId === null ? null : { toAccountId, toAmount },
    occurredOn: row['occurred_on'] as string,
    source: row['source'] as string,
    key: row['row_key'] as string | null,
  };
}

/** The transactions of a person that one of the keys (external ids, content hashes) is of at that source, by their keys. */
export async function findByKeys(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, source, keys }: { userId: string; source: string; keys: readonly string[] },
): Promise<Map<string, Candidate>> {
  if (keys.length === 0) return new Map();
  const list = inList(dialect, keys);
  const found = new Map<string, Candidate>();
  for (const column of ['content_hash', 'external_id']) {
    const rows = await fetchRows<Row>(
      em,
      `select ${CANDIDATE_COLUMNS}, t.${column} as found_by from transactions t
       where t.user_id = ? and t.source = ? and t.${column} in (${list.sql})`,
      [userId, source, ...list.values],
    );
    for (const row of rows) found.set(row['found_by'] as string, candidateOf(dialect, row));
  }
  return found;
}

const ACCOUNT_INDEX = 'entries_account_id_occurred_on_transaction_id_line_index';

/** A person's transactions on one of the accounts in a range of dates (YYYY-MM-DD, both included), each once: those of the first `limit` entries. */
export async function findCandidates(
  em: SqlEntityManager,
  dialect: Dialect,
  query: { userId: string; accountIds: readonly string[]; from: string; to: string; limit: number },
): Promise<{ candidates: Candidate[]; isWhole: boolean }> {
  const accounts = inList(dialect, query.accountIds);
  const rows = await fetchRows<Row>(
    em,
    `select ${CANDIDATE_COLUMNS}
     from (select transaction_id from ${readBy(dialect, 'entries', ACCOUNT_INDEX)}
           where account_id in (${accounts.sql}) and occurred_on between ? and ? limit ?) as near_by
     ${LOOK_UP[dialect]} transactions t on t.id = near_by.transaction_id
     where t.user_id = ?`,
    [...accounts.values, query.from, query.to, query.limit, query.userId],
  );
  const candidates = new Map(rows.map((row) => [row['id'] as string, candidateOf(dialect, row)]));
  return { candidates: [...candidates.values()], isWhole: rows.length < query.limit };
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
