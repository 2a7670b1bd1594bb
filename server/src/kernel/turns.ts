import { AppError } from './errors.ts';
import { Mutex } from './mutex.ts';

type Queue = { mutex: Mutex; waiting: number };

/**
 * Runs what it is given one after the other for each key, in the order it came, and different keys beside each other. What waits holds nothing but its own
 * memory. Work must not wait for a turn of its own key: it would be waiting for itself.
 */
export class Turns {
  readonly #queues = new Map<string, Queue>();
  readonly #waitingMax: number;

  constructor({ waitingMax }: { waitingMax: number }) {
    this.#waitingMax = waitingMax;
  }

  /** @throws AppError RATE_LIMITED where so many of the key wait already. */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const queue = this.#queues.get(key) ?? { mutex: new Mutex(), waiting: -1 };
    if (queue.waiting >= this.#waitingMax) {
      throw new AppError('RATE_LIMITED', 'Too many requests of yours wait for each other; try again in a moment.', {
        retryAfterSeconds: 1,
      });
    }
    // The one whose turn it is counts too, and is none that waits: hence from minus one.
    queue.waiting += 1;
    this.#queues.set(key, queue);
    try {
      return await queue.mutex.run(work);
    } finally {
      queue.waiting -= 1;
      if (queue.waiting < 0) this.#queues.delete(key);
    }
  }
}
