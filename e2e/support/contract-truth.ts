import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { createPublicClient, http, parseEventLogs, type PublicClient } from 'viem';
import { devAccounts, devContracts } from '../../server/src/devchain/index.ts';

const vault = { address: devContracts.stakeVaultAddress, abi: stakeVaultAbi } as const;

export type TruePosition = {
  amountRaw: bigint;
  stakedAt: number;
  rewardClaimed: boolean;
  pendingRewardRaw: bigint;
  /** Paid out so far, by its logs; the contract itself does not keep it. */
  claimedRewardRaw: bigint;
};

/** What the contract itself says at the head, read with viem and past the server. */
export type ContractTruth = {
  head: { number: number; hash: string };
  stakedTotalRaw: bigint;
  /** By `owner:index`, in lower case. */
  positions: ReadonlyMap<string, TruePosition>;
  /** `block hash:log index` of every log the vault ever emitted on this chain. */
  logs: readonly string[];
};

/** Reads everything at one block. The chain must be quiet: a reading that spans blocks would compare with nothing. */
export async function readContract(rpcUrl: string): Promise<ContractTruth> {
  const client = createPublicClient({ transport: http(rpcUrl, { batch: true }), cacheTime: 0 }) as PublicClient;
  const block = await client.getBlock();
  const at = { blockNumber: block.number };
  const logs = await client.getLogs({ address: vault.address, fromBlock: 0n, toBlock: block.number });
  const paid = new Map<string, bigint>();
  for (const { args } of parseEventLogs({ abi: stakeVaultAbi, logs, eventName: ['Claimed', 'Unstaked'] })) {
    const ref = `${args.user.toLowerCase()}:${args.stakeIndex}`;
    paid.set(ref, (paid.get(ref) ?? 0n) + args.reward);
  }
  const positions = new Map<string, TruePosition>();
  for (const { address: owner } of devAccounts) {
    const count = await client.readContract({ ...vault, ...at, functionName: 'getUserStakeCount', args: [owner] });
    const indexes = Array.from({ length: Number(count) }, (_, index) => BigInt(index));
    const found = await Promise.all(
      indexes.map(async (index) => {
        const [stake, pending] = await Promise.all([
          client.readContract({ ...vault, ...at, functionName: 'getUserStake', args: [owner, index] }),
          client.readContract({ ...vault, ...at, functionName: 'getPendingReward', args: [owner, index] }),
        ]);
        return { index, stake, pending };
      }),
    );
    for (const { index, stake, pending } of found) {
      const [amountRaw, timestamp, rewardClaimed] = stake;
      const ref = `${owner.toLowerCase()}:${index}`;
      positions.set(ref, {
        amountRaw,
        stakedAt: Number(timestamp),
        rewardClaimed,
        pendingRewardRaw: pending,
        claimedRewardRaw: paid.get(ref) ?? 0n,
      });
    }
  }
  return {
    head: { number: Number(block.number), hash: block.hash },
    stakedTotalRaw: await client.readContract({ ...vault, ...at, functionName: 'totalStakedAmount' }),
    positions,
    logs: logs.map((log) => `${log.blockHash}:${log.logIndex}`).toSorted(),
  };
}
