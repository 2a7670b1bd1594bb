import { BoundedQueue } from '../../kernel/bounded-queue.ts';
import { AppError } from '../../kernel/errors.ts';

/** Exports that are held in memory at the same time in the process, and those that may wait for their turn. */
const HELD_MAX = 2;
const WAITING_MAX = 8;
const RETRY_AFTER_SECONDS = 5;

/** Who may export now: one export of a person at a time, and few in the process that are held in memory as a whole. */
export class ExportTurns {
  readonly #people = new Set<string>();
  readonly #held = new BoundedQueue({
    runningMax: HELD_MAX,
    waitingMax: WAITING_MAX,
    busy: {
      message: 'Too many exports are being read; try again in a moment.',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    },
  });

  /** Takes the person's place until the answered function is called. @throws AppError RATE_LIMITED where it is taken. */
  enter(userId: string): () => void {
    if (this.#people.has(userId)) {
      throw new AppError('RATE_LIMITED', 'Another export of this account is being read; wait for its end.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#people.add(userId);
    return () => void this.#people.delete(userId);
  }

  /** Runs what holds a whole export, in its turn. @throws AppError RATE_LIMITED where too many wait already. */
  hold<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#held.run(work);
  }
}
