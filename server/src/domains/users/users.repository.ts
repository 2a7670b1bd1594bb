import type { UserOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, forUpdate, insertRows } from '../../db/index.ts';
import { dateIn, toInstant } from '../../kernel/clock.ts';
import { newId } from '../../kernel/ids.ts';
import { UserSchema, WatchedAddressSchema } from './users.entity.ts';

export type Role = 'user' | 'admin';

/** A person as the other domains see one. */
export type UserRecord = {
  id: string;
  email: string;
  passwordHash: string;
  role: Role;
  createdAtMs: number;
  name: string | null;
  avatarUrl: string | null;
  baseCurrency: string;
  timeZone: string;
  locale: string;
  emailVerifiedAtMs: number | null;
  /** When the account is to be deleted; {@link DELETION_BEGUN_MS} while it is. */
  deletionAtMs: number | null;
};

/** `deletionAtMs` of an account that is being deleted: some of it is gone already, so nobody signs in to it and nothing calls that off. */
export const DELETION_BEGUN_MS = 0;

const COLUMNS =
  'id, email, password_hash, role, created_at, name, avatar_url, base_currency, time_zone, locale, email_verified_at, deletion_at';

/**
 * The person with this e-mail address, given in lower case. Past the entities: making one takes as long as the statement, and who measures an answer that is the
 * same for everybody would learn by it which addresses have an account.
 */
export async function findUserByEmail(em: SqlEntityManager, email: string): Promise<UserRecord | null> {
  const [row] = await fetchRows<Record<string, unknown>>(em, `select ${COLUMNS} from users where email = ?`, [email]);
  if (!row) return null;
  const text = (column: string) => row[column] as string;
  const epochMs = (column: string) => (row[column] === null ? null : Number(row[column]));
  return toRecord({
    id: text('id'),
    email: text('email'),
    passwordHash: text('password_hash'),
    role: text('role'),
    createdAt: Number(row['created_at']),
    name: row['name'] as string | null,
    avatarUrl: row['avatar_url'] as string | null,
    baseCurrency: text('base_currency'),
    timeZone: text('time_zone'),
    locale: text('locale'),
    emailVerifiedAt: epochMs('email_verified_at'),
    deletionAt: epochMs('deletion_at'),
  });
}

export async function findUserById(em: SqlEntityManager, id: string): Promise<UserRecord | null> {
  const row = await em.findOne(UserSchema, { id });
  return row ? toRecord(row) : null;
}

/** The time zone of a person's profile, as a name of the IANA database. */
export async function timeZoneOf(em: SqlEntityManager, userId: string): Promise<string> {
  const user = await findUserById(em, userId);
  return user?.timeZone ?? 'UTC';
}

/** The base currency of a person's profile: what their totals are converted to where no other is named. */
export async function baseCurrencyOf(em: SqlEntityManager, userId: string): Promise<string> {
  const user = await findUserById(em, userId);
  return user?.baseCurrency ?? 'USD';
}

/** The calendar date that it is for a person, in the time zone of their profile: the default wherever a date may be left out. */
export async function todayOf(em: SqlEntityManager, userId: string, nowMs: number): Promise<string> {
  return dateIn(await timeZoneOf(em, userId), nowMs);
}

/** Locks the rows of all admins, in the order of their ids, until the caller's transaction ends. */
export async function lockAdmins(em: SqlEntityManager, dialect: Dialect): Promise<void> {
  // By their ids: a locking read that looks for the role would wait for everybody's row.
  const admins = await em.execute<{ id: string }[]>(`select id from users where role = 'admin' order by id`);
  for (const { id } of admins) await em.execute(`select id from users where id = ?${forUpdate(dialect)}`, [id]);
}

/** The person, whose row stays locked until the caller's transaction ends. */
export async function lockUser(em: SqlEntityManager, dialect: Dialect, id: string): Promise<UserRecord | null> {
  await em.execute(`select id from users where id = ?${forUpdate(dialect)}`, [id]);
  return findUserById(em, id);
}

/** A page of the ids of all people, in their order, after an id; without those whose account is being deleted, of whom only parts are left. */
export async function listUserIds(
  em: SqlEntityManager,
  { afterId, limit }: { afterId: string; limit: number },
): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>(
    'select id from users where id > ? and (deletion_at is null or deletion_at <> ?) order by id limit ?',
    [afterId, DELETION_BEGUN_MS, limit],
  );
  return rows.map(({ id }) => id);
}

/** True where at least one admin exists. */
export async function adminExists(em: SqlEntityManager): Promise<boolean> {
  return (await countAdmins(em)) > 0;
}

/** Admins whose account is not about to be deleted. */
export async function countAdmins(em: SqlEntityManager): Promise<number> {
  return em.count(UserSchema, { role: 'admin', deletionAt: null });
}

type NewUser = Pick<UserRecord, 'email' | 'passwordHash' | 'role' | 'createdAtMs'> &
  Partial<Pick<UserRecord, 'name' | 'emailVerifiedAtMs'>>;

/** Adds a person inside the caller's transaction. A taken e-mail address throws the driver's unique violation. */
export async function insertUser(em: SqlEntityManager, user: NewUser): Promise<UserRecord> {
  const { createdAtMs, emailVerifiedAtMs = null, name = null, ...columns } = user;
  const profile = { name, avatarUrl: null, baseCurrency: 'USD', timeZone: 'UTC', locale: 'en' };
  const row = { id: newId('usr'), ...columns, ...profile, createdAt: createdAtMs };
  await em.insert(UserSchema, { ...row, emailVerifiedAt: emailVerifiedAtMs, deletionAt: null });
  return toRecord({ ...row, emailVerifiedAt: emailVerifiedAtMs, deletionAt: null });
}

type Changes = Partial<Omit<UserRecord, 'id' | 'createdAtMs'>>;

/** Changes what is given. A taken e-mail address throws the driver's unique violation. */
export async function updateUser(em: SqlEntityManager, id: string, changes: Changes): Promise<void> {
  const { emailVerifiedAtMs, deletionAtMs, ...columns } = changes;
  const data = {
    ...columns,
    ...(emailVerifiedAtMs === undefined ? {} : { emailVerifiedAt: emailVerifiedAtMs }),
    ...(deletionAtMs === undefined ? {} : { deletionAt: deletionAtMs }),
  };
  if (Object.keys(data).length > 0) await em.nativeUpdate(UserSchema, { id }, data);
}

/** The ids of the people whose time has come, those whose deletion was begun and not ended included. */
export async function listUsersDue(em: SqlEntityManager, nowMs: number): Promise<string[]> {
  const rows = await em.find(UserSchema, { deletionAt: { $lte: nowMs } }, { fields: ['id'], orderBy: { id: 'asc' } });
  return rows.map(({ id }) => id);
}

/** Begins the deletion of an account, inside the caller's transaction, which has locked its row. From now on nothing calls it off. */
export async function beginDeletion(em: SqlEntityManager, id: string): Promise<void> {
  await updateUser(em, id, { deletionAtMs: DELETION_BEGUN_MS });
}

/** Deletes a person, with everything that is theirs. False where there was none any more. */
export async function deleteUser(em: SqlEntityManager, id: string): Promise<boolean> {
  return (await em.nativeDelete(UserSchema, { id })) > 0;
}

/** The person as answers show one. */
export async function describeUser(em: SqlEntityManager, user: UserRecord): Promise<UserOut> {
  const { id, email, role, name, avatarUrl, baseCurrency, timeZone, locale } = user;
  return {
    id,
    email,
    emailVerified: user.emailVerifiedAtMs !== null,
    role,
    name,
    avatarUrl,
    baseCurrency,
    timeZone,
    locale,
    watchedAddresses: await watchedAddresses(em, id),
    createdAt: toInstant(user.createdAtMs),
    deletionAt: user.deletionAtMs === null ? null : toInstant(user.deletionAtMs),
  };
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

type UserRow = {
  id: string;
  email: string;
  passwordHash: string;
  role: string;
  createdAt: number;
  name?: string | null | undefined;
  avatarUrl?: string | null | undefined;
  baseCurrency: string;
  timeZone: string;
  locale: string;
  emailVerifiedAt?: number | null | undefined;
  deletionAt?: number | null | undefined;
};

function toRecord(row: UserRow): UserRecord {
  const { id, email, passwordHash, baseCurrency, timeZone, locale } = row;
  return {
    id,
    email,
    passwordHash,
    baseCurrency,
    timeZone,
    locale,
    role: row.role === 'admin' ? 'admin' : 'user',
    createdAtMs: row.createdAt,
    name: row.name ?? null,
    avatarUrl: row.avatarUrl ?? null,
    emailVerifiedAtMs: row.emailVerifiedAt ?? null,
    deletionAtMs: row.deletionAt ?? null,
  };
}
