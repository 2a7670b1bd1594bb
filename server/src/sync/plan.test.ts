import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planDifferences, planMiscounted } from './plan.ts';
import type { StoredPosition } from './sink.ts';
import type { ChainPosition, Hex } from './types.ts';

const address = fc.integer({ min: 0, max: 5 }).map((n): Hex => `0x${String(n).repeat(40)}`);
const position: fc.Arbitrary<ChainPosition> = fc.record({
  ownerAddress: address,
  positionKey: fc.integer({ min: 0, max: 9 }).map(String),
  amountRaw: fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })),
  stakedAt: fc.nat(),
  rewardClaimed: fc.boolean(),
});
const refOf = ({ ownerAddress, positionKey }: { ownerAddress: Hex; positionKey: string }) =>
  `${ownerAddress}:${positionKey}`;
const positions = fc.uniqueArray(position, { selector: refOf, maxLength: 20 });
const asStored = (chain: ChainPosition): StoredPosition => ({
  ...chain,
  id: `pos_${refOf(chain)}`,
  claimedRewardRaw: 0n,
});

describe('differences between contract and table', () => {
  test('there are none where both say the same, in whatever order', () => {
    fc.assert(
      fc.property(positions, fc.nat(), (chain, turn) => {
        const stored = chain.map(asStored);
        const at = chain.length === 0 ? 0 : turn % chain.length;
        expect(planDifferences(chain, [...stored.slice(at), ...stored.slice(0, at)].toReversed())).toEqual([]);
      }),
    );
  });

  test('there are exactly those that a naive comparison finds, and they name both sides', () => {
    fc.assert(
      fc.property(
        positions,
        positions,
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        (chain, rows, isShared) => {
          // Some rows are copies of what the contract says, the others are anything.
          const byRef = new Map(rows.map((row) => [refOf(row), row]));
          chain.forEach((answer, at) => isShared[at] && byRef.set(refOf(answer), answer));
          const stored = [...byRef.values()].map(asStored);
          const plan = planDifferences(chain, stored);

          const refs = new Set([...chain, ...stored].map(refOf));
          const expected = [...refs].flatMap((ref) => {
            const answer = chain.find((item) => refOf(item) === ref) ?? null;
            const row = stored.find((item) => refOf(item) === ref) ?? null;
            if (answer === null) return row?.amountRaw === 0n && row.rewardClaimed ? [] : [[ref, answer, row]];
            const isSame =
              row?.amountRaw === answer.amountRaw &&
              row.stakedAt === answer.stakedAt &&
              row.rewardClaimed === answer.rewardClaimed;
            return isSame ? [] : [[ref, answer, row]];
          });
          const byFirst = (a: unknown[], b: unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
          expect(plan.map((item) => [refOf(item), item.chain, item.stored]).toSorted(byFirst)).toEqual(
            expected.toSorted(byFirst),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a row that the contract does not know is one, until it is closed with nothing in it', () => {
    const phantom = asStored({
      ownerAddress: `0x${'1'.repeat(40)}`,
      positionKey: '0',
      amountRaw: 5n,
      stakedAt: 1,
      rewardClaimed: false,
    });
    expect(planDifferences([], [phantom])).toEqual([
      { ownerAddress: phantom.ownerAddress, positionKey: '0', chain: null, stored: phantom },
    ]);
    expect(planDifferences([], [{ ...phantom, amountRaw: 0n }])).toHaveLength(1);
    expect(planDifferences([], [{ ...phantom, rewardClaimed: true }])).toHaveLength(1);
    expect(planDifferences([], [{ ...phantom, amountRaw: 0n, rewardClaimed: true }])).toEqual([]);
  });
});

test('owners are miscounted where the table has another number of positions, none counting as zero', () => {
  const counts = fc
    .dictionary(address, fc.nat({ max: 3 }))
    .map((entries) => new Map(Object.entries(entries) as [Hex, number][]));
  fc.assert(
    fc.property(counts, counts, (chain, stored) => {
      const expected = [...chain.keys()].filter((owner) => chain.get(owner) !== (stored.get(owner) ?? 0));
      expect(planMiscounted(chain, stored)).toEqual(expected);
    }),
  );
});
