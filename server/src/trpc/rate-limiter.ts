import { AppError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { type RateClass, rateOf } from './limits.ts';

/** Counts calls; in this process. Between replicas each counts for itself. */
export interface RateLimiter {
  /** Takes one call of `key` from its class. @throws AppError RATE_LIMITED with the seconds until the next call is allowed. */
  take(rateClass: RateClass, key: string): void;
  /** Gives a call back that turned out not to count. */
  giveBack(rateClass: RateClass, key: string): void;
}

/** Buckets that are kept; above it the one that was longest unused goes. 100,000 of them are about 15 MB. */
const BUCKETS_MAX = 100_000;

type Bucket = { tokens: number; filledAtMs: number };

/**
 * A token bucket for each class and key: holds the calls of the class's minute or hour, refills evenly. `scale` multiplies every rate.
 */
export function createRateLimiter(options: { clock: Clock; scale: number; bucketsMax?: number }): RateLimiter {
  const buckets = new Map<string, Bucket>();
  const bucketsMax = options.bucketsMax ?? BUCKETS_MAX;

  const sizeOf = (rateClass: RateClass) => {
    const { calls, windowMs } = rateOf(rateClass);
    return { capacity: Math.max(1, calls * options.scale), windowMs };
  };

  return {
    take(rateClass, key) {
      const { capacity, windowMs } = sizeOf(rateClass);
      const tokensPerMs = capacity / windowMs;
      const nowMs = options.clock.monotonic();
      const name = `${rateClass} ${key}`;
      const bucket = buckets.get(name) ?? { tokens: capacity, filledAtMs: nowMs };
      // Re-inserting moves the bucket to the end of the Map, whose order is then that of last use.
      buckets.delete(name);
      buckets.set(name, bucket);
      if (buckets.size > bucketsMax) buckets.delete(buckets.keys().next().value as string);

      bucket.tokens = Math.min(capacity, bucket.tokens + (nowMs - bucket.filledAtMs) * tokensPerMs);
      bucket.filledAtMs = nowMs;
      if (bucket.tokens < 1) {
        const retryAfterSeconds = Math.max(1, Math.ceil((1 - bucket.tokens) / tokensPerMs / 1000));
        throw new AppError('RATE_LIMITED', 'Too many requests; try again later.', { retryAfterSeconds });
      }
      bucket.tokens -= 1;
    },

    giveBack(rateClass, key) {
      const bucket = buckets.get(`${rateClass} ${key}`);
      if (bucket) bucket.tokens = Math.min(sizeOf(rateClass).capacity, bucket.tokens + 1);
    },
  };
}
