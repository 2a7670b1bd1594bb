import { AppError } from './errors.ts';

type Options = {
  /** Works under way at once, and those that may wait for their turn. */
  runningMax: number;
  waitingMax: number;
  /** What one too many is told. */
  busy: { message: string; retryAfterSeconds: number };
};

/** Runs what costs much, few at a time, the others in the order they came; one too many is told to come back. */
export class BoundedQueue {
  readonly #options: Options;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws AppError RATE_LIMITED where too many wait already */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    const { runningMax, waitingMax, busy } = this.#options;
    if (this.#running >= runningMax) {
      if (this.#waiting.length >= waitingMax)
        throw new AppError('RATE_LIMITED', busy.message, { retryAfterSeconds: busy.retryAfterSeconds });
      // Who leaves hands its place on, so the count does not change here.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
