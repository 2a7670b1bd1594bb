import { expect, test } from 'vitest';
import { createLogger } from '../kernel/logger.ts';
import type { ChainReader, LogRange } from './chain/reader.ts';
import { ChainReadError, RangeTooWideError } from './errors.ts';
import type { FaultKind, OnFault } from './fault-kinds.ts';
import { LogFetcher } from './log-fetcher.ts';
import type { BlockHeader, Vault } from './types.ts';

const vault: Vault = {
  id: 'vlt_test',
  kind: 'stake-vault',
  chainId: 1,
  address: `0x${'aa'.repeat(20)}`,
  tokenAddress: `0x${'bb'.repeat(20)}`,
  decimals: 18,
  startBlock: 0,
  lockSeconds: 60,
  apyPercent: 10,
};

const fetcherOf = (reader: Partial<ChainReader>, onFault: OnFault = () => undefined) =>
  new LogFetcher({ vault, reader: reader as ChainReader, log: createLogger({ level: 'silent' }), onFault });

/** A chain without logs, whose node answers a range as `judge` says: the error that it throws, or nothing. */
function createChain() {
  let judge: (blocks: number) => Error | undefined = () => undefined;
  const asked: number[] = [];
  const faults: FaultKind[] = [];
  const reader: Partial<ChainReader> = {
    logsOfRange: async ({ fromBlock, toBlock }: LogRange) => {
      const blocks = toBlock - fromBlock + 1;
      asked.push(blocks);
      const refusal = judge(blocks);
      if (refusal) throw refusal;
      return [];
    },
  };
  const fetcher = fetcherOf(reader, (kind) => faults.push(kind));
  let nextBlock = 0;
  return {
    fetcher,
    asked,
    faults,
    answerBy: (next: typeof judge) => (judge = next),
    /** Asks for so many ranges, one after the other, as a back-fill does that begins again where one has failed. Answers the blocks that were read. */
    read: async (ranges: number) => {
      const first = nextBlock;
      for (let range = 0; range < ranges; range += 1) {
        await fetcher.factsOfRange(nextBlock, nextBlock + fetcher.blocksPerAnswer - 1).then(
          ({ toBlock }) => (nextBlock = toBlock + 1),
          (error: unknown) => expect(error).toBeInstanceOf(ChainReadError),
        );
      }
      return nextBlock - first;
    },
  };
}

test('a range that takes too long is asked for narrower the next time, until it is answered, and seldom wider', async () => {
  const chain = createChain();
  chain.answerBy((blocks) => (blocks > 1_000 ? new ChainReadError('eth_getLogs: too long') : undefined));
  expect(await chain.read(200)).toBeGreaterThan(100_000);
  expect(chain.asked.filter((blocks) => blocks > 1_000).length, 'reads that were waited for in vain').toBeLessThan(8);
});

test('a range of a few blocks that fails is asked for narrower as well, and does not keep later ones narrow', async () => {
  const chain = createChain();
  chain.answerBy((blocks) => (blocks > 2 ? new ChainReadError('eth_getLogs: too long') : undefined));
  expect(await chain.read(40)).toBeGreaterThan(20);
  chain.answerBy(() => undefined);
  await chain.read(60);
  expect(chain.fetcher.blocksPerAnswer).toBe(50_000);
});

test('a range that a node names instead of a dense one is of no meaning to those behind it', async () => {
  const chain = createChain();
  await chain.read(8);
  expect(chain.fetcher.blocksPerAnswer).toBe(50_000);
  chain.answerBy((blocks) =>
    blocks > 20 ? new RangeTooWideError('try this', { blocks: 20, isLimit: false }) : undefined,
  );
  await chain.read(1);
  expect(chain.asked.at(-1)).toBe(20);
  chain.answerBy(() => undefined);
  await chain.read(60);
  expect(chain.fetcher.blocksPerAnswer).toBe(50_000);
});

test('a limit that a node names is kept to, and tried again now and then', async () => {
  const chain = createChain();
  chain.answerBy((blocks) =>
    blocks > 2_000 ? new RangeTooWideError('at most', { blocks: 2_000, isLimit: true }) : undefined,
  );
  await chain.read(210);
  const refused = chain.asked.filter((blocks) => blocks > 2_000);
  expect(refused.length, 'refusals').toBeLessThan(8);
  expect(chain.faults).toEqual(refused.map(() => 'range_refused'));
  expect(chain.fetcher.blocksPerAnswer).toBe(2_000);
  chain.answerBy(() => undefined);
  await chain.read(400);
  expect(chain.fetcher.blocksPerAnswer).toBe(50_000);
});

test('a block whose logs no node has is a failed read, where its bloom says that there are some', async () => {
  const head: BlockHeader = {
    number: 5,
    hash: `0x${'1'.repeat(64)}`,
    parentHash: `0x${'2'.repeat(64)}`,
    timestamp: 1,
    logsBloom: `0x${'f'.repeat(512)}`,
  };
  const behind = fetcherOf({
    logsOfBlock: async () => [],
    logsOfReceipts: async () => Promise.reject(new ChainReadError('no such block')),
  });
  await expect(behind.factsOfBlock(head)).rejects.toThrow(ChainReadError);
  const withoutReceipts = fetcherOf({ logsOfBlock: async () => [], logsOfReceipts: async () => null });
  expect(await withoutReceipts.factsOfBlock(head)).toEqual([]);
});
