import { stakeVaultAbi } from '@finverse/shared/abi/stake-vault';
import { encodeAbiParameters, encodeEventTopics } from 'viem';
import type { Database } from '../db/index.ts';
import { StakingSink } from '../domains/staking/index.ts';
import { createLogger } from '../kernel/logger.ts';
import { BlockchainSyncService } from './blockchain-sync-service.ts';
import type { ChainReader } from './chain/reader.ts';
import { ChainReadError } from './errors.ts';
import type { FaultKind } from './fault-kinds.ts';
import { SyncLease } from './lease.ts';
import { LogFetcher } from './log-fetcher.ts';
import { type BlockHeader, type ChainPosition, type Hex, positionRef, type RawLog } from './types.ts';
import { registerVault } from './vault-store.ts';
import { VaultWriter } from './vault-writer.ts';
import { stakeVaultAdapter } from './vaults/stake-vault.ts';

// Test support: chains that fork as the test says, nodes that answer from whichever of them it says, and a vault that follows.

const VAULT: Hex = `0x${'aa'.repeat(20)}`;
export const OWNER: Hex = `0x${'11'.repeat(20)}`;
export const OTHER_OWNER: Hex = `0x${'22'.repeat(20)}`;

const FULL_BLOOM: Hex = `0x${'f'.repeat(512)}`;
const EMPTY_BLOOM: Hex = `0x${'0'.repeat(512)}`;
const UINT = { type: 'uint256' } as const;

export type TestBlock = BlockHeader & { logs: RawLog[] };
/** A call of {@link OWNER}, or of the owner that it names. */
export type TestCall = ({ stake: bigint } | { claim: bigint }) & { index: bigint; owner?: Hex };

/** One request to one of the nodes behind the address. */
export type TestRequest =
  { method: 'header'; block: number | string } | { method: 'logsOfBlock'; hash: Hex } | { method: 'logsOfRange' };

/** Adds blocks to a chain, through the number `through`, with the calls in them. The fork's letter makes their hashes its own. */
export function extendChain(
  parent: readonly TestBlock[],
  { fork, through, calls = {} }: { fork: string; through: number; calls?: Record<number, TestCall[]> },
): TestBlock[] {
  const chain = [...parent];
  for (let number = chain.length; number <= through; number += 1) {
    const hash = hashOf(fork, number);
    const timestamp = 1_700_000_000 + number * 12;
    const logs = (calls[number] ?? []).map((call, logIndex): RawLog => {
      const place = { blockNumber: number, blockHash: hash, logIndex, transactionHash: hashOf('t', number) };
      return { address: VAULT, ...encodeCall(call, timestamp), ...place, blockTimestamp: timestamp };
    });
    const logsBloom = logs.length > 0 ? FULL_BLOOM : EMPTY_BLOOM;
    const parentHash = chain.at(-1)?.hash ?? hashOf('0', 0);
    chain.push({ number, hash, parentHash, timestamp, logsBloom, logs });
  }
  return chain;
}

function hashOf(fork: string, number: number): Hex {
  return `0x${Buffer.from(fork).toString('hex')}${number.toString(16).padStart(62, '0')}`;
}

function encodeCall(call: TestCall, timestamp: number): Pick<RawLog, 'topics' | 'data'> {
  const eventName = 'stake' in call ? 'Staked' : 'Claimed';
  const values = 'stake' in call ? [call.stake, BigInt(timestamp), call.index] : [call.claim, call.index];
  return {
    topics: encodeEventTopics({ abi: stakeVaultAbi, eventName, args: { user: call.owner ?? OWNER } }) as Hex[],
    data: encodeAbiParameters(
      values.map(() => UINT),
      values,
    ),
  };
}

/** The nodes behind one address. What is named by a hash is answered by a node that has the block. */
export class TestNodes {
  /** The chain that wins. */
  chain: TestBlock[];
  /** Chains that some of the nodes follow. */
  forks: readonly TestBlock[][] = [];
  finalizedBlock: number;
  /** Which chain answers a request; null for the one that wins. */
  route: (request: TestRequest) => TestBlock[] | null = () => null;
  /** Added to the contract's total: what no log explains. */
  unexplainedRaw = 0n;
  readonly requests: TestRequest[] = [];

  constructor(chain: TestBlock[], finalizedBlock: number) {
    this.chain = chain;
    this.finalizedBlock = finalizedBlock;
  }

  get reader(): ChainReader {
    const logsOf = async (hash: Hex) => {
      const block = [this.#answer({ method: 'logsOfBlock', hash }), ...this.forks]
        .flat()
        .find((at) => at.hash === hash);
      if (!block) throw new ChainReadError('eth_getLogs: unknown block');
      return block.logs;
    };
    const reader: Omit<ChainReader, 'client'> = {
      chainId: async () => 1,
      hasCode: async () => true,
      header: async (block) => {
        const chain = this.#answer({ method: 'header', block });
        if (block === 'latest') return chain.at(-1) ?? null;
        return chain[block === 'finalized' ? this.finalizedBlock : block] ?? null;
      },
      logsOfBlock: (_address, _topics, { hash }) => logsOf(hash),
      logsOfReceipts: (_address, _topics, { hash }) => logsOf(hash),
      logsOfRange: async ({ fromBlock, toBlock }) =>
        this.#answer({ method: 'logsOfRange' })
          .slice(fromBlock, toBlock + 1)
          .flatMap(({ logs }) => logs),
      pinnedAt: (blockHash) => ({
        client: this.#clientAt(blockHash) as never,
        block: { blockHash, requireCanonical: true },
      }),
    };
    return reader as ChainReader;
  }

  /** What the contract holds at the head of the chain that wins, by owner and index. */
  positions(): TestPosition[] {
    return positionsOf(this.chain).toSorted(byIdentity);
  }

  #answer(request: TestRequest): TestBlock[] {
    this.requests.push(request);
    return this.route(request) ?? this.chain;
  }

  #clientAt(hash: Hex) {
    const chain = [this.chain, ...this.forks].find((blocks) => blocks.some((block) => block.hash === hash)) ?? [];
    const through = chain.slice(0, chain.findIndex((block) => block.hash === hash) + 1);
    const call = ({ functionName, args }: { functionName: string; args?: [Hex, bigint[]] }) => {
      if (through.length === 0) throw new ChainReadError('eth_call: unknown block');
      const positions = positionsOf(through);
      const owned = positions.filter(({ ownerAddress }) => ownerAddress === args?.[0]);
      if (functionName === 'totalStakedAmount') {
        return positions.reduce((sum, { amountRaw }) => sum + amountRaw, this.unexplainedRaw);
      }
      if (functionName === 'getUserStakeCount') return BigInt(owned.length);
      const asked = (args?.[1] ?? []).map((key) => owned[Number(key)] as ChainPosition);
      return [
        asked.map(({ amountRaw }) => amountRaw),
        asked.map(({ stakedAt }) => BigInt(stakedAt)),
        asked.map(({ rewardClaimed }) => rewardClaimed),
      ];
    };
    return {
      readContract: async (request: Parameters<typeof call>[0]) => call(request),
      multicall: async ({ contracts }: { contracts: Parameters<typeof call>[0][] }) => contracts.map(call),
    };
  }
}

type TestPosition = ChainPosition & { claimedRewardRaw: bigint };

function positionsOf(chain: readonly TestBlock[]): TestPosition[] {
  const positions = new Map<string, TestPosition>();
  for (const log of chain.flatMap(({ logs }) => logs)) {
    const { effect, ownerAddress, positionKey, amountRaw, stakedAt, rewardRaw } = stakeVaultAdapter.decode(log);
    const ref = positionRef({ ownerAddress, positionKey });
    const claimed = positions.get(ref);
    if (effect === 'stake') {
      const identity = { ownerAddress, positionKey, stakedAt: Number(stakedAt) };
      positions.set(ref, { ...identity, amountRaw: amountRaw ?? 0n, rewardClaimed: false, claimedRewardRaw: 0n });
    } else if (claimed) Object.assign(claimed, { rewardClaimed: true, claimedRewardRaw: rewardRaw });
  }
  return [...positions.values()];
}

function byIdentity(a: TestPosition, b: TestPosition): number {
  return a.ownerAddress.localeCompare(b.ownerAddress) || Number(a.positionKey) - Number(b.positionKey);
}

/** Registers a vault in an empty database and begins to follow it there. Nothing runs by itself. */
export async function followNodes(database: Database, nodes: TestNodes, { chainId = 1 } = {}) {
  const terms = { kind: 'stake-vault', decimals: 18, lockSeconds: 60, apyPercent: 10, startBlock: 0 };
  const tokenAddress: Hex = `0x${'bb'.repeat(20)}`;
  const vault = await registerVault(database.em(), database, { ...terms, chainId, address: VAULT, tokenAddress }, 0);
  const lease = new SyncLease({ database, holder: 'test', ttlMs: 600_000, isAlone: true });
  await lease.acquire();
  let passedMs = 0;
  const clock = { now: () => 1_800_000_000_000 + passedMs, monotonic: () => passedMs };
  const log = createLogger({ level: 'silent' });
  const sink = new StakingSink(database.dialect, clock);
  const { reader } = nodes;
  const writer = await VaultWriter.open({ database, lease, sink, clock, vault, onEvents: () => undefined });
  const faults: FaultKind[] = [];
  const onFault = (kind: FaultKind) => void faults.push(kind);
  const fetcher = new LogFetcher({ vault, reader, log, onFault });
  const service = new BlockchainSyncService({ database, reader, fetcher, writer, sink, clock, log, onFault });
  await service.resume();
  const rows = (sql: string) => database.em().execute<Record<string, unknown>[]>(sql);
  return {
    service,
    writer,
    sink,
    faults,
    rows,
    pass: (milliseconds: number) => {
      passedMs += milliseconds;
    },
    /** The positions as the table has them, in the shape of {@link TestNodes.positions}. */
    positions: async () => {
      const stored = await sink.readOwners(database.em(), vault.id, [OWNER, OTHER_OWNER]);
      return stored
        .map(({ ownerAddress, positionKey, amountRaw, stakedAt, rewardClaimed, claimedRewardRaw }) => {
          return { ownerAddress, positionKey, amountRaw, stakedAt, rewardClaimed, claimedRewardRaw };
        })
        .toSorted(byIdentity);
    },
  };
}
