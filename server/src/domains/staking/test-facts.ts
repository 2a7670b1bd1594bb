import fc from 'fast-check';
import type { Fact, Hex, Vault } from '../../sync/index.ts';

// Test support: a vault, and random histories of its facts in chain order.

export const testVault: Vault = {
  id: 'vlt_test',
  kind: 'stake-vault',
  chainId: 31337,
  address: `0x${'aa'.repeat(20)}`,
  tokenAddress: `0x${'bb'.repeat(20)}`,
  decimals: 18,
  lockSeconds: 30 * 86_400,
  apyPercent: 10,
  startBlock: 0,
};

const hashOf = (kind: string, number: number): Hex => `0x${kind}${number.toString(16).padStart(62, '0')}`;
const blockTimeOf = (block: number) => 1_700_000_000 + block * 12;

const step = fc.record({
  owner: fc.integer({ min: 1, max: 3 }),
  key: fc.integer({ min: 0, max: 2 }),
  effect: fc.constantFrom<Fact['effect'][]>('stake', 'stake', 'claim', 'unstake', 'unstake', 'correct'),
  amount: fc.oneof(
    fc.constant(0n),
    fc.integer({ min: 1, max: 5 }).map((n) => BigInt(n) * 10n ** 30n),
    fc.bigInt({ min: 0n, max: 2n ** 200n }),
  ),
  blocksOn: fc.integer({ min: 0, max: 2 }),
  hasOwnTime: fc.boolean(),
});

/**
 * Up to `stepsMax` facts in chain order, at most nine positions, several in a block. Nothing keeps them from making no sense (claims before stakes, more
 * taken out than was put in): the fold must be a function of the facts all the same.
 */
export function history(stepsMax: number): fc.Arbitrary<Fact[]> {
  return fc.array(step, { minLength: 1, maxLength: stepsMax }).map((steps) => {
    let [block, logIndex] = [1, -1];
    return steps.map((item): Fact => {
      logIndex = item.blocksOn === 0 ? logIndex + 1 : 0;
      block += item.blocksOn;
      const isCorrection = item.effect === 'correct';
      return {
        event: { stake: 'Staked', claim: 'Claimed', unstake: 'Unstaked', correct: 'Corrected' }[item.effect],
        effect: item.effect,
        ownerAddress: `0x${String(item.owner).repeat(40)}`,
        positionKey: String(item.key),
        amountRaw: item.effect === 'claim' ? null : item.amount,
        rewardRaw: item.effect === 'claim' || item.effect === 'unstake' ? item.amount / 10n : null,
        stakedAt: (item.effect === 'stake' && item.hasOwnTime) || isCorrection ? blockTimeOf(block) - 5 : null,
        rewardClaimed: isCorrection ? item.hasOwnTime : null,
        blockNumber: block,
        blockHash: hashOf('b0', block),
        logIndex,
        txHash: isCorrection ? null : hashOf('c0', block * 100 + logIndex),
        blockTime: blockTimeOf(block),
      };
    });
  });
}
