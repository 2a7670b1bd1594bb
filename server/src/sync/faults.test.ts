import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../db/index.ts';
import { describeDrivers } from '../db/test-databases.ts';
import { systemClock } from '../kernel/clock.ts';
import { findLeaderFaults } from './faults.ts';
import { SyncLease } from './lease.ts';
import { createSyncApi } from './sync-api.ts';
import { syncEntities } from './sync.entity.ts';

type Api = Parameters<typeof createSyncApi>[0];

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let database: Database;
  beforeEach(async () => {
    database = await databases.open(syncEntities);
    await database.orm.schema.create();
  });

  /** A replica with one vault, as far as its health goes: nothing is wrong but what the test sets. */
  function createReplica(holder: string) {
    const known = { readFault: null as string | null, haltedReason: null as string | null, headBlock: 100 };
    const state = { desiredState: 'running', intervalSeconds: 10, lastSyncAtMs: systemClock.now() };
    const service = {
      writer: {
        vault: { id: 'vlt', startBlock: 0 },
        get state() {
          return { cursor: { number: 100 }, headBlock: known.headBlock, stakedTotalRaw: 0n };
        },
      },
      get haltedReason() {
        return known.haltedReason;
      },
    };
    const parts = {
      database,
      scheduler: { state, lastCycle: { error: null }, isActive: true },
      services: [service],
      watcher: { status: () => ({ readFault: known.readFault, lastHeadAtMs: null }) },
      clock: systemClock,
    } as unknown as Api;
    const lease = new SyncLease({
      database,
      holder,
      ttlMs: 600_000,
      isAlone: false,
      findFaults: () => findLeaderFaults(parts),
    });
    return { known, lease, health: () => createSyncApi({ ...parts, lease, holder }).health() };
  }

  test('every replica answers the health of the one that leads, as of when that renewed its lease', async () => {
    const [leader, follower] = [createReplica('leader'), createReplica('follower')];
    await expect(follower.health()).rejects.toMatchObject({ details: [{ path: 'leader' }] });
    await leader.lease.acquire();
    for (const replica of [leader, follower]) expect(await replica.health()).toMatchObject({ status: 'healthy' });

    Object.assign(leader.known, { readFault: 'no answer', haltedReason: 'dropped', headBlock: 200 });
    await leader.lease.acquire();
    const details = [
      { path: 'chain', message: 'the chain cannot be read: no answer' },
      { path: 'vaults.0', message: 'dropped' },
      { path: 'vaults.0', message: '100 blocks behind the head' },
    ];
    for (const replica of [leader, follower]) {
      await expect(replica.health()).rejects.toMatchObject({ code: 'SYNC_UNHEALTHY', details });
    }

    Object.assign(leader.known, { readFault: null, haltedReason: null, headBlock: 100 });
    Object.assign(follower.known, { readFault: 'a follower asks no chain' });
    await leader.lease.acquire();
    expect(await follower.health()).toMatchObject({ status: 'healthy' });
  });
});
