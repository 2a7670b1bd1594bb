import type { SqlEntityManager } from '@mikro-orm/sql';
import { retry } from '../kernel/retry.ts';
import type { Database } from './orm.ts';

const REPLAYS = { attemptsMax: 5, delayMinMs: 5, delayMaxMs: 200 };

/** The server's error codes after which the whole transaction is to be replayed: deadlock, lock wait time-out, SQLite busy. */
const REPLAYABLE_ERRNOS = new Set<unknown>([
  1213,
  1205,
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'SQLITE_BUSY',
  'SQLITE_BUSY_SNAPSHOT',
]);

/**
 * Runs `work` in one database transaction and answers what it answers. After a deadlock or a lock wait time-out everything is rolled back and the whole
 * closure runs again in a fresh EntityManager, at most five times in all, with jitter; so `work` must have no effect outside its transaction.
 *
 * Lock order, for every caller: the lease row, then vault rows, then users, then accounts, each in ascending id order; lock before reading
 * (`select … for update`), since READ COMMITTED lets a read-then-write lose an update otherwise.
 */
export async function transact<Result>(
  database: Database,
  work: (em: SqlEntityManager) => Promise<Result>,
): Promise<Result> {
  return retry(() => database.em().transactional(work), { ...REPLAYS, isRetryable: isReplayable });
}

/** True for an error after which the transaction may simply run again. */
export function isReplayable(error: unknown): boolean {
  for (let fault: unknown = error; fault instanceof Error; fault = fault.cause) {
    const { errno, code } = fault as { errno?: unknown; code?: unknown };
    if (REPLAYABLE_ERRNOS.has(errno) || REPLAYABLE_ERRNOS.has(code)) return true;
  }
  return false;
}
