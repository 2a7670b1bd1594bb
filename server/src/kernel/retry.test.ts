import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, retry } from './retry.ts';

const policy = { attemptsMax: 4, delayMinMs: 0, delayMaxMs: 1, isRetryable: () => true };

describe('retry', () => {
  test('answers the first success, and counts the tries for its work', async () => {
    const attempts: number[] = [];
    const answer = await retry(async (attempt) => {
      attempts.push(attempt);
      if (attempt < 2) throw new Error('not yet');
      return 'done';
    }, policy);
    expect(answer).toBe('done');
    expect(attempts).toEqual([0, 1, 2]);
  });

  test('after the last try the last error is thrown', async () => {
    let tries = 0;
    await expect(retry(async () => Promise.reject(new Error(`try ${(tries += 1)}`)), policy)).rejects.toThrow('try 4');
    expect(tries).toBe(4);
  });

  test('an error that is not retryable is thrown at once', async () => {
    let tries = 0;
    const work = async () => {
      tries += 1;
      throw new Error('for good');
    };
    await expect(retry(work, { ...policy, isRetryable: () => false })).rejects.toThrow('for good');
    expect(tries).toBe(1);
  });

  test('an abort ends the waiting at once', async () => {
    const abort = new AbortController();
    const work = async () => {
      queueMicrotask(() => abort.abort());
      throw new Error('again');
    };
    const hour = { ...policy, delayMinMs: 3_600_000, delayMaxMs: 3_600_000, signal: abort.signal };
    await expect(retry(work, hour)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('backoff', () => {
  test('never waits less than the least nor more than the most, however many tries there were', () => {
    const attempts = fc.integer({ min: 0, max: 5000 });
    const limits = fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 100_000 }));
    fc.assert(
      fc.property(attempts, limits, (attempt, [delayMinMs, more]) => {
        const delayMaxMs = delayMinMs + more;
        const waitMs = backoffMs(attempt, { delayMinMs, delayMaxMs });
        expect(waitMs).toBeGreaterThanOrEqual(delayMinMs);
        expect(waitMs).toBeLessThanOrEqual(delayMaxMs);
      }),
    );
  });
});
