import type { PreferencesOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows } from '../../db/index.ts';
import { newId } from '../../kernel/ids.ts';
import { PreferenceSchema } from './users.entity.ts';

/** All preferences of the person, in the order of their keys. */
export async function listPreferences(em: SqlEntityManager, userId: string): Promise<PreferencesOut['items']> {
  const rows = await em.find(PreferenceSchema, { user: userId }, { orderBy: { name: 'asc' } });
  return rows.map(({ name, value }) => ({ key: name, value }));
}

/** Sets each key to its value, inside the caller's transaction. */
export async function setPreferences(
  em: SqlEntityManager,
  dialect: Dialect,
  userId: string,
  items: PreferencesOut['items'],
): Promise<void> {
  await insertRows(em, dialect, {
    table: 'preferences',
    columns: ['id', 'user_id', 'name', 'value'],
    rows: items.map(({ key, value }) => [newId('prf'), userId, key, value]),
    onDuplicate: { key: ['user_id', 'name'], update: ['value'] },
  });
}

export async function removePreferences(em: SqlEntityManager, userId: string, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await em.nativeDelete(PreferenceSchema, { user: userId, name: { $in: [...keys] } });
}
