import type { StoredPosition } from './sink.ts';
import type { ChainPosition, Hex } from './types.ts';
import { positionRef } from './types.ts';

/** A position on which contract and table disagree; null on the side that does not have it. */
export type Difference = {
  ownerAddress: Hex;
  positionKey: string;
  chain: ChainPosition | null;
  stored: StoredPosition | null;
};

/** True where the row says what the contract says: principal, start and whether the reward was claimed. */
export function equalsContract(stored: StoredPosition, chain: ChainPosition): boolean {
  return (
    stored.amountRaw === chain.amountRaw &&
    stored.stakedAt === chain.stakedAt &&
    stored.rewardClaimed === chain.rewardClaimed
  );
}

/**
 * Compares complete readings of the same positions. A stored position that the contract does not have is no difference once it is closed with nothing in
 * it: that is how a phantom is put right.
 */
export function planDifferences(chain: readonly ChainPosition[], stored: readonly StoredPosition[]): Difference[] {
  const chainByRef = new Map(chain.map((position) => [positionRef(position), position]));
  const differences: Difference[] = [];
  for (const row of stored) {
    const ref = positionRef(row);
    const answer = chainByRef.get(ref) ?? null;
    chainByRef.delete(ref);
    const isEqual = answer ? equalsContract(row, answer) : row.amountRaw === 0n && row.rewardClaimed;
    if (!isEqual)
      differences.push({ ownerAddress: row.ownerAddress, positionKey: row.positionKey, chain: answer, stored: row });
  }
  for (const answer of chainByRef.values()) {
    differences.push({
      ownerAddress: answer.ownerAddress,
      positionKey: answer.positionKey,
      chain: answer,
      stored: null,
    });
  }
  return differences;
}

/** Owners that have another number of positions in the contract than in the table. */
export function planMiscounted(counts: ReadonlyMap<Hex, number>, storedCounts: ReadonlyMap<Hex, number>): Hex[] {
  return [...counts].filter(([owner, count]) => count !== (storedCounts.get(owner) ?? 0)).map(([owner]) => owner);
}
