import type { RecoveryCodesOut, TotpBeginOut, TotpStatusOut } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { AppError } from '../../kernel/errors.ts';
import { randomHex } from '../../kernel/random.ts';
import {
  type AuthParts,
  checkPassword,
  codeInvalid,
  lockPresentUser,
  lockUserInSession,
  requirePassword,
} from './auth.parts.ts';
import type { Call, TotpApi } from './auth.port.ts';
import { spendSecondFactor, withCountedFailures } from './second-factor.ts';
import { digest } from './secrets.ts';
import {
  countRecoveryCodes,
  deleteFactor,
  findFactor,
  lockFactor,
  replaceFactor,
  replaceRecoveryCodes,
  updateFactor,
} from './totp.repository.ts';
import { acceptedStep, plainRecoveryCode, totpOf, totpSecret } from './totp.rules.ts';

/** 160 bits, which RFC 4226 recommends. */
const SECRET_BYTES = 20;
const RECOVERY_CODES = 10;
const RECOVERY_CODE_BYTES = 10;

type Factors = { password: string; code: string };

/** A person's second factor: an authenticator app, and recovery codes for when it is lost. */
export class SecondFactor implements TotpApi {
  readonly #parts: AuthParts;

  constructor(parts: AuthParts) {
    this.#parts = parts;
  }

  async status(userId: string): Promise<TotpStatusOut> {
    const em = this.#parts.database.em();
    const factor = await findFactor(em, userId);
    const isEnabled = factor?.isConfirmed === true;
    return { isEnabled, recoveryCodesLeft: isEnabled ? await countRecoveryCodes(em, userId) : 0 };
  }

  async begin(userId: string, password: string, { commit }: Call): Promise<TotpBeginOut> {
    const check = await checkPassword(this.#parts, userId, password);
    return commit(async (em) => {
      const user = await lockPresentUser(this.#parts, em, userId);
      requirePassword(user, check);
      const known = await lockFactor(em, this.#parts.database.dialect, userId);
      if (known?.isConfirmed) throw new AppError('CONFLICT', 'There is a second factor already; disable it first.');
      const secret = totpSecret(randomHex(SECRET_BYTES));
      await replaceFactor(em, userId, secret);
      return { secret, uri: totpOf(secret, user.email).toString() };
    });
  }

  confirm(userId: string, code: string, { commit, sessionToken }: Call): Promise<RecoveryCodesOut> {
    return commit(async (em) => {
      // Who is shut out by a reset meanwhile must not leave a factor that only they have.
      await lockUserInSession(this.#parts, em, { userId, sessionToken });
      const factor = await lockFactor(em, this.#parts.database.dialect, userId);
      if (!factor || factor.isConfirmed)
        throw new AppError('CONFLICT', 'There is no second factor to confirm; begin one.');
      const nowMs = this.#parts.clock.now();
      const lastStep = acceptedStep(factor, code, nowMs);
      if (lastStep === null) throw codeInvalid();
      await updateFactor(em, factor.id, { confirmedAt: nowMs, lastStep });
      return newRecoveryCodes(em, userId);
    });
  }

  renewRecoveryCodes(userId: string, factors: Factors, call: Call): Promise<RecoveryCodesOut> {
    return this.#withBothFactors(userId, factors, call, (em) => newRecoveryCodes(em, userId));
  }

  async disable(userId: string, factors: Factors, call: Call): Promise<void> {
    await this.#withBothFactors(userId, factors, call, async (em) => {
      await deleteFactor(em, userId);
      return {};
    });
  }

  async #withBothFactors<Result>(
    userId: string,
    { password, code }: Factors,
    { commit }: Call,
    work: (em: SqlEntityManager) => Promise<Result>,
  ): Promise<Result> {
    const check = await checkPassword(this.#parts, userId, password);
    return withCountedFailures(this.#parts, userId, () =>
      commit(async (em) => {
        requirePassword(await lockPresentUser(this.#parts, em, userId), check);
        const factor = await lockFactor(em, this.#parts.database.dialect, userId);
        if (!factor?.isConfirmed) throw new AppError('CONFLICT', 'There is no second factor.');
        await spendSecondFactor(this.#parts, em, userId, code);
        return work(em);
      }),
    );
  }
}

/** Ten new ones in place of all others; the answer alone holds them. */
async function newRecoveryCodes(em: SqlEntityManager, userId: string): Promise<RecoveryCodesOut> {
  const recoveryCodes = Array.from({ length: RECOVERY_CODES }, () =>
    (randomHex(RECOVERY_CODE_BYTES).match(/.{5}/g) ?? []).join('-'),
  );
  await replaceRecoveryCodes(
    em,
    userId,
    recoveryCodes.map((code) => digest(plainRecoveryCode(code))),
  );
  return { recoveryCodes };
}
