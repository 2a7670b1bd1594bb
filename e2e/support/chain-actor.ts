import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, toHex } from 'viem';
import { setTimeout as delay } from 'node:timers/promises';
import { devAccounts, devContracts } from '../../server/src/devchain/index.ts';
import { rpcCall } from '../../server/src/devchain/rpc.ts';
import { waitFor } from './poll.ts';
import type { SeededRandom } from './seeded-random.ts';

const GAS: Hex = '0x61a80';
const DAY_SECONDS = 86_400;
const LOCK_DAYS = 30;

/** Accounts that act; 7 to 9 are left for what a test wants to do itself. */
const actingAccounts = devAccounts.slice(1, 7).map(({ address }) => address);

export type VaultCall = { from: Address; to: Address; data: Hex; gas: Hex };

/**
 * Logs that nobody has heard of yet, above which the actor holds still. A server tells of at most 200 facts of one transaction singly and sums up what is
 * more; on a slow machine, where it is killed before it applies anything, that many would come together.
 */
const UNHEARD_LOGS_MAX = 120;

type ActorOptions = { rpcUrl: string; random: SeededRandom };

/** People who stake, claim and unstake at random on a development chain. Some of their transactions are refused by the contract, as in life. */
export type ChainActor = {
  /** One random act: a transaction in a block, several in one block, or a jump in time. */
  act(): Promise<void>;
  /** That many acts. */
  actTimes(count: number): Promise<void>;
  /** A random transaction that nobody has sent yet, for a block of a reorganisation. */
  draft(): Promise<VaultCall>;
  /** Acts without a pause until told to stop, but holds still while fewer than all but {@link UNHEARD_LOGS_MAX} of the vault's logs have been heard. */
  actContinuously(countHeard: () => number): { stop(): Promise<void> };
};

export function createChainActor({ rpcUrl, random }: ActorOptions): ChainActor {
  const draft = async (): Promise<VaultCall> => {
    const from = random.pick(actingAccounts);
    const stakes = await countStakes(rpcUrl, from);
    const index = BigInt(random.integer(0, Math.max(0, stakes - 1)));
    const isStake = stakes === 0 || random.chance(0.4);
    if (isStake)
      return vaultCall(
        from,
        'stake',
        BigInt(random.integer(1, 200)) * 10n ** 18n + BigInt(random.integer(0, 999_999_999)),
      );
    return vaultCall(from, random.chance(0.4) ? 'claim' : 'unstake', index);
  };
  const act = async (): Promise<void> => {
    if (random.chance(0.06)) return jumpDays(rpcUrl, random.chance(0.5) ? LOCK_DAYS + 1 : random.integer(1, 20));
    if (random.chance(0.15)) return mineTogether(rpcUrl, await draftSeveral());
    await send(rpcUrl, await draft());
  };
  const draftSeveral = async () => {
    const calls: VaultCall[] = [];
    for (let count = random.integer(2, 4); count > 0; count -= 1) calls.push(await draft());
    return calls;
  };
  const actTimes = async (count: number) => {
    for (let done = 0; done < count; done += 1) await act();
  };
  return {
    act,
    actTimes,
    draft,
    actContinuously: (countHeard) => {
      let isOver = false;
      const countLogs = createLogCounter(rpcUrl);
      const run = async () => {
        while (!isOver) {
          if ((await countLogs()) - countHeard() <= UNHEARD_LOGS_MAX) await act();
          await delay(random.integer(5, 60));
        }
      };
      const done = run();
      done.catch(() => undefined);
      return {
        stop: async () => {
          isOver = true;
          await done;
        },
      };
    },
  };
}

/** A call of the development vault, for one of anvil's own accounts. */
export function vaultCall(from: Address, functionName: 'stake' | 'claim' | 'unstake', argument: bigint): VaultCall {
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName, args: [argument] });
  return { from, to: devContracts.stakeVaultAddress, data, gas: GAS };
}

/** Stakes for an account of its own choice, in a block of its own. */
export async function stakeAs(rpcUrl: string, account: number, amount: bigint): Promise<void> {
  const from = devAccounts[account]?.address;
  if (!from) throw new RangeError(`there is no development account ${account}`);
  await send(rpcUrl, vaultCall(from, 'stake', amount));
}

/** Puts the calls into one block. */
export async function mineTogether(rpcUrl: string, calls: readonly VaultCall[]): Promise<void> {
  await rpcCall(rpcUrl, 'evm_setAutomine', [false]);
  try {
    for (const call of calls) await rpcCall(rpcUrl, 'eth_sendTransaction', [call]);
    await rpcCall(rpcUrl, 'evm_mine');
  } finally {
    await rpcCall(rpcUrl, 'evm_setAutomine', [true]);
  }
}

/** Moves the chain's clock forward and mines a block there. */
export async function jumpDays(rpcUrl: string, days: number): Promise<void> {
  await rpcCall(rpcUrl, 'evm_increaseTime', [days * DAY_SECONDS]);
  await rpcCall(rpcUrl, 'evm_mine');
}

/** Sends it and waits for its block: anvil mines by itself, but only after it has answered. */
async function send(rpcUrl: string, call: VaultCall): Promise<void> {
  const hash = await rpcCall(rpcUrl, 'eth_sendTransaction', [call]);
  await waitFor('the transaction to be mined', () => rpcCall(rpcUrl, 'eth_getTransactionReceipt', [hash]));
}

/** Counts the logs of the vault, from block to block; of a chain that is never reorganised. */
function createLogCounter(rpcUrl: string): () => Promise<number> {
  let logs = 0;
  let nextBlock = 0;
  return async () => {
    const head = Number(await rpcCall(rpcUrl, 'eth_blockNumber'));
    if (head < nextBlock) return logs;
    const range = { fromBlock: toHex(nextBlock), toBlock: toHex(head) };
    const found = await rpcCall(rpcUrl, 'eth_getLogs', [{ address: devContracts.stakeVaultAddress, ...range }]);
    logs += (found as unknown[]).length;
    nextBlock = head + 1;
    return logs;
  };
}

async function countStakes(rpcUrl: string, owner: Address): Promise<number> {
  const functionName = 'getUserStakeCount';
  const data = encodeFunctionData({ abi: stakeVaultAbi, functionName, args: [owner] });
  const answer = await rpcCall(rpcUrl, 'eth_call', [{ to: devContracts.stakeVaultAddress, data }, 'latest']);
  return Number(decodeFunctionResult({ abi: stakeVaultAbi, functionName, data: answer as Hex }));
}
