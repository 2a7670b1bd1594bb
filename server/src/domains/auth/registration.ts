import type { RegisterInput, RegisterOut } from '@finverse/shared';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
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
    if (this.#mode === 'closed') throw new AppError('REGISTRATION_CLOSED', 'Nobody can register here.');
    await refuseCommonPassword(input.password, input.email, 'password');
    const passwordHash = await this.#parts.passwords.hash(input.password);
    const person = { email: input.email, name: input.name, passwordHash };
    const answer = this.#mode === 'open' ? await this.#begin(person, call) : await this.#askForProof(person, call);
    this.#parts.mails.wake();
    return answer;
  }

  async verifyEmail(code: string, { commit }: Call): Promise<void> {
    try {
      await commit(async (em) => {
        const record = await spendCode(this.#parts, em, { code, purposes: ['registration', 'verify_email'] });
        const emailVerifiedAtMs = this.#parts.clock.now();
        if (record.userId === null) {
          await insertUser(em, {
            ...newPerson(record),
            role: 'user',
            createdAtMs: emailVerifiedAtMs,
            emailVerifiedAtMs,
          });
          await voidRegistrations(em, record.email);
          return;
        }
        const user = await lockPresentUser(this.#parts, em, record.userId);
        // The address may have changed since the mail.
        if (user.email !== record.email) throw codeInvalid();
        await updateUser(em, user.id, { emailVerifiedAtMs });
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

  async #begin(person: NewPerson, call: Call): Promise<RegisterOut> {
    try {
      return await call.commit(async (em) => {
        const createdAtMs = this.#parts.clock.now();
        const { name = null, ...rest } = person;
        const user = await insertUser(em, { ...rest, name, role: 'user', createdAtMs });
        const { email, id: userId } = user;
        await mailCode(this.#parts, em, { email, mail: 'verify_email', userId });
        return startSession(this.#parts, em, { user, call });
      });
    } catch (error) {
      if (!(error instanceof UniqueConstraintViolationException)) throw error;
      throw new AppError('CONFLICT', 'There is an account with this e-mail address already.', {
        details: [{ path: 'email', message: 'has an account already' }],
      });
    }
  }

  /** Both kinds of address cost the same: one look, one code, one mail. */
  #askForProof(person: NewPerson, { commit }: Call): Promise<RegisterOut> {
    return commit(async (em) => {
      const isKnown = (await findUserByEmail(em, person.email)) !== null;
      await mailCode(this.#parts, em, {
        ...person,
        mail: isKnown ? 'account_exists' : 'registration',
      });
      return { verificationSent: true } as const;
    });
  }
}

type NewPerson = { email: string; name: string | undefined; passwordHash: string };

function newPerson({ email, name, passwordHash }: MailCodeRecord) {
  if (passwordHash === null) throw codeInvalid();
  return { email, name, passwordHash };
}
