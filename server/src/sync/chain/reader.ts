import { createPublicClient, fallback, http, type PublicClient } from 'viem';
import { ChainReadError, RangeTooWideError } from '../errors.ts';
import type { BlockHeader, Hex, RawLog } from '../types.ts';
import type { PinnedReader } from '../vaults/index.ts';
import type { ChainIdentity } from './chain-identity.ts';
import { adviseRange } from './log-range.ts';
import { readFault } from './rpc-fault.ts';
import { parseHeader, parseLogs, parseReceiptLogs } from './rpc-schemas.ts';

/** What is asked of a chain. Every method throws ChainReadError when the answer is missing, malformed or an error. */
export interface ChainReader {
  readonly client: PublicClient;
  chainId(): Promise<number>;
  hasCode(address: Hex): Promise<boolean>;
  /** The header at a number or tag; null where the node has none. */
  header(block: number | 'latest' | 'finalized'): Promise<BlockHeader | null>;
  /** Logs of a block, named by its hash, so that a reorganisation cannot slip in between. */
  logsOfBlock(address: Hex, topics: readonly Hex[], block: TimedBlock): Promise<RawLog[]>;
  /** The same out of the block's receipts, where a node keeps its index of logs apart from them; null where it does not answer receipts. */
  logsOfReceipts(address: Hex, topics: readonly Hex[], block: TimedBlock): Promise<RawLog[] | null>;
  /** Logs of an inclusive range, in chain order. @throws RangeTooWideError */
  logsOfRange(filter: LogRange): Promise<RawLog[]>;
  /** A reader of contract state at exactly that block. */
  pinnedAt(blockHash: Hex): PinnedReader;
}

/** A block by hash, with the time that its logs get. */
export type TimedBlock = Pick<BlockHeader, 'hash' | 'timestamp'>;

export type LogRange = {
  address: Hex;
  topics: readonly Hex[];
  /** Only logs whose first indexed argument is one of these addresses. */
  owners?: readonly Hex[];
  fromBlock: number;
  toBlock: number;
};

type ReaderOptions = {
  /** HTTP(S) endpoints of the same chain; the next one is asked where one fails. */
  urls: readonly string[];
  /** What chain that is. */
  identity: ChainIdentity;
  timeoutMs?: number;
  /** Called for every HTTP request, for metrics and benchmarks. */
  onRequest?: ((method: string) => void) | undefined;
};

const NO_SUCH_METHOD =
  /method.*(not (found|exist|available|supported|whitelisted|allowed)|unsupported)|(unsupported|unknown|no such).*method/i;

/** Stands for the receipts of a node that does not answer any. */
const REFUSED = Symbol('refused');

/** How much of an answer is searched for the refusal of a method. */
const REFUSAL_LENGTH_MAX = 10_000;

const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;

/** Reads a chain over HTTP JSON-RPC with fail-over, bounded and jittered retries, a time-out and a size cap; checks the shape of every answer. */
export function createChainReader(options: ReaderOptions): ChainReader {
  const transports = options.urls.map((url) =>
    options.identity.guard(
      url,
      http(url, {
        retryCount: 1,
        retryDelay: 100,
        timeout: options.timeoutMs ?? 10_000,
        maxResponseBodySize: RESPONSE_BYTES_MAX,
        ...(options.onRequest
          ? {
              onFetchRequest: async (request: Request) => {
                options.onRequest?.(await methodOf(request));
              },
            }
          : {}),
      }),
    ),
  );
  const client = createPublicClient({
    transport: fallback(transports, { retryCount: 0 }),
    cacheTime: 0,
  }) as PublicClient;
  const request = (method: string, params: unknown[]): Promise<unknown> => ask(client, method, params);

  return {
    client,
    chainId: async () => Number(await request('eth_chainId', [])),
    hasCode: async (address) => {
      const code = await request('eth_getCode', [address, 'latest']);
      return typeof code === 'string' && code.length > 2;
    },
    header: async (block) => {
      const answer = await request('eth_getBlockByNumber', [
        typeof block === 'number' ? toQuantity(block) : block,
        false,
      ]);
      if (answer === null || answer === undefined) return null;
      const header = parseHeader(answer);
      if (typeof block === 'number' && header.number !== block) {
        throw new ChainReadError(`a node answered block ${header.number} for block ${block}`);
      }
      return header;
    },
    logsOfBlock: async (address, topics, header) =>
      belongingTo(
        header,
        parseLogs(await request('eth_getLogs', [{ address, topics: [topics], blockHash: header.hash }]), address),
      ),
    logsOfReceipts: async (address, topics, header) => {
      const receipts = await request('eth_getBlockReceipts', [header.hash]).catch((error: unknown) => {
        const { wording } = readFault(error instanceof ChainReadError ? error.cause : error);
        if (NO_SUCH_METHOD.test(wording.slice(0, REFUSAL_LENGTH_MAX))) return REFUSED;
        throw error;
      });
      // What a node answers that has no such block, which may be behind: nothing was learnt of its logs.
      if (receipts === null) throw new ChainReadError(`a node has no receipts of block ${header.hash}`);
      return receipts === REFUSED ? null : belongingTo(header, parseReceiptLogs(receipts, address, topics));
    },
    logsOfRange: async ({ address, topics, owners, fromBlock, toBlock }) => {
      const ownerTopics = owners ? [owners.map((owner) => `0x${owner.slice(2).padStart(64, '0')}`)] : [];
      const answer = await request('eth_getLogs', [
        { address, topics: [topics, ...ownerTopics], fromBlock: toQuantity(fromBlock), toBlock: toQuantity(toBlock) },
      ]);
      const logs = parseLogs(answer, address);
      if (logs.some((log) => log.blockNumber < fromBlock || log.blockNumber > toBlock)) {
        throw new ChainReadError(`a node answered logs outside of the blocks ${fromBlock} to ${toBlock}`);
      }
      return inChainOrder(logs);
    },
    pinnedAt: (blockHash) => ({ client, block: { blockHash, requireCanonical: true } }),
  };
}

/** Gives the logs of a block its time. @throws ChainReadError where one is of another block. */
function belongingTo(header: TimedBlock, logs: RawLog[]): RawLog[] {
  for (const log of logs) {
    if (log.blockHash !== header.hash) {
      throw new ChainReadError(`a node answered logs of ${log.blockHash} for block ${header.hash}`);
    }
    log.blockTimestamp = header.timestamp;
  }
  return inChainOrder(logs);
}

async function ask(client: PublicClient, method: string, params: unknown[]): Promise<unknown> {
  try {
    return await client.request({ method, params } as never);
  } catch (error) {
    const { wording, message } = readFault(error);
    const advice = method === 'eth_getLogs' ? adviseRange(wording) : null;
    if (advice?.action === 'narrow') throw new RangeTooWideError(message, advice);
    throw new ChainReadError(`${method}: ${message}`, { cause: error });
  }
}

function inChainOrder(logs: RawLog[]): RawLog[] {
  return logs.toSorted((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
}

function toQuantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}

async function methodOf(request: Request): Promise<string> {
  const body = (await request.clone().json()) as { method?: string } | { method?: string }[];
  return Array.isArray(body) ? body.map(({ method }) => method).join(',') : (body.method ?? '');
}
