import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import fc from 'fast-check';
import { createPublicClient, encodeAbiParameters, encodeEventTopics, http, parseEther, type PublicClient } from 'viem';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Anvil, deployDevContracts, devAccounts, devActions, startAnvil } from '../../devchain/index.ts';
import { SettingsError } from '../../kernel/errors.ts';
import { ChainReadError } from '../errors.ts';
import type { Hex, RawLog, VaultTerms } from '../types.ts';
import type { PinnedReader } from './adapter.ts';
import { stakeVaultAdapter } from './stake-vault.ts';

const lower = (address: string) => address.toLowerCase() as Hex;
const account = (at: number) => (devAccounts[at] as (typeof devAccounts)[number]).address;

let anvil: Anvil;
let client: PublicClient;
let vault: Hex;
let token: Hex;

beforeAll(async () => {
  anvil = await startAnvil();
  const contracts = await deployDevContracts(anvil.rpcUrl);
  vault = lower(contracts.stakeVaultAddress);
  token = lower(contracts.tokenAddress);
  client = createPublicClient({ transport: http(anvil.rpcUrl), cacheTime: 0 });
});
afterAll(() => anvil.stop());

const pinned = async (): Promise<PinnedReader & { timestamp: number }> => {
  const { hash, timestamp } = await client.getBlock({ blockTag: 'latest' });
  return { client, block: { blockHash: hash, requireCanonical: true }, timestamp: Number(timestamp) };
};

describe('the pending reward', () => {
  test('is what the contract itself calculates, for any amount and time', async () => {
    const reader = await pinned();
    const terms = await stakeVaultAdapter.readTerms(reader, vault);
    const year = 365 * 86_400;
    const stakedAt = fc.oneof(
      fc.integer({ min: 0, max: reader.timestamp + year }),
      fc.integer({ min: reader.timestamp - 2, max: reader.timestamp + 2 }),
    );
    const amount = fc.oneof(
      fc.bigInt({ min: 0n, max: 10n ** 30n }),
      fc.bigInt({ min: 0n, max: 2n ** 200n }),
      fc.constantFrom(0n, 1n, 10n ** 18n),
    );
    await fc.assert(
      fc.asyncProperty(amount, stakedAt, async (amountRaw, at) => {
        const expected = await client.readContract({
          address: vault,
          abi: stakeVaultAbi,
          functionName: 'calculateReward',
          args: [amountRaw, BigInt(at)],
          ...reader.block,
        });
        expect(
          stakeVaultAdapter.pendingReward({ amountRaw, stakedAt: at, rewardClaimed: false }, terms, reader.timestamp),
        ).toBe(expected);
        expect(
          stakeVaultAdapter.pendingReward({ amountRaw, stakedAt: at, rewardClaimed: true }, terms, reader.timestamp),
        ).toBe(0n);
      }),
      { numRuns: 150 },
    );
  });

  test('grows with time and never goes below zero', () => {
    const terms: VaultTerms = { lockSeconds: 30 * 86_400, apyPercent: 10 };
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (amountRaw, stakedAt, at, more) => {
          const position = { amountRaw, stakedAt, rewardClaimed: false };
          const sooner = stakeVaultAdapter.pendingReward(position, terms, at);
          expect(sooner >= 0n && sooner <= stakeVaultAdapter.pendingReward(position, terms, at + more)).toBe(true);
        },
      ),
    );
  });
});

describe('reads of a real vault', () => {
  test('the terms are the contract’s own', async () => {
    const terms = await stakeVaultAdapter.readTerms(await pinned(), vault);
    expect(terms).toEqual({ tokenAddress: token, lockSeconds: 30 * 86_400, apyPercent: 10 });
  });

  test('a contract of another interface and an address without one are mistakes in the settings', async () => {
    const reader = await pinned();
    for (const address of [token, `0x${'12'.repeat(20)}`] as const) {
      await expect(stakeVaultAdapter.readTerms(reader, address)).rejects.toThrow(SettingsError);
      await expect(stakeVaultAdapter.readTerms(reader, address)).rejects.toThrow(
        /STAKE_VAULT_ADDRESS: .*is no stake-vault/,
      );
    }
  });

  test('positions, their number and the total are those of the pinned block, whatever happens after it', async () => {
    const { rpcUrl } = anvil;
    const [ann, ben, zoe] = [lower(account(1)), lower(account(2)), lower(account(3))];
    for (const [at, amount] of [
      [1, '5'],
      [1, '7'],
      [2, '11'],
    ] as const) {
      await devActions.stake({ rpcUrl, account: account(at), amount: parseEther(amount) });
    }
    await devActions.increaseTime({ rpcUrl, seconds: 31 * 86_400 });
    await devActions.claim({ rpcUrl, account: account(2), stakeIndex: 0n });
    await devActions.unstake({ rpcUrl, account: account(1), stakeIndex: 0n });
    const reader = await pinned();
    const before = {
      total: await stakeVaultAdapter.readStakedTotal(reader, vault),
      ann: await stakeVaultAdapter.readOwner(reader, vault, ann),
    };
    expect(before.total).toBe(parseEther('18'));
    expect(before.ann).toEqual([
      { ownerAddress: ann, positionKey: '0', amountRaw: 0n, stakedAt: expect.any(Number), rewardClaimed: true },
      {
        ownerAddress: ann,
        positionKey: '1',
        amountRaw: parseEther('7'),
        stakedAt: expect.any(Number),
        rewardClaimed: false,
      },
    ]);

    await devActions.stake({ rpcUrl, account: account(1), amount: parseEther('100') });
    expect(await stakeVaultAdapter.readStakedTotal(reader, vault)).toBe(before.total);
    expect(await stakeVaultAdapter.readOwner(reader, vault, ann)).toEqual(before.ann);

    const ids = [
      { ownerAddress: ann, positionKey: '1' },
      { ownerAddress: ann, positionKey: '2' },
      { ownerAddress: ann, positionKey: '99999999999999999999' },
      { ownerAddress: ben, positionKey: '0' },
      { ownerAddress: zoe, positionKey: '0' },
    ];
    const { positions, counts } = await stakeVaultAdapter.readPositions(reader, vault, ids);
    expect(
      positions.map(({ ownerAddress, positionKey, rewardClaimed }) => [ownerAddress, positionKey, rewardClaimed]),
    ).toEqual([
      [ann, '1', false],
      [ben, '0', true],
    ]);
    expect(Object.fromEntries(counts)).toEqual({ [ann]: 2, [ben]: 1, [zoe]: 0 });
  });

  test('an owner with more stakes than any has is refused, before a list of that length is made', async () => {
    const reader = await pinned();
    const counting = (count: bigint): PinnedReader => ({
      ...reader,
      client: { ...client, multicall: async () => [count] } as unknown as PublicClient,
    });
    for (const count of [100_001n, 2n ** 32n, BigInt(Number.MAX_SAFE_INTEGER)]) {
      const reading = stakeVaultAdapter.readOwner(counting(count), vault, lower(account(1)));
      await expect(reading, String(count)).rejects.toThrow(ChainReadError);
      await expect(reading).rejects.toThrow(`the vault answers ${count} stakes`);
    }
  });

  test('a read at a block that the chain does not have fails; it is not empty', async () => {
    const reader: PinnedReader = { client, block: { blockHash: `0x${'77'.repeat(32)}`, requireCanonical: true } };
    await expect(stakeVaultAdapter.readOwner(reader, vault, lower(account(1)))).rejects.toThrow(
      /not found|unknown block|BlockNotFound/i,
    );
    await expect(stakeVaultAdapter.readStakedTotal(reader, vault)).rejects.toThrow(
      /not found|unknown block|BlockNotFound/i,
    );
  });
});

describe('events', () => {
  const rawLog = (eventName: 'Staked' | 'Claimed' | 'Unstaked', user: Hex, words: bigint[]): RawLog => ({
    address: vault,
    topics: encodeEventTopics({ abi: stakeVaultAbi, eventName, args: { user } }) as Hex[],
    data: encodeAbiParameters(
      words.map(() => ({ type: 'uint256' })),
      words,
    ),
    blockNumber: 1,
    blockHash: `0x${'2'.repeat(64)}`,
    logIndex: 0,
    transactionHash: `0x${'3'.repeat(64)}`,
    blockTimestamp: null,
  });
  const user = lower(`0x${'Ab'.repeat(20)}`);
  const nothing = { amountRaw: null, rewardRaw: null, stakedAt: null, rewardClaimed: null };

  test('are facts with owner, position and exact amounts', () => {
    const big = 2n ** 256n - 1n;
    expect(stakeVaultAdapter.decode(rawLog('Staked', user, [big, 1_700_000_000n, 7n]))).toEqual({
      ...nothing,
      event: 'Staked',
      effect: 'stake',
      ownerAddress: user,
      positionKey: '7',
      amountRaw: big,
      stakedAt: 1_700_000_000,
    });
    expect(stakeVaultAdapter.decode(rawLog('Claimed', user, [5n, big]))).toEqual({
      ...nothing,
      event: 'Claimed',
      effect: 'claim',
      ownerAddress: user,
      positionKey: big.toString(),
      rewardRaw: 5n,
    });
    expect(stakeVaultAdapter.decode(rawLog('Unstaked', user, [9n, 5n, 0n]))).toEqual({
      ...nothing,
      event: 'Unstaked',
      effect: 'unstake',
      ownerAddress: user,
      positionKey: '0',
      amountRaw: 9n,
      rewardRaw: 5n,
    });
  });

  test('with another topic, or a time that no number holds, are refused', () => {
    const log = rawLog('Staked', user, [1n, 2n, 3n]);
    expect(() => stakeVaultAdapter.decode({ ...log, topics: [`0x${'9'.repeat(64)}`, ...log.topics.slice(1)] })).toThrow(
      ChainReadError,
    );
    expect(() => stakeVaultAdapter.decode({ ...log, topics: [] })).toThrow(ChainReadError);
    expect(() => stakeVaultAdapter.decode(rawLog('Staked', user, [1n, 2n ** 200n, 3n]))).toThrow(ChainReadError);
  });
});
