import { setTimeout as delay } from 'node:timers/promises';

/** Only a bound for giving up: a machine that does much else takes many times as long as a quiet one. */
const TIMEOUT_MS = 60_000;
/** Most answers come at once; what takes seconds is asked less often, since each question takes time of the server that is waited for. */
const INTERVAL_MS_MIN = 5;
const INTERVAL_MS_MAX = 50;

/**
 * Asks until the answer is something, and answers that. A probe that throws counts as "not yet"; its last error is part of the message when time is up.
 *
 * @example await waitFor('the cursor at the head', async () => (await cursor()) === head);
 */
export async function waitFor<Answer>(
  what: string,
  probe: () => Promise<Answer | false | null | undefined>,
  timeoutMs = TIMEOUT_MS,
): Promise<Answer> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown = 'the answer was empty';
  for (let intervalMs = INTERVAL_MS_MIN; ; intervalMs = Math.min(intervalMs * 2, INTERVAL_MS_MAX)) {
    try {
      const answer = await probe();
      if (answer !== false && answer !== null && answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      const reason = last instanceof Error ? last.message : String(last);
      throw new Error(`waited ${timeoutMs} ms for ${what}: ${reason}`, { cause: last });
    }
    await delay(intervalMs);
  }
}
