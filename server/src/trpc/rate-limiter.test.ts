import { expect, test } from 'vitest';
import { AppError } from '../kernel/errors.ts';
import { CALLS_PER_MINUTE } from './limits.ts';
import { createRateLimiter } from './rate-limiter.ts';

function fixture(options: { scale?: number; bucketsMax?: number } = {}) {
  let nowMs = 0;
  const limiter = createRateLimiter({ clock: { now: () => nowMs, monotonic: () => nowMs }, scale: 1, ...options });
  /** Takes until refused and answers how many were let through, and after how many seconds the next will be. */
  const exhaust = (key: string) => {
    for (let taken = 0; ; taken += 1) {
      try {
        limiter.take('login', key);
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
        return { taken, retryAfterSeconds: (error as AppError).retryAfterSeconds };
      }
    }
  };
  return { exhaust, wait: (ms: number) => void (nowMs += ms) };
}

test('a minute holds as many calls as its class says, and Retry-After is when the next is let through', () => {
  const { exhaust, wait } = fixture();
  expect(exhaust('a')).toEqual({ taken: CALLS_PER_MINUTE.login, retryAfterSeconds: 6 });
  wait(5_999);
  expect(exhaust('a').taken).toBe(0);
  wait(1);
  expect(exhaust('a').taken).toBe(1);
  wait(3_600_000);
  expect(exhaust('a').taken).toBe(CALLS_PER_MINUTE.login);
});

test('callers do not count against each other', () => {
  const { exhaust } = fixture();
  exhaust('a');
  expect(exhaust('b').taken).toBe(CALLS_PER_MINUTE.login);
});

test('the scale multiplies the limit', () => {
  expect(fixture({ scale: 3 }).exhaust('a').taken).toBe(3 * CALLS_PER_MINUTE.login);
});

test('memory is bounded: the bucket that was longest unused goes first', () => {
  const { exhaust } = fixture({ bucketsMax: 2 });
  exhaust('a');
  exhaust('b');
  expect(exhaust('a').taken).toBe(0);
  exhaust('c');
  expect(exhaust('a').taken).toBe(0);
  expect(exhaust('b').taken).toBe(CALLS_PER_MINUTE.login);
});
