import { z } from 'zod';
import { ChainReadError } from '../errors.ts';
import type { BlockHeader, Hex, RawLog } from '../types.ts';

/** Thirteen digits are 52 bits: a number that a JS number holds exactly. */
const quantity = z.string().regex(/^0x[0-9a-fA-F]{1,13}$/);
const hash = z.string().regex(/^0x[0-9a-fA-F]{64}$/);

const headerSchema = z.object({
  number: quantity,
  hash,
  parentHash: hash,
  timestamp: quantity,
  logsBloom: z.string().regex(/^0x[0-9a-fA-F]{512}$/),
  transactionsRoot: z.unknown().optional(),
});

const ZERO_BLOOM = `0x${'0'.repeat(512)}`;
/** The root of a trie that holds nothing: keccak-256 of the RLP encoding of an empty string (Ethereum Yellow Paper, appendix D). */
const EMPTY_TRIE_ROOT = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421';

/** Checks a block answer. Extra fields are dropped; nodes differ in them. @throws ChainReadError */
export function parseHeader(answer: unknown): BlockHeader {
  const parsed = headerSchema.safeParse(answer);
  if (!parsed.success)
    throw new ChainReadError(`a node answered a malformed block: ${parsed.error.issues[0]?.path.join('.')}`);
  const { data } = parsed;
  return {
    number: Number(data.number),
    hash: data.hash.toLowerCase() as Hex,
    parentHash: data.parentHash.toLowerCase() as Hex,
    timestamp: Number(data.timestamp),
    // Some nodes answer zeros always. They are a true bloom for certain only where the block has no transactions.
    logsBloom:
      data.logsBloom === ZERO_BLOOM && !isEmptyTrie(data.transactionsRoot)
        ? null
        : (data.logsBloom.toLowerCase() as Hex),
  };
}

function isEmptyTrie(root: unknown): boolean {
  return typeof root === 'string' && root.toLowerCase() === EMPTY_TRIE_ROOT;
}

/**
 * Checks a list of logs. By hand, since a schema library costs more than the decoding of fifty thousand of them: every field that the engine
 * reads is checked for its type and length, and the address for being the one asked for.
 *
 * @throws ChainReadError for anything that is not a list of mined logs of that address.
 */
export function parseLogs(answer: unknown, address: Hex): RawLog[] {
  if (!Array.isArray(answer)) throw new ChainReadError('a node answered no list of logs');
  return answer.map((entry: unknown) => parseLog(entry, address));
}

/** The logs of that address with one of the topics out of a block's receipts. @throws ChainReadError for what is no list of receipts. */
export function parseReceiptLogs(answer: unknown, address: Hex, topics: readonly Hex[]): RawLog[] {
  if (!Array.isArray(answer)) throw new ChainReadError('a node answered no list of receipts');
  const entries = answer.flatMap((receipt: { logs?: unknown } | null): unknown[] => {
    if (!Array.isArray(receipt?.logs)) throw new ChainReadError('a node answered a receipt without logs');
    return receipt.logs;
  });
  const own = entries.filter((entry) => {
    const emitter = (entry as { address?: unknown } | null)?.address;
    return typeof emitter === 'string' && emitter.toLowerCase() === address;
  });
  return parseLogs(own, address).filter(({ topics: [topic] }) => topic !== undefined && topics.includes(topic));
}

function parseLog(entry: unknown, address: Hex): RawLog {
  const log = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  const { topics, data, blockHash, transactionHash, blockNumber, logIndex, blockTimestamp } = log;
  if (
    !isHex(log['address'], 42) ||
    log['address'].toLowerCase() !== address ||
    !Array.isArray(topics) ||
    topics.length > 4 ||
    !topics.every((topic) => isHex(topic, 66)) ||
    !isHex(data) ||
    data.length % 2 !== 0 ||
    !isHex(blockHash, 66) ||
    !isHex(transactionHash, 66) ||
    !isQuantity(blockNumber) ||
    !isQuantity(logIndex) ||
    log['removed'] === true
  ) {
    throw new ChainReadError('a node answered a malformed log, one of another contract, or one that was removed');
  }
  return {
    address,
    topics: topics.map((topic) => topic.toLowerCase() as Hex),
    data,
    blockNumber: Number(blockNumber),
    blockHash: blockHash.toLowerCase() as Hex,
    logIndex: Number(logIndex),
    transactionHash: transactionHash.toLowerCase() as Hex,
    blockTimestamp: isQuantity(blockTimestamp) ? Number(blockTimestamp) : null,
  };
}

const HEX = /^0x[0-9a-fA-F]*$/;

function isHex(value: unknown, length?: number): value is Hex {
  return typeof value === 'string' && (length === undefined || value.length === length) && HEX.test(value);
}

/** A number that a JS number holds exactly. */
function isQuantity(value: unknown): value is Hex {
  return isHex(value) && value.length >= 3 && value.length <= 15;
}
