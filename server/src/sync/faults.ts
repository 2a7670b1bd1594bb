import { type Clock, toInstant } from '../kernel/clock.ts';
import type { BlockchainSyncService } from './blockchain-sync-service.ts';
import type { EventWatcher } from './event-watcher.ts';
import type { SyncScheduler } from './sync-scheduler.ts';
import type { SyncFault } from './types.ts';
import type { VaultState } from './vault-store.ts';

/** Blocks that a healthy vault may be behind the head. */
const HEALTHY_LAG_BLOCKS = 20;

type Leader = {
  scheduler: Pick<SyncScheduler, 'lastCycle' | 'state'>;
  services: readonly Pick<BlockchainSyncService, 'writer' | 'haltedReason'>[];
  watcher: Pick<EventWatcher, 'status'>;
  clock: Clock;
};

/** What is wrong, as far as the replica that leads knows it, which alone asks the chain and runs cycles. */
export function findLeaderFaults({ scheduler, services, watcher, clock }: Leader): SyncFault[] {
  const faults: SyncFault[] = [];
  const add = (path: string, message: string) => faults.push({ path, message });
  const { lastCycle, state } = scheduler;
  const { readFault } = watcher.status();
  if (readFault !== null) add('chain', `the chain cannot be read: ${readFault}`);
  if (!lastCycle) add('cycle', 'the first cycle has not finished; positions may be incomplete');
  else if (lastCycle.error !== null) add('cycle', `the last cycle failed: ${lastCycle.error}`);
  const staleAfterMs = (3 * state.intervalSeconds + 30) * 1000;
  if (lastCycle && state.lastSyncAtMs !== null && clock.now() - state.lastSyncAtMs > staleAfterMs) {
    add('cycle', `the last successful cycle ended at ${toInstant(state.lastSyncAtMs)}`);
  }
  services.forEach(({ haltedReason, writer }, index) => {
    const lagBlocks = lagOf(writer.state, writer.vault.startBlock);
    if (haltedReason !== null) add(`vaults.${index}`, haltedReason);
    if (lagBlocks !== null && lagBlocks > HEALTHY_LAG_BLOCKS)
      add(`vaults.${index}`, `${lagBlocks} blocks behind the head`);
  });
  return faults;
}

/** Blocks between the head and the cursor; null while no head was heard of. */
export function lagOf({ headBlock, cursor }: VaultState, startBlock: number): number | null {
  if (headBlock === null) return null;
  return Math.max(headBlock, cursor?.number ?? 0) - (cursor?.number ?? startBlock - 1);
}
