import type { SessionOut, UserOut } from '@finverse/shared';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { type Database, transact } from '../../db/index.ts';
import { type Clock, toInstant } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { randomHex } from '../../kernel/random.ts';
import {
  adminExists,
  findUserByEmail,
  findUserById,
  insertUser,
  type Role,
  updateUser,
  type UserRecord,
  watchAddresses,
  watchedAddresses,
} from '../users/index.ts';
import type { AuthApi, Caller } from './auth.port.ts';
import { deleteSessionsExpiredBefore, deleteUserSessions } from './auth.repository.ts';
import { createSessions, type Sessions } from './lucia.ts';
import { PasswordHasher } from './passwords.ts';

type WantedUser = { email: string; password: string; role: Role; watchedAddresses?: readonly string[] };

type AuthOptions = { database: Database; clock: Clock; isSecureCookie: boolean };

/** Sign-in: people with passwords, sessions with tokens. */
export class AuthService implements AuthApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #sessions: Sessions;
  readonly #passwords = new PasswordHasher();

  constructor(options: AuthOptions) {
    this.#database = options.database;
    this.#clock = options.clock;
    this.#sessions = createSessions(options);
  }

  async login({ email, password }: { email: string; password: string }): Promise<SessionOut> {
    const user = await findUserByEmail(this.#database.em(), email);
    const isRight = await this.#passwords.verify(user?.passwordHash ?? null, password);
    if (!user || !isRight) throw new AppError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.');
    const { token, expiresAtMs } = await this.#sessions.create(user.id);
    return { token, expiresAt: toInstant(expiresAtMs), user: await this.#describe(user) };
  }

  async logout(token: string): Promise<void> {
    await this.#sessions.end(token);
  }

  async me(userId: string): Promise<UserOut> {
    const user = await findUserById(this.#database.em(), userId);
    if (!user) throw new AppError('UNAUTHENTICATED', 'Sign in first.');
    return this.#describe(user);
  }

  async authenticate(token: string): Promise<Caller | null> {
    const session = await this.#sessions.validate(token);
    return session && { userId: session.userId, role: session.role === 'admin' ? 'admin' : 'user' };
  }

  readToken(headers: { authorization?: string | undefined; cookie?: string | undefined }): string | null {
    return this.#sessions.readToken(headers);
  }

  sessionCookie(token: string): string {
    return this.#sessions.cookie(token);
  }

  blankCookie(): string {
    return this.#sessions.blankCookie();
  }

  /**
   * Makes the person unless one with this e-mail address exists, whose password and role then stay as they are; follows the addresses that are not
   * followed yet. Several replicas may do this at once.
   */
  async ensureUser(wanted: WantedUser): Promise<UserOut> {
    const email = wanted.email.trim().toLowerCase();
    const user = (await findUserByEmail(this.#database.em(), email)) ?? (await this.#createUser({ ...wanted, email }));
    await transact(this.#database, (em) =>
      watchAddresses(em, this.#database.dialect, {
        userId: user.id,
        addresses: wanted.watchedAddresses ?? [],
        nowMs: this.#clock.now(),
      }),
    );
    return this.#describe(user);
  }

  /**
   * As `ensureUser`, but password and role become the wanted ones. For the demo person alone, whose login is the server's own to say; a new password
   * ends the sessions.
   */
  async ensureDemo(wanted: WantedUser): Promise<UserOut> {
    const { id } = await this.ensureUser(wanted);
    const user = await findUserById(this.#database.em(), id);
    if (!user) throw new Error('the demo person was deleted meanwhile');
    if (user.role !== wanted.role) await updateUser(this.#database.em(), id, { role: wanted.role });
    if (!(await this.#passwords.verify(user.passwordHash, wanted.password))) {
      await this.#setPassword(id, wanted.password);
    }
    return this.#describe({ ...user, role: wanted.role });
  }

  /**
   * Where the server is no demonstration, the demo person is nobody: no admin, no session, and a password that nobody knows. `ensureDemo` undoes it.
   */
  async retireDemo(email: string): Promise<void> {
    const user = await findUserByEmail(this.#database.em(), email);
    if (!user) return;
    await updateUser(this.#database.em(), user.id, { role: 'user' });
    await this.#setPassword(user.id, randomHex(32));
  }

  /** True where at least one admin can sign in. */
  hasAdmin(): Promise<boolean> {
    return adminExists(this.#database.em());
  }

  /** Deletes sessions that are over and answers how many. To be called now and then; an expired session is refused in any case. */
  purgeExpiredSessions(): Promise<number> {
    return deleteSessionsExpiredBefore(this.#database.em(), this.#clock.now());
  }

  async #setPassword(userId: string, password: string): Promise<void> {
    const passwordHash = await this.#passwords.hash(password);
    await transact(this.#database, async (em) => {
      await updateUser(em, userId, { passwordHash });
      await deleteUserSessions(em, userId);
    });
  }

  async #createUser(wanted: { email: string; password: string; role: Role }): Promise<UserRecord> {
    const passwordHash = await this.#passwords.hash(wanted.password);
    const { email, role } = wanted;
    try {
      return await transact(this.#database, (em) =>
        insertUser(em, { email, role, passwordHash, createdAtMs: this.#clock.now() }),
      );
    } catch (error) {
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      const winner = await findUserByEmail(this.#database.em(), email);
      if (!winner) throw error;
      return winner;
    }
  }

  async #describe(user: UserRecord): Promise<UserOut> {
    return {
      id: user.id,
      email: user.email,
      role: user.role,
      watchedAddresses: await watchedAddresses(this.#database.em(), user.id),
      createdAt: toInstant(user.createdAtMs),
    };
  }
}
