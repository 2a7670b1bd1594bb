import type { CategoryKind } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, inList, insertRows, runSql, type SqlValue } from '../../db/index.ts';
import { buryAll } from './account-store.ts';
import type { RawRow } from './ledger.rows.ts';
import type { CategoryRecord, Ledger } from './ledger.types.ts';

const COLUMNS = [
  'id',
  'user_id',
  'created_at',
  'system_key',
  'parent_id',
  'name',
  'kind',
  'icon',
  'color',
  'archived_at',
  'updated_at',
] as const;
const MUTABLE_COLUMNS = COLUMNS.slice(4);

/** All categories of a person, archived ones included; there are at most a thousand. */
export async function listCategories(em: SqlEntityManager, userId: string): Promise<CategoryRecord[]> {
  const rows = await fetchRows<RawRow>(em, 'select * from categories where user_id = ? order by id', [userId]);
  return rows.map(fromRow);
}

/** Those of the ids that name categories of this person. */
export async function findCategories(
  em: SqlEntityManager,
  dialect: Dialect,
  userId: string,
  ids: readonly string[],
): Promise<Map<string, CategoryRecord>> {
  if (ids.length === 0) return new Map();
  const list = inList(dialect, [...new Set(ids)]);
  const rows = await fetchRows<RawRow>(em, `select * from categories where user_id = ? and id in (${list.sql})`, [
    userId,
    ...list.values,
  ]);
  return new Map(rows.map((row) => [row['id'] as string, fromRow(row)]));
}

export async function insertCategories(
  em: SqlEntityManager,
  { dialect, userId }: Ledger,
  categories: readonly CategoryRecord[],
): Promise<void> {
  const rows = categories.map((category) => toRow(userId, category));
  await insertRows(em, dialect, { table: 'categories', columns: COLUMNS, rows });
}

export async function updateCategory(
  em: SqlEntityManager,
  { userId }: Ledger,
  category: CategoryRecord,
): Promise<void> {
  await runSql(
    em,
    `update categories set ${MUTABLE_COLUMNS.map((column) => `${column} = ?`).join(', ')} where id = ? and user_id = ?`,
    [...toRow(userId, category).slice(-MUTABLE_COLUMNS.length), category.id, userId],
  );
}

/** Marks categories as changed whose path or depth is another because of those above them. */
export async function touchCategories(
  em: SqlEntityManager,
  { dialect, userId, changedAtMs }: Ledger,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const list = inList(dialect, ids);
  await runSql(em, `update categories set updated_at = ? where user_id = ? and id in (${list.sql})`, [
    changedAtMs,
    userId,
    ...list.values,
  ]);
}

/** Deletes a category that nothing refers to, and leaves a tombstone. */
export async function deleteCategory(em: SqlEntityManager, ledger: Ledger, id: string): Promise<void> {
  await runSql(em, 'delete from categories where id = ? and user_id = ?', [id, ledger.userId]);
  await buryAll(em, ledger, 'category', [{ id }]);
}

function toRow(userId: string, category: CategoryRecord): SqlValue[] {
  return [
    category.id,
    userId,
    category.createdAtMs,
    category.systemKey,
    category.parentId,
    category.name,
    category.kind,
    category.icon,
    category.color,
    category.archivedAtMs,
    category.updatedAtMs,
  ];
}

function fromRow(row: RawRow): CategoryRecord {
  return {
    id: row['id'] as string,
    parentId: row['parent_id'] as string | null,
    name: row['name'] as string,
    kind: row['kind'] as CategoryKind,
    icon: row['icon'] as string | null,
    color: row['color'] as string | null,
    systemKey: row['system_key'] as string | null,
    archivedAtMs: row['archived_at'] === null ? null : Number(row['archived_at']),
    createdAtMs: Number(row['created_at']),
    updatedAtMs: Number(row['updated_at']),
  };
}
