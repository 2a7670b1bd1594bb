import { beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../db/index.ts';
import { StakingSink } from '../domains/staking/index.ts';
import { entities } from '../entities.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { BlockchainSyncService } from './blockchain-sync-service.ts';
import type { ChainReader } from './chain/reader.ts';
import { ChainReadError } from './errors.ts';
import { SyncLease } from './lease.ts';
import { LogFetcher } from './log-fetcher.ts';
import type { BlockHeader, Hex } from './types.ts';
import { registerVault } from './vault-store.ts';
import { VaultWriter } from './vault-writer.ts';

// What counts as final on a chain without logs, by what its node answers for the `finalized` tag.

let database: Database;
let service: BlockchainSyncService;
let head: number;
let answerFinalized: () => BlockHeader | null;

const hashOf = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`;
const blockAt = (number: number): BlockHeader => ({
  number,
  hash: hashOf(number),
  parentHash: hashOf(number - 1),
  timestamp: number,
  logsBloom: `0x${'0'.repeat(512)}`,
});

beforeEach(async () => {
  database = await openDatabase({ url: 'sqlite::memory:', entities });
  await database.migrate();
  head = 300;
  const reader = {
    header: async (block: number | 'latest' | 'finalized') => {
      if (block === 'finalized') return answerFinalized();
      const number = block === 'latest' ? head : block;
      return number <= head ? blockAt(number) : null;
    },
    logsOfRange: async () => [],
    pinnedAt: (blockHash: Hex) => ({
      client: { readContract: async () => 0n },
      block: { blockHash, requireCanonical: true },
    }),
  } as unknown as ChainReader;
  const [address, tokenAddress] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`] as const;
  const terms = { kind: 'stake-vault', chainId: 1, decimals: 18, lockSeconds: 60, apyPercent: 10, startBlock: 0 };
  const vault = await registerVault(database.em(), database, { ...terms, address, tokenAddress }, 0);
  const lease = new SyncLease({ database, holder: 'a', ttlMs: 600_000, isAlone: true });
  await lease.acquire();
  const [log, clock] = [createLogger({ level: 'silent' }), systemClock];
  const sink = new StakingSink('sqlite', clock);
  const writer = await VaultWriter.open({ database, lease, sink, clock, vault, onEvents: () => undefined });
  const fetcher = new LogFetcher({ vault, reader, log });
  service = new BlockchainSyncService({ database, reader, fetcher, writer, sink, clock, log });
  await service.resume();
  return () => database.close();
});

const refuse = (words: string) => () => {
  throw new ChainReadError(`eth_getBlockByNumber: ${words}`);
};

test.each<[string, () => BlockHeader | null]>([
  ['nothing', () => null],
  ['the block that every chain begins with', () => blockAt(0)],
  ['in the words of Besu that there is none', refuse('Unknown block')],
  ['in the words of geth that there is none', refuse('finalized block not found')],
])(
  'where a node answers %s, what lies 128 blocks below the head is final, and what lies below that is forgotten',
  async (_, answer) => {
    answerFinalized = answer;
    await service.reconcile();
    expect(service.writer.state).toMatchObject({ cursor: { number: 300 }, finalizedBlock: 172 });
    for (head = 301; head <= 450; head += 1) await service.reconcile();
    expect(service.writer.state.finalizedBlock).toBe(322);
    expect(service.writer.checkpoints.at(-1)?.number).toBe(322);
  },
);

test.each([null, 0])(
  'one answer of %s, where the chain has told of a final block before, makes nothing final',
  async (block) => {
    answerFinalized = () => blockAt(10);
    await service.reconcile();
    answerFinalized = () => (block === null ? null : blockAt(block));
    await service.reconcile();
    expect(service.writer.state.finalizedBlock).toBe(10);
  },
);

test('a chain that has just begun has no final block but its first', async () => {
  answerFinalized = () => blockAt(0);
  for (head = 0; head <= 128; head += 32) {
    await service.reconcile();
    expect(service.writer.state).toMatchObject({ cursor: { number: head }, finalizedBlock: 0 });
  }
});

test('a node that fails to answer says nothing about finality', async () => {
  answerFinalized = refuse('out of order');
  await expect(service.reconcile()).rejects.toThrow(ChainReadError);
  expect(service.writer.cursor).toBeNull();
});
