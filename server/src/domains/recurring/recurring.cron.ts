import { Cron } from 'croner';
import type { Database } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { makeDue } from './recurring.scheduler.ts';

type Parts = { database: Database; clock: Clock; log: Logger };

/**
 * Makes what is due now, and then every minute until the answered function is called, which waits for the work in hand. Every replica may run it.
 */
export function startRecurring({ database, clock, log }: Parts): () => Promise<void> {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let lastRunMs: number | null = null;
  const runOnce = async () => {
    try {
      const begunMs = clock.now();
      const { made, failed, errors } = await makeDue({ database, clock }, { lastRunMs, signal: stopping.signal });
      lastRunMs = begunMs;
      if (made > 0) log.info({ part: 'recurring', made, failed }, 'made recurring transactions');
      for (const err of errors) log.error({ part: 'recurring', err }, 'a recurring transaction could not be made');
    } catch (error) {
      log.warn({ part: 'recurring', err: error }, 'the run of recurring transactions failed; the next one tries again');
    }
  };
  const cron = new Cron('* * * * *', { protect: true }, () => (running = runOnce()));
  void cron.trigger();
  return async () => {
    stopping.abort();
    cron.stop();
    await running;
  };
}
