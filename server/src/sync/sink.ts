import type { SyncConflictOut, SyncLiveEvent } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { BlockRef, ChainPosition, Fact, Hex, PositionId, Vault } from './types.ts';

/** What one application of facts changed. */
export type SinkChange = {
  factsApplied: number;
  /** Positions that came to be. */
  created: number;
  updated: number;
  /** Positions that were closed, and those that ceased to be because every fact of theirs was orphaned. */
  deleted: number;
  /** Of the deleted, those whose row is gone. */
  removed: number;
  /** Change of the sum of all open amounts, in base units. */
  stakedDeltaRaw: bigint;
  /** What subscribers are told, in the order of the facts; empty where the caller asked for none. */
  events: { ownerAddress: Hex; event: SyncLiveEvent }[];
};

/** A position as the table holds it, for comparison with the contract. */
export type StoredPosition = ChainPosition & { id: string; claimedRewardRaw: bigint };

/** Rows in id order. The mislabelled of them stand under the key of another position than the one that they tell: somebody has changed the one or the other. */
export type StoredPage = { positions: StoredPosition[]; mislabelledIds: ReadonlySet<string> };

export type ConflictReason = SyncConflictOut['reason'];

/** A difference that no missed log explained; the contract's state is to win. `after` null: the contract has no such position. */
export type Correction = { position: PositionId; reason: ConflictReason; after: ChainPosition | null };

/** As of which block states and pending rewards of events are told. */
export type AsOf = { vault: Vault; block: BlockRef & { timestamp: number }; finalizedBlock: number | null };

/**
 * Where the engine's facts go. A domain implements it; the engine knows no table of it. Every writing method runs inside the transaction that the
 * caller opened, with the vault's row locked.
 */
export interface FactSink {
  /** Stores the facts and refolds their positions. Facts that are stored already change nothing; orphaned ones that come again are revived. */
  applyFacts(em: SqlEntityManager, facts: readonly Fact[], options: AsOf & { describe: boolean }): Promise<SinkChange>;
  /** Marks every fact above the block as orphaned and refolds what it touched. `factsApplied` is the number of orphaned facts. */
  orphanFactsAbove(em: SqlEntityManager, options: AsOf): Promise<SinkChange>;
  /** Marks these facts as orphaned and refolds what they touched; those that are not applied are left alone. `factsApplied` is the number of orphaned facts. */
  orphanFacts(em: SqlEntityManager, facts: readonly Fact[], options: AsOf): Promise<SinkChange>;
  /** Marks every fact of the vault as orphaned and removes its positions. Answers the number of facts. */
  orphanAll(em: SqlEntityManager, vaultId: string): Promise<number>;
  /** Of these facts, those that are not stored as applied. */
  selectMissing(em: SqlEntityManager, vault: Vault, facts: readonly Fact[]): Promise<Fact[]>;
  /** Folds the named positions anew from their stored facts. */
  refold(em: SqlEntityManager, positions: readonly PositionId[], options: AsOf): Promise<SinkChange>;
  /** Makes the contract's state the position's by a correcting fact, and writes the audit trail. */
  correct(em: SqlEntityManager, corrections: readonly Correction[], options: AsOf): Promise<SinkChange>;
  /** Up to `limit` positions in id order after `afterId`, open and closed. */
  readAfter(em: SqlEntityManager, vaultId: string, afterId: string, limit: number): Promise<StoredPage>;
  /** Removes rows by their ids, whatever their facts say. */
  removeRows(em: SqlEntityManager, ids: readonly string[]): Promise<void>;
  /** Of these positions, those whose row is not the fold of its facts. */
  findMisfolded(em: SqlEntityManager, vault: Vault, positions: readonly PositionId[]): Promise<PositionId[]>;
  /** The stored logs of these owners up to the block that are not among the answered facts, oldest first. Corrections are no logs. */
  selectUnanswered(
    em: SqlEntityManager,
    vault: Vault,
    owners: readonly Hex[],
    answered: { facts: readonly Fact[]; throughBlock: number },
  ): Promise<Fact[]>;
  /** The newest stored log up to the block; null where there is none. */
  newestLog(em: SqlEntityManager, vaultId: string, throughBlock: number): Promise<Fact | null>;
  /** Positions that have applied facts but no row. */
  findWithoutRow(em: SqlEntityManager, vaultId: string): Promise<PositionId[]>;
  /** How many positions the vault has, open and closed. Reads a whole index. */
  countPositions(em: SqlEntityManager, vaultId: string): Promise<number>;
  /** How many positions each of the owners has; owners without any are left out. */
  countByOwner(em: SqlEntityManager, vaultId: string, owners: readonly Hex[]): Promise<Map<Hex, number>>;
  /** Every position of the owners. */
  readOwners(em: SqlEntityManager, vaultId: string, owners: readonly Hex[]): Promise<StoredPosition[]>;
  /** The audit row of a position that was changed without any fact of its own. */
  recordConflicts(
    em: SqlEntityManager,
    conflicts: readonly (Correction & { before: StoredPosition | null })[],
    options: AsOf,
  ): Promise<void>;
}
