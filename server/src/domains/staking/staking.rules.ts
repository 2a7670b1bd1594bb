import { type Fact, type Hex, type PositionId, positionRef } from '../../sync/index.ts';

/** A position as the fold of its facts, without identity. */
export type PositionFold = {
  amountRaw: bigint;
  /** All reward paid out so far, by claims and unstakes. */
  claimedRewardRaw: bigint;
  rewardClaimed: boolean;
  /** Seconds since the epoch. */
  stakedAt: number;
  closedAt: number | null;
  txHash: Hex | null;
  firstBlock: number;
  lastBlock: number;
  lastLogIndex: number;
};

/**
 * One step of the fold. Facts must come in chain order. Where a stake's own log is missing (a node left it out) the position begins with what there is;
 * the reconcile run finds the difference and fetches the log.
 */
export function applyFact(before: PositionFold | null, fact: Fact): PositionFold {
  const base = before ?? beginning(fact);
  const after = { ...base, txHash: fact.txHash, lastBlock: fact.blockNumber, lastLogIndex: fact.logIndex };
  switch (fact.effect) {
    case 'stake':
      return {
        ...after,
        amountRaw: base.amountRaw + (fact.amountRaw ?? 0n),
        stakedAt: fact.stakedAt ?? fact.blockTime,
        closedAt: null,
      };
    case 'claim':
      return { ...after, claimedRewardRaw: base.claimedRewardRaw + (fact.rewardRaw ?? 0n), rewardClaimed: true };
    case 'unstake': {
      const left = base.amountRaw - (fact.amountRaw ?? 0n);
      const amountRaw = left > 0n ? left : 0n;
      return {
        ...after,
        amountRaw,
        claimedRewardRaw: base.claimedRewardRaw + (fact.rewardRaw ?? 0n),
        rewardClaimed: true,
        closedAt: amountRaw === 0n ? fact.blockTime : null,
      };
    }
    case 'correct': {
      const amountRaw = fact.amountRaw ?? 0n;
      return {
        ...after,
        txHash: null,
        amountRaw,
        rewardClaimed: fact.rewardClaimed ?? base.rewardClaimed,
        stakedAt: fact.stakedAt ?? base.stakedAt,
        closedAt: amountRaw === 0n ? (base.closedAt ?? fact.blockTime) : null,
      };
    }
  }
}

function beginning(fact: Fact): PositionFold {
  return {
    amountRaw: 0n,
    claimedRewardRaw: 0n,
    rewardClaimed: false,
    stakedAt: fact.stakedAt ?? fact.blockTime,
    closedAt: null,
    txHash: fact.txHash,
    firstBlock: fact.blockNumber,
    lastBlock: fact.blockNumber,
    lastLogIndex: fact.logIndex,
  };
}

/** True where the fact stands behind everything that the fold has seen, so that one step suffices. */
export function isAfter(fact: Fact, fold: PositionFold): boolean {
  return (
    fact.blockNumber > fold.lastBlock || (fact.blockNumber === fold.lastBlock && fact.logIndex > fold.lastLogIndex)
  );
}

/** Folds all facts of one position, in chain order. */
export function foldFacts(facts: readonly Fact[]): PositionFold | null {
  return facts.reduce<PositionFold | null>(applyFact, null);
}

/**
 * Folds facts onto the positions as they are. One at or before its position's last fact is a repetition or a late find: only the stored facts can tell, so
 * that position is `outOfOrder`, to be folded anew.
 */
export function foldOnto(before: ReadonlyMap<string, PositionFold>, facts: readonly Fact[]) {
  const folds = new Map<string, PositionFold | null>(before);
  const outOfOrder = new Map<string, PositionId>();
  for (const fact of facts) {
    const ref = positionRef(fact);
    const fold = folds.get(ref) ?? null;
    if (fold && !isAfter(fact, fold)) outOfOrder.set(ref, fact);
    else folds.set(ref, applyFact(fold, fact));
  }
  return { folds, outOfOrder: [...outOfOrder.values()] };
}

/** True where a row says exactly what the fold says. */
export function isSameFold(row: PositionFold, fold: PositionFold): boolean {
  return (Object.keys(fold) as (keyof PositionFold)[]).every((key) => row[key] === fold[key]);
}
