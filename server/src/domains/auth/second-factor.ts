import type { SqlEntityManager } from '@mikro-orm/sql';
import { transact } from '../../db/index.ts';
import { AppError } from '../../kernel/errors.ts';
import { type AuthParts, codeInvalid } from './auth.parts.ts';
import { digest } from './secrets.ts';
import { type FactorRecord, lockFactor, spendRecoveryCode, updateFactor } from './totp.repository.ts';
import { acceptedStep, lockedUntil, plainRecoveryCode } from './totp.rules.ts';

const TOTP_CODE = /^\d{6}$/;

/**
 * Uses up a code of the person's second factor, inside the caller's transaction; nothing where they have none.
 *
 * @throws AppError SECOND_FACTOR_REQUIRED without a code; CODE_INVALID for a wrong or used one; RATE_LIMITED after too many wrong ones. Run it in
 * {@link withCountedFailures}, since what fails here is rolled back.
 */
export async function spendSecondFactor(
  parts: AuthParts,
  em: SqlEntityManager,
  userId: string,
  code: string | undefined,
): Promise<void> {
  const factor = await lockFactor(em, parts.database.dialect, userId);
  if (!factor?.isConfirmed) return;
  if (code === undefined) {
    throw new AppError('SECOND_FACTOR_REQUIRED', 'This account has a second factor: send its code as well.', {
      details: [{ path: 'code', message: 'is required' }],
    });
  }
  const nowMs = parts.clock.now();
  if (factor.lockedUntilMs > nowMs) {
    throw new AppError('RATE_LIMITED', 'Too many wrong codes; try again later.', {
      retryAfterSeconds: Math.ceil((factor.lockedUntilMs - nowMs) / 1000),
    });
  }
  await spend(em, { factor, userId, code, nowMs });
}

type Spending = { factor: FactorRecord; userId: string; code: string; nowMs: number };

async function spend(em: SqlEntityManager, { factor, userId, code, nowMs }: Spending): Promise<void> {
  if (!TOTP_CODE.test(code)) {
    if (!(await spendRecoveryCode(em, userId, digest(plainRecoveryCode(code))))) throw codeInvalid();
    await updateFactor(em, factor.id, { failures: 0, lockedUntil: 0 });
    return;
  }
  const step = acceptedStep(factor, code, nowMs);
  if (step === null) throw codeInvalid();
  await updateFactor(em, factor.id, { lastStep: step, failures: 0, lockedUntil: 0 });
}

/** Runs `work`, and counts it against the person's second factor where it fails with CODE_INVALID. */
export async function withCountedFailures<Result>(
  parts: AuthParts,
  userId: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError && error.code === 'CODE_INVALID') await countFailure(parts, userId);
    throw error;
  }
}

async function countFailure({ database, clock }: AuthParts, userId: string): Promise<void> {
  await transact(database, async (em) => {
    const factor = await lockFactor(em, database.dialect, userId);
    if (!factor) return;
    const failures = factor.failures + 1;
    await updateFactor(em, factor.id, { failures, lockedUntil: lockedUntil(failures, clock.now()) });
  });
}
