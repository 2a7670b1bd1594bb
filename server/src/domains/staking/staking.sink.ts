import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, inList, insertRows } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { logId, newId } from '../../kernel/ids.ts';
import {
  type AsOf,
  type Correction,
  type Fact,
  type FactSink,
  type Hex,
  type PositionId,
  NO_SINK_CHANGE,
  positionRef,
  type SinkChange,
  type StoredPage,
  type StoredPosition,
  type Vault,
} from '../../sync/index.ts';
import {
  fromLog,
  fromStake,
  LOG_COLUMNS,
  type RawRow,
  STAKE_COLUMNS,
  STAKE_MUTABLE_COLUMNS,
  toLog,
  toStake,
} from './staking.rows.ts';
import { foldFacts, foldOnto, isSameFold, type PositionFold } from './staking.rules.ts';
import { describeCorrection, describeFact, type LogRow, type PositionRow } from './staking.wire.ts';

/** Values in one IN list. */
const REFS_PER_SELECT = 1000;

/** Corrections stand behind every log of their block, whose indexes are small. */
const FIRST_CORRECTION_INDEX = 1_000_000_000;

/** A change of positions that is ready to be written. */
type PositionsPlan = {
  change: SinkChange & { rows: Map<string, PositionRow> };
  written: readonly PositionRow[];
  removedIds: readonly string[];
};

/** The tables behind the engine: `staking_logs`, `stakes` and `staking_conflicts`. */
export class StakingSink implements FactSink {
  readonly #dialect: Dialect;
  readonly #clock: Clock;

  constructor(dialect: Dialect, clock: Clock) {
    this.#dialect = dialect;
    this.#clock = clock;
  }

  async applyFacts(
    em: SqlEntityManager,
    facts: readonly Fact[],
    options: AsOf & { describe: boolean },
  ): Promise<SinkChange> {
    if (facts.length === 0) return NO_SINK_CHANGE;
    const { vault } = options;
    const identities = new Map(facts.map((fact) => [positionRef(fact), fact]));
    // The facts are stored while the positions are folded. Neither needs the other: they are of different tables.
    const planning = this.#readRefs(em, vault.id, [...identities.keys()]).then((before) => {
      const { folds, outOfOrder } = foldOnto(before, facts);
      return { before, folds, outOfOrder, plan: this.#plan(before, folds, identities) };
    });
    const storing = insertRows(em, this.#dialect, {
      table: 'staking_logs',
      columns: LOG_COLUMNS,
      rows: facts.values().map((fact) => toLog(withId(fact), vault)),
      onDuplicate: { key: ['chain_id', 'block_hash', 'log_index'], update: ['status'] },
    });
    // Both end before either's failure rolls back: nothing is sent on a transaction that is over.
    await Promise.allSettled([planning, storing]);
    const { before, folds, outOfOrder, plan } = await planning;
    await storing;
    for (const [ref, fold] of await this.#foldStored(em, vault, outOfOrder)) folds.set(ref, fold);
    const change = await this.#store(em, vault, outOfOrder.length > 0 ? this.#plan(before, folds, identities) : plan);
    return {
      ...change,
      factsApplied: facts.length,
      events: options.describe
        ? facts.map((fact) => describeFact(withId(fact), change.rows.get(positionRef(fact)) ?? null, options))
        : [],
    };
  }

  async orphanFactsAbove(em: SqlEntityManager, options: AsOf): Promise<SinkChange> {
    const { vault, block } = options;
    const dropped: RawRow[] = await em.execute(
      `select * from staking_logs where vault_id = ? and block_number > ? and status = 'applied' order by block_number, log_index`,
      [vault.id, block.number],
    );
    return this.#orphan(em, dropped, options);
  }

  async orphanFacts(em: SqlEntityManager, facts: readonly Fact[], options: AsOf): Promise<SinkChange> {
    const dropped: RawRow[] = [];
    const ids = new Set(facts.map((fact) => withId(fact).id));
    for (const chunk of chunked([...ids], REFS_PER_SELECT)) {
      const list = inList(this.#dialect, chunk);
      const rows: RawRow[] = await em.execute(
        `select * from staking_logs where id in (${list.sql}) and status = 'applied' order by block_number, log_index`,
        list.values,
      );
      dropped.push(...rows);
    }
    return this.#orphan(em, dropped, options);
  }

  async orphanAll(em: SqlEntityManager, vaultId: string): Promise<number> {
    const [counted]: RawRow[] = await em.execute(
      `select count(*) as facts from staking_logs where vault_id = ? and status = 'applied'`,
      [vaultId],
    );
    await em.execute(
      `update staking_logs set status = 'orphaned' where vault_id = ? and status = 'applied'`,
      [vaultId],
      'run',
    );
    await em.execute('delete from stakes where vault_id = ?', [vaultId], 'run');
    return Number(counted?.['facts'] ?? 0);
  }

  async selectMissing(em: SqlEntityManager, vault: Vault, facts: readonly Fact[]): Promise<Fact[]> {
    const stored = new Set<string>();
    const hashes = [...new Set(facts.map(({ blockHash }) => blockHash))];
    for (const chunk of chunked(hashes, REFS_PER_SELECT)) {
      const list = inList(this.#dialect, chunk);
      const rows: RawRow[] = await em.execute(
        `select block_hash, log_index from staking_logs where chain_id = ? and block_hash in (${list.sql}) and status = 'applied'`,
        [vault.chainId, ...list.values],
      );
      for (const row of rows) stored.add(`${row['block_hash'] as string}:${row['log_index'] as number}`);
    }
    return facts.filter((fact) => !stored.has(`${fact.blockHash}:${fact.logIndex}`));
  }

  async refold(em: SqlEntityManager, positions: readonly PositionId[], options: AsOf): Promise<SinkChange> {
    const change = await this.#refold(em, positions, options);
    return { ...change, events: [...change.rows.values()].map((row) => describeCorrection(row, options)) };
  }

  async correct(em: SqlEntityManager, corrections: readonly Correction[], options: AsOf): Promise<SinkChange> {
    if (corrections.length === 0) return NO_SINK_CHANGE;
    const { vault, block } = options;
    const [highest]: RawRow[] = await em.execute(
      'select max(log_index) as log_index from staking_logs where chain_id = ? and block_hash = ? and log_index >= ?',
      [vault.chainId, block.hash, FIRST_CORRECTION_INDEX],
    );
    const firstIndex = Number(highest?.['log_index'] ?? FIRST_CORRECTION_INDEX - 1) + 1;
    const facts = corrections.map(({ position, after }, index): Fact => ({
      event: 'Corrected',
      effect: 'correct',
      ownerAddress: position.ownerAddress,
      positionKey: position.positionKey,
      amountRaw: after?.amountRaw ?? 0n,
      rewardRaw: null,
      stakedAt: after?.stakedAt ?? null,
      rewardClaimed: after?.rewardClaimed ?? true,
      blockNumber: block.number,
      blockHash: block.hash,
      blockTime: block.timestamp,
      logIndex: firstIndex + index,
      txHash: null,
    }));
    return this.applyFacts(em, facts, { ...options, describe: true });
  }

  async recordConflicts(
    em: SqlEntityManager,
    conflicts: readonly (Correction & { before: StoredPosition | null })[],
    options: AsOf,
  ): Promise<void> {
    await insertRows(em, this.#dialect, {
      table: 'staking_conflicts',
      columns: [
        'id',
        'vault_id',
        'owner_address',
        'position_key',
        'reason',
        'state_before',
        'state_after',
        'block_number',
        'block_hash',
        'created_at',
      ],
      rows: conflicts.map(({ position, reason, before, after }) => [
        newId('cfl'),
        options.vault.id,
        position.ownerAddress,
        position.positionKey,
        reason,
        toAuditJson(before),
        toAuditJson(after),
        options.block.number,
        options.block.hash,
        this.#clock.now(),
      ]),
    });
  }

  async readAfter(em: SqlEntityManager, vaultId: string, afterId: string, limit: number): Promise<StoredPage> {
    const rows: RawRow[] = await em.execute('select * from stakes where vault_id = ? and id > ? order by id limit ?', [
      vaultId,
      afterId,
      limit,
    ]);
    const positions = rows.map(toStored);
    const mislabelled = positions.filter((position, at) => positionRef(position) !== rows[at]?.['ref']);
    return { positions, mislabelledIds: new Set(mislabelled.map(({ id }) => id)) };
  }

  async removeRows(em: SqlEntityManager, ids: readonly string[]): Promise<void> {
    for (const chunk of chunked(ids, REFS_PER_SELECT)) {
      const list = inList(this.#dialect, chunk);
      await em.execute(`delete from stakes where id in (${list.sql})`, list.values, 'run');
    }
  }

  async findMisfolded(em: SqlEntityManager, vault: Vault, positions: readonly PositionId[]): Promise<PositionId[]> {
    const rows = await this.#readRefs(em, vault.id, positions.map(positionRef));
    const folds = await this.#foldStored(em, vault, positions);
    return positions.filter((position) => {
      const row = rows.get(positionRef(position));
      const fold = folds.get(positionRef(position));
      return row === undefined || !fold || !isSameFold(row, fold);
    });
  }

  async selectUnanswered(
    em: SqlEntityManager,
    vault: Vault,
    owners: readonly Hex[],
    { facts, throughBlock }: { facts: readonly Fact[]; throughBlock: number },
  ): Promise<Fact[]> {
    const answered = new Set(facts.map(({ blockHash, logIndex }) => `${blockHash}:${logIndex}`));
    const unanswered: Fact[] = [];
    for (const chunk of chunked(owners, REFS_PER_SELECT)) {
      const list = inList(this.#dialect, chunk);
      const rows: RawRow[] = await em.execute(
        `select * from staking_logs where vault_id = ? and owner_address in (${list.sql})
         and block_number <= ? and status = 'applied' and effect <> 'correct' order by block_number, log_index`,
        [vault.id, ...list.values, throughBlock],
      );
      for (const row of rows) {
        if (!answered.has(`${row['block_hash'] as string}:${row['log_index'] as number}`))
          unanswered.push(fromLog(row));
      }
    }
    return unanswered;
  }

  async newestLog(em: SqlEntityManager, vaultId: string, throughBlock: number): Promise<Fact | null> {
    const [row]: RawRow[] = await em.execute(
      `select * from staking_logs where vault_id = ? and block_number <= ? and status = 'applied' and effect <> 'correct'
       order by block_number desc, log_index desc limit 1`,
      [vaultId, throughBlock],
    );
    return row ? fromLog(row) : null;
  }

  async findWithoutRow(em: SqlEntityManager, vaultId: string): Promise<PositionId[]> {
    const rows: RawRow[] = await em.execute(
      `select distinct l.owner_address, l.position_key from staking_logs l left join stakes s on s.vault_id = l.vault_id and s.ref = l.ref
       where l.vault_id = ? and l.status = 'applied' and s.id is null`,
      [vaultId],
    );
    return rows.map((row) => ({
      ownerAddress: row['owner_address'] as Hex,
      positionKey: row['position_key'] as string,
    }));
  }

  async countPositions(em: SqlEntityManager, vaultId: string): Promise<number> {
    const [counted]: RawRow[] = await em.execute('select count(*) as positions from stakes where vault_id = ?', [
      vaultId,
    ]);
    return Number(counted?.['positions'] ?? 0);
  }

  async countByOwner(em: SqlEntityManager, vaultId: string, owners: readonly Hex[]): Promise<Map<Hex, number>> {
    if (owners.length === 0) return new Map();
    const list = inList(this.#dialect, owners);
    const rows: RawRow[] = await em.execute(
      `select owner_address, count(*) as positions from stakes where vault_id = ? and owner_address in (${list.sql}) group by owner_address`,
      [vaultId, ...list.values],
    );
    return new Map(rows.map((row) => [row['owner_address'] as Hex, Number(row['positions'])]));
  }

  async readOwners(em: SqlEntityManager, vaultId: string, owners: readonly Hex[]): Promise<StoredPosition[]> {
    if (owners.length === 0) return [];
    const list = inList(this.#dialect, owners);
    const rows: RawRow[] = await em.execute(
      `select * from stakes where vault_id = ? and owner_address in (${list.sql}) order by id`,
      [vaultId, ...list.values],
    );
    return rows.map(toStored);
  }

  async #orphan(em: SqlEntityManager, dropped: readonly RawRow[], options: AsOf): Promise<SinkChange> {
    if (dropped.length === 0) return NO_SINK_CHANGE;
    const facts = dropped.map((row): LogRow => ({ ...fromLog(row), status: 'orphaned' }));
    for (const chunk of chunked(facts, REFS_PER_SELECT)) {
      const list = inList(
        this.#dialect,
        chunk.map(({ id }) => id),
      );
      await em.execute(`update staking_logs set status = 'orphaned' where id in (${list.sql})`, list.values, 'run');
    }
    const change = await this.#refold(em, facts, options);
    return {
      ...change,
      factsApplied: facts.length,
      events: facts.map((fact) => describeFact(fact, change.rows.get(positionRef(fact)) ?? null, options)),
    };
  }

  async #refold(em: SqlEntityManager, positions: readonly PositionId[], { vault }: AsOf) {
    const byRef = new Map(positions.map((position) => [positionRef(position), position]));
    const before = await this.#readRefs(em, vault.id, [...byRef.keys()]);
    const folds = await this.#foldStored(em, vault, [...byRef.values()]);
    return this.#store(em, vault, this.#plan(before, folds, byRef));
  }

  async #readRefs(em: SqlEntityManager, vaultId: string, refs: readonly string[]): Promise<Map<string, PositionRow>> {
    const found = new Map<string, PositionRow>();
    for (const chunk of chunked(refs, REFS_PER_SELECT)) {
      const list = inList(this.#dialect, chunk);
      const rows: RawRow[] = await em.execute(`select * from stakes where vault_id = ? and ref in (${list.sql})`, [
        vaultId,
        ...list.values,
      ]);
      for (const row of rows) found.set(row['ref'] as string, fromStake(row));
    }
    return found;
  }

  /** The folds of the named positions from every applied fact that is stored; null where there is none left. */
  async #foldStored(
    em: SqlEntityManager,
    vault: Vault,
    positions: readonly PositionId[],
  ): Promise<Map<string, PositionFold | null>> {
    const folds = new Map<string, PositionFold | null>();
    for (const chunk of chunked(positions.map(positionRef), REFS_PER_SELECT)) {
      const list = inList(this.#dialect, chunk);
      const rows: RawRow[] = await em.execute(
        `select * from staking_logs where vault_id = ? and ref in (${list.sql}) and status = 'applied' order by block_number, log_index`,
        [vault.id, ...list.values],
      );
      const factsByRef = Map.groupBy(rows, (row) => row['ref'] as string);
      for (const ref of chunk) folds.set(ref, foldFacts((factsByRef.get(ref) ?? []).map(fromLog)));
    }
    return folds;
  }

  /** What the folds change: inserts, updates, and removal of positions that no fact supports any more. Needs no database. */
  #plan(
    before: ReadonlyMap<string, PositionRow>,
    folds: ReadonlyMap<string, PositionFold | null>,
    identities: ReadonlyMap<string, PositionId>,
  ): PositionsPlan {
    const change = { ...NO_SINK_CHANGE, rows: new Map<string, PositionRow>() };
    const written: PositionRow[] = [];
    const removedIds: string[] = [];
    for (const [ref, fold] of folds) {
      const row = before.get(ref);
      const identity = identities.get(ref);
      if (!identity) continue;
      change.stakedDeltaRaw += (fold?.amountRaw ?? 0n) - (row?.amountRaw ?? 0n);
      if (fold) {
        const { ownerAddress, positionKey } = identity;
        const after = { ...fold, id: row?.id ?? newId('pos'), ownerAddress, positionKey };
        change.rows.set(ref, after);
        if (row && isSameFold(row, fold)) continue;
        written.push(after);
        if (!row) change.created += 1;
        else if (fold.closedAt !== null && row.closedAt === null) change.deleted += 1;
        else change.updated += 1;
      } else if (row) {
        removedIds.push(row.id);
        change.deleted += 1;
        change.removed += 1;
      }
    }
    return { change, written, removedIds };
  }

  async #store(
    em: SqlEntityManager,
    vault: Vault,
    { change, written, removedIds }: PositionsPlan,
  ): Promise<PositionsPlan['change']> {
    await insertRows(em, this.#dialect, {
      table: 'stakes',
      columns: STAKE_COLUMNS,
      rows: written.values().map((row) => toStake(row, vault.id)),
      onDuplicate: { key: ['ref', 'vault_id'], update: STAKE_MUTABLE_COLUMNS },
    });
    await this.removeRows(em, removedIds);
    return change;
  }
}

function withId(fact: Fact): LogRow {
  return { ...fact, id: logId(fact.blockTime, fact.blockHash, fact.logIndex), status: 'applied' };
}

function toStored(raw: RawRow): StoredPosition {
  const { id, ownerAddress, positionKey, amountRaw, stakedAt, rewardClaimed, claimedRewardRaw } = fromStake(raw);
  return { id, ownerAddress: ownerAddress as Hex, positionKey, amountRaw, stakedAt, rewardClaimed, claimedRewardRaw };
}

function toAuditJson(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) => (typeof field === 'bigint' ? field.toString() : field));
}

function* chunked<Item>(items: readonly Item[], size: number): Generator<Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
