/** Runs what it is given one after the other, in the order it came. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Waits for everything handed in before, then runs `work`; its outcome is the caller's alone. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
