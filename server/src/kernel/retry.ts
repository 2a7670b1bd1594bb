import { setTimeout as delay } from 'node:timers/promises';
import { randomFraction } from './random.ts';

export type RetryPolicy = {
  /** Tries in all, the first one included. */
  attemptsMax: number;
  delayMinMs: number;
  delayMaxMs: number;
};

/** Full jitter over an exponential ceiling (Brooker, "Exponential Backoff and Jitter", AWS 2015), never under the least delay. */
export function backoffMs(attempt: number, policy: Pick<RetryPolicy, 'delayMinMs' | 'delayMaxMs'>): number {
  const ceiling = Math.min(policy.delayMaxMs, policy.delayMinMs * 2 ** Math.min(attempt, 52));
  return policy.delayMinMs + randomFraction() * Math.max(0, ceiling - policy.delayMinMs);
}

/**
 * Runs `work` until it succeeds, throws something that `isRetryable` refuses, or the tries are used up; then throws the last error.
 * Aborting the signal ends the waiting at once.
 */
export async function retry<Result>(
  work: (attempt: number) => Promise<Result>,
  options: RetryPolicy & { isRetryable: (error: unknown) => boolean; signal?: AbortSignal | undefined },
): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      if (attempt + 1 >= options.attemptsMax || !options.isRetryable(error)) throw error;
      await delay(backoffMs(attempt, options), undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}
