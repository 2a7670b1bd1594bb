import type { UserOut } from '@finverse/shared';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { transact } from '../../db/index.ts';
import { randomHex } from '../../kernel/random.ts';
import {
  adminExists,
  describeUser,
  findUserByEmail,
  findUserById,
  insertUser,
  type Role,
  updateUser,
  type UserRecord,
  watchAddresses,
} from '../users/index.ts';
import { deleteUserTokens } from './api-tokens.ts';
import type { AuthParts } from './auth.parts.ts';
import { deleteUserSessions } from './sessions.repository.ts';

export type WantedUser = { email: string; password: string; role: Role; watchedAddresses?: readonly string[] };

/** The people that the server makes by itself: the operator, and the demo person. */
export class People {
  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  /**
   * Makes the person unless one with this e-mail address exists, whose password and role then stay as they are; follows the addresses that are not
   * followed yet. Several replicas may do this at once.
   */
  async ensureUser(wanted: WantedUser): Promise<UserOut> {
    const { database, clock } = this.#parts;
    const email = wanted.email.trim().toLowerCase();
    const user = (await findUserByEmail(database.em(), email)) ?? (await this.#createUser({ ...wanted, email }));
    await transact(database, (em) =>
      watchAddresses(em, database.dialect, {
        userId: user.id,
        addresses: wanted.watchedAddresses ?? [],
        nowMs: clock.now(),
      }),
    );
    return describeUser(database.em(), user);
  }

  /**
   * As `ensureUser`, but password and role become the wanted ones. For the demo person alone, whose login is the server's own to say; a new password
   * ends the sessions.
   */
  async ensureDemo(wanted: WantedUser): Promise<UserOut> {
    const { database, passwords } = this.#parts;
    const { id } = await this.ensureUser(wanted);
    const user = await findUserById(database.em(), id);
    if (!user) throw new Error('the demo person was deleted meanwhile');
    if (user.role !== wanted.role) await updateUser(database.em(), id, { role: wanted.role });
    if (!(await passwords.verify(user.passwordHash, wanted.password))) await this.#setPassword(id, wanted.password);
    return describeUser(database.em(), { ...user, role: wanted.role });
  }

  /**
   * Where the server is no demonstration, the demo person is nobody: no admin, no session, no API token, and a password that nobody knows. `ensureDemo` undoes it.
   */
  async retireDemo(email: string): Promise<void> {
    const { database } = this.#parts;
    const user = await findUserByEmail(database.em(), email);
    if (!user) return;
    await updateUser(database.em(), user.id, { role: 'user' });
    await this.#setPassword(user.id, randomHex(32));
    await deleteUserTokens(database.em(), user.id);
  }

  /** True where at least one admin can sign in. */
  hasAdmin(): Promise<boolean> {
    return adminExists(this.#parts.database.em());
  }

  async #setPassword(userId: string, password: string): Promise<void> {
    const passwordHash = await this.#parts.passwords.hash(password);
    await transact(this.#parts.database, async (em) => {
      await updateUser(em, userId, { passwordHash });
      await deleteUserSessions(em, userId);
    });
  }

  async #createUser({ email, password, role }: WantedUser): Promise<UserRecord> {
    const { database, clock, passwords } = this.#parts;
    const passwordHash = await passwords.hash(password);
    try {
      return await transact(database, (em) => insertUser(em, { email, role, passwordHash, createdAtMs: clock.now() }));
    } catch (error) {
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      const winner = await findUserByEmail(database.em(), email);
      if (!winner) throw error;
      return winner;
    }
  }
}
