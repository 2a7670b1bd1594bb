import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, forUpdate, insertRows, transact } from '../db/index.ts';
import { StaleWriterError } from './errors.ts';
import type { SyncFault } from './types.ts';

const LEASE_NAME = 'sync';

export type Lease = {
  holder: string;
  fencingToken: number;
  expiresAt: number;
  /** What its holder found wrong with the sync when it last renewed. */
  faults: SyncFault[];
};

/**
 * Faults that are written down, and characters of each: enough for anyone to act, and little for a row that is renewed all the time. Even where each character
 * takes six bytes as JSON they fit into the 65,535 of the column, or no renewal would succeed.
 */
const FAULTS_MAX = 20;
const FAULT_LENGTH_MAX = 500;

type LeaseOptions = {
  database: Database;
  /** The name of this process among its replicas. */
  holder: string;
  /** How long a lease outlives its holder's last renewal. */
  ttlMs: number;
  /** True where nobody else can have the database open, so that whoever holds the lease must be dead. */
  isAlone: boolean;
  /** What is wrong with the sync, for the replicas that do not lead. */
  findFaults?: () => SyncFault[];
};

/**
 * The right to write what the chain says: one row, held by one process at a time, timed by the database's clock. Its fencing token grows with every
 * change of holder; a writer that lost the lease without noticing is refused by {@link assertHeld} inside its own transaction.
 */
export class SyncLease {
  readonly #options: LeaseOptions;
  #fencingToken: number | null = null;
  #hasRow = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** The token under which this process writes; null while it does not lead. */
  get fencingToken(): number | null {
    return this.#fencingToken;
  }

  /** Takes the lease where it is free or expired, renews it where it is held. Answers whether this process leads now. */
  async acquire(): Promise<boolean> {
    const { database, holder, ttlMs, isAlone, findFaults } = this.#options;
    const faults = JSON.stringify((findFaults?.() ?? []).slice(0, FAULTS_MAX).map(shorten));
    await this.#ensureRow();
    this.#fencingToken = await transact(database, async (em) => {
      const now = nowMsSql(database);
      const [row] = await em.execute<Record<string, unknown>[]>(
        `select holder, fencing_token, expires_at <= ${now} as expired from sync_leases where name = ?${forUpdate(database.dialect)}`,
        [LEASE_NAME],
      );
      if (!row) throw new Error('the lease has no row');
      const isHolder = row['holder'] === holder;
      if (!isHolder && !row['expired'] && !isAlone) return null;
      const token = isHolder ? Number(row['fencing_token']) : Number(row['fencing_token']) + 1;
      await em.execute(
        `update sync_leases set holder = ?, fencing_token = ?, expires_at = ${now} + ?, faults = ? where name = ?`,
        [holder, token, ttlMs, faults, LEASE_NAME],
        'run',
      );
      return token;
    });
    return this.#fencingToken !== null;
  }

  /** A lease that nobody ever held is one that is over. Replicas may get here at once. */
  async #ensureRow(): Promise<void> {
    if (this.#hasRow) return;
    const { database } = this.#options;
    await transact(database, (em) =>
      insertRows(em, database.dialect, {
        table: 'sync_leases',
        columns: ['name', 'holder', 'fencing_token', 'expires_at'],
        rows: [[LEASE_NAME, '', 0, 0]],
        onDuplicate: { key: ['name'], update: [] },
      }),
    );
    this.#hasRow = true;
  }

  /** Gives the lease up, so that another process need not wait for its end. */
  async release(): Promise<void> {
    if (this.#fencingToken === null) return;
    this.#fencingToken = null;
    const { database, holder } = this.#options;
    await database
      .em()
      .execute('update sync_leases set expires_at = 0 where name = ? and holder = ?', [LEASE_NAME, holder], 'run');
  }

  /** The lease as it stands in the database; null when nobody holds it. */
  async read(): Promise<Lease | null> {
    const { database } = this.#options;
    const [row] = await database
      .em()
      .execute<Record<string, unknown>[]>(
        `select holder, fencing_token, expires_at, faults from sync_leases where name = ? and expires_at > ${nowMsSql(database)}`,
        [LEASE_NAME],
      );
    return row
      ? {
          holder: row['holder'] as string,
          fencingToken: Number(row['fencing_token']),
          expiresAt: Number(row['expires_at']),
          faults: JSON.parse((row['faults'] as string | null) ?? '[]') as SyncFault[],
        }
      : null;
  }

  /**
   * Locks the lease row until the end of the transaction and checks the fencing token. Every applying transaction begins with it, so all of them run
   * one after the other, across replicas.
   *
   * @throws StaleWriterError when this process does not lead any more.
   */
  async assertHeld(em: SqlEntityManager): Promise<void> {
    const [row] = await em.execute<Record<string, unknown>[]>(
      `select fencing_token from sync_leases where name = ?${forUpdate(this.#options.database.dialect)}`,
      [LEASE_NAME],
    );
    if (this.#fencingToken === null || Number(row?.['fencing_token']) !== this.#fencingToken) {
      throw new StaleWriterError('the sync lease is held by another process');
    }
  }
}

function shorten({ path, message }: SyncFault): SyncFault {
  const isLong = message.length > FAULT_LENGTH_MAX;
  return { path, message: isLong ? `${message.slice(0, FAULT_LENGTH_MAX - 1)}…` : message };
}

function nowMsSql({ dialect }: Database): string {
  return dialect === 'mysql'
    ? 'cast(unix_timestamp(now(3)) * 1000 as signed)'
    : "cast(unixepoch('subsec') * 1000 as integer)";
}
