import { getAbiItem, type Hex, parseEther, toEventSelector } from 'viem';
import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Anvil, deployDevContracts, devAccounts, devActions, startAnvil } from '../../devchain/index.ts';
import { createBloomTest } from './bloom.ts';
import { ChainIdentity } from './chain-identity.ts';
import { createChainReader } from './reader.ts';

let anvil: Anvil;
beforeAll(async () => {
  anvil = await startAnvil();
});
afterAll(() => anvil.stop());

const topicOf = (name: 'Staked' | 'Claimed' | 'Unstaked') => toEventSelector(getAbiItem({ abi: stakeVaultAbi, name }));

const ZEROS: Hex = `0x${'0'.repeat(512)}`;

test('on real blocks: no log of the vault is ever denied, and blocks without one are told apart', async () => {
  const { rpcUrl } = anvil;
  const { stakeVaultAddress } = await deployDevContracts(rpcUrl);
  const address = stakeVaultAddress.toLowerCase() as Hex;
  const stakers = devAccounts.slice(1, 4);
  for (const { address: account } of stakers) await devActions.stake({ rpcUrl, account, amount: parseEther('10') });
  await devActions.increaseTime({ rpcUrl, seconds: 31 * 86_400 });
  for (const { address: account } of stakers) await devActions.claim({ rpcUrl, account, stakeIndex: 0n });
  for (const { address: account } of stakers) await devActions.unstake({ rpcUrl, account, stakeIndex: 0n });
  await devActions.mine({ rpcUrl, blocks: 20 });

  const reader = createChainReader({ urls: [rpcUrl], identity: new ChainIdentity(null) });
  const topics = [topicOf('Staked'), topicOf('Claimed'), topicOf('Unstaked')];
  const mayHoldLogs = createBloomTest(address, topics);
  const mayHoldClaims = createBloomTest(address, [topicOf('Claimed')]);
  const ofStranger = createBloomTest(`0x${'99'.repeat(20)}`, topics);
  const head = await reader.header('latest');
  const seen = { held: 0, empty: 0 };
  for (let number = 0; number <= (head?.number ?? 0); number += 1) {
    const header = await reader.header(number);
    if (!header) throw new Error(`block ${number} is missing`);
    const logs = await reader.logsOfBlock(address, topics, header);
    const bloom = header.logsBloom ?? ZEROS;
    if (logs.length > 0) expect(mayHoldLogs(bloom), `block ${number}`).toBe(true);
    if (logs.some((log) => log.topics[0] === topicOf('Claimed'))) expect(mayHoldClaims(bloom)).toBe(true);
    seen[mayHoldLogs(bloom) ? 'held' : 'empty'] += 1;
    expect(ofStranger(bloom), `block ${number} has nothing of that address`).toBe(false);
  }
  // Nine acts in a block each; deployment, transfers and empty blocks hold no log of the vault's events.
  expect(seen.held).toBe(9);
  expect(seen.empty).toBeGreaterThan(20);
});

test('an empty bloom denies everything and a full one nothing', () => {
  const mayHoldLogs = createBloomTest(`0x${'ab'.repeat(20)}`, [`0x${'cd'.repeat(32)}`]);
  expect(mayHoldLogs(ZEROS)).toBe(false);
  expect(mayHoldLogs(`0x${'f'.repeat(512)}`)).toBe(true);
});
