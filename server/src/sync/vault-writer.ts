import type { ChangeCounts, SyncLiveEvent } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, transact } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { addChanges, addSinkChanges, NO_CHANGES, NO_SINK_CHANGE } from './changes.ts';
import { StaleWriterError } from './errors.ts';
import type { SyncLease } from './lease.ts';
import { findFloor } from './local-chain.ts';
import { appendOutbox } from './outbox.ts';
import { type Difference, equalsContract } from './plan.ts';
import type { AsOf, Correction, FactSink, SinkChange, StoredPosition } from './sink.ts';
import { type Checkpoint, type Fact, positionRef, type Vault } from './types.ts';
import {
  type Cursor,
  deleteCheckpointsAbove,
  pruneCheckpointsBelow,
  readCheckpoints,
  readVaultState,
  type VaultState,
  writeCheckpoints,
  writeStartBlock,
  writeVaultState,
} from './vault-store.ts';

/** Facts in one transaction up to which each is told to subscribers; more are told as one event. */
const DESCRIBED_FACTS_MAX = 200;

const RECOUNT_PAGE = 5000;

/** Facts of consecutive blocks, and the block they reach. */
export type Unit = { fromBlock: number; facts: readonly Fact[]; end: Cursor & Checkpoint };

type WriterOptions = {
  database: Database;
  lease: SyncLease;
  sink: FactSink;
  clock: Clock;
  vault: Vault;
  /** Called after a commit that appended live events. */
  onEvents: () => void;
};

type Observed = Pick<VaultState, 'headBlock' | 'finalizedBlock' | 'verifiedBlock'>;

type LiveNotice = { ownerAddress: string | null; event: SyncLiveEvent };

/** What one transaction did, for the vault's row and for memory. */
type Write = {
  change: SinkChange;
  conflicts?: number;
  reorgs?: number;
  events?: readonly LiveNotice[];
  checkpoints?: Checkpoint[];
  /** Counted anew from the table, where the kept figures cannot be trusted. */
  recount?: { stakedTotalRaw: bigint; positions: number };
};

/**
 * Every write of one vault. Each is one transaction that checks the lease's fencing token, locks the vault's row, checks that the cursor is where this
 * process believes it, and moves facts, positions, cursor, checkpoints and outbox together; a crash at any moment leaves all of it or nothing.
 */
export class VaultWriter {
  readonly vault: Vault;
  readonly #options: WriterOptions;
  #state: VaultState;
  #checkpoints: Checkpoint[];
  /** Learnt from the chain, written with the next change: an idle vault writes no row. */
  #observed: Observed;

  private constructor(options: WriterOptions, state: VaultState, checkpoints: Checkpoint[]) {
    this.vault = options.vault;
    this.#options = options;
    this.#state = state;
    this.#checkpoints = checkpoints;
    this.#observed = pickObserved(state);
  }

  /** Reads where the vault stands. */
  static async open(options: WriterOptions): Promise<VaultWriter> {
    const em = options.database.em();
    return new VaultWriter(
      options,
      await readVaultState(em, options.database, options.vault.id),
      await readCheckpoints(em, options.vault.id),
    );
  }

  /** Reads again where the vault stands, after another process may have written. */
  async reload(): Promise<void> {
    const em = this.#options.database.em();
    this.#state = await readVaultState(em, this.#options.database, this.vault.id);
    this.#observed = pickObserved(this.#state);
    this.#checkpoints = await readCheckpoints(em, this.vault.id);
  }

  /** As last committed, with what was observed since. */
  get state(): VaultState {
    return { ...this.#state, ...this.#observed };
  }

  get cursor(): Cursor | null {
    return this.#state.cursor;
  }

  /** Applied blocks that are not final, newest first, and the floor under them. */
  get checkpoints(): readonly Checkpoint[] {
    return this.#checkpoints;
  }

  /**
   * What was final when the checkpoints were written. What became final since may be other blocks in their place: a fork is judged by this. Null while
   * nothing is applied.
   */
  get finalizedWithCheckpoints(): number | null {
    return this.#state.finalizedBlock;
  }

  /** Remembers what the chain says of itself; memory only. */
  observe(observed: Partial<Observed>): void {
    this.#observed = { ...this.#observed, ...observed };
  }

  /**
   * Writes how far the positions are verified, where the row does not know it yet. For the end of the work: until then the memory knows it, and it is
   * written with the next change. Finality stays as it was with the checkpoints, which nobody has compared with it since.
   */
  async saveVerified(): Promise<void> {
    if (this.#observed.verifiedBlock === this.#state.verifiedBlock) return;
    this.observe({ finalizedBlock: this.#state.finalizedBlock });
    await this.#write(this.cursor, async () => ({ change: NO_SINK_CHANGE }));
  }

  /** Applies the facts of consecutive blocks and moves the cursor to their end. */
  async applyUnit(unit: Unit): Promise<ChangeCounts> {
    const { end, facts } = unit;
    const describe = facts.length <= DESCRIBED_FACTS_MAX;
    return this.#write(end, async (em) => {
      const change = await this.#options.sink.applyFacts(em, facts, { ...this.#asOf(end), describe });
      const checkpoints = await this.#writeCheckpoint(em, end);
      const events = describe ? change.events : [this.#summaryOf(facts, unit.fromBlock, end.number)];
      return { change, checkpoints, events };
    });
  }

  /** Orphans everything above the ancestor and moves the cursor back to it; null is the beginning. */
  async rollBack(ancestor: Cursor | null): Promise<ChangeCounts> {
    const { vault } = this;
    const blockNumber = ancestor?.number ?? vault.startBlock - 1;
    this.#unverifyAbove(blockNumber);
    return this.#write(ancestor, async (em) => {
      const asOf = this.#asOf(ancestor ?? { number: blockNumber, hash: '0x', timestamp: 0 });
      const change = await this.#options.sink.orphanFactsAbove(em, asOf);
      await deleteCheckpointsAbove(em, vault.id, blockNumber);
      const notice = {
        type: 'reorganized',
        vaultId: vault.id,
        blockNumber: Math.max(0, blockNumber),
        factsOrphaned: change.factsApplied,
      } as const;
      const events = [{ ownerAddress: null, event: notice }, ...change.events];
      const checkpoints = this.#checkpoints.filter(({ number }) => number <= blockNumber);
      return { change: { ...change, factsApplied: 0 }, reorgs: 1, events, checkpoints };
    });
  }

  /**
   * Sets aside everything that was read, final or not, so that the vault is read anew from that block. Facts that the chain still has are revived then; positions
   * come back under new ids. Answers the number of facts that were set aside.
   */
  async startOver(startBlock: number): Promise<number> {
    const { vault } = this;
    let factsOrphaned = 0;
    this.observe({ headBlock: null, finalizedBlock: null, verifiedBlock: null });
    await this.#write(null, async (em) => {
      factsOrphaned = await this.#options.sink.orphanAll(em, vault.id);
      await deleteCheckpointsAbove(em, vault.id, -1);
      await writeStartBlock(em, vault.id, startBlock);
      const blockNumber = Math.max(0, startBlock - 1);
      const event = { type: 'reorganized', vaultId: vault.id, blockNumber, factsOrphaned } as const;
      return {
        change: NO_SINK_CHANGE,
        reorgs: 1,
        events: [{ ownerAddress: null, event }],
        checkpoints: [],
        recount: { stakedTotalRaw: 0n, positions: 0 },
      };
    });
    return factsOrphaned;
  }

  /** Applies logs that were missed below the cursor, which stays. What was verified without them counts no more. */
  async applyMissed(facts: readonly Fact[]): Promise<ChangeCounts> {
    const cursor = this.#requireCursor();
    const missed = await this.#options.sink.selectMissing(this.#options.database.em(), this.vault, facts);
    const [oldest] = missed;
    if (!oldest) return NO_CHANGES;
    this.#unverifyAbove(oldest.blockNumber - 1);
    return this.#write(cursor, async (em) => {
      const missing = await this.#options.sink.selectMissing(em, this.vault, facts);
      const describe = missing.length <= DESCRIBED_FACTS_MAX;
      const change = await this.#options.sink.applyFacts(em, missing, { ...this.#asOf(cursor), describe });
      const [first, last] = [missing[0] ?? oldest, missing.at(-1) ?? oldest];
      const events = describe ? change.events : [this.#summaryOf(missing, first.blockNumber, last.blockNumber)];
      return { change, events };
    });
  }

  /** Told to subscribers instead of facts that are too many to be told one by one. */
  #summaryOf(facts: readonly Fact[], fromBlock: number, toBlock: number): LiveNotice {
    const event = {
      type: 'backfilled',
      vaultId: this.vault.id,
      fromBlock,
      toBlock,
      factsApplied: facts.length,
    } as const;
    return { ownerAddress: null, event };
  }

  /**
   * Makes positions equal to the contract as read at the cursor. First the owners' logs: those that the chain dropped are orphaned, those that were missed
   * are applied. Then every position is folded anew from its facts. What still differs is a conflict: the contract's state becomes a correcting fact,
   * and the audit trail says why.
   */
  async resolve(
    differences: readonly Difference[],
    { ownersFacts, dropped }: { ownersFacts: readonly Fact[]; dropped: readonly Fact[] },
  ): Promise<ChangeCounts> {
    const cursor = this.#requireCursor();
    const { sink } = this.#options;
    return this.#write(cursor, async (em) => {
      const asOf = this.#asOf(cursor);
      const orphaned = await sink.orphanFacts(em, dropped, asOf);
      const missing = await sink.selectMissing(em, this.vault, ownersFacts);
      const applied = await sink.applyFacts(em, missing, { ...asOf, describe: true });
      const refolded = await sink.refold(em, differences, asOf);
      const stored = await this.#readStored(em, differences);
      const explained = new Set(missing.map(positionRef));
      const conflicts: (Correction & { before: StoredPosition | null })[] = [];
      const corrections: Correction[] = [];
      for (const { chain, stored: before, ...position } of differences) {
        const ref = positionRef(position);
        const row = stored.get(ref) ?? null;
        const isEqual = chain ? row !== null && equalsContract(row, chain) : row === null;
        if (isEqual && explained.has(ref)) continue;
        if (isEqual) {
          conflicts.push({ position, reason: 'row_differed_from_facts', before, after: row });
          continue;
        }
        const reason = chain ? 'contract_differs_from_facts' : 'absent_in_contract';
        corrections.push({ position, reason, after: chain });
        conflicts.push({ position, reason, before, after: chain });
      }
      const corrected = await sink.correct(em, corrections, asOf);
      await sink.recordConflicts(em, conflicts, asOf);
      const change = [orphaned, applied, refolded, corrected].reduce(addSinkChanges);
      return {
        change: { ...change, factsApplied: missing.length },
        conflicts: conflicts.length,
        events: change.events,
        // A row that somebody changed took the kept total with it.
        ...(conflicts.length > 0 ? { recount: await this.#recount(em) } : {}),
      };
    });
  }

  /** Removes rows that are no position's, with a row of the audit trail for each. The kept figures stay, and so tell of the positions whose rows they were. */
  async removeMislabelled(rows: readonly StoredPosition[]): Promise<ChangeCounts> {
    if (rows.length === 0) return NO_CHANGES;
    const cursor = this.#requireCursor();
    const { sink } = this.#options;
    return this.#write(cursor, async (em) => {
      await sink.removeRows(
        em,
        rows.map(({ id }) => id),
      );
      const conflicts = rows.map((row) => {
        return { position: row, reason: 'row_differed_from_facts', before: row, after: null } as const;
      });
      await sink.recordConflicts(em, conflicts, this.#asOf(cursor));
      return { change: { ...NO_SINK_CHANGE, deleted: rows.length }, conflicts: rows.length };
    });
  }

  /** Sets the kept total and count to those of the table, where they had come apart. Answers the total. */
  async recountTotal(): Promise<bigint> {
    await this.#write(this.#requireCursor(), async (em) => ({
      change: NO_SINK_CHANGE,
      recount: await this.#recount(em),
    }));
    return this.#state.stakedTotalRaw;
  }

  async #recount(em: SqlEntityManager): Promise<{ stakedTotalRaw: bigint; positions: number }> {
    const counted = { stakedTotalRaw: 0n, positions: 0 };
    for (let afterId = ''; ;) {
      const { positions: page } = await this.#options.sink.readAfter(em, this.vault.id, afterId, RECOUNT_PAGE);
      for (const { amountRaw } of page) counted.stakedTotalRaw += amountRaw;
      counted.positions += page.length;
      const last = page.at(-1);
      if (!last) return counted;
      afterId = last.id;
    }
  }

  async #readStored(em: SqlEntityManager, differences: readonly Difference[]): Promise<Map<string, StoredPosition>> {
    const owners = [...new Set(differences.map(({ ownerAddress }) => ownerAddress))];
    const rows = await this.#options.sink.readOwners(em, this.vault.id, owners);
    return new Map(rows.map((row) => [positionRef(row), row]));
  }

  /** Adds a checkpoint and forgets those that finality has made superfluous. Answers the list as it is then. */
  async #writeCheckpoint(em: SqlEntityManager, { number, hash, parentHash }: Checkpoint): Promise<Checkpoint[]> {
    await writeCheckpoints(em, this.#options.database, this.vault.id, [{ number, hash, parentHash }]);
    const checkpoints = [{ number, hash, parentHash }, ...this.#checkpoints];
    const floor = findFloor(checkpoints, this.#observed.finalizedBlock);
    if (floor === null || !this.#checkpoints.some((block) => block.number < floor)) return checkpoints;
    await pruneCheckpointsBelow(em, this.vault.id, floor);
    return checkpoints.filter((block) => block.number >= floor);
  }

  /** A position above this block may be another than the one that was compared. */
  #unverifyAbove(block: number): void {
    const { verifiedBlock } = this.#observed;
    if (verifiedBlock !== null && verifiedBlock > block) this.observe({ verifiedBlock: block < 0 ? null : block });
  }

  #asOf(block: Cursor): AsOf {
    return { vault: this.vault, block, finalizedBlock: this.#observed.finalizedBlock };
  }

  #requireCursor(): Cursor {
    if (!this.cursor) throw new Error('nothing of this vault is applied yet');
    return this.cursor;
  }

  /** The one way to write: lease, row lock, cursor check, work, row. `cursor` is where it stands afterwards. */
  async #write(cursor: Cursor | null, work: (em: SqlEntityManager) => Promise<Write>): Promise<ChangeCounts> {
    const { database, lease, clock, onEvents } = this.#options;
    const expected = this.cursor;
    const outcome = await transact(database, async (em) => {
      await lease.assertHeld(em);
      const state = await readVaultState(em, database, this.vault.id, true);
      if (state.cursor?.hash !== expected?.hash)
        throw new StaleWriterError('another process has moved the cursor of this vault');
      const {
        change,
        conflicts = 0,
        reorgs = 0,
        events = [],
        checkpoints = this.#checkpoints,
        recount,
      } = await work(em);
      await appendOutbox(em, database, events, clock.now());
      const counts: ChangeCounts = {
        factsApplied: change.factsApplied,
        creates: change.created,
        updates: change.updated,
        deletes: change.deleted,
        conflicts,
      };
      const next: VaultState = {
        ...this.#observed,
        cursor: cursor ? { number: cursor.number, hash: cursor.hash, timestamp: cursor.timestamp } : null,
        headBlock: Math.max(this.#observed.headBlock ?? 0, cursor?.number ?? 0),
        stakedTotalRaw: recount?.stakedTotalRaw ?? state.stakedTotalRaw + change.stakedDeltaRaw,
        positions: recount?.positions ?? state.positions + change.created - change.removed,
        counters: { ...addChanges(state.counters, counts), reorgs: state.counters.reorgs + reorgs },
      };
      await writeVaultState(em, this.vault.id, next);
      return { counts, next, checkpoints, hasEvents: events.length > 0 };
    });
    this.#state = outcome.next;
    this.#checkpoints = outcome.checkpoints;
    if (outcome.hasEvents) onEvents();
    return outcome.counts;
  }
}

function pickObserved({ headBlock, finalizedBlock, verifiedBlock }: VaultState): Observed {
  return { headBlock, finalizedBlock, verifiedBlock };
}
