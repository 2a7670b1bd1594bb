import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPublicClient, http, parseEther } from 'viem';
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { tokenAbi } from '@finverse/shared/abi/token';
import { devAccount } from './accounts.ts';
import { lockNoteOf } from './anvil-lock.ts';
import { setAsideCopyOf } from './anvil-state.ts';
import { startAnvil } from './anvil.ts';
import { demoGenesisTimestamp, seedDemoStakes } from './demo-data.ts';
import { deployDevContracts, devAccounts, devActions, startDevChain, type DevChain } from './index.ts';
import { latestTimestamp, rpcCall } from './rpc.ts';

const DEMO_USER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

let dataDir: string;
let stops: (() => Promise<void>)[];
let logged: string[];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'finverse-test-'));
  stops = [];
  logged = [];
});

afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(folder = dataDir): Promise<DevChain> {
  const chain = await startDevChain({ dataDir: folder, now: () => Date.now(), log: (message) => logged.push(message) });
  stops.push(chain.stop);
  return chain;
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const read = (chain: { rpcUrl: string }) => createPublicClient({ transport: http(chain.rpcUrl), cacheTime: 0 });
const vaultOf = (chain: DevChain) => ({ address: chain.stakeVaultAddress, abi: stakeVaultAbi }) as const;
/** By how many seconds the time of the newest block, which was mined after `sinceMs`, lies before that or after now; both moved by `aheadSeconds`. */
async function secondsAstray(chain: DevChain, sinceMs: number, aheadSeconds = 0): Promise<number> {
  const time = (await latestTimestamp(chain.rpcUrl)) - aheadSeconds;
  return Math.max(sinceMs / 1000 - time, time - Date.now() / 1000);
}

function demoPositions(chain: DevChain) {
  const args = [DEMO_USER, [0n, 1n, 2n, 3n]] as const;
  return read(chain).readContract({ ...vaultOf(chain), functionName: 'getUserStakesDetails', args });
}

describe('startDevChain', () => {
  it('deploys the contracts at their addresses and funds the accounts', async () => {
    const chain = await start();
    expect(chain).toMatchObject({
      chainId: 31337,
      fresh: true,
      tokenAddress: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
      stakeVaultAddress: '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512',
    });
    const token = { address: chain.tokenAddress, abi: tokenAbi } as const;
    const balance = await read(chain).readContract({
      ...token,
      functionName: 'balanceOf',
      args: [devAccount(9).address],
    });
    expect(balance).toBe(parseEther('100000'));
    const staking = await read(chain).readContract({ ...vaultOf(chain), functionName: 'stakingToken' });
    expect(staking).toBe(chain.tokenAddress);
  });

  it('begins at the present, however long the demo history took to make', async () => {
    const startedAt = Math.floor(Date.now() / 1000);
    const times = [startedAt, startedAt, startedAt + 90].map((seconds) => seconds * 1000);
    const now = () => (times.length > 1 ? times.shift() : times[0]) ?? 0;
    const chain = await startDevChain({ dataDir, now, log: (message) => logged.push(message) });
    stops.push(chain.stop);
    expect(await latestTimestamp(chain.rpcUrl)).toBe(startedAt + 90);
  });

  it('gives the demo user a closed, a claimed, an unlockable and a locked position', async () => {
    const [amounts, timestamps, claimed, rewards, canUnstake] = await demoPositions(await start());
    expect(amounts).toEqual([0n, parseEther('2500'), parseEther('1000'), parseEther('750.5')]);
    expect(claimed).toEqual([true, true, false, false]);
    expect(canUnstake).toEqual([false, true, true, false]);
    expect(rewards.map((reward) => reward > 0n)).toEqual([false, false, true, true]);
    const ages = timestamps.map((timestamp) => Math.round((Date.now() / 1000 - Number(timestamp)) / 86_400));
    expect(ages).toEqual([58, 45, 40, 12]);
  });

  it('lets the time of the chain be the wall clock, at first and after a restart', async () => {
    for (let round = 0; round < 2; round += 1) {
      const startedAt = Date.now();
      const chain = await start();
      expect(await secondsAstray(chain, startedAt)).toBeLessThan(3);
      const minedAt = Date.now();
      await devActions.mine(chain);
      expect(await secondsAstray(chain, minedAt)).toBeLessThan(3);
      await chain.stop();
    }
  });

  it('goes on from the future that a chain was moved to before a restart', async () => {
    const first = await start();
    const seconds = 30 * 86_400;
    const movedAt = Date.now();
    await devActions.increaseTime({ rpcUrl: first.rpcUrl, seconds });
    expect(await secondsAstray(first, movedAt, seconds)).toBeLessThan(3);
    const movedTo = await latestTimestamp(first.rpcUrl);
    await first.stop();
    const second = await start();
    await devActions.mine(second);
    const later = (await latestTimestamp(second.rpcUrl)) - movedTo;
    expect(later).toBeGreaterThanOrEqual(0);
    // The time that went by, less what the chain was off; a block has the time of its second or of the next.
    expect(later).toBeLessThanOrEqual((Date.now() - movedAt) / 1000 + 2);
    expect((await demoPositions(second))[4]).toEqual([false, true, true, true]);
  });

  it('is fresh until it is said that the database knows it, however many starts that takes', async () => {
    for (const isLast of [false, false, true]) {
      const chain = await start();
      expect(chain.fresh).toBe(true);
      if (isLast) chain.markKnown();
      await chain.stop();
    }
    expect((await start()).fresh).toBe(false);
    expect(logged.join()).not.toContain('cut short');
  });

  it('keeps blocks, logs and positions over a restart, and seeds no second time', async () => {
    const first = await start();
    first.markKnown();
    const { blockNumber, blockHash } = await devActions.stake({ ...first, account: DEMO_USER, amount: 7n });
    await first.stop();
    const second = await start();
    expect(second.fresh).toBe(false);
    const block = await read(second).getBlock({ blockNumber });
    expect(block.hash).toBe(blockHash);
    const logs = await read(second).getContractEvents({ ...vaultOf(second), fromBlock: 0n, strict: true });
    expect(logs).toHaveLength(14);
    expect(logs.at(-1)).toMatchObject({ eventName: 'Staked', args: { user: DEMO_USER, amount: 7n, stakeIndex: 4n } });
  });

  it('begins again when the first start was cut short', async () => {
    const anvil = await startAnvil({
      stateFile: join(dataDir, 'chain', 'state.json'),
      genesisTimestamp: demoGenesisTimestamp(Date.now()),
    });
    await deployDevContracts(anvil.rpcUrl);
    await anvil.stop();
    const chain = await start();
    expect(chain.fresh).toBe(true);
    const setAside = setAsideCopyOf(join(dataDir, 'chain', 'state.json'), 1);
    expect(logged.join()).toContain(`cut short; beginning it again, its state is kept as ${setAside}`);
    expect(existsSync(setAside)).toBe(true);
    expect((await demoPositions(chain))[0]).toHaveLength(4);
  });

  it('keeps a chain that was rolled back into its demo blocks and went on from there', async () => {
    const first = await start();
    const head = Number(await rpcCall(first.rpcUrl, 'eth_blockNumber'));
    first.markKnown();
    await rpcCall(first.rpcUrl, 'anvil_rollback', [5]);
    await devActions.mine({ rpcUrl: first.rpcUrl, blocks: 10 });
    await first.stop();
    const second = await start();
    expect(second.fresh).toBe(false);
    expect(Number(await rpcCall(second.rpcUrl, 'eth_blockNumber'))).toBe(head - 5 + 10 + 1);
    expect(logged.join()).not.toContain('cut short');
  });

  it('runs two data folders side by side', async () => {
    const [first, second] = await Promise.all([start(), start(join(dataDir, 'second'))]);
    await devActions.stake({ ...first, account: DEMO_USER, amount: 1n });
    const totals = [first, second].map((chain) =>
      read(chain).readContract({ ...vaultOf(chain), functionName: 'totalStakedAmount' }),
    );
    const [one = 0n, two = 0n] = await Promise.all(totals);
    expect(one - two).toBe(1n);
  });

  it('ends within seconds when its server is killed, and the next start sees every block', async () => {
    const server = spawn(
      fileURLToPath(new URL('../../../node_modules/.bin/node', import.meta.url)),
      [
        '--input-type=module',
        '-e',
        `import { startDevChain } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
         const chain = await startDevChain({ dataDir: ${JSON.stringify(dataDir)}, now: Date.now, log: () => {} });
         console.log(chain.rpcUrl);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const rpcUrl = String(line).trim();
    const anvilPid = Number(readFileSync(lockNoteOf(join(dataDir, 'chain', 'state.json')), 'utf8').split('\n')[1]);
    for (let amount = 1n; amount <= 20n; amount += 1n) await devActions.stake({ rpcUrl, account: DEMO_USER, amount });
    const head = Number(await rpcCall(rpcUrl, 'eth_blockNumber'));
    server.kill('SIGKILL');

    const chain = await start();
    await expect.poll(() => isAlive(anvilPid)).toBe(false);
    expect(Number(await rpcCall(chain.rpcUrl, 'eth_blockNumber'))).toBeGreaterThan(head);
    const count = read(chain).readContract({ ...vaultOf(chain), functionName: 'getUserStakeCount', args: [DEMO_USER] });
    expect(await count).toBe(24n);
  }, 60_000);
});

describe('deployDevContracts and seedDemoStakes', () => {
  it('change nothing the second time', async () => {
    const { rpcUrl } = await start();
    const before = await rpcCall(rpcUrl, 'eth_blockNumber');
    await deployDevContracts(rpcUrl);
    expect(await seedDemoStakes({ rpcUrl, now: Date.now })).toBe(false);
    expect(await rpcCall(rpcUrl, 'eth_blockNumber')).toBe(before);
  });

  it('refuse a chain where they cannot do what they promise', async () => {
    const young = await startAnvil();
    stops.push(young.stop);
    await deployDevContracts(young.rpcUrl);
    await expect(seedDemoStakes({ rpcUrl: young.rpcUrl, now: Date.now })).rejects.toMatchObject({
      code: 'DEV_CHAIN_OCCUPIED',
    });
    const used = await startAnvil();
    stops.push(used.stop);
    const transfer = { from: devAccount(0).address, to: devAccount(1).address, value: '0x1' };
    await rpcCall(used.rpcUrl, 'eth_sendTransaction', [transfer]);
    await expect.poll(() => rpcCall(used.rpcUrl, 'eth_blockNumber')).toBe('0x1');
    await expect(deployDevContracts(used.rpcUrl)).rejects.toMatchObject({ code: 'DEV_CHAIN_OCCUPIED' });
  });
});

describe('devAccounts', () => {
  it('are those of the well-known mnemonic, each with its key', () => {
    const mnemonic = 'test test test test test test test test test test test junk';
    devAccounts.forEach(({ address, privateKey }, addressIndex) => {
      expect(mnemonicToAccount(mnemonic, { addressIndex }).address).toBe(address);
      expect(privateKeyToAccount(privateKey).address).toBe(address);
    });
    expect(devAccounts).toHaveLength(10);
  });
});
