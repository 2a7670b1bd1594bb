import { createPublicClient, encodeFunctionData, http, parseEther, type Hex } from 'viem';
import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { devAccount } from './accounts.ts';
import { DEPLOY_BLOCKS, devContracts, hasDevContracts } from './deploy.ts';
import { DevChainError } from './errors.ts';
import { assertSucceeded, latestTimestamp, mineBlock, rpcCall, sendTransaction, withManualMining } from './rpc.ts';

const SECONDS_PER_DAY = 86_400;
const SEED_GAS = 400_000n;

/** How old the demo history is: the genesis of a chain that is to hold it lies this many days back. */
export const DEMO_HISTORY_DAYS = 60;

type DemoStep = { daysAgo: number; account: number } & ({ stake: string } | { claim: number } | { unstake: number });

/**
 * Oldest first. Account 1 is the demo user's: #0 closed, #1 claimed and unlockable, #2 unlockable, #3 locked.
 * The last step must stay a stake of `LAST_ACCOUNT`: it is how an interrupted seeding is told from a finished one.
 */
const DEMO_STEPS: readonly DemoStep[] = [
  { daysAgo: 58, account: 1, stake: '5000' },
  { daysAgo: 50, account: 2, stake: '10000' },
  { daysAgo: 45, account: 1, stake: '2500' },
  { daysAgo: 40, account: 1, stake: '1000' },
  { daysAgo: 33, account: 3, stake: '1200' },
  { daysAgo: 29, account: 4, stake: '8000' },
  { daysAgo: 20, account: 1, unstake: 0 },
  { daysAgo: 12, account: 1, stake: '750.5' },
  { daysAgo: 10, account: 1, claim: 1 },
  { daysAgo: 5, account: 2, stake: '300' },
  { daysAgo: 2, account: 4, claim: 0 },
  { daysAgo: 1, account: 3, unstake: 0 },
  { daysAgo: 0.25, account: 4, stake: '640' },
];
const LAST_ACCOUNT = 4;
const LAST_ACCOUNT_STAKES = DEMO_STEPS.filter((step) => step.account === LAST_ACCOUNT && 'stake' in step).length;

/** Seconds since the epoch at which a chain must begin, so that `seedDemoStakes` can place its history. */
export function demoGenesisTimestamp(nowMs: number): number {
  return toSeconds(nowMs) - DEMO_HISTORY_DAYS * SECONDS_PER_DAY;
}

/**
 * Stakes, claims and unstakes for accounts 1 to 4 over the last 58 days, one block each, and ends with a block at the present
 * (`now`, in milliseconds, read again at the end), from where the chain's time goes on with the wall clock. Does nothing, and
 * answers false, where the vault has stakes.
 * @throws DevChainError `DEV_CHAIN_OCCUPIED` when the chain's newest block is too young for the history.
 */
export async function seedDemoStakes({ rpcUrl, now }: { rpcUrl: string; now: () => number }): Promise<boolean> {
  const vault = { address: devContracts.stakeVaultAddress, abi: stakeVaultAbi } as const;
  if ((await countDemoStakes(rpcUrl)).some((count) => count > 0n)) return false;
  const startedAt = toSeconds(now());
  const timeOf = (step: DemoStep) => startedAt - step.daysAgo * SECONDS_PER_DAY;
  if ((await latestTimestamp(rpcUrl)) >= Math.min(...DEMO_STEPS.map(timeOf))) {
    throw new DevChainError(
      'DEV_CHAIN_OCCUPIED',
      `the chain at ${rpcUrl} is too young for the demo history: start a new one`,
    );
  }
  await withManualMining(rpcUrl, async () => {
    const hashes: Hex[] = [];
    for (const step of DEMO_STEPS) {
      const from = devAccount(step.account).address;
      hashes.push(await sendTransaction(rpcUrl, { from, to: vault.address, data: encodeStep(step), gas: SEED_GAS }));
      await mineBlock(rpcUrl, timeOf(step));
    }
    await assertSucceeded(rpcUrl, hashes);
    // All of this took a while, by which the chain would be late for ever.
    await mineBlock(rpcUrl, toSeconds(now()));
  });
  return true;
}

/**
 * Whether the chain is what an interrupted first start leaves: a part of the demo history and no block beyond it. A chain that
 * was rolled back into its demo history and went on from there is somebody's work.
 */
export async function isUnfinished(rpcUrl: string): Promise<boolean> {
  if (Number(await rpcCall(rpcUrl, 'eth_blockNumber')) >= DEPLOY_BLOCKS + DEMO_STEPS.length) return false;
  if (!(await hasDevContracts(rpcUrl))) return true;
  const counts = await countDemoStakes(rpcUrl);
  return (counts[LAST_ACCOUNT - 1] ?? 0n) < BigInt(LAST_ACCOUNT_STAKES);
}

/** Stakes ever made by accounts 1 to 4, in this order; the contract never forgets one. */
function countDemoStakes(rpcUrl: string): Promise<bigint[]> {
  const client = createPublicClient({ transport: http(rpcUrl) });
  const counts = [1, 2, 3, 4].map((account) =>
    client.readContract({
      address: devContracts.stakeVaultAddress,
      abi: stakeVaultAbi,
      functionName: 'getUserStakeCount',
      args: [devAccount(account).address],
    }),
  );
  return Promise.all(counts);
}

function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

function encodeStep(step: DemoStep): Hex {
  const abi = stakeVaultAbi;
  if ('stake' in step) return encodeFunctionData({ abi, functionName: 'stake', args: [parseEther(step.stake)] });
  if ('claim' in step) return encodeFunctionData({ abi, functionName: 'claim', args: [BigInt(step.claim)] });
  return encodeFunctionData({ abi, functionName: 'unstake', args: [BigInt(step.unstake)] });
}
