import { AppError } from '../../kernel/errors.ts';

/** Exports that are held in memory at the same time in the process, and those that may wait for their turn. */
const HELD_MAX = 2;
const WAITING_MAX = 8;

/** Who may export now: one export of a person at a time, and few in the process that are held in memory as a whole. */
export class ExportTurns {
  readonly #people = new Set<string>();
  #held = 0;
  readonly #waiting: (() => void)[] = [];

  /** Takes the person's place until the answered function is called. @throws AppError RATE_LIMITED where it is taken. */
  enter(userId: string): () => void {
    if (this.#people.has(userId)) throw busy('Another export of this account is being read; wait for its end.');
    this.#people.add(userId);
    return () => void this.#people.delete(userId);
  }

  /** Runs what holds a whole export, in its turn. @throws AppError RATE_LIMITED where too many wait already. */
  async hold<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#held >= HELD_MAX) {
      if (this.#waiting.length >= WAITING_MAX) throw busy('Too many exports are being read; try again in a moment.');
      // Who leaves hands its place on, so the count does not change here.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#held += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#held -= 1;
    }
  }
}

function busy(message: string): AppError {
  return new AppError('RATE_LIMITED', message, { retryAfterSeconds: 5 });
}
