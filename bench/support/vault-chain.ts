import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encodeAbiParameters, encodeFunctionData, maxUint256, parseAbi, parseEther } from 'viem';
import { deployDevContracts, devContracts } from '../../server/src/devchain/index.ts';
import { stakeVaultAbi } from '../../shared/src/abi/stake-vault.ts';
import { tokenAbi } from '../../shared/src/abi/token.ts';
import { type BenchAnvil, startBenchAnvil } from './anvil.ts';
import { type Hex, rpc, rpcBatch, type RpcCall, toQuantity } from './rpc.ts';

/** What a chain holds, counted while it was made and checked against the contract: whoever syncs it must arrive at exactly this. */
export type Expected = { head: number; events: number; positions: number; openTotalRaw: string };

export type VaultChain = BenchAnvil & { expected: Expected; made: string };

export const vaultAddress = devContracts.stakeVaultAddress.toLowerCase() as Hex;
export const tokenAddress = devContracts.tokenAddress.toLowerCase() as Hex;

const cacheFolder = fileURLToPath(new URL('../../node_modules/.cache/finverse-bench', import.meta.url));
const GAS = toQuantity(400_000);
const FEES = { maxFeePerGas: toQuantity(20_000_000_000), maxPriorityFeePerGas: '0x0' } as const;
const EVENTS_PER_BLOCK = 50;
const HOUR = 3600;
const LOCK_SECONDS = 30 * 24 * HOUR;
const OWNERS = 1000;
const STAKE_AMOUNT = parseEther('1');
const crowdAbi = parseAbi([
  'function grow(uint256 count, uint256 tokensEach)',
  'function stake(uint256 count, uint256 amount)',
]);
const emitterAbi = parseAbi(['function emitStaked(uint256 count, uint256 owners, uint256 amount)']);

/**
 * A chain of `events` vault events, each in a transaction of its own, 50 a block, an hour from block to block: 200 owners who stake, claim and unstake.
 * Made once and kept in node_modules/.cache.
 */
export async function openMixedChain(events: number): Promise<VaultChain> {
  mkdirSync(cacheFolder, { recursive: true });
  const stateFile = join(cacheFolder, `mixed-${events}.state.json`);
  const expectedFile = join(cacheFolder, `mixed-${events}.expected.json`);
  const made = `${events} events, one a transaction, ${EVENTS_PER_BLOCK} a block, 200 owners: stakes with some claims and unstakes`;
  if (!existsSync(expectedFile)) {
    const days = Math.ceil(events / EVENTS_PER_BLOCK / 24) + 2;
    const genesis = Math.floor(Date.now() / 1000) - days * 24 * HOUR;
    const anvil = await startBenchAnvil([
      '--no-mining',
      '--prune-history',
      '--accounts=200',
      `--timestamp=${genesis}`,
      `--dump-state=${stateFile}.new`,
    ]);
    const expected = await makeMixed(anvil.rpcUrl, events);
    await anvil.stop();
    renameSync(`${stateFile}.new`, stateFile);
    writeFileSync(expectedFile, JSON.stringify(expected));
  }
  const expected = JSON.parse(readFileSync(expectedFile, 'utf8')) as Expected;
  const anvil = await startBenchAnvil(['--no-mining', '--prune-history', '--load-state', stateFile]);
  await checkChain(anvil.rpcUrl, expected);
  return { ...anvil, expected, made };
}

/**
 * A chain of `positions` stakes by 1,000 owners in turn, 1,000 of them in one transaction a block, through contracts that stand for the owners. Each is a
 * real stake, for which the vault's views answer.
 */
export async function makeCrowdChain(positions: number): Promise<VaultChain> {
  const { anvil, send } = await startUnlimited();
  const { rpcUrl } = anvil;
  const parameters = encodeAbiParameters([{ type: 'address' }, { type: 'address' }], [tokenAddress, vaultAddress]);
  const { crowdCreationCode } = await compileContracts();
  const { contractAddress: crowd } = await send(null, `${crowdCreationCode}${parameters.slice(2)}`);
  const tokensEach = STAKE_AMOUNT * BigInt(Math.ceil(positions / OWNERS));
  const tokens = tokensEach * BigInt(OWNERS);
  await send(tokenAddress, encodeFunctionData({ abi: tokenAbi, functionName: 'transfer', args: [crowd, tokens] }));
  await send(crowd, encodeFunctionData({ abi: crowdAbi, functionName: 'grow', args: [BigInt(OWNERS), tokensEach] }));
  for (let done = 0; done < positions; done += OWNERS) {
    const count = BigInt(Math.min(OWNERS, positions - done));
    await send(crowd, encodeFunctionData({ abi: crowdAbi, functionName: 'stake', args: [count, STAKE_AMOUNT] }));
  }
  const expected = await expectStakes(rpcUrl, positions);
  await checkChain(rpcUrl, expected);
  return { ...anvil, expected, made: `${positions} real stakes by ${OWNERS} owners in turn` };
}

/**
 * A chain of `events` Staked logs, 50 in one transaction a block, by 1,000 owners in turn. Another contract stood at the vault's address while they were
 * made, and the vault keeps the sum but not the stakes: good for measuring a back-fill, not for comparing positions. Real stakes in this number would take
 * anvil hours, since it hashes all storage for every block.
 */
export async function makeEmittedChain(events: number): Promise<VaultChain> {
  const { anvil, send } = await startUnlimited();
  const { rpcUrl } = anvil;
  const vaultCode = await rpc<Hex>(rpcUrl, 'eth_getCode', [vaultAddress, 'latest']);
  const { emitterCode } = await compileContracts();
  await rpc(rpcUrl, 'anvil_setCode', [vaultAddress, emitterCode]);
  for (let done = 0; done < events; done += EVENTS_PER_BLOCK) {
    const args = [BigInt(Math.min(EVENTS_PER_BLOCK, events - done)), BigInt(OWNERS), STAKE_AMOUNT] as const;
    await send(vaultAddress, encodeFunctionData({ abi: emitterAbi, functionName: 'emitStaked', args }));
  }
  const expected = await expectStakes(rpcUrl, events);
  await rpc(rpcUrl, 'anvil_setCode', [vaultAddress, vaultCode]);
  const total = `0x${BigInt(expected.openTotalRaw).toString(16).padStart(64, '0')}`;
  await rpc(rpcUrl, 'anvil_setStorageAt', [vaultAddress, '0x0', total]);
  await checkChain(rpcUrl, expected);
  return {
    ...anvil,
    expected,
    made: `${events} Staked logs from an emitter, ${EVENTS_PER_BLOCK} a block, ${OWNERS} owners`,
  };
}

/** An anvil with the contracts and blocks without a limit, and the way to mine one transaction a block. */
async function startUnlimited() {
  const anvil = await startBenchAnvil([
    '--no-mining',
    '--prune-history',
    '--gas-limit=1000000000000',
    '--base-fee=0',
    '--balance=1000000000000',
  ]);
  const { rpcUrl } = anvil;
  await deployDevContracts(rpcUrl);
  const from = await deployerOf(rpcUrl);
  const send = async (to: Hex | null, data: string): Promise<{ status: Hex; contractAddress: Hex }> => {
    const gas = toQuantity(900_000_000_000n);
    const transaction = { from, ...(to ? { to } : {}), data, gas, ...FEES };
    const hash = await rpc<Hex>(rpcUrl, 'eth_sendTransaction', [transaction]);
    await rpc(rpcUrl, 'evm_mine');
    const receipt = await rpc<{ status: Hex; contractAddress: Hex }>(rpcUrl, 'eth_getTransactionReceipt', [hash]);
    if (receipt.status !== '0x1') throw new Error('a transaction of the benchmark chain failed');
    return receipt;
  };
  return { anvil, send };
}

async function deployerOf(rpcUrl: string): Promise<Hex> {
  const [deployer] = await rpc<Hex[]>(rpcUrl, 'eth_accounts');
  return deployer as Hex;
}

async function expectStakes(rpcUrl: string, stakes: number): Promise<Expected> {
  const head = Number(await rpc<Hex>(rpcUrl, 'eth_blockNumber'));
  return { head, events: stakes, positions: stakes, openTotalRaw: (STAKE_AMOUNT * BigInt(stakes)).toString() };
}

async function compileContracts(): Promise<{ crowdCreationCode: Hex; emitterCode: Hex }> {
  const script = fileURLToPath(new URL('compile.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  return JSON.parse(stdout) as { crowdCreationCode: Hex; emitterCode: Hex };
}

type Owner = { address: Hex; nonce: number; stakes: { amount: bigint; stakedAt: number; isClaimed: boolean }[] };

async function makeMixed(rpcUrl: string, events: number): Promise<Expected> {
  await deployDevContracts(rpcUrl);
  const [deployer, ...addresses] = (await rpc<Hex[]>(rpcUrl, 'eth_accounts')) as [Hex, ...Hex[]];
  await fundOwners(rpcUrl, deployer, addresses);
  const nonces = await rpcBatch<Hex>(
    rpcUrl,
    addresses.map((address) => ({ method: 'eth_getTransactionCount', params: [address, 'latest'] })),
  );
  const owners = addresses.map((address, at): Owner => ({ address, nonce: Number(nonces[at]), stakes: [] }));
  await rpc(rpcUrl, 'anvil_setBlockTimestampInterval', [HOUR]);
  let { timestamp } = await rpc<{ timestamp: Hex | number }>(rpcUrl, 'eth_getBlockByNumber', ['latest', false]);
  let now = Number(timestamp);
  const random = seededRandom(20_240_229);
  for (let done = 0; done < events;) {
    now += HOUR;
    const calls: RpcCall[] = [];
    for (; calls.length < EVENTS_PER_BLOCK && done < events; done += 1) {
      const owner = owners[done % owners.length] as Owner;
      calls.push(vaultCall(owner, chooseStep(owner, now, random)));
    }
    await rpcBatch(rpcUrl, calls);
    await rpc(rpcUrl, 'evm_mine');
  }
  ({ timestamp } = await rpc<{ timestamp: Hex }>(rpcUrl, 'eth_getBlockByNumber', ['latest', false]));
  if (Number(timestamp) !== now) throw new Error('the clock of the chain went another way than planned');
  const stakes = owners.flatMap((owner) => owner.stakes);
  return {
    head: Number(await rpc<Hex>(rpcUrl, 'eth_blockNumber')),
    events,
    positions: stakes.length,
    openTotalRaw: stakes.reduce((sum, { amount }) => sum + amount, 0n).toString(),
  };
}

/** About 80 % stakes, 12 % claims, 8 % unstakes, once there is something to claim or unstake. Keeps the owner's own books. */
function chooseStep({ stakes }: Owner, now: number, random: () => number): Hex {
  const dice = random();
  const claimable = dice < 0.12 ? stakes.findIndex((stake) => stake.amount > 0n && !stake.isClaimed) : -1;
  if (claimable >= 0) {
    Object.assign(stakes[claimable] as object, { isClaimed: true });
    return encodeFunctionData({ abi: stakeVaultAbi, functionName: 'claim', args: [BigInt(claimable)] });
  }
  const unlocked =
    dice > 0.92 ? stakes.findIndex(({ amount, stakedAt }) => amount > 0n && stakedAt + LOCK_SECONDS <= now) : -1;
  if (unlocked >= 0) {
    Object.assign(stakes[unlocked] as object, { amount: 0n, isClaimed: true });
    return encodeFunctionData({ abi: stakeVaultAbi, functionName: 'unstake', args: [BigInt(unlocked)] });
  }
  const amount = parseEther('1') + BigInt(Math.floor(random() * 1e9));
  stakes.push({ amount, stakedAt: now, isClaimed: false });
  return encodeFunctionData({ abi: stakeVaultAbi, functionName: 'stake', args: [amount] });
}

function vaultCall(owner: Owner, data: Hex): RpcCall {
  const nonce = toQuantity(owner.nonce++);
  return {
    method: 'eth_sendTransaction',
    params: [{ from: owner.address, to: vaultAddress, data, nonce, gas: GAS, ...FEES }],
  };
}

/** Gives every address tokens and lets the vault take them. */
export async function fundOwners(rpcUrl: string, deployer: Hex, addresses: readonly Hex[]): Promise<void> {
  const tokens = parseEther('100000');
  let nonce = Number(await rpc<Hex>(rpcUrl, 'eth_getTransactionCount', [deployer, 'latest']));
  const transfers = addresses.map((address): RpcCall => {
    const data = encodeFunctionData({ abi: tokenAbi, functionName: 'transfer', args: [address, tokens] });
    return {
      method: 'eth_sendTransaction',
      params: [{ from: deployer, to: tokenAddress, data, nonce: toQuantity(nonce++), gas: GAS, ...FEES }],
    };
  });
  const data = encodeFunctionData({ abi: tokenAbi, functionName: 'approve', args: [vaultAddress, maxUint256] });
  const approvals = addresses.map((from): RpcCall => ({
    method: 'eth_sendTransaction',
    params: [{ from, to: tokenAddress, data, gas: GAS, ...FEES }],
  }));
  for (const calls of [transfers, approvals]) {
    const hashes = await rpcBatch<Hex>(rpcUrl, calls);
    while (
      (await rpc<{ transactions: [] }>(rpcUrl, 'eth_getBlockByNumber', ['pending', false])).transactions.length > 0
    )
      await rpc(rpcUrl, 'evm_mine');
    const receipts = await rpcBatch<{ status: Hex } | null>(
      rpcUrl,
      hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })),
    );
    if (receipts.some((receipt) => receipt?.status !== '0x1')) throw new Error('an owner could not be funded');
  }
}

/** A chain that is not what it was meant to be would make every figure worthless. */
async function checkChain(rpcUrl: string, expected: Expected): Promise<void> {
  const head = Number(await rpc<Hex>(rpcUrl, 'eth_blockNumber'));
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName: 'totalStakedAmount' });
  const total = BigInt(await rpc<Hex>(rpcUrl, 'eth_call', [{ to: vaultAddress, data }, 'latest']));
  if (head !== expected.head || total.toString() !== expected.openTotalRaw)
    throw new Error(`the chain stands at block ${head} with ${total} staked, expected ${JSON.stringify(expected)}`);
}

/** Park and Miller's generator: the same chain on every machine. */
function seededRandom(seed: number): () => number {
  let state = seed % 2_147_483_647;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
