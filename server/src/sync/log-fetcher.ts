import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../kernel/logger.ts';
import { createBloomTest } from './chain/bloom.ts';
import type { ChainReader } from './chain/reader.ts';
import { ChainReadError, RangeTooWideError } from './errors.ts';
import type { OnFault } from './fault-kinds.ts';
import type { BlockHeader, Fact, Hex, RawLog, Vault } from './types.ts';
import { adapterOf } from './vaults/index.ts';

/** Logs that one answer should hold: enough to be fast, few enough to keep memory flat. */
const LOGS_PER_ANSWER = 1500;
/** Little enough that even dense blocks fit before anything is known of them; it grows fourfold from answer to answer. */
const BLOCKS_PER_ANSWER_START = 20;
const BLOCKS_PER_ANSWER_MAX = 50_000;
const EAGER_GROWTH = 4;
const CAUTIOUS_GROWTH = 1.25;
/** Answers of the most blocks that were taken, after which twice as many are tried: a node, or the one behind it, may take more by now. */
const ANSWERS_UNTIL_RETRY = 50;
/** Headers fetched at a time where logs carry no time of their own. */
const HEADERS_IN_FLIGHT = 20;
const BLOOM_RETRIES_MS = [20, 60, 180];

/** The facts of an inclusive range. */
export type FactRange = { fromBlock: number; toBlock: number; facts: Fact[] };

/** Fetches and decodes the logs of one vault. How many blocks it asks for at a time follows what the node accepts and how full its answers are. */
export class LogFetcher {
  readonly #vault: Vault;
  readonly #reader: ChainReader;
  readonly #log: Logger;
  readonly #onFault: OnFault;
  readonly #topics: readonly Hex[];
  readonly #mayHoldLogs: (logsBloom: Hex) => boolean;
  #blocksPerAnswer = BLOCKS_PER_ANSWER_START;
  #blocksLimit = BLOCKS_PER_ANSWER_MAX;
  #answersAtLimit = 0;
  #growth = EAGER_GROWTH;

  constructor(options: { vault: Vault; reader: ChainReader; log: Logger; onFault?: OnFault }) {
    this.#vault = options.vault;
    this.#reader = options.reader;
    this.#log = options.log;
    this.#onFault = options.onFault ?? (() => undefined);
    this.#topics = adapterOf(options.vault.kind).topics;
    this.#mayHoldLogs = createBloomTest(options.vault.address, this.#topics);
  }

  /** How many blocks the next answer should cover. */
  get blocksPerAnswer(): number {
    return this.#blocksPerAnswer;
  }

  /**
   * The facts of one block. Its bloom decides whether to ask at all. An empty answer that the bloom contradicts is asked for again, since the node may lag;
   * then the block's receipts decide. Where the node does not answer receipts the bloom is taken for a coincidence, which it may be. Where the bloom says
   * nothing the node is asked once. `asksAgainstBloom` asks once also where the bloom rules logs out, for what must not rest on it.
   *
   * @throws ChainReadError
   */
  async factsOfBlock(header: BlockHeader, { asksAgainstBloom = false } = {}): Promise<Fact[]> {
    const { address } = this.#vault;
    const mayHoldLogs = header.logsBloom === null ? null : this.#mayHoldLogs(header.logsBloom);
    if (mayHoldLogs === false && !asksAgainstBloom) return [];
    if (!mayHoldLogs) return this.#decode(await this.#reader.logsOfBlock(address, this.#topics, header));
    for (const pauseMs of [...BLOOM_RETRIES_MS, null]) {
      const logs = await this.#reader.logsOfBlock(address, this.#topics, header);
      if (logs.length > 0) return this.#decode(logs);
      this.#onFault('empty_answer');
      this.#log.debug({ block: header.number }, 'empty answer against the bloom');
      if (pauseMs !== null) await delay(pauseMs);
    }
    return this.#decode((await this.#reader.logsOfReceipts(address, this.#topics, header)) ?? []);
  }

  /** True where the node answers this log, which it answered before, when asked for its block. */
  async answersAgain({
    blockHash,
    blockTime,
    logIndex,
  }: Pick<Fact, 'blockHash' | 'blockTime' | 'logIndex'>): Promise<boolean> {
    const block = { hash: blockHash, timestamp: blockTime };
    const logs = await this.#reader.logsOfBlock(this.#vault.address, this.#topics, block);
    return logs.some((log) => log.logIndex === logIndex);
  }

  /**
   * The facts of a range; the answer may end earlier than asked where the node would not take as much. Where the read fails, the next one asks for half:
   * a range may be too wide without the node saying so, by taking longer than it is waited for.
   *
   * @throws ChainReadError
   */
  async factsOfRange(fromBlock: number, toBlock: number, owners?: readonly Hex[]): Promise<FactRange> {
    for (let end = toBlock; ;) {
      const blocks = end - fromBlock + 1;
      const logs = await this.#logsOrRefusal(fromBlock, end, owners);
      if (!(logs instanceof RangeTooWideError)) {
        this.#adapt(logs.length, blocks);
        return { fromBlock, toBlock: end, facts: await this.#decode(logs) };
      }
      if (blocks === 1)
        throw new ChainReadError(`the node refuses even a single block: ${logs.message}`, { cause: logs });
      this.#onFault('range_refused');
      this.#narrow(blocks, logs);
      this.#log.debug({ blocks, blocksPerAnswer: this.#blocksPerAnswer }, 'the node wants a narrower range');
      end = fromBlock + this.#blocksPerAnswer - 1;
    }
  }

  async #logsOrRefusal(
    fromBlock: number,
    toBlock: number,
    owners: readonly Hex[] | undefined,
  ): Promise<RawLog[] | RangeTooWideError> {
    const { address } = this.#vault;
    try {
      return await this.#reader.logsOfRange({
        address,
        topics: this.#topics,
        fromBlock,
        toBlock,
        ...(owners ? { owners } : {}),
      });
    } catch (error) {
      if (error instanceof RangeTooWideError) return error;
      const blocks = toBlock - fromBlock + 1;
      // The end of the chain is asked for in few blocks, and may fail because a node lags: that says nothing of wide ranges.
      this.#narrow(blocks, { blocks: null, isLimit: blocks > BLOCKS_PER_ANSWER_START });
      throw error;
    }
  }

  /** After a refusal or a failure: what the node named, or half; from then on growth is slow, and over a limit slower still. */
  #narrow(blocks: number, refusal: Pick<RangeTooWideError, 'blocks' | 'isLimit'>): void {
    const fitting = refusal.blocks !== null && refusal.blocks < blocks ? refusal.blocks : Math.floor(blocks / 2);
    this.#growth = CAUTIOUS_GROWTH;
    this.#blocksPerAnswer = Math.max(1, Math.min(this.#blocksLimit, fitting));
    if (!refusal.isLimit) return;
    this.#blocksLimit = this.#blocksPerAnswer;
    this.#answersAtLimit = 0;
  }

  #adapt(logs: number, blocks: number): void {
    if (blocks >= this.#blocksLimit) this.#answersAtLimit += 1;
    if (this.#answersAtLimit >= ANSWERS_UNTIL_RETRY) {
      this.#answersAtLimit = 0;
      this.#blocksLimit = Math.min(BLOCKS_PER_ANSWER_MAX, this.#blocksLimit * 2);
    }
    const fitting = logs === 0 ? Infinity : Math.floor((blocks * LOGS_PER_ANSWER) / logs);
    const grown = Math.max(1, Math.min(fitting, Math.ceil(blocks * this.#growth), this.#blocksLimit));
    // A short last range says little; only an overfull answer may shrink what was learnt from full ones.
    this.#blocksPerAnswer = logs > LOGS_PER_ANSWER ? grown : Math.max(grown, this.#blocksPerAnswer);
  }

  async #decode(logs: readonly RawLog[]): Promise<Fact[]> {
    const adapter = adapterOf(this.#vault.kind);
    const times = await this.#timesOf(logs);
    return logs.map((log) => ({
      ...adapter.decode(log),
      blockNumber: log.blockNumber,
      blockHash: log.blockHash,
      logIndex: log.logIndex,
      txHash: log.transactionHash,
      blockTime: log.blockTimestamp ?? (times.get(log.blockNumber) as number),
    }));
  }

  async #timesOf(logs: readonly RawLog[]): Promise<Map<number, number>> {
    const hashByNumber = new Map(
      logs.filter((log) => log.blockTimestamp === null).map((log) => [log.blockNumber, log.blockHash]),
    );
    const times = new Map<number, number>();
    const blocks = [...hashByNumber];
    for (let start = 0; start < blocks.length; start += HEADERS_IN_FLIGHT) {
      await Promise.all(
        blocks.slice(start, start + HEADERS_IN_FLIGHT).map(async ([number, hash]) => {
          const header = await this.#reader.header(number);
          if (header?.hash !== hash) throw new ChainReadError(`block ${number} changed while its logs were read`);
          times.set(number, header.timestamp);
        }),
      );
    }
    return times;
  }
}
