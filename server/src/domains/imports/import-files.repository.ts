import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, forUpdate, inList, insertRows } from '../../db/index.ts';
import type { ImportRecord } from './imports.repository.ts';

/** An uploaded file as it is kept; its bytes are in the imports folder. */
export type FileRecord = { id: string; userId: string; bytes: number; sha256: string; createdAt: number };

type Row = Record<string, unknown>;

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
