import type { ChainReader } from './chain/reader.ts';
import type { LogFetcher } from './log-fetcher.ts';
import type { BlockHeader, Fact, Hex } from './types.ts';

/** The most blocks that are read as one path: few enough that their headers are nothing in memory. */
export const PATH_BLOCKS_MAX = 128;

const BLOCKS_IN_FLIGHT = 16;

/** All facts of consecutive blocks of one chain; `parentHash` names the block below the first of them, `end` is the last. */
export type ProvenPath = { parentHash: Hex; end: BlockHeader; facts: Fact[] };

/**
 * Reads an inclusive range of blocks that need not be final. The nodes behind one address may stand on different forks, and logs that are asked for by
 * number do not say on which. So every header must name the one before it as its parent, and each block's logs are asked for by its hash. Where the path
 * has to begin above a block or to end in one, the caller compares `parentHash` or `end` with that block's hash. With `asksAgainstBloom` every block is asked.
 *
 * @returns null where the headers do not join: the chain moved meanwhile, or nodes disagree.
 * @throws ChainReadError
 */
export async function readProvenPath(
  { reader, fetcher }: { reader: ChainReader; fetcher: LogFetcher },
  fromBlock: number,
  toBlock: number,
  options: { asksAgainstBloom?: boolean } = {},
): Promise<ProvenPath | null> {
  if (toBlock - fromBlock >= PATH_BLOCKS_MAX) throw new Error(`a path of more than ${PATH_BLOCKS_MAX} blocks`);
  const numbers = Array.from({ length: toBlock - fromBlock + 1 }, (_, at) => fromBlock + at);
  const path: BlockHeader[] = [];
  for (const header of await mapInChunks(numbers, (number) => reader.header(number))) {
    const below = path.at(-1);
    if (!header || (below && header.parentHash !== below.hash)) return null;
    path.push(header);
  }
  const [first, end] = [path[0], path.at(-1)];
  if (!first || !end) return null;
  const facts = await mapInChunks(path, (header) => fetcher.factsOfBlock(header, options));
  return { parentHash: first.parentHash, end, facts: facts.flat() };
}

async function mapInChunks<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += BLOCKS_IN_FLIGHT) {
    results.push(...(await Promise.all(items.slice(start, start + BLOCKS_IN_FLIGHT).map(work))));
  }
  return results;
}
