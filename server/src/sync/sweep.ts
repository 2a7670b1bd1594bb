/** A stretch of the table that was compared. `version`, as before the comparison, grows with everything that changes positions. */
type SweptStretch = { throughId: string | null; block: number; version: number; amountRaw: bigint; count: number };

/** What a round saw in all; `version` is null where something was written while it went on. */
export type SweptRound = { startBlock: number; version: number | null; amountRaw: bigint; count: number };

const RUNS_BETWEEN_SEARCHES = 30;

/**
 * Which positions were compared with the contract, and when: a rolling pass over the table in id order. In memory only; a run without a difference
 * writes no row.
 */
export class Sweep {
  /** Stretches of the current round, in id order: every position with an id up to `throughId` (and after the one before) was verified at `block`. */
  #stretches: { throughId: string; block: number }[] = [];
  #round: SweptRound | null = null;
  #single = new Map<string, number>();
  #unexplained: { difference: bigint; runsToSkip: number } | null = null;

  /**
   * Whether to look for the cause of differing totals now. The search reads the whole history; where it found nothing it is repeated for the same
   * difference, whatever the totals have become, only every {@link RUNS_BETWEEN_SEARCHES} runs, since a node that left logs out may answer them later.
   * In base units.
   */
  shouldSearch(difference: bigint): boolean {
    if (this.#unexplained?.difference !== difference || this.#unexplained.runsToSkip === 0) return true;
    this.#unexplained.runsToSkip -= 1;
    return false;
  }

  noteUnexplained(difference: bigint): void {
    this.#unexplained = { difference, runsToSkip: RUNS_BETWEEN_SEARCHES };
  }

  /** Where the pass goes on; the empty string begins a round. */
  get afterId(): string {
    return this.#stretches.at(-1)?.throughId ?? '';
  }

  noteStretch(stretch: SweptStretch): void {
    const { block, version, amountRaw, count } = stretch;
    this.#round ??= { startBlock: block, version, amountRaw: 0n, count: 0 };
    this.#round.amountRaw += amountRaw;
    this.#round.count += count;
    if (this.#round.version !== version) this.#round.version = null;
    if (stretch.throughId !== null) this.#stretches.push({ throughId: stretch.throughId, block });
  }

  /** A position that was verified out of turn. Forgotten at the end of the round. */
  noteVerified(id: string, block: number): void {
    this.#single.set(id, block);
  }

  /** Ends the round and answers what it saw; what it verified is known from the vault's own figure from then on. */
  endRound(): SweptRound {
    const round = this.#round;
    if (!round) throw new Error('no round was begun');
    this.#round = null;
    this.#stretches = [];
    this.#single.clear();
    return round;
  }

  /**
   * Takes back to the common ancestor what was verified above it, and goes on from where it was: on a chain that forks more often than a round ends, a round
   * that began again each time would never reach the last positions.
   */
  rollBackTo(block: number): void {
    for (const stretch of this.#stretches) stretch.block = Math.min(stretch.block, block);
    for (const [id, verifiedBlock] of this.#single) this.#single.set(id, Math.min(verifiedBlock, block));
    if (this.#round) this.#round.startBlock = Math.min(this.#round.startBlock, block);
  }

  /** Forgets everything: what was compared may have been dropped, or compared by another process since. */
  reset(): void {
    this.#round = null;
    this.#stretches = [];
    this.#single.clear();
  }

  /** The block at which the position was verified in the current round; null where it was not reached. */
  verifiedBlockOf(id: string): number | null {
    const single = this.#single.get(id) ?? null;
    const stretch = this.#stretches.find(({ throughId }) => id <= throughId)?.block ?? null;
    if (single === null || stretch === null) return single ?? stretch;
    return Math.max(single, stretch);
  }
}
