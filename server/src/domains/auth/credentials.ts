import type { UserOut } from '@finverse/shared';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { AppError } from '../../kernel/errors.ts';
import { describeUser, findUserByEmail, updateUser, type UserRecord } from '../users/index.ts';
import { deleteUserTokens } from './api-tokens.ts';
import {
  type AuthParts,
  checkPassword,
  codeInvalid,
  lockPresentUser,
  presentUser,
  requirePassword,
} from './auth.parts.ts';
import type { Call, CredentialsApi } from './auth.port.ts';
import { refuseCommonPassword } from './common-passwords.ts';
import { voidUserCodes } from './mail-codes.repository.ts';
import { mailCode, spendCode } from './mailed-codes.ts';
import { digest } from './secrets.ts';
import { deleteUserSessions } from './sessions.repository.ts';

/** Changes of password and e-mail address. */
export class Credentials implements CredentialsApi {
  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  async requestPasswordReset(email: string, { commit }: Call): Promise<void> {
    await commit(async (em) => {
      const user = await findUserByEmail(em, email);
      await mailCode(this.#parts, em, {
        email,
        mail: user ? 'reset_password' : 'nothing',
        ...(user ? { userId: user.id } : {}),
      });
    });
    this.#parts.mails.wake();
  }

  async confirmPasswordReset(input: { code: string; newPassword: string }, { commit }: Call): Promise<void> {
    // Before the work of the hash; the address is known only once the code is looked at.
    await refuseCommonPassword(input.newPassword, '', 'newPassword');
    const passwordHash = await this.#parts.passwords.hash(input.newPassword);
    await commit(async (em) => {
      const record = await spendCode(this.#parts, em, { code: input.code, purposes: ['reset_password'] });
      const user = await lockPresentUser(this.#parts, em, record.userId ?? '');
      if (user.email !== record.email) throw codeInvalid();
      await refuseCommonPassword(input.newPassword, user.email, 'newPassword');
      // Who has the code has the mailbox.
      const emailVerifiedAtMs = user.emailVerifiedAtMs ?? this.#parts.clock.now();
      await updateUser(em, user.id, { passwordHash, emailVerifiedAtMs });
      await deleteUserSessions(em, user.id);
      // Whoever knew the old password may have made them, to outlive it.
      await deleteUserTokens(em, user.id);
      await this.#tell(em, user, 'password_reset');
    });
    this.#parts.mails.wake();
  }

  async changePassword(
    userId: string,
    input: { currentPassword: string; newPassword: string },
    { commit, sessionToken }: Call,
  ): Promise<void> {
    const { email } = await presentUser(this.#parts, userId);
    await refuseCommonPassword(input.newPassword, email, 'newPassword');
    const check = await checkPassword(this.#parts, userId, input.currentPassword);
    const passwordHash = check.isRight ? await this.#parts.passwords.hash(input.newPassword) : check.passwordHash;
    await commit(async (em) => {
      const user = await lockPresentUser(this.#parts, em, userId);
      requirePassword(user, check);
      await updateUser(em, userId, { passwordHash });
      await endOthers(em, userId, sessionToken);
      await this.#tell(em, user, 'password_changed');
    });
    this.#parts.mails.wake();
  }

  async requestEmailChange(
    userId: string,
    input: { email: string; password: string },
    { commit }: Call,
  ): Promise<void> {
    const check = await checkPassword(this.#parts, userId, input.password);
    await commit(async (em) => {
      requirePassword(await lockPresentUser(this.#parts, em, userId), check);
      const isTaken = (await findUserByEmail(em, input.email)) !== null;
      await mailCode(this.#parts, em, {
        email: input.email,
        userId,
        mail: isTaken ? 'address_taken' : 'change_email',
        replaces: 'change_email',
      });
    });
    this.#parts.mails.wake();
  }

  async confirmEmailChange(userId: string, code: string, { commit, sessionToken }: Call): Promise<UserOut> {
    try {
      const answer = await commit(async (em) => {
        const record = await spendCode(this.#parts, em, { code, purposes: ['change_email'] });
        if (record.userId !== userId) throw codeInvalid();
        const user = await lockPresentUser(this.#parts, em, userId);
        const changes = { email: record.email, emailVerifiedAtMs: this.#parts.clock.now() };
        await updateUser(em, userId, changes);
        await endOthers(em, userId, sessionToken);
        await this.#tell(em, user, 'email_changed');
        return describeUser(em, { ...user, ...changes });
      });
      this.#parts.mails.wake();
      return answer;
    } catch (error) {
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      throw new AppError('CONFLICT', 'There is an account with this e-mail address already.');
    }
  }

  /** Tells the person at the address that they had. Codes that were mailed before the change count no longer: others may have read them. */
  async #tell(
    em: SqlEntityManager,
    user: UserRecord,
    kind: 'password_changed' | 'password_reset' | 'email_changed',
  ): Promise<void> {
    await voidUserCodes(em, user.id, ['reset_password', 'change_email', 'verify_email']);
    await this.#parts.mails.enqueue(em, { kind, recipient: user.email, reference: null });
  }
}

async function endOthers(em: SqlEntityManager, userId: string, sessionToken: string | null): Promise<void> {
  await deleteUserSessions(em, userId, sessionToken === null ? null : digest(sessionToken));
}
