import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows } from '../../db/index.ts';
import type { Remembered } from './parse/remembered.ts';

type Row = Record<string, unknown>;

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
