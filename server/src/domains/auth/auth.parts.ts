import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError, signInEnded } from '../../kernel/errors.ts';
import type { MailQueue } from '../mail/index.ts';
import { DELETION_BEGUN_MS, findUserById, lockUser, type UserRecord } from '../users/index.ts';
import type { Sessions } from './lucia.ts';
import type { PasswordHasher } from './passwords.ts';
import { digest } from './secrets.ts';
import { findSession } from './sessions.repository.ts';

/** What the use cases share. */
export type AuthParts = {
  database: Database;
  clock: Clock;
  sessions: Sessions;
  passwords: PasswordHasher;
  mails: MailQueue;
};

/** The signed-in person, outside any transaction. @throws AppError UNAUTHENTICATED when they are gone, or are being deleted. */
export async function presentUser({ database }: AuthParts, userId: string): Promise<UserRecord> {
  return gone(await findUserById(database.em(), userId));
}

/** The signed-in person, with their row locked. @throws AppError UNAUTHENTICATED when they are gone. */
export async function lockPresentUser(
  { database }: AuthParts,
  em: SqlEntityManager,
  userId: string,
): Promise<UserRecord> {
  return gone(await lockUser(em, database.dialect, userId));
}

/**
 * As {@link lockPresentUser}, and the session that the request came with still is: a reset of the password, which ends all of them, came first or waits.
 *
 * @throws AppError UNAUTHENTICATED when either is gone.
 */
export async function lockUserInSession(
  parts: AuthParts,
  em: SqlEntityManager,
  { userId, sessionToken }: { userId: string; sessionToken: string | null },
): Promise<UserRecord> {
  const user = await lockPresentUser(parts, em, userId);
  const session = sessionToken === null ? null : await findSession(em, digest(sessionToken));
  return gone(session?.userId === userId ? user : null);
}

/** What was found out about a password, to be settled inside the transaction, where a repeated call gets its first answer before anyone asks. */
export type PasswordCheck = { passwordHash: string; isRight: boolean };

/** Checks a signed-in person's password. Takes tens of milliseconds, so it stays outside of transactions. */
export async function checkPassword(parts: AuthParts, userId: string, password: string): Promise<PasswordCheck> {
  const { passwordHash } = await presentUser(parts, userId);
  return { passwordHash, isRight: await parts.passwords.verify(passwordHash, password) };
}

/** @throws AppError INVALID_CREDENTIALS where the password was wrong, or has changed since it was checked. */
export function requirePassword(user: UserRecord, { passwordHash, isRight }: PasswordCheck): void {
  if (!isRight || user.passwordHash !== passwordHash) {
    throw new AppError('INVALID_CREDENTIALS', 'The password is wrong.');
  }
}

export function codeInvalid(): AppError {
  return new AppError('CODE_INVALID', 'The code is wrong, was used already, or is too old.');
}

function gone(user: UserRecord | null): UserRecord {
  if (!user || user.deletionAtMs === DELETION_BEGUN_MS) throw signInEnded();
  return user;
}
