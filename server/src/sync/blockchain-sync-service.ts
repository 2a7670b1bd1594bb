import type { ChangeCounts } from '@finverse/shared';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Mutex } from '../kernel/mutex.ts';
import { addChanges, NO_CHANGES } from './changes.ts';
import type { ChainReader } from './chain/reader.ts';
import { ChainReadError, DeepReorgError, NodeBehindError, UnexplainedTotalError } from './errors.ts';
import { faultKindOf, type OnFault } from './fault-kinds.ts';
import { findAncestor, judgeHead, type MissingBlocks } from './local-chain.ts';
import type { LogFetcher } from './log-fetcher.ts';
import { PATH_BLOCKS_MAX, readProvenPath } from './proven-path.ts';
import { reconcileOwner, reconcileVault, type ReconcileOutcome } from './reconcile.ts';
import type { FactSink, StoredPosition } from './sink.ts';
import { Sweep } from './sweep.ts';
import type { BlockHeader, BlockRef, Hex } from './types.ts';
import type { Unit, VaultWriter } from './vault-writer.ts';
import type { Cursor } from './vault-store.ts';

/** Answers fetched ahead of the one that is being applied. */
const RANGES_IN_FLIGHT = 2;

/** anvil and hardhat, ganache: one node each, whose chain may be reset. */
const DEVELOPMENT_CHAINS = new Set([31_337, 1_337]);
/** How long a chain must have ended below the cursor to count as shortened: longer than any node lags behind the others. */
const SHORTENED_AFTER_MS = 120_000;

/** Forks resolved on the way to one head before it is left for the next. */
const FORKS_PER_HEAD_MAX = 8;

/** Where the `finalized` tag is not known, blocks this far under the head count as final. */
const FINALITY_FALLBACK_BLOCKS = 128;
/** Besu says `Unknown block` (-39001). */
const UNKNOWN_TAG = /finali[sz]ed|\btag\b|invalid (argument|param|block)|unknown block|not supported|unsupported/i;

/** A unit as it was read. `parentHash` names the block that it joins on to; null after a unit that is as final as this one. */
type FetchedUnit = Unit & { parentHash: Hex | null };

export type SyncServiceOptions = {
  database: Database;
  reader: ChainReader;
  fetcher: LogFetcher;
  writer: VaultWriter;
  sink: FactSink;
  clock: Clock;
  log: Logger;
  /** Told of each piece of work that failed. */
  onFault?: OnFault;
};

/**
 * Keeps one vault equal to its contract: back-fill, new heads, forks, reconcile. One piece of work at a time; everything that writes goes through here,
 * so that what a comparison reads in the database is exactly the state at the cursor.
 */
export class BlockchainSyncService {
  readonly #options: SyncServiceOptions;
  readonly #mutex = new Mutex();
  readonly #sweep = new Sweep();
  #pendingHead: BlockHeader | null = null;
  #draining: Promise<void> | null = null;
  #haltedReason: string | null = null;
  /** Since when every answer says that the chain ends below the cursor, on the monotonic clock; null where the last one reached it. */
  #shorterSinceMs: number | null = null;
  /** Whether a node has told what is final since the start. */
  #answersFinality = false;
  #stopping = new AbortController();

  constructor(options: SyncServiceOptions) {
    this.#options = options;
    // At rest until it is resumed.
    this.#stopping.abort();
  }

  get writer(): VaultWriter {
    return this.#options.writer;
  }

  /** Why this vault stopped for good; null while it goes on. */
  get haltedReason(): string | null {
    return this.#haltedReason;
  }

  /** The last block at which that position was compared with the contract. */
  verifiedBlockOf(position: { id: string; firstBlock: number }): number | null {
    // At rest, another replica may be the one that compares: then the vault's row knows more than this memory.
    if (this.#stopping.signal.aborted) return null;
    return this.#sweep.verifiedBlockOf(position.id) ?? this.#sweptBefore(position.firstBlock);
  }

  /** Lets long work end after the unit in hand, waits for it, and leaves in the database what only this process knew. */
  async pause(): Promise<void> {
    this.#stopping.abort();
    await this.#draining;
    await this.#mutex.run(async () => {
      // What is verified stands on the chain that is in doubt.
      if (this.#haltedReason) return;
      // Where the lease is lost or the database away, the next who leads verifies again.
      await this.writer.saveVerified().catch((error: unknown) => {
        this.#options.log.debug({ err: error }, 'how far the positions are verified could not be saved');
      });
    });
  }

  /** Takes up work again after {@link pause}, from what the database says. */
  async resume(): Promise<void> {
    this.#stopping = new AbortController();
    this.#haltedReason = null;
    this.#shorterSinceMs = null;
    this.#sweep.reset();
    await this.#mutex.run(() => this.writer.reload());
  }

  /**
   * Hears of a new head from the watcher. Returns at once; heads that arrive while one is worked on are folded into the newest.
   * A failure is logged and left to the next head or the reconcile cycle.
   */
  hearHead(header: BlockHeader): void {
    this.#pendingHead = header;
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = null;
      // One that came between the last look and here.
      if (this.#pendingHead && !this.#stopping.signal.aborted) this.hearHead(this.#pendingHead);
    });
  }

  /** Catches up to the chain's head and compares with the contract. @throws ChainReadError; what was not read changed nothing. */
  async reconcile(): Promise<ReconcileOutcome> {
    return this.#exclusively(async () => {
      const caughtUp = await this.#catchUp();
      const compared = await reconcileVault(this.#reconcileParts(), this.#sweep);
      return { ...compared, changes: addChanges(caughtUp, compared.changes) };
    });
  }

  /** Catches up, then compares every position of one owner. */
  async reconcileOwner(
    owner: Hex,
  ): Promise<{ changes: ChangeCounts; positions: StoredPosition[]; verifiedBlock: number | null }> {
    return this.#exclusively(async () => {
      const caughtUp = await this.#catchUp();
      const compared = await reconcileOwner(this.#reconcileParts(), owner);
      for (const { id } of compared.positions) this.#sweep.noteVerified(id, compared.verifiedBlock ?? 0);
      return { ...compared, changes: addChanges(caughtUp, compared.changes) };
    });
  }

  /**
   * One piece of work at a time. Where a write failed it is not known what the database holds (a commit may have arrived without its answer), so the
   * state is read again before the next.
   */
  #exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#mutex.run(async () => {
      try {
        return await work();
      } catch (error) {
        this.#options.onFault?.(faultKindOf(error));
        const isWrittenWhole = [ChainReadError, DeepReorgError, UnexplainedTotalError].some(
          (is) => error instanceof is,
        );
        if (!isWrittenWhole) {
          await this.writer.reload().catch(() => undefined);
        }
        throw error;
      }
    });
  }

  #reconcileParts() {
    return { ...this.#options, signal: this.#stopping.signal };
  }

  #sweptBefore(firstBlock: number): number | null {
    const { verifiedBlock } = this.writer.state;
    return verifiedBlock !== null && firstBlock <= verifiedBlock ? verifiedBlock : null;
  }

  async #drain(): Promise<void> {
    while (this.#pendingHead && !this.#stopping.signal.aborted) {
      const head = this.#pendingHead;
      this.#pendingHead = null;
      try {
        this.writer.observe({ headBlock: head.number });
        await this.#exclusively(() => this.#advance(head));
      } catch (error) {
        this.#options.log.warn(
          { err: error, block: head.number },
          'could not apply a head; the next one or the reconcile cycle will',
        );
      }
    }
  }

  async #catchUp(): Promise<ChangeCounts> {
    const { reader, writer } = this.#options;
    const head = await reader.header('latest');
    if (!head) throw new ChainReadError('the node answers no latest block');
    writer.observe({ headBlock: head.number, finalizedBlock: await this.#finalizedBlock(head.number) });
    const isShorter = writer.cursor !== null && head.number < writer.cursor.number;
    const changes = isShorter && (await this.#hasDropped(writer.cursor)) ? await this.#rollBack() : NO_CHANGES;
    return addChanges(changes, await this.#advance(head));
  }

  /** Never goes back: a node behind the others does not make a final block less final. */
  async #finalizedBlock(headBlock: number): Promise<number> {
    const known = this.writer.state.finalizedBlock ?? 0;
    const answered = await this.#options.reader.header('finalized').catch((error: unknown) => {
      // Only a node that does not know the tag; one that did not answer says nothing about finality.
      if (!UNKNOWN_TAG.test(describeError(error))) throw error;
      return null;
    });
    // Block 0 is final everywhere: a node that names it knows of none, or its chain is younger than the fallback, which then says the same.
    const finalized = answered?.number === 0 ? null : answered;
    this.#answersFinality ||= finalized !== null;
    // Where the chain tells what is final, one answer without it is that of a node which does not know yet.
    const fallback = this.#answersFinality ? known : headBlock - FINALITY_FALLBACK_BLOCKS;
    // A node that calls final what is above its own head is not to be believed.
    return Math.max(known, Math.min(finalized?.number ?? fallback, headBlock));
  }

  /** Moves the cursor to the head, over whatever lies between. The caller holds the mutex. */
  async #advance(target: BlockHeader): Promise<ChangeCounts> {
    const { writer, reader, fetcher } = this.#options;
    if (this.#haltedReason) throw new DeepReorgError(this.#haltedReason);
    let head = target;
    let changes = NO_CHANGES;
    for (let forks = 0; forks < FORKS_PER_HEAD_MAX; forks += 1) {
      // A chain that reaches the cursor is not shorter: what ended below it was a node that lags.
      if (writer.cursor && head.number >= writer.cursor.number) this.#shorterSinceMs = null;
      const step = judgeHead(head, writer.cursor, writer.checkpoints, writer.vault.startBlock);
      if (step === 'known') return changes;
      if (step === 'extends') {
        const facts = await fetcher.factsOfBlock(head);
        return addChanges(changes, await writer.applyUnit({ fromBlock: head.number, facts, end: head }));
      }
      const isDropped = await this.#hasDropped(writer.cursor);
      if (!isDropped && step === 'ahead') {
        changes = addChanges(changes, await this.#backfill(head));
        if (this.#stopping.signal.aborted || writer.cursor?.hash === head.hash) return changes;
      } else if (isDropped) {
        changes = addChanges(changes, await this.#rollBack());
      }
      // A late announcement of a dropped head, or a chain that moved meanwhile: what counts is the head as of now.
      const latest = await reader.header('latest');
      if (!latest) throw new ChainReadError('the node answers no latest block');
      head = latest;
    }
    throw new ChainReadError('the chain forks faster than it can be followed');
  }

  /** Null where the node's chain ends below that block. @throws ChainReadError where the node has a hole instead. */
  async #isCanonical(block: BlockRef): Promise<boolean | null> {
    const { reader } = this.#options;
    const header = await reader.header(block.number);
    if (header) return header.hash === block.hash;
    const head = await reader.header('latest');
    if (!head || head.number >= block.number) {
      throw new ChainReadError(`the node answers no block ${block.number}, although its chain reaches it`);
    }
    return null;
  }

  /**
   * Whether the chain has dropped the cursor. Another block of its number says so, and so does another block of an older one's. A node that merely ends
   * below it may be behind the others; it counts as cut back only where it stays so, or at once on a development chain, which is one node.
   *
   * @throws NodeBehindError
   */
  async #hasDropped(cursor: BlockRef | null): Promise<boolean> {
    if (!cursor) return false;
    let newestShared: BlockRef | null = null;
    for (const block of [cursor, ...this.writer.checkpoints]) {
      const isCanonical = await this.#isCanonical(block);
      if (isCanonical === false) return true;
      if (isCanonical === null) continue;
      newestShared = block;
      break;
    }
    if (newestShared?.hash === cursor.hash) {
      this.#shorterSinceMs = null;
      return false;
    }
    this.#shorterSinceMs ??= this.#options.clock.monotonic();
    if (this.#judgeMissingBlocks() !== 'behind') return true;
    throw new NodeBehindError('the node is behind the blocks that are applied');
  }

  #judgeMissingBlocks(): MissingBlocks {
    if (DEVELOPMENT_CHAINS.has(this.writer.vault.chainId)) return 'reset';
    const sinceMs = this.#shorterSinceMs;
    const isShortened = sinceMs !== null && this.#options.clock.monotonic() - sinceMs >= SHORTENED_AFTER_MS;
    return isShortened ? 'cut-back' : 'behind';
  }

  async #rollBack(): Promise<ChangeCounts> {
    const { writer, reader, log } = this.#options;
    const ancestor = await findAncestor(
      writer.checkpoints,
      writer.finalizedWithCheckpoints,
      (block) => this.#isCanonical(block),
      this.#judgeMissingBlocks(),
    );
    if (ancestor.kind === 'node-behind')
      throw new NodeBehindError('the node is behind the final blocks that are applied');
    this.#shorterSinceMs = null;
    if (ancestor.kind === 'too-deep') {
      this.#haltedReason = `the chain dropped block ${writer.checkpoints.at(-1)?.number}, which was final; nothing is written until an operator has decided`;
      log.error({ vault: writer.vault.id, reason: this.#haltedReason }, 'reorganisation deeper than finality');
      throw new DeepReorgError(this.#haltedReason);
    }
    let cursor: Cursor | null = null;
    if (ancestor.kind === 'block') {
      const header = await reader.header(ancestor.block.number);
      if (header?.hash !== ancestor.block.hash)
        throw new ChainReadError('the chain changed while the common ancestor was read');
      cursor = header;
    }
    log.warn(
      { vault: writer.vault.id, from: writer.cursor?.number, to: cursor?.number ?? null },
      'reorganisation: rolling back',
    );
    if (cursor) this.#sweep.rollBackTo(cursor.number);
    else this.#sweep.reset();
    return writer.rollBack(cursor);
  }

  /**
   * Applies the blocks up to and including the head in order, several ranges fetched ahead. Ranges end at finality, so that a final checkpoint always
   * stands under those that are not. Ends early, at a unit's end, when asked to stop or when the chain moved away under an unfinalised range.
   */
  async #backfill(head: BlockHeader): Promise<ChangeCounts> {
    const { writer } = this.#options;
    let changes = NO_CHANGES;
    const inFlight: { fromBlock: number; unit: Promise<FetchedUnit | null> }[] = [];
    let nextBlock = (writer.cursor?.number ?? writer.vault.startBlock - 1) + 1;
    if (head.number - nextBlock >= PATH_BLOCKS_MAX) {
      // So far behind, most of the way may have become final since that was last asked for.
      writer.observe({ finalizedBlock: await this.#finalizedBlock(head.number) });
    }
    const schedule = () => {
      const toBlock = this.#rangeEnd(nextBlock, head.number);
      const unit = this.#fetchUnit(nextBlock, toBlock);
      unit.catch(() => undefined);
      inFlight.push({ fromBlock: nextBlock, unit });
      nextBlock = toBlock + 1;
    };
    while (!this.#stopping.signal.aborted) {
      while (inFlight.length < RANGES_IN_FLIGHT && nextBlock <= head.number) schedule();
      const unit = await inFlight.shift()?.unit;
      if (!unit || (writer.cursor && unit.parentHash && unit.parentHash !== writer.cursor.hash)) return changes;
      changes = addChanges(changes, await writer.applyUnit(unit));
      const joinsAt = unit.end.number + 1;
      if ((inFlight[0]?.fromBlock ?? nextBlock) !== joinsAt) {
        // The node took less than was asked for: what was fetched ahead does not join on.
        inFlight.length = 0;
        nextBlock = joinsAt;
      }
    }
    return changes;
  }

  #rangeEnd(fromBlock: number, headBlock: number): number {
    const finalized = this.writer.state.finalizedBlock ?? 0;
    return fromBlock <= finalized
      ? Math.min(headBlock, fromBlock + this.#options.fetcher.blocksPerAnswer - 1, finalized)
      : Math.min(headBlock, fromBlock + PATH_BLOCKS_MAX - 1);
  }

  /** One range with the header of its end; null where the chain moved away meanwhile. Only final blocks are trusted by their number. */
  async #fetchUnit(fromBlock: number, toBlock: number): Promise<FetchedUnit | null> {
    const { fetcher, reader } = this.#options;
    if (toBlock > (this.writer.state.finalizedBlock ?? 0)) {
      const path = await readProvenPath(this.#options, fromBlock, toBlock);
      return path && { fromBlock, ...path };
    }
    // The cursor under the first range may have been applied before it was final.
    const isFirst = this.writer.cursor?.number === fromBlock - 1;
    const [first, range] = await Promise.all([
      isFirst ? reader.header(fromBlock) : null,
      fetcher.factsOfRange(fromBlock, toBlock),
    ]);
    const end = await reader.header(range.toBlock);
    const last = range.facts.at(-1);
    if ((isFirst && !first) || !end || (last?.blockNumber === end.number && last.blockHash !== end.hash)) return null;
    return { fromBlock, parentHash: first?.parentHash ?? null, facts: range.facts, end };
  }
}
