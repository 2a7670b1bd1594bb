import type { SqlEntityManager } from '@mikro-orm/sql';
import { retry } from '../kernel/retry.ts';
import { isConnectionLost, isReplayable } from './faults.ts';
import type { Database } from './orm.ts';

const REPLAYS = { attemptsMax: 5, delayMinMs: 5, delayMaxMs: 200 };

/**
 * Runs `work` in one database transaction and answers what it answers. After a deadlock or a lock wait time-out everything is rolled back and the whole
 * closure runs again in a fresh EntityManager, at most five times in all, with jitter; so `work` must have no effect outside its transaction. So it does where the
 * connection is lost before the commit. Lost with the commit, nobody here knows whether that was done: then the error is thrown.
 *
 * Lock order, for every caller: the lease row, then vault rows, then users, then accounts, each in ascending id order; lock before reading
 * (`select … for update`), since READ COMMITTED lets a read-then-write lose an update otherwise.
 */
export async function transact<Result>(
  database: Database,
  work: (em: SqlEntityManager) => Promise<Result>,
): Promise<Result> {
  let isCommitting = false;
  const attempt = () => {
    isCommitting = false;
    return database.em().transactional(async (em) => {
      const result = await work(em);
      // What is still to be flushed would otherwise be so by the commit.
      await em.flush();
      isCommitting = true;
      return result;
    });
  };
  const isRetryable = (error: unknown) => isReplayable(error) || (!isCommitting && isConnectionLost(error));
  return retry(attempt, { ...REPLAYS, isRetryable });
}
