import type { ErrorCode } from '@finverse/shared';
import { toAppError } from './errors.ts';
import type { RateClass } from './limits.ts';
import type { RateLimiter } from './rate-limiter.ts';

/** How a call fails that was a try at a password or a code. */
const WRONG_SECRETS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['INVALID_CREDENTIALS', 'CODE_INVALID']);

/** What a try counts as, and for whom. */
export type Tries = readonly (readonly [RateClass, string])[];

/**
 * Counts what fails because a secret was wrong; taken before, so that many at once are counted, and given back where it was not.
 *
 * @throws AppError RATE_LIMITED before `work` begins, where there were too many
 */
export async function countWrongSecrets<Result>(
  limiter: RateLimiter,
  tries: Tries,
  work: () => Promise<Result>,
): Promise<Result> {
  const taken: Tries[number][] = [];
  let isWrongSecret = false;
  try {
    for (const each of tries) {
      limiter.take(...each);
      taken.push(each);
    }
    return await work();
  } catch (error) {
    isWrongSecret = WRONG_SECRETS.has(toAppError(error).code);
    throw error;
  } finally {
    if (!isWrongSecret) for (const each of taken) limiter.giveBack(...each);
  }
}
