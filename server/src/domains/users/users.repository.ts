import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows } from '../../db/index.ts';
import { newId } from '../../kernel/ids.ts';
import { UserSchema, WatchedAddressSchema } from './users.entity.ts';

export type Role = 'user' | 'admin';

/** A person as the other domains see one. */
export type UserRecord = { id: string; email: string; passwordHash: string; role: Role; createdAtMs: number };

/** The person with this e-mail address, given in lower case. */
export async function findUserByEmail(em: SqlEntityManager, email: string): Promise<UserRecord | null> {
  const row = await em.findOne(UserSchema, { email });
  return row ? toRecord(row) : null;
}

export async function findUserById(em: SqlEntityManager, id: string): Promise<UserRecord | null> {
  const row = await em.findOne(UserSchema, { id });
  return row ? toRecord(row) : null;
}

/** A page of the ids of all people, in their order, after an id. */
export async function listUserIds(
  em: SqlEntityManager,
  { afterId, limit }: { afterId: string; limit: number },
): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>('select id from users where id > ? order by id limit ?', [
    afterId,
    limit,
  ]);
  return rows.map(({ id }) => id);
}

/** True where at least one admin exists. */
export async function adminExists(em: SqlEntityManager): Promise<boolean> {
  return (await em.count(UserSchema, { role: 'admin' })) > 0;
}

/** Adds a person inside the caller's transaction. A taken e-mail address throws the driver's unique violation. */
export async function insertUser(em: SqlEntityManager, user: Omit<UserRecord, 'id'>): Promise<UserRecord> {
  const record = { id: newId('usr'), ...user };
  await em.insert(UserSchema, {
    id: record.id,
    email: record.email,
    passwordHash: record.passwordHash,
    role: record.role,
    createdAt: record.createdAtMs,
  });
  return record;
}

/** Gives the person another role or password. */
export async function updateUser(
  em: SqlEntityManager,
  id: string,
  changes: Partial<Pick<UserRecord, 'role' | 'passwordHash'>>,
): Promise<void> {
  await em.nativeUpdate(UserSchema, { id }, changes);
}

/** The addresses that a person follows, in ascending order. */
export async function watchedAddresses(em: SqlEntityManager, userId: string): Promise<string[]> {
  const rows = await em.find(WatchedAddressSchema, { user: userId }, { orderBy: { address: 'asc' } });
  return rows.map((row) => row.address);
}

/** Follows the addresses that the person does not follow yet, inside the caller's transaction. Two at once make one row. */
export async function watchAddresses(
  em: SqlEntityManager,
  dialect: Dialect,
  watch: { userId: string; addresses: readonly string[]; nowMs: number },
): Promise<void> {
  const addresses = [...new Set(watch.addresses.map((address) => address.toLowerCase()))];
  await insertRows(em, dialect, {
    table: 'watched_addresses',
    columns: ['id', 'user_id', 'address', 'created_at'],
    rows: addresses.map((address) => [newId('adr'), watch.userId, address, watch.nowMs]),
    onDuplicate: { key: ['user_id', 'address'], update: [] },
  });
}

type UserRow = { id: string; email: string; passwordHash: string; role: string; createdAt: number };

function toRecord(row: UserRow): UserRecord {
  return {
    id: row.id,
    email: row.email,
    passwordHash: row.passwordHash,
    role: row.role === 'admin' ? 'admin' : 'user',
    createdAtMs: row.createdAt,
  };
}
