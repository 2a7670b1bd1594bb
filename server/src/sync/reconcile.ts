import type { ChangeCounts } from '@finverse/shared';
import type { Database } from '../db/index.ts';
import type { Logger } from '../kernel/logger.ts';
import { addChanges, NO_CHANGES } from './changes.ts';
import type { ChainReader } from './chain/reader.ts';
import { readContract } from './chain/rpc-fault.ts';
import { ChainReadError, UnexplainedTotalError } from './errors.ts';
import type { LogFetcher } from './log-fetcher.ts';
import { PATH_BLOCKS_MAX, readProvenPath } from './proven-path.ts';
import { type Difference, planDifferences, planMiscounted } from './plan.ts';
import type { FactSink, StoredPosition } from './sink.ts';
import type { Sweep, SweptRound } from './sweep.ts';
import { type BlockRef, type Fact, type Hex, positionRef } from './types.ts';
import { adapterOf, type PinnedReader } from './vaults/index.ts';
import type { VaultWriter } from './vault-writer.ts';

/** Positions compared in one run: with the interval this sets how long a sweep over all of them takes. */
export const POSITIONS_PER_RUN = 200;

export type ReconcileOutcome = { changes: ChangeCounts; positionsVerified: number };

type Parts = {
  database: Database;
  reader: ChainReader;
  fetcher: LogFetcher;
  writer: VaultWriter;
  sink: FactSink;
  log: Logger;
  /** Ends searches, which may read the whole history. */
  signal: AbortSignal;
};

/**
 * Compares the table with the contract at the cursor, all reads pinned to that block's hash: the next stretch of the rolling sweep, then the sum of all
 * open amounts, whose search for a cause may fail for long. Differences are explained by missed logs where there are any; the rest are conflicts, which
 * the contract wins.
 *
 * @throws ChainReadError when any read failed or the work was stopped; nothing is changed by what was not read.
 * @throws UnexplainedTotalError
 */
export async function reconcileVault(parts: Parts, sweep: Sweep): Promise<ReconcileOutcome> {
  const { writer, signal } = parts;
  const { cursor } = writer;
  if (!cursor || signal.aborted) return { changes: NO_CHANGES, positionsVerified: 0 };
  const pinned = parts.reader.pinnedAt(cursor.hash);
  const stretch = await sweepStretch(parts, sweep, pinned);
  const chainTotal = await readContract(() =>
    adapterOf(writer.vault.kind).readStakedTotal(pinned, writer.vault.address),
  );
  if (chainTotal === writer.state.stakedTotalRaw) return stretch;
  const changes = addChanges(stretch.changes, await explainTotal(parts, sweep, pinned, chainTotal));
  return { changes, positionsVerified: stretch.positionsVerified };
}

/** Compares all positions of one owner with the contract at the cursor. @throws ChainReadError; nothing is changed then. */
export async function reconcileOwner(
  parts: Parts,
  owner: Hex,
): Promise<{ changes: ChangeCounts; positions: StoredPosition[]; verifiedBlock: number | null }> {
  const { writer, reader, sink, database } = parts;
  const { vault, cursor } = writer;
  if (!cursor) return { changes: NO_CHANGES, positions: [], verifiedBlock: null };
  const chain = await readContract(() =>
    adapterOf(vault.kind).readOwner(reader.pinnedAt(cursor.hash), vault.address, owner),
  );
  const stored = await sink.readOwners(database.em(), vault.id, [owner]);
  const differences = planDifferences(chain, stored);
  const changes = await resolveWithLost(parts, differences);
  return { changes, positions: await sink.readOwners(database.em(), vault.id, [owner]), verifiedBlock: cursor.number };
}

/**
 * The sums differ: looks for missed logs, first since the last complete verification, then everywhere; then for rows that are gone; then compares every
 * position.
 */
async function explainTotal(
  parts: Parts,
  sweep: Sweep,
  pinned: PinnedReader,
  chainTotal: bigint,
): Promise<ChangeCounts> {
  const { writer, log, signal } = parts;
  const { vault } = writer;
  const difference = chainTotal - writer.state.stakedTotalRaw;
  const totals = `the contract's total is ${chainTotal} base units, the positions sum up to ${writer.state.stakedTotalRaw}`;
  const unexplained = new UnexplainedTotalError(`${totals}; no log explains the difference`);
  if (!sweep.shouldSearch(difference)) throw unexplained;
  log.warn({ vault: vault.id }, totals);
  const differs = () => writer.state.stakedTotalRaw !== chainTotal;
  let changes = NO_CHANGES;
  const sinceVerified = Math.max(vault.startBlock, (writer.state.verifiedBlock ?? 0) + 1);
  for (const start of new Set([sinceVerified, vault.startBlock])) {
    if (differs()) changes = addChanges(changes, await applyMissedSince(parts, start));
  }
  if (differs()) changes = addChanges(changes, await resolve(parts, await readLost(parts)));
  for (let afterId: string | null = ''; afterId !== null && differs();) {
    requireGoingOn(signal);
    const stretch: Stretch = await compareStretch(parts, pinned, afterId);
    changes = addChanges(changes, stretch.changes);
    afterId = stretch.throughId;
  }
  if (differs() && (await writer.recountTotal()) !== chainTotal) {
    sweep.noteUnexplained(difference);
    throw unexplained;
  }
  return changes;
}

/** Fetches the logs from a block to the cursor again, in stretches, and applies those that are not stored. */
async function applyMissedSince(parts: Parts, fromBlock: number): Promise<ChangeCounts> {
  let changes = NO_CHANGES;
  for await (const facts of factsSince(parts, fromBlock)) {
    if (facts.length > 0) changes = addChanges(changes, await parts.writer.applyMissed(facts));
  }
  return changes;
}

/**
 * The facts from a block to the cursor in the order of the chain, in stretches, each of them certain to be of the cursor's chain: of final blocks by their number, above them down
 * from the cursor, from block to parent.
 */
async function* factsSince(parts: Parts, fromBlock: number, owners?: readonly Hex[]): AsyncGenerator<Fact[]> {
  const { writer, fetcher, signal } = parts;
  if (!writer.cursor) return;
  const finalBlock = Math.min(writer.state.finalizedBlock ?? 0, writer.cursor.number);
  for (let from = fromBlock; from <= finalBlock;) {
    requireGoingOn(signal);
    const range = await fetcher.factsOfRange(from, Math.min(finalBlock, from + fetcher.blocksPerAnswer - 1), owners);
    yield range.facts;
    from = range.toBlock + 1;
  }
  // Read downwards, and answered upwards: a claim is nothing without the stake before it.
  const paths: Fact[][] = [];
  const lowest = Math.max(fromBlock, finalBlock + 1);
  for (let end: BlockRef = writer.cursor; end.number >= lowest;) {
    requireGoingOn(signal);
    const from = Math.max(lowest, end.number - PATH_BLOCKS_MAX + 1);
    // What no log explains is corrected, which would bury a log that only its bloom hides.
    const path = await readProvenPath(parts, from, end.number, { asksAgainstBloom: true });
    if (path?.end.hash !== end.hash) throw new ChainReadError('the chain moved while its logs were read again');
    paths.push(owners ? path.facts.filter(({ ownerAddress }) => owners.includes(ownerAddress)) : path.facts);
    end = { number: from - 1, hash: path.parentHash };
  }
  yield* paths.toReversed();
}

/**
 * Positions whose row is gone although their facts are there, as after a deletion by hand. The anti-join reads the whole of both tables, so it runs only
 * where something is known to differ.
 */
async function readLost({ writer, reader, sink, database }: Parts): Promise<Difference[]> {
  const { vault, cursor } = writer;
  const lost = cursor ? await sink.findWithoutRow(database.em(), vault.id) : [];
  if (!cursor || lost.length === 0) return [];
  const pinned = reader.pinnedAt(cursor.hash);
  const { positions } = await readContract(() => adapterOf(vault.kind).readPositions(pinned, vault.address, lost));
  const chainByRef = new Map(positions.map((position) => [positionRef(position), position]));
  return lost.map((position) => ({ ...position, chain: chainByRef.get(positionRef(position)) ?? null, stored: null }));
}

/** Compares the next stretch; at the end of a round also the number of all rows with what is kept, since a row that is gone is in no stretch. */
async function sweepStretch(parts: Parts, sweep: Sweep, pinned: PinnedReader): Promise<ReconcileOutcome> {
  const { writer } = parts;
  const block = writer.cursor?.number ?? 0;
  const version = versionOf(writer);
  const stretch = await compareStretch(parts, pinned, sweep.afterId);
  sweep.noteStretch({
    throughId: stretch.throughId,
    block,
    version,
    amountRaw: stretch.amountRaw,
    count: stretch.positionsVerified,
  });
  if (!stretch.isLast) return stretch;
  const seen = sweep.endRound();
  if (await isComplete(parts, seen)) {
    writer.observe({ verifiedBlock: seen.startBlock });
    return stretch;
  }
  // The facts may be gone with their row.
  const applied = await applyMissedSince(parts, writer.vault.startBlock);
  const restored = await resolve(parts, await readLost(parts));
  // Only now: until then the kept count is what tells that something is missing.
  await writer.recountTotal();
  return { ...stretch, changes: [stretch.changes, applied, restored].reduce(addChanges) };
}

/** Grows with everything that changes positions. */
function versionOf({ state: { counters } }: VaultWriter): number {
  return counters.factsApplied + counters.conflicts + counters.reorgs;
}

/**
 * Whether the table holds as many rows as is kept. A round during which nothing was written has seen all of them. Else they are counted: their amounts
 * need no sum, since each row that is there is compared by itself.
 */
async function isComplete({ writer, sink, database }: Parts, seen: SweptRound): Promise<boolean> {
  const { positions, stakedTotalRaw } = writer.state;
  if (seen.version === versionOf(writer)) return seen.count === positions && seen.amountRaw === stakedTotalRaw;
  return (await sink.countPositions(database.em(), writer.vault.id)) === positions;
}

type Stretch = ReconcileOutcome & {
  /** Sum of the amounts of the rows that were compared. */
  amountRaw: bigint;
  /** The last id that was compared; null where no position was left. */
  throughId: string | null;
  isLast: boolean;
};

/** Compares the next positions in id order, and the number of positions of each of their owners. */
async function compareStretch(parts: Parts, pinned: PinnedReader, afterId: string): Promise<Stretch> {
  const { writer, sink, database } = parts;
  const { vault } = writer;
  const adapter = adapterOf(vault.kind);
  const em = database.em();
  const page = await sink.readAfter(em, vault.id, afterId, POSITIONS_PER_RUN);
  if (page.positions.length === 0)
    return { changes: NO_CHANGES, positionsVerified: 0, amountRaw: 0n, throughId: null, isLast: true };
  const isMislabelled = ({ id }: StoredPosition) => page.mislabelledIds.has(id);
  // The true rows are made anew at the round's end, if no difference tells of them before.
  const removed = await writer.removeMislabelled(page.positions.filter(isMislabelled));
  const stored = page.positions.filter((row) => !isMislabelled(row));
  const chain = await readContract(() => adapter.readPositions(pinned, vault.address, stored));
  const storedCounts = await sink.countByOwner(em, vault.id, [...chain.counts.keys()]);
  const differences = planDifferences(chain.positions, stored);
  const seen = new Set(differences.map(positionRef));
  const add = (difference: Difference) => {
    if (!seen.has(positionRef(difference))) differences.push(difference);
    seen.add(positionRef(difference));
  };
  const chainByRef = new Map(chain.positions.map((position) => [positionRef(position), position]));
  const storedByRef = new Map(stored.map((position) => [positionRef(position), position]));
  for (const position of await sink.findMisfolded(em, vault, stored)) {
    const ref = positionRef(position);
    add({ ...position, chain: chainByRef.get(ref) ?? null, stored: storedByRef.get(ref) ?? null });
  }
  for (const owner of planMiscounted(chain.counts, storedCounts)) {
    const owned = await readContract(() => adapter.readOwner(pinned, vault.address, owner));
    planDifferences(owned, await sink.readOwners(em, vault.id, [owner])).forEach(add);
  }
  return {
    changes: addChanges(removed, await resolveWithLost(parts, differences)),
    positionsVerified: stored.length,
    amountRaw: stored.reduce((sum, { amountRaw }) => sum + amountRaw, 0n),
    throughId: page.positions.at(-1)?.id ?? null,
    isLast: page.positions.length < POSITIONS_PER_RUN,
  };
}

/**
 * Resolves these differences, and with them each row that is gone: a conflict has the kept figures counted anew, and then they tell of no such row any
 * more.
 */
async function resolveWithLost(parts: Parts, found: readonly Difference[]): Promise<ChangeCounts> {
  if (found.length === 0) return NO_CHANGES;
  const refs = new Set(found.map(positionRef));
  const lost = (await readLost(parts)).filter((difference) => !refs.has(positionRef(difference)));
  return resolve(parts, [...found, ...lost]);
}

async function resolve(parts: Parts, differences: readonly Difference[]): Promise<ChangeCounts> {
  const { writer, log } = parts;
  if (differences.length === 0 || !writer.cursor) return NO_CHANGES;
  log.warn({ vault: writer.vault.id, differences: differences.length }, 'positions differ from the contract');
  const owners = [...new Set(differences.map(({ ownerAddress }) => ownerAddress))];
  const facts = (await Array.fromAsync(factsSince(parts, writer.vault.startBlock, owners))).flat();
  return writer.resolve(differences, { ownersFacts: facts, dropped: await selectDropped(parts, owners, facts) });
}

/**
 * The stored logs that the chain does not have any more. What no log explains is corrected, so it must be certain that the node answers logs at all: all
 * others of these owners that it answered before, and the newest one that is stored.
 *
 * @throws ChainReadError where it leaves one out; a correction now would bury the true log for good.
 */
async function selectDropped(parts: Parts, owners: readonly Hex[], facts: readonly Fact[]): Promise<Fact[]> {
  const { writer, fetcher, sink, database } = parts;
  const { vault, cursor } = writer;
  const throughBlock = cursor?.number ?? 0;
  const em = database.em();
  const dropped = await sink.selectUnanswered(em, vault, owners, { facts, throughBlock });
  for (const { blockNumber, blockHash } of dropped) {
    if (await isDropped(parts, { number: blockNumber, hash: blockHash })) continue;
    throw new ChainReadError(`the node leaves out a log of block ${blockNumber} that it answered before`);
  }
  let newest = await sink.newestLog(em, vault.id, throughBlock);
  while (newest && (await isDropped(parts, { number: newest.blockNumber, hash: newest.blockHash }))) {
    dropped.push(newest);
    newest = await sink.newestLog(em, vault.id, newest.blockNumber - 1);
  }
  if (newest && !(await fetcher.answersAgain(newest))) {
    throw new ChainReadError(`the node leaves out the log that it answered before for block ${newest.blockNumber}`);
  }
  return dropped;
}

/** Whether the chain has another block in that one's place for good. Above finality a node on another fork would say so as well. */
async function isDropped({ reader, writer }: Parts, block: BlockRef): Promise<boolean> {
  if (block.number > (writer.state.finalizedBlock ?? 0)) return false;
  const header = await reader.header(block.number);
  return header !== null && header.hash !== block.hash;
}
/** A search that was stopped has not read everything, so nothing may be concluded from it. */
function requireGoingOn(signal: AbortSignal): void {
  if (signal.aborted) throw new ChainReadError('the search was stopped before its end');
}
