import type { PositionOut, StakingLogOut, SyncConflictOut } from '@finverse/shared';
import { type Database, inList, readBy, type SqlValue } from '../../db/index.ts';
import { toInstant } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError } from '../../kernel/errors.ts';
import { type AsOf, type Hex, type Page, type PageRequest, readVaults } from '../../sync/index.ts';
import type { StakingReads } from './staking.port.ts';
import { fromLog, fromStake, type RawRow } from './staking.rows.ts';
import { toPositionOut, toStakingLogOut } from './staking.wire.ts';

/** What the engine of this process knows. */
type Engine = {
  /** When a position was last compared with the contract. */
  verifiedBlockOf(vaultId: string, position: { id: string; firstBlock: number }): number | null;
  /** Whether the settings name the vault. What is stored of any other stands still, and is not served. */
  isSynced(vaultId: string): boolean;
};

const OWNER_POSITIONS_MAX = 1000;

/** A vault as of its cursor, and the block at which all its older positions were verified. */
type VaultView = AsOf & { verifiedBlock: number | null };

type PositionsQuery = Parameters<StakingReads['positions']>[0];
type LogsQuery = Parameters<StakingReads['logs']>[0];

/** Reads of what the chain makes public. States and pending rewards are as of each vault's cursor block. */
export class StakingService implements StakingReads {
  readonly #database: Database;
  readonly #engine: Engine;

  constructor(database: Database, engine: Engine) {
    this.#database = database;
    this.#engine = engine;
  }

  async positions(query: PositionsQuery): Promise<Page<PositionOut>> {
    const { views, where } = await this.#served();
    const [afterId] = decodeCursor('positions', query.cursor, ['string']);
    where.add('id > ?', afterId).add('owner_address = ?', query.ownerAddress).add('vault_id = ?', query.vaultId);
    if (query.state) addState(where, query.state, views);
    const rows = await this.#select('stakes', where, 'id', query.limit + 1);
    const items = rows.slice(0, query.limit).map((row) => this.#toPosition(row, views));
    return {
      items,
      nextCursor: rows.length > query.limit ? encodeCursor('positions', [items.at(-1)?.id ?? '']) : null,
    };
  }

  /** The positions of an owner, the oldest thousand: for the answer of a forced sync. The list has them all. */
  async positionsOf(ownerAddress: Hex): Promise<PositionOut[]> {
    const { views, where } = await this.#served();
    const rows = await this.#select('stakes', where.add('owner_address = ?', ownerAddress), 'id', OWNER_POSITIONS_MAX);
    return rows.map((row) => this.#toPosition(row, views));
  }

  async position(id: string): Promise<PositionOut> {
    const { views, where } = await this.#served();
    const [row] = await this.#select('stakes', where.add('id = ?', id), 'id', 1);
    if (!row) throw new AppError('NOT_FOUND', 'There is no such position.');
    return this.#toPosition(row, views);
  }

  async logs(query: LogsQuery): Promise<Page<StakingLogOut>> {
    const { views, where } = await this.#served();
    where.add('owner_address = ?', query.ownerAddress).add('vault_id = ?', query.vaultId);
    let table = 'staking_logs';
    if (query.positionId === undefined && query.ownerAddress !== undefined) {
      // What the logs of one owner have in common in an index: where their refs begin. The index by block would be read to its end for somebody who has none.
      where.addAll('ref >= ? and ref < ?', [`${query.ownerAddress}:`, `${query.ownerAddress};`]);
      table = readBy(this.#database.dialect, table, 'staking_logs_ref_index');
    }
    if (query.positionId !== undefined) {
      const [position] = await this.#select('stakes', new Conditions().add('id = ?', query.positionId), 'id', 1);
      if (!position || !views.has(position['vault_id'] as string))
        throw new AppError('NOT_FOUND', 'There is no such position.');
      where.add('vault_id = ?', position['vault_id'] as string).add('ref = ?', position['ref'] as string);
    }
    const [block, index, id] = decodeCursor('staking logs', query.cursor, ['number', 'number', 'string']);
    if (block !== undefined)
      where.addAll('(block_number, log_index, id) > (?, ?, ?)', [block, index as SqlValue, id as SqlValue]);
    const rows = await this.#select(table, where, 'block_number, log_index, id', query.limit + 1);
    const items = rows.slice(0, query.limit).map((row) => toStakingLogOut(fromLog(row), row['vault_id'] as string));
    const last = items.at(-1);
    return {
      items,
      nextCursor:
        rows.length > query.limit && last
          ? encodeCursor('staking logs', [last.blockNumber, last.logIndex, last.id])
          : null,
    };
  }

  async conflicts({ limit, cursor }: PageRequest): Promise<Page<SyncConflictOut>> {
    const [beforeId] = decodeCursor('staking conflicts', cursor, ['string']);
    const rows = await this.#select(
      'staking_conflicts',
      new Conditions().add('id < ?', beforeId),
      'id desc',
      limit + 1,
    );
    const items = rows.slice(0, limit).map(toConflictOut);
    return {
      items,
      nextCursor: rows.length > limit ? encodeCursor('staking conflicts', [items.at(-1)?.id ?? '']) : null,
    };
  }

  /** The vaults that are served, and the condition that leaves out what is stored of others: none where there are no others. */
  async #served(): Promise<{ views: Map<string, VaultView>; where: Conditions }> {
    const stored = await readVaults(this.#database.em());
    const synced = stored.filter(({ vault }) => this.#engine.isSynced(vault.id));
    const views = new Map(
      synced.map(({ vault, state }) => [
        vault.id,
        {
          vault,
          block: state.cursor ?? { number: 0, hash: '0x', timestamp: 0 },
          finalizedBlock: state.finalizedBlock,
          verifiedBlock: state.verifiedBlock,
        },
      ]),
    );
    const where = new Conditions();
    if (views.size === 0) where.addAll('1 = 0', []);
    else if (synced.length < stored.length) {
      const { sql, values } = inList(this.#database.dialect, [...views.keys()]);
      where.addAll(`vault_id in (${sql})`, values);
    }
    return { views, where };
  }

  async #select(table: string, where: Conditions, order: string, limit: number): Promise<RawRow[]> {
    return this.#database
      .em()
      .execute(`select * from ${table}${where.sql} order by ${order} limit ?`, [...where.values, limit]);
  }

  #toPosition(row: RawRow, views: Map<string, VaultView>): PositionOut {
    const view = views.get(row['vault_id'] as string);
    if (!view) throw new Error(`position ${row['id'] as string} belongs to no vault`);
    const stake = fromStake(row);
    const isOlder = view.verifiedBlock !== null && stake.firstBlock <= view.verifiedBlock;
    return toPositionOut(
      stake,
      view,
      this.#engine.verifiedBlockOf(view.vault.id, stake) ?? (isOlder ? view.verifiedBlock : null),
    );
  }
}

/** AND-ed conditions with their values. Column names are the code's own. */
class Conditions {
  readonly #parts: string[] = [];
  readonly values: SqlValue[] = [];

  /** Adds nothing where the value is undefined. */
  add(sql: string, value: SqlValue | undefined): this {
    return value === undefined ? this : this.addAll(sql, [value]);
  }

  addAll(sql: string, values: readonly SqlValue[]): this {
    this.#parts.push(sql);
    this.values.push(...values);
    return this;
  }

  get sql(): string {
    return this.#parts.length === 0 ? '' : ` where ${this.#parts.join(' and ')}`;
  }
}

/** Which rows are in a state, as of each vault's cursor: it follows from the closing and the lock, so it is not stored. */
function addState(where: Conditions, state: PositionOut['state'], views: Map<string, VaultView>): void {
  if (state === 'closed') {
    where.addAll('closed_at is not null', []);
    return;
  }
  where.addAll('closed_at is null', []);
  const perVault = [...views.values()].flatMap(({ vault, block }) => {
    const hasLock = vault.lockSeconds > 0;
    if (state === 'staked') return hasLock ? [] : [{ sql: 'vault_id = ?', values: [vault.id] }];
    if (!hasLock) return [];
    const comparison = state === 'unlockable' ? '<=' : '>';
    return [
      { sql: `(vault_id = ? and staked_at ${comparison} ?)`, values: [vault.id, block.timestamp - vault.lockSeconds] },
    ];
  });
  where.addAll(
    perVault.length === 0 ? '1 = 0' : `(${perVault.map(({ sql }) => sql).join(' or ')})`,
    perVault.flatMap(({ values }) => values),
  );
}

function toConflictOut(row: RawRow): SyncConflictOut {
  return {
    id: row['id'] as string,
    vaultId: row['vault_id'] as string,
    ownerAddress: row['owner_address'] as string,
    positionKey: row['position_key'] as string,
    reason: row['reason'] as SyncConflictOut['reason'],
    before: row['state_before'] as string,
    after: row['state_after'] as string,
    blockNumber: Number(row['block_number']),
    blockHash: row['block_hash'] as string,
    createdAt: toInstant(Number(row['created_at'])),
  };
}
