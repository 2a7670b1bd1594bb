import type { Clock } from '../../kernel/clock.ts';
import type { ImportRecord } from './imports.repository.ts';

/** A run whose process has given no sign of life for so long is taken for dead. */
const DEAD_AFTER_MS = 10_000;

/** Tells the runs of dead processes from those that go on elsewhere. */
export class RunWatch {
  readonly #clock: Clock;
  /** The last sign of life of each run, and since when it is the last one. */
  readonly #seen = new Map<string, { sign: string; sinceMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether a run has given no sign of life for ten seconds, in which this process has looked at least twice: clocks of two machines differ, so only one's
   * own is asked. One that is taken back already may be two processes' work, and is told by the time of its last sign as well.
   */
  isDead({ id, runHex, beatAt, status }: ImportRecord): boolean {
    const nowMs = this.#clock.monotonic();
    const sign = `${status} ${runHex} ${beatAt}`;
    const seen = this.#seen.get(id);
    if (seen?.sign !== sign) this.#seen.set(id, { sign, sinceMs: nowMs });
    // Not by that time alone, which lies ahead where the clock that gave it did.
    if (status === 'undoing' && this.#clock.now() - beatAt >= DEAD_AFTER_MS) return true;
    return seen?.sign === sign && nowMs - seen.sinceMs >= DEAD_AFTER_MS;
  }

  /** Forgets all runs but these. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id);
  }
}
