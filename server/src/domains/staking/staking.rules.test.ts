import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Fact, positionRef } from '../../sync/index.ts';
import { applyFact, foldFacts, isAfter } from './staking.rules.ts';
import { history } from './test-facts.ts';

const amount = (facts: readonly Fact[], effect: Fact['effect']) =>
  facts.filter((fact) => fact.effect === effect).reduce((sum, fact) => sum + (fact.amountRaw ?? 0n), 0n);

/** The facts of the history's first position, as if they were all there is. */
const ofOne = history(30).map((facts) => facts.filter((fact) => positionRef(fact) === positionRef(facts[0] as Fact)));

describe('the fold of a position', () => {
  test('in one go is the same as fact by fact, from wherever one goes on', () => {
    fc.assert(
      fc.property(ofOne, fc.nat(), (facts, cut) => {
        const before = foldFacts(facts.slice(0, cut % (facts.length + 1)));
        const stepwise = facts.slice(cut % (facts.length + 1)).reduce((fold, fact) => applyFact(fold, fact), before);
        expect(stepwise).toEqual(foldFacts(facts));
      }),
    );
  });

  test('changes nothing of what it was given', () => {
    fc.assert(
      fc.property(ofOne, (facts) => {
        const fold = foldFacts(facts);
        const copy = { ...fold };
        applyFact(fold, facts[0] as Fact);
        expect(fold).toEqual(copy);
      }),
    );
  });

  test('holds what was staked and not taken out, never less than nothing, and is closed exactly when it was emptied', () => {
    fc.assert(
      fc.property(ofOne, (facts) => {
        const genuine = facts.filter(({ effect }) => effect !== 'correct');
        fc.pre(genuine.length > 0);
        const fold = foldFacts(genuine);
        if (!fold) throw new Error('facts make a position');
        expect(fold.amountRaw >= 0n).toBe(true);
        const paid = genuine.reduce((sum, fact) => sum + (fact.rewardRaw ?? 0n), 0n);
        expect(fold.claimedRewardRaw).toBe(paid);
        expect(fold.rewardClaimed).toBe(genuine.some(({ effect }) => effect !== 'stake'));
        if (fold.closedAt !== null) expect(fold.amountRaw).toBe(0n);
        const last = genuine.at(-1);
        expect([fold.lastBlock, fold.lastLogIndex, fold.txHash]).toEqual([
          last?.blockNumber,
          last?.logIndex,
          last?.txHash,
        ]);
        expect(fold.firstBlock).toBe(genuine[0]?.blockNumber);
      }),
    );
  });

  test('of stakes followed by unstakes is the difference of the sums', () => {
    fc.assert(
      fc.property(ofOne, (facts) => {
        const stakes = facts.filter(({ effect }) => effect === 'stake');
        const unstakes = facts.filter(({ effect }) => effect === 'unstake');
        fc.pre(stakes.length > 0 && amount(stakes, 'stake') >= amount(unstakes, 'unstake'));
        expect(foldFacts([...stakes, ...unstakes])?.amountRaw).toBe(
          amount(stakes, 'stake') - amount(unstakes, 'unstake'),
        );
      }),
    );
  });

  test('after a correction holds exactly what the contract answered', () => {
    fc.assert(
      fc.property(ofOne, (facts) => {
        const correction = facts.findLast(({ effect }) => effect === 'correct');
        fc.pre(correction !== undefined);
        const fold = foldFacts(facts.slice(0, facts.findLastIndex(({ effect }) => effect === 'correct') + 1));
        expect(fold).toMatchObject({
          amountRaw: correction?.amountRaw,
          rewardClaimed: correction?.rewardClaimed,
          stakedAt: correction?.stakedAt,
          txHash: null,
        });
        expect(fold?.closedAt === null).toBe(correction?.amountRaw !== 0n);
      }),
    );
  });

  test('of nothing is nothing', () => {
    expect(foldFacts([])).toBeNull();
  });
});

test('a fact is behind a fold exactly when it is behind every fact in it', () => {
  fc.assert(
    fc.property(ofOne, fc.nat(), (facts, cut) => {
      const at = cut % facts.length;
      const [earlier, fact] = [facts.slice(0, at), facts[at] as Fact];
      const fold = foldFacts(earlier);
      expect(fold === null || isAfter(fact, fold)).toBe(true);
      const whole = foldFacts(facts);
      expect(whole !== null && facts.some((seen) => isAfter(seen, whole))).toBe(false);
    }),
  );
});
