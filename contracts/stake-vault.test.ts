import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  decodeEventLog,
  encodeFunctionData,
  http,
  keccak256,
  parseEther,
  toBytes,
  toFunctionSignature,
  type Address,
  type Hex,
  type TransactionReceipt,
} from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  deployDevContracts,
  devAccounts,
  devActions,
  devContracts,
  startAnvil,
  type Anvil,
} from '../server/src/devchain/index.ts';
import { stakeVaultAbi } from '../shared/src/abi/stake-vault.ts';
import { tokenAbi } from '../shared/src/abi/token.ts';

const DAY = 86_400;
const YEAR = 365 * DAY;
const REWARDS = parseEther('1000000');

const [owner, alice, bob] = devAccounts.map(({ address }) => address) as [Address, Address, Address];
const vault = { address: devContracts.stakeVaultAddress, abi: stakeVaultAbi } as const;
const token = { address: devContracts.tokenAddress, abi: tokenAbi } as const;

let anvil: Anvil;
let rpcUrl: string;
let client: ReturnType<typeof createPublicClient>;
let snapshot: unknown;

beforeAll(async () => {
  anvil = await startAnvil();
  rpcUrl = anvil.rpcUrl;
  client = createPublicClient({ transport: http(rpcUrl), pollingInterval: 10, cacheTime: 0 });
  await deployDevContracts(rpcUrl);
});
afterAll(() => anvil.stop());
beforeEach(async () => {
  snapshot = await request('evm_snapshot');
});
afterEach(() => request('evm_revert', [snapshot]));

function request(method: string, params: unknown[] = []): Promise<unknown> {
  return client.request({ method, params } as never);
}

async function send(from: Address, to: Address, data: Hex): Promise<void> {
  const hash = (await request('eth_sendTransaction', [{ from, to, data }])) as Hex;
  expect((await client.waitForTransactionReceipt({ hash })).status).toBe('success');
}

const withdraw = (amount: bigint) =>
  send(
    owner,
    vault.address,
    encodeFunctionData({ abi: stakeVaultAbi, functionName: 'emergencyWithdraw', args: [amount] }),
  );
const balanceOf = (holder: Address) => client.readContract({ ...token, functionName: 'balanceOf', args: [holder] });
const details = (user: Address, ids: bigint[]) =>
  client.readContract({ ...vault, functionName: 'getUserStakesDetails', args: [user, ids] });
const totals = (user: Address) =>
  Promise.all([
    client.readContract({ ...vault, functionName: 'totalStakedAmount' }),
    client.readContract({ ...vault, functionName: 'totalStaked', args: [user] }),
  ]);

async function timeOf(receipt: TransactionReceipt): Promise<bigint> {
  return (await client.getBlock({ blockHash: receipt.blockHash })).timestamp;
}

/** The one event of the vault in a receipt, decoded, with its raw topics. */
function vaultEvent(receipt: TransactionReceipt) {
  const logs = receipt.logs.filter((log) => log.address === vault.address.toLowerCase());
  expect(logs).toHaveLength(1);
  const { topics, data } = logs[0]!;
  return { topics, ...decodeEventLog({ abi: stakeVaultAbi, topics, data }) };
}

async function refusal(action: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const reverted =
    error instanceof BaseError ? error.walk((cause) => cause instanceof ContractFunctionRevertedError) : null;
  return reverted instanceof ContractFunctionRevertedError ? reverted.data?.errorName : undefined;
}

const stake = (account: Address, amount: bigint) => devActions.stake({ rpcUrl, account, amount });
const claim = (account: Address, stakeIndex: bigint) => devActions.claim({ rpcUrl, account, stakeIndex });
const unstake = (account: Address, stakeIndex: bigint) => devActions.unstake({ rpcUrl, account, stakeIndex });
const pass = (seconds: number) => devActions.increaseTime({ rpcUrl, seconds });
const topic = (signature: string) => keccak256(toBytes(signature));
const interest = (amount: bigint, seconds: bigint) => (amount * 10n * seconds) / (BigInt(YEAR) * 100n);

describe('the interface', () => {
  it('has exactly the functions that deployed vaults have', () => {
    const functions = stakeVaultAbi.filter((item) => item.type === 'function').map((item) => toFunctionSignature(item));
    expect(functions.toSorted()).toEqual(
      [
        'APY_PERCENTAGE()',
        'LOCK_PERIOD()',
        'calculateReward(uint256,uint256)',
        'canUnstake(address,uint256)',
        'claim(uint256)',
        'depositRewards(uint256)',
        'emergencyWithdraw(uint256)',
        'getPendingReward(address,uint256)',
        'getUserStake(address,uint256)',
        'getUserStakeCount(address)',
        'getUserStakeIds(address)',
        'getUserStakesDetails(address,uint256[])',
        'owner()',
        'stake(uint256)',
        'stakingToken()',
        'totalStaked(address)',
        'totalStakedAmount()',
        'unstake(uint256)',
      ].toSorted(),
    );
  });

  it('names its constants, token and owner', async () => {
    expect(await client.readContract({ ...vault, functionName: 'LOCK_PERIOD' })).toBe(BigInt(30 * DAY));
    expect(await client.readContract({ ...vault, functionName: 'APY_PERCENTAGE' })).toBe(10n);
    expect(await client.readContract({ ...vault, functionName: 'stakingToken' })).toBe(token.address);
    expect(await client.readContract({ ...vault, functionName: 'owner' })).toBe(owner);
    expect(await client.readContract({ ...token, functionName: 'name' })).toBe('FinVerse Token');
    expect(await client.readContract({ ...token, functionName: 'symbol' })).toBe('FVT');
    expect(await client.readContract({ ...token, functionName: 'decimals' })).toBe(18);
  });

  it('emits events with the canonical topics and fields', async () => {
    const user = `0x${alice.slice(2).toLowerCase().padStart(64, '0')}`;
    const staked = await stake(alice, 1_000n);
    expect(vaultEvent(staked)).toEqual({
      topics: [topic('Staked(address,uint256,uint256,uint256)'), user],
      eventName: 'Staked',
      args: { user: alice, amount: 1_000n, timestamp: await timeOf(staked), stakeIndex: 0n },
    });
    await pass(YEAR);
    const claimed = await claim(alice, 0n);
    expect(vaultEvent(claimed)).toEqual({
      topics: [topic('Claimed(address,uint256,uint256)'), user],
      eventName: 'Claimed',
      args: { user: alice, reward: 100n, stakeIndex: 0n },
    });
    expect(vaultEvent(await unstake(alice, 0n))).toEqual({
      topics: [topic('Unstaked(address,uint256,uint256,uint256)'), user],
      eventName: 'Unstaked',
      args: { user: alice, amount: 1_000n, reward: 0n, stakeIndex: 0n },
    });
  });
});

describe('stake', () => {
  it('appends positions and counts principal per user and in all', async () => {
    await stake(alice, 10n);
    await stake(bob, 5n);
    await stake(alice, 20n);
    expect(await totals(alice)).toEqual([35n, 30n]);
    expect(await client.readContract({ ...vault, functionName: 'getUserStakeIds', args: [alice] })).toEqual([0n, 1n]);
    expect(await client.readContract({ ...vault, functionName: 'getUserStakeCount', args: [bob] })).toBe(1n);
    expect((await details(alice, [1n, 0n]))[0]).toEqual([20n, 10n]);
  });

  it('refuses nothing, and more than the user has', async () => {
    expect(await refusal(stake(alice, 0n))).toBe('ZeroAmount');
    await expect(stake(alice, parseEther('100000') + 1n)).rejects.toThrow('reverted');
    expect(await totals(alice)).toEqual([0n, 0n]);
  });
});

describe('claim', () => {
  it('pays the exact simple interest, once, also before the lock is over', async () => {
    const amount = parseEther('1234.567');
    const from = await timeOf(await stake(alice, amount));
    await pass(10 * DAY);
    const before = await balanceOf(alice);
    const receipt = await claim(alice, 0n);
    const reward = interest(amount, (await timeOf(receipt)) - from);
    expect(await balanceOf(alice)).toBe(before + reward);
    expect(await refusal(claim(alice, 0n))).toBe('AlreadyClaimed');
    await pass(YEAR);
    expect(await client.readContract({ ...vault, functionName: 'getPendingReward', args: [alice, 0n] })).toBe(0n);
    expect(vaultEvent(await unstake(alice, 0n)).args).toMatchObject({ amount, reward: 0n });
  });

  it('refuses an unknown stake and one without a reward yet', async () => {
    expect(await refusal(claim(alice, 0n))).toBe('UnknownStake');
    await stake(alice, 1n);
    expect(await refusal(claim(alice, 0n))).toBe('NothingToClaim');
  });
});

describe('unstake', () => {
  it('is refused until the lock is over, then pays principal and reward and keeps the index', async () => {
    const amount = parseEther('500');
    const from = await timeOf(await stake(alice, amount));
    await pass(30 * DAY - 60);
    expect(await refusal(unstake(alice, 0n))).toBe('StillLocked');
    expect(await client.readContract({ ...vault, functionName: 'canUnstake', args: [alice, 0n] })).toBe(false);
    await pass(60);
    expect(await client.readContract({ ...vault, functionName: 'canUnstake', args: [alice, 0n] })).toBe(true);
    const receipt = await unstake(alice, 0n);
    const reward = interest(amount, (await timeOf(receipt)) - from);
    expect(vaultEvent(receipt).args).toEqual({ user: alice, amount, reward, stakeIndex: 0n });
    expect(await balanceOf(alice)).toBe(parseEther('100000') + reward);
    expect(await totals(alice)).toEqual([0n, 0n]);
    const closed = await client.readContract({ ...vault, functionName: 'getUserStake', args: [alice, 0n] });
    expect(closed).toEqual([0n, from, true]);
    expect(await details(alice, [0n])).toEqual([[0n], [from], [true], [0n], [false]]);
    expect(await refusal(unstake(alice, 0n))).toBe('AlreadyUnstaked');
    expect(await refusal(claim(alice, 0n))).toBe('AlreadyUnstaked');
    expect(vaultEvent(await stake(alice, 1n)).args).toMatchObject({ stakeIndex: 1n });
  });
});

describe('details', () => {
  it('agree with the single views at one block', async () => {
    await stake(alice, parseEther('100'));
    await pass(31 * DAY);
    await stake(alice, parseEther('7'));
    const blockNumber = await pass(5 * DAY);
    const args = [alice, [0n, 1n]] as const;
    const [, timestamps, , rewards, canUnstake] = await client.readContract({
      ...vault,
      functionName: 'getUserStakesDetails',
      args,
      blockNumber,
    });
    const single = { ...vault, blockNumber } as const;
    for (const [index, stakeIndex] of [0n, 1n].entries()) {
      const where = { ...single, args: [alice, stakeIndex] as const };
      expect(rewards[index]).toBe(await client.readContract({ ...where, functionName: 'getPendingReward' }));
      expect(canUnstake[index]).toBe(await client.readContract({ ...where, functionName: 'canUnstake' }));
      const [amount, timestamp] = await client.readContract({ ...where, functionName: 'getUserStake' });
      expect(timestamps[index]).toBe(timestamp);
      const calculated = { ...single, functionName: 'calculateReward', args: [amount, timestamp] } as const;
      expect(rewards[index]).toBe(await client.readContract(calculated));
    }
    expect(canUnstake).toEqual([true, false]);
  });
});

describe('principal', () => {
  it('is never paid out as a reward or to the owner', async () => {
    await stake(alice, parseEther('100'));
    await stake(bob, parseEther('100'));
    await withdraw(REWARDS);
    const tooMuch = client.simulateContract({
      ...vault,
      account: owner,
      functionName: 'emergencyWithdraw',
      args: [1n],
    });
    expect(await refusal(tooMuch)).toBe('InsufficientRewards');
    await pass(YEAR);
    expect(await refusal(claim(alice, 0n))).toBe('InsufficientRewards');
    expect(await refusal(unstake(alice, 0n))).toBe('InsufficientRewards');
    expect(await balanceOf(vault.address)).toBe(parseEther('200'));
  });

  it('is paid in full when rewards are used up and the reward was claimed before', async () => {
    await stake(alice, parseEther('100'));
    await pass(YEAR);
    await claim(alice, 0n);
    await withdraw((await balanceOf(vault.address)) - parseEther('100'));
    await unstake(alice, 0n);
    expect(await balanceOf(vault.address)).toBe(0n);
  });

  it('and rewards are out of reach for anyone but the owner', async () => {
    for (const functionName of ['depositRewards', 'emergencyWithdraw'] as const) {
      expect(await refusal(client.simulateContract({ ...vault, account: alice, functionName, args: [1n] }))).toBe(
        'NotOwner',
      );
    }
  });
});
