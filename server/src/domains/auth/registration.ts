import type { RegisterInput, RegisterOut, VerifyEmailInput } from '@finverse/shared';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { AppError } from '../../kernel/errors.ts';
import { findUserByEmail, insertUser, updateUser } from '../users/index.ts';
import { type AuthParts, codeInvalid, lockPresentUser } from './auth.parts.ts';
import type { Call, RegistrationApi } from './auth.port.ts';
import { refuseCommonPassword } from './common-passwords.ts';
import { type MailCodeRecord, voidRegistrations } from './mail-codes.repository.ts';
import { mailCode, spendCode } from './mailed-codes.ts';
import { startSession } from './sign-in.ts';

/** Who may register: anyone at once, anyone who reads the mail that is sent, nobody. */
export type RegistrationMode = 'open' | 'verify' | 'closed';

/** How people come to be. */
export class Registration implements RegistrationApi {
  readonly #parts: AuthParts;
  readonly #mode: RegistrationMode;

  constructor(parts: AuthParts, mode: RegistrationMode) {
    this.#parts = parts;
    this.#mode = mode;
  }

  async register(input: RegisterInput, call: Call): Promise<RegisterOut> {
    this.#requireNotClosed();
    await refuseCommonPassword(input.password, input.email, 'password');
    const answer = this.#mode === 'open' ? await this.#begin(input, call) : await this.#askForProof(input, call);
    this.#parts.mails.wake();
    return answer;
  }

  async verifyEmail({ code, password }: VerifyEmailInput, { commit }: Call): Promise<void> {
    const chosen = password === undefined ? null : await this.#prepare(password);
    try {
      await commit(async (em) => {
        const record = await spendCode(this.#parts, em, { code, purposes: ['registration', 'verify_email'] });
        if (record.userId === null) await this.#complete(em, record, chosen);
        else if (chosen) throw passwordRefused('is set already: leave it out, the code confirms the address alone');
        else await this.#confirm(em, record, record.userId);
      });
    } catch (error) {
      // Two mails for one address: the other one was followed meanwhile.
      if (error instanceof UniqueConstraintViolationException) throw codeInvalid();
      throw error;
    }
  }

  async requestVerification(userId: string, { commit }: Call): Promise<void> {
    await commit(async (em) => {
      const user = await lockPresentUser(this.#parts, em, userId);
      if (user.emailVerifiedAtMs !== null) return;
      await mailCode(this.#parts, em, { email: user.email, mail: 'verify_email', userId, replaces: 'verify_email' });
    });
    this.#parts.mails.wake();
  }

  #requireNotClosed(): void {
    if (this.#mode === 'closed') throw new AppError('REGISTRATION_CLOSED', 'Nobody can register here.');
  }

  /** The account of who has the mailbox, with the password that they choose with the code: who began the registration may be somebody else. */
  async #complete(em: SqlEntityManager, { email, name }: MailCodeRecord, chosen: Chosen | null): Promise<void> {
    // Mailed while it was not.
    this.#requireNotClosed();
    if (!chosen) throw passwordRefused('must come with the code that completes a registration');
    await refuseCommonPassword(chosen.password, email, 'password');
    const nowMs = this.#parts.clock.now();
    const { passwordHash } = chosen;
    await insertUser(em, { email, name, passwordHash, role: 'user', createdAtMs: nowMs, emailVerifiedAtMs: nowMs });
    await voidRegistrations(em, email);
  }

  async #confirm(em: SqlEntityManager, record: MailCodeRecord, userId: string): Promise<void> {
    const user = await lockPresentUser(this.#parts, em, userId);
    // The address may have changed since the mail.
    if (user.email !== record.email) throw codeInvalid();
    await updateUser(em, user.id, { emailVerifiedAtMs: this.#parts.clock.now() });
  }

  /** Checked and hashed before the transaction; the address is known only inside of it. */
  async #prepare(password: string): Promise<Chosen> {
    await refuseCommonPassword(password, '', 'password');
    return { password, passwordHash: await this.#parts.passwords.hash(password) };
  }

  async #begin({ email, password, name }: RegisterInput, call: Call): Promise<RegisterOut> {
    const passwordHash = await this.#parts.passwords.hash(password);
    try {
      return await call.commit(async (em) => {
        const createdAtMs = this.#parts.clock.now();
        const user = await insertUser(em, { email, name: name ?? null, passwordHash, role: 'user', createdAtMs });
        await mailCode(this.#parts, em, { email, mail: 'verify_email', userId: user.id });
        return startSession(this.#parts, em, { user, call });
      });
    } catch (error) {
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      throw new AppError('CONFLICT', 'There is an account with this e-mail address already.', {
        details: [{ path: 'email', message: 'has an account already' }],
      });
    }
  }

  /** Both kinds of address cost the same: one look, one code, one mail. The password is not kept: it counts only from who has the mail. */
  #askForProof({ email, name }: RegisterInput, { commit }: Call): Promise<RegisterOut> {
    return commit(async (em) => {
      const isKnown = (await findUserByEmail(em, email)) !== null;
      await mailCode(this.#parts, em, { email, name, mail: isKnown ? 'account_exists' : 'registration' });
      return { verificationSent: true } as const;
    });
  }
}

type Chosen = { password: string; passwordHash: string };

function passwordRefused(message: string): AppError {
  return new AppError('VALIDATION_FAILED', 'The password was refused; see details.', {
    details: [{ path: 'password', message }],
  });
}
