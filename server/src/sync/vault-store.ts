import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, forUpdate, insertRows } from '../db/index.ts';
import { newId } from '../kernel/ids.ts';
import type { Checkpoint, Hex, Vault, VaultTerms } from './types.ts';

/** How far a vault is applied. */
export type Cursor = { number: number; hash: Hex; timestamp: number };

/** Figures that grow with every applied change, kept on the vault's row. */
export type VaultCounters = {
  factsApplied: number;
  creates: number;
  updates: number;
  deletes: number;
  conflicts: number;
  reorgs: number;
};

/** What changes on a vault's row while it is synced. */
export type VaultState = {
  cursor: Cursor | null;
  headBlock: number | null;
  finalizedBlock: number | null;
  /** Every position was compared with the contract at this block or later. */
  verifiedBlock: number | null;
  stakedTotalRaw: bigint;
  positions: number;
  counters: VaultCounters;
};

type VaultRow = Record<string, unknown>;

/** A vault to register, with what its contract said about itself. */
export type VaultRegistration = VaultTerms & Omit<Vault, 'id' | keyof VaultTerms>;

/** The vaults of that address: one for each chain on which it was synced, or of that chain alone where it is named. */
export async function findVaults(em: SqlEntityManager, chainId: number | null, address: Hex): Promise<Vault[]> {
  const rows = await em.execute<VaultRow[]>(
    `select * from vaults where address = ?${chainId === null ? '' : ' and chain_id = ?'} order by chain_id`,
    chainId === null ? [address] : [address, chainId],
  );
  return rows.map(toVault);
}

/** Gives a vault its row, or answers the one that another replica gave it meanwhile. */
export async function registerVault(
  em: SqlEntityManager,
  { dialect }: Database,
  vault: VaultRegistration,
  nowMs: number,
): Promise<Vault> {
  const columns = {
    id: newId('vlt'),
    kind: vault.kind,
    chain_id: vault.chainId,
    address: vault.address,
    token_address: vault.tokenAddress,
    decimals: vault.decimals,
    lock_seconds: vault.lockSeconds,
    apy_percent: vault.apyPercent,
    start_block: vault.startBlock,
    staked_total_raw: '0',
    positions: 0,
    facts_applied: 0,
    creates: 0,
    updates: 0,
    deletes: 0,
    conflicts: 0,
    reorgs: 0,
    created_at: nowMs,
  };
  await insertRows(em, dialect, {
    table: 'vaults',
    columns: Object.keys(columns),
    rows: [Object.values(columns)],
    onDuplicate: { key: ['chain_id', 'address'], update: [] },
  });
  const [registered] = await findVaults(em, vault.chainId, vault.address);
  if (!registered) throw new Error('a registered vault has no row');
  return registered;
}

/** Reads how far a vault is; `lock` keeps its row until the end of the transaction. */
export async function readVaultState(
  em: SqlEntityManager,
  { dialect }: Database,
  vaultId: string,
  lock = false,
): Promise<VaultState> {
  const [row] = await em.execute<VaultRow[]>(`select * from vaults where id = ?${lock ? forUpdate(dialect) : ''}`, [
    vaultId,
  ]);
  if (!row) throw new Error(`vault ${vaultId} has no row`);
  return toVaultState(row);
}

export async function writeVaultState(em: SqlEntityManager, vaultId: string, state: VaultState): Promise<void> {
  const { cursor, counters } = state;
  await em.execute(
    `update vaults set cursor_block = ?, cursor_hash = ?, cursor_time = ?, head_block = ?, finalized_block = ?, verified_block = ?, staked_total_raw = ?,
     positions = ?, facts_applied = ?, creates = ?, updates = ?, deletes = ?, conflicts = ?, reorgs = ? where id = ?`,
    [
      cursor?.number ?? null,
      cursor?.hash ?? null,
      cursor?.timestamp ?? null,
      state.headBlock,
      state.finalizedBlock,
      state.verifiedBlock,
      state.stakedTotalRaw.toString(),
      state.positions,
      counters.factsApplied,
      counters.creates,
      counters.updates,
      counters.deletes,
      counters.conflicts,
      counters.reorgs,
      vaultId,
    ],
    'run',
  );
}

/** Sets the block from which a vault is read; of effect on what is not read yet. */
export async function writeStartBlock(em: SqlEntityManager, vaultId: string, startBlock: number): Promise<void> {
  await em.execute('update vaults set start_block = ? where id = ?', [startBlock, vaultId], 'run');
}

/** The applied blocks that are not final, and the newest final one, newest first. */
export async function readCheckpoints(em: SqlEntityManager, vaultId: string): Promise<Checkpoint[]> {
  const rows = await em.execute<VaultRow[]>(
    'select number, hash, parent_hash from chain_blocks where vault_id = ? order by number desc',
    [vaultId],
  );
  return rows.map((row) => ({
    number: Number(row['number']),
    hash: row['hash'] as Hex,
    parentHash: row['parent_hash'] as Hex,
  }));
}

export async function writeCheckpoints(
  em: SqlEntityManager,
  { dialect }: Database,
  vaultId: string,
  blocks: readonly Checkpoint[],
): Promise<void> {
  await insertRows(em, dialect, {
    table: 'chain_blocks',
    columns: ['vault_id', 'number', 'hash', 'parent_hash'],
    rows: blocks.map(({ number, hash, parentHash }) => [vaultId, number, hash, parentHash]),
    onDuplicate: { key: ['vault_id', 'number'], update: ['hash', 'parent_hash'] },
  });
}

/** Forgets the blocks below this one, which must be final and applied: it stays as the floor under any fork. */
export async function pruneCheckpointsBelow(em: SqlEntityManager, vaultId: string, block: number): Promise<void> {
  await em.execute('delete from chain_blocks where vault_id = ? and number < ?', [vaultId, block], 'run');
}

export async function deleteCheckpointsAbove(em: SqlEntityManager, vaultId: string, block: number): Promise<void> {
  await em.execute('delete from chain_blocks where vault_id = ? and number > ?', [vaultId, block], 'run');
}

function toVault(row: VaultRow): Vault {
  return {
    id: row['id'] as string,
    kind: row['kind'] as string,
    chainId: Number(row['chain_id']),
    address: row['address'] as Hex,
    tokenAddress: row['token_address'] as Hex,
    decimals: Number(row['decimals']),
    lockSeconds: Number(row['lock_seconds']),
    apyPercent: Number(row['apy_percent']),
    startBlock: Number(row['start_block']),
  };
}

function toVaultState(row: VaultRow): VaultState {
  return {
    cursor:
      row['cursor_block'] === null
        ? null
        : {
            number: Number(row['cursor_block']),
            hash: row['cursor_hash'] as Hex,
            timestamp: Number(row['cursor_time']),
          },
    headBlock: toNullable(row['head_block']),
    finalizedBlock: toNullable(row['finalized_block']),
    verifiedBlock: toNullable(row['verified_block']),
    stakedTotalRaw: BigInt(row['staked_total_raw'] as string),
    positions: Number(row['positions']),
    counters: {
      factsApplied: Number(row['facts_applied']),
      creates: Number(row['creates']),
      updates: Number(row['updates']),
      deletes: Number(row['deletes']),
      conflicts: Number(row['conflicts']),
      reorgs: Number(row['reorgs']),
    },
  };
}

function toNullable(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** Every vault with its state, for the status. */
export async function readVaults(em: SqlEntityManager): Promise<{ vault: Vault; state: VaultState }[]> {
  const rows = await em.execute<VaultRow[]>('select * from vaults order by id');
  return rows.map((row) => ({ vault: toVault(row), state: toVaultState(row) }));
}
