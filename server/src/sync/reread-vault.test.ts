import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../db/index.ts';
import { describeDrivers } from '../db/test-databases.ts';
import { StakingSink, stakingEntities } from '../domains/staking/index.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { BlockchainSyncService } from './blockchain-sync-service.ts';
import type { ChainReader } from './chain/reader.ts';
import { DeepReorgError } from './errors.ts';
import { SyncLease } from './lease.ts';
import { LogFetcher } from './log-fetcher.ts';
import { readOutboxAfter } from './outbox.ts';
import { rereadVault } from './reread-vault.ts';
import { syncEntities } from './sync.entity.ts';
import type { BlockHeader, Fact, Hex, Vault } from './types.ts';
import { findVaults, registerVault } from './vault-store.ts';
import { VaultWriter } from './vault-writer.ts';

const address: Hex = `0x${'aa'.repeat(20)}`;
const clock = systemClock;
const log = createLogger({ level: 'silent' });

/** A chain without logs, all of it final; `fork` tells its blocks from those of others. */
type Chain = { fork: string; head: number };
const hashOf = ({ fork }: Chain, number: number): Hex => `0x${fork}${number.toString(16).padStart(62, '0')}`;

function readerOf(chain: Chain): ChainReader {
  const blockAt = (number: number): BlockHeader => ({
    number,
    hash: hashOf(chain, number),
    parentHash: hashOf(chain, number - 1),
    timestamp: number,
    logsBloom: `0x${'0'.repeat(512)}`,
  });
  return {
    header: async (block: number | string) => {
      if (typeof block === 'string') return blockAt(chain.head);
      return block <= chain.head ? blockAt(block) : null;
    },
    logsOfRange: async () => [],
    pinnedAt: (blockHash: Hex) => ({ client: { readContract: async () => 0n }, block: { blockHash } }),
  } as unknown as ChainReader;
}

const stakeAt = (chain: Chain, number: number): Fact => ({
  event: 'Staked',
  effect: 'stake',
  ownerAddress: `0x${'1'.repeat(40)}`,
  positionKey: String(number),
  amountRaw: 5n,
  rewardRaw: null,
  stakedAt: number,
  rewardClaimed: null,
  blockNumber: number,
  blockHash: hashOf(chain, number),
  logIndex: 0,
  txHash: hashOf(chain, 1_000 + number),
  blockTime: number,
});

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  let vault: Vault;

  beforeEach(async () => {
    database = await databases.open([...syncEntities, ...stakingEntities]);
    await database.orm.schema.create();
    const terms = {
      kind: 'stake-vault',
      chainId: 31_337,
      decimals: 18,
      lockSeconds: 60,
      apyPercent: 10,
      startBlock: 3,
    };
    vault = await registerVault(database.em(), database, { ...terms, address, tokenAddress: address }, 0);
  });

  /** A server over that chain: its service, and what it does at its end. */
  async function serve(chain: Chain) {
    const sink = new StakingSink(database.dialect, clock);
    const lease = new SyncLease({ database, holder: chain.fork, ttlMs: 600_000, isAlone: false });
    expect(await lease.acquire()).toBe(true);
    const writer = await VaultWriter.open({ database, lease, sink, clock, vault, onEvents: () => undefined });
    const reader = readerOf(chain);
    const fetcher = new LogFetcher({ vault, reader, log });
    const service = new BlockchainSyncService({ database, reader, fetcher, writer, sink, clock, log });
    await service.resume();
    return { service, writer, stop: () => lease.release() };
  }
  const reread = (startBlock: number, isAlone = false) =>
    rereadVault({ database, sink: new StakingSink(database.dialect, clock), clock, vault, startBlock, isAlone });
  const statuses = async () => {
    const logs = await database.em().execute<{ status: string }[]>('select status from staking_logs order by id');
    return logs.map(({ status }) => status);
  };
  const positions = async () => (await database.em().execute('select id from stakes')).length;

  test('a vault whose chain was reset is halted, and read anew once it was set aside', async () => {
    const first = await serve({ fork: 'aa', head: 500 });
    await first.service.reconcile();
    await first.stop();
    const reset = { fork: 'bb', head: 20 };
    const halted = await serve(reset);
    await expect(halted.service.reconcile()).rejects.toThrow(DeepReorgError);
    await halted.stop();
    expect(await reread(3)).toBe(0);
    const next = await serve(reset);
    await next.service.reconcile();
    expect(next.writer.state).toMatchObject({
      cursor: { number: 20, hash: hashOf(reset, 20) },
      headBlock: 20,
      finalizedBlock: 20,
      verifiedBlock: 20,
    });
    await next.stop();
  });

  test('facts are set aside, not deleted, and those that the chain still has are revived', async () => {
    const chain = { fork: 'aa', head: 9 };
    const { writer, stop } = await serve(chain);
    const [old, kept] = [stakeAt(chain, 4), stakeAt(chain, 9)];
    const end = { number: 9, hash: hashOf(chain, 9), parentHash: hashOf(chain, 8), timestamp: 9 };
    writer.observe({ finalizedBlock: 9, headBlock: 9 });
    await writer.applyUnit({ fromBlock: 3, facts: [old, kept], end });
    await expect(reread(1), 'beside a server').rejects.toThrow('a server leads the sync; stop all servers');
    expect(await positions()).toBe(2);
    await stop();

    const seq = (await readOutboxAfter(database.em(), 0, 100)).at(-1)?.seq ?? 0;
    expect(await reread(1)).toBe(2);
    expect(await statuses()).toEqual(['orphaned', 'orphaned']);
    expect(await positions()).toBe(0);
    expect((await findVaults(database.em(), 31_337, address))[0]?.startBlock).toBe(1);
    expect((await readOutboxAfter(database.em(), seq, 100)).map(({ event }) => event)).toEqual([
      { type: 'reorganized', vaultId: vault.id, blockNumber: 0, factsOrphaned: 2 },
    ]);

    const again = await serve(chain);
    expect(again.writer.state).toMatchObject({ cursor: null, headBlock: 0, finalizedBlock: null, verifiedBlock: null });
    expect(again.writer.state).toMatchObject({ stakedTotalRaw: 0n, positions: 0 });
    expect(again.writer.checkpoints).toEqual([]);
    await again.writer.applyUnit({ fromBlock: 1, facts: [kept], end });
    expect((await statuses()).toSorted()).toEqual(['applied', 'orphaned']);
    expect(again.writer.state).toMatchObject({ stakedTotalRaw: 5n, positions: 1 });
    await again.stop();
  });

  test('a vault of which nothing was read is left as it is', async () => {
    expect(await reread(3)).toBe(0);
    expect(await readOutboxAfter(database.em(), 0, 100)).toEqual([]);
    expect((await serve({ fork: 'aa', head: 9 })).writer.state.counters.reorgs).toBe(0);
  });

  test('where no other process can be at work, a lease that a dead one has left behind is no hindrance', async () => {
    await serve({ fork: 'aa', head: 9 });
    expect(await reread(1, true)).toBe(0);
  });
});
