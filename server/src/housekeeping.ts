import { Cron } from 'croner';
import { type Database, IDEMPOTENCY_KEEP_MS, purgeIdempotencyKeys } from './db/index.ts';
import type { AuthService } from './domains/auth/index.ts';
import type { ImportsService } from './domains/imports/index.ts';
import type { Mailer } from './domains/mail/index.ts';
import type { UsersService } from './domains/users/index.ts';
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/logger.ts';

/** How long mails are remembered after they were left to be sent: longer than any is tried. */
const MAIL_KEEP_MS = 24 * 60 * 60 * 1000;

type House = {
  database: Database;
  clock: Clock;
  log: Logger;
  auth: AuthService;
  users: UsersService;
  mailer: Mailer;
  imports: ImportsService;
};

/** Starts what is done by the clock: mails that are tried again, and the end of what is over. Answers what stops it. */
export function keepHouse({ database, clock, log, auth, users, mailer, imports }: House): () => void {
  const jobs = [
    schedule('*/15 * * * * *', () => mailer.wake(), log),
    // Soon enough after a replica has died in the middle of an import.
    schedule('7-59/15 * * * * *', () => imports.maintain(), log),
    schedule('0 7 * * * *', () => auth.purgeExpired(), log),
    schedule('0 17 * * * *', () => mailer.purge(clock.now() - MAIL_KEEP_MS), log),
    schedule('0 27 * * * *', () => purgeIdempotencyKeys(database, clock.now() - IDEMPOTENCY_KEEP_MS), log),
    schedule(
      '0 37 * * * *',
      async () => {
        const deleted = await users.purgeDeleted();
        if (deleted > 0) log.info({ deleted }, 'accounts whose grace period was over are deleted');
      },
      log,
    ),
  ];
  return () => {
    for (const job of jobs) job.stop();
  };
}

/** A run that is still under way keeps the next from starting. Several replicas may do the same at once: each statement is whole in itself. */
function schedule(pattern: string, work: () => Promise<void> | void, log: Logger): Cron {
  const options = {
    protect: true,
    unref: true,
    catch: (error: unknown) => log.warn({ err: error }, 'a periodic task failed'),
  };
  return new Cron(pattern, options, work);
}
