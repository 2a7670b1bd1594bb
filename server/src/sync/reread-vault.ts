import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { SettingsError } from '../kernel/errors.ts';
import { randomId } from '../kernel/random.ts';
import { SyncLease } from './lease.ts';
import type { FactSink } from './sink.ts';
import type { Vault } from './types.ts';
import { VaultWriter } from './vault-writer.ts';

/** Long enough to begin the transaction, which holds the lease's row until its end, however many facts there are. Whoever is killed leaves it no longer. */
const LEASE_TTL_MS = 60_000;

type RereadOptions = {
  database: Database;
  sink: FactSink;
  clock: Clock;
  vault: Vault;
  /** From which block it is read anew. */
  startBlock: number;
  /** True where no other process can be at work on the vault, so that whoever holds the lease must be dead. */
  isAlone: boolean;
};

/**
 * Sets aside everything that was read of a vault, so that the engine reads it anew: for a chain that was reset, and for a start block that was too high.
 * Answers the number of facts that were set aside.
 *
 * @throws SettingsError while a server leads the sync: what it has in memory would be of a vault that is gone.
 */
export async function rereadVault({
  database,
  sink,
  clock,
  vault,
  startBlock,
  isAlone,
}: RereadOptions): Promise<number> {
  const lease = new SyncLease({ database, holder: randomId(), ttlMs: LEASE_TTL_MS, isAlone });
  const writer = await VaultWriter.open({ database, lease, sink, clock, vault, onEvents: () => undefined });
  // Nothing was read: then there is nothing to tell anyone.
  if (writer.cursor === null && vault.startBlock === startBlock) return 0;
  if (!(await lease.acquire())) {
    throw new SettingsError('a server leads the sync; stop all servers of this database first, and wait six seconds');
  }
  try {
    await writer.reload();
    return await writer.startOver(startBlock);
  } finally {
    await lease.release();
  }
}
