import { describe, expect, it } from 'vitest';
import { createChainActor, jumpDays, mineTogether, stakeAs, vaultCall } from './support/chain-actor.ts';
import type { DroppedBlock, FaultMode } from './support/fault-proxy.ts';
import { waitFor } from './support/poll.ts';
import { seededRandom } from './support/seeded-random.ts';
import { openSyncWorld, type SyncStatus, type SyncWorld } from './support/sync-world.ts';
import { accountAddress, isHealthy, NEWCOMER, TOKEN, withWorld } from './support/world-with-history.ts';
import { devActions } from '../server/src/devchain/index.ts';
import { rpcCall } from '../server/src/devchain/rpc.ts';

/** Within this the health must say that the chain cannot be read. A node that never answers is given up after two tries of ten seconds. */
const NOTICED_MS_MAX = 5_000;
const HANG_NOTICED_MS_MAX = 30_000;
const CAUGHT_UP_MS_MAX = 20_000;

/** Only final blocks are asked for by ranges; anvil calls final what lies 64 blocks under its head. */
const BLOCKS_TO_FINALITY = 70;

/** Of no development chain: a node that ends early may be behind others. */
const PRODUCTION_CHAIN_ID = 4_242;

type Fault = { title: string; mode: FaultMode; noticedMsMax?: number };

/** `isMetBehind`: shows only to a server that has several blocks to catch up with. One that is told of each head alone may never meet it. */
type Lie = Fault & { isMetBehind?: true };

/** The chain cannot be read at all: the health must say so. */
const blackouts: Fault[] = [
  { title: 'refuses connections', mode: { kind: 'refuse' } },
  { title: 'answers HTTP 500', mode: { kind: 'error500' } },
  { title: 'answers a rate limit', mode: { kind: 'rpcError', code: -32_005, message: 'daily request count exceeded' } },
  { title: 'answers "header not found"', mode: { kind: 'rpcError', code: -32_000, message: 'header not found' } },
  { title: 'never answers', mode: { kind: 'hang' }, noticedMsMax: HANG_NOTICED_MS_MAX },
  { title: 'answers HTML', mode: { kind: 'garbage', form: 'html' } },
  { title: 'answers half of a JSON text', mode: { kind: 'garbage', form: 'truncated' } },
  { title: 'answers null to everything', mode: { kind: 'garbage', form: 'null' } },
  { title: 'answers JSON of another shape', mode: { kind: 'garbage', form: 'wrongShape' } },
  { title: 'has lost its state', mode: { kind: 'stateless', form: 'error' } },
  { title: 'answers every call of a contract with nothing', mode: { kind: 'stateless', form: 'empty' } },
  {
    title: 'answers without end',
    mode: { kind: 'hugeResponse', bytes: 80 * 1024 * 1024 },
    noticedMsMax: HANG_NOTICED_MS_MAX,
  },
];

/** The chain answers, but not with the truth or not all of it. The health may be either. */
const lies: Lie[] = [
  { title: 'answers slowly', mode: { kind: 'slow', delayMs: 150 } },
  { title: 'knows its newest block and none by number', mode: { kind: 'nullBlocks' }, isMetBehind: true },
  { title: 'answers every eth_getLogs with an empty list', mode: { kind: 'emptyLogs' } },
];

describe('while the chain', () => {
  for (const fault of blackouts) {
    it(`${fault.title}, nothing changes, health and status say why, and it catches up by itself`, async () => {
      await withWorld(async (world) => {
        const before = await positionRows(world);
        await world.proxy.setMode(fault.mode);
        await stakeAs(world.rpcUrl, NEWCOMER, 5n * TOKEN);
        const reasons = await waitFor(
          'health 503',
          async () => {
            const { status, reasons: found } = await world.health();
            return status === 503 && found;
          },
          fault.noticedMsMax ?? NOTICED_MS_MAX,
        );
        expect(reasons.join('; '), 'the reasons of the 503').toMatch(/chain|cycle/);
        const { body: cycle } = await world.server().post<{ outcome: string; error: string | null }>('/sync/run-cycle');
        expect(cycle).toMatchObject({ outcome: 'failed', error: expect.stringMatching(/./) });
        const status = await world.status();
        expect(status.last_error?.message, 'last_error').toMatch(/./);
        await expectNothingLost(world, before);
        await recover(world);
      });
    });
  }

  for (const fault of lies) {
    it(`${fault.title}, nothing is closed or contested, and the truth is there in the end`, async () => {
      await withWorld(async (world) => {
        const before = await positionRows(world);
        if (fault.isMetBehind) await world.server().post('/sync/stop');
        await world.proxy.setMode(fault.mode);
        // Of owners that are new, and of some that are not.
        for (const account of [NEWCOMER, 1, 2, NEWCOMER, 3, 1]) await stakeAs(world.rpcUrl, account, 2n * TOKEN);
        if (fault.isMetBehind) await world.server().post('/sync/start');
        for (let cycle = 0; cycle < 3; cycle += 1) {
          await world.server().post('/sync/run-cycle');
          await expectNothingLost(world, before);
        }
        expect(world.proxy.spoilt(), 'answers that were spoilt').toBeGreaterThan(0);
        await recover(world);
      });
    });
  }

  it('is behind its own announcements for some blocks, no applied fact is taken back, and the truth is there in the end', async () => {
    await withWorld(
      async (world) => {
        const before = await positionRows(world);
        await world.proxy.setMode({ kind: 'lagging', blocks: 5 });
        for (let stake = 0; stake < 4; stake += 1) {
          const spoiltBefore = world.proxy.spoilt();
          await stakeAs(world.rpcUrl, NEWCOMER, 2n * TOKEN);
          await waitFor('the announced block to be asked for', async () => world.proxy.spoilt() > spoiltBefore);
          await expectNothingLost(world, before);
        }
        expect(world.proxy.spoilt(), 'answers that were spoilt').toBeGreaterThan(0);
        await recover(world);
      },
      // Cycles are an hour apart: a node that is still behind after several of them counts as rolled back.
      { chainId: PRODUCTION_CHAIN_ID, env: { SYNC_INTERVAL_SECONDS: '3600' } },
    );
  });

  it('is behind what is applied for two cycles, no applied fact is taken back', async () => {
    await withWorld(
      async (world) => {
        const before = await positionRows(world);
        await world.proxy.setMode({ kind: 'lagging', blocks: 5 });
        for (let cycle = 0; cycle < 2; cycle += 1) {
          await world.server().post('/sync/run-cycle');
          await expectNothingLost(world, before);
        }
        expect(world.proxy.spoilt(), 'answers that were spoilt').toBeGreaterThan(0);
        await world.proxy.setMode({ kind: 'pass' });
        await world.server().post('/sync/run-cycle');
        await recover(world);
      },
      { chainId: PRODUCTION_CHAIN_ID, env: { SYNC_INTERVAL_SECONDS: '3600' } },
    );
  });

  it('leaves one log out of one answer, the reconcile cycle finds it, and no conflict is made of it', async () => {
    await withWorld(async (world) => {
      await world.proxy.setMode({ kind: 'dropOneLog', which: 'last' });
      const calls = [3n, 4n].map((amount) => vaultCall(accountAddress(NEWCOMER), 'stake', amount * TOKEN));
      await mineTogether(world.rpcUrl, calls);
      await world.caughtUp();
      expect(world.proxy.spoilt(), 'logs left out').toBe(1);
      await recover(world);
    });
  });

  it('leaves a claim out of one answer, which moves no total, the sweep finds it, and no conflict is made of it', async () => {
    await withWorld(async (world) => {
      await stakeAs(world.rpcUrl, NEWCOMER, 9n * TOKEN);
      await stakeAs(world.rpcUrl, NEWCOMER, 7n * TOKEN);
      await world.caughtUp();
      // A reward of nothing cannot be claimed.
      await jumpDays(world.rpcUrl, 1);
      await world.caughtUp();
      await world.proxy.setMode({ kind: 'dropOneLog', which: 'last' });
      await mineTogether(
        world.rpcUrl,
        [0n, 1n].map((index) => vaultCall(accountAddress(NEWCOMER), 'claim', index)),
      );
      await world.caughtUp();
      expect(world.proxy.spoilt(), 'logs left out').toBe(1);
      await recover(world);
    });
  });

  it('leaves a stake out of the answer that tells of its claim, it is found late, and no conflict is made of it', async () => {
    await withWorld(async (world) => {
      await world.server().post('/sync/stop');
      await stakeAs(world.rpcUrl, NEWCOMER, 9n * TOKEN);
      await jumpDays(world.rpcUrl, 1);
      await mineTogether(world.rpcUrl, [vaultCall(accountAddress(NEWCOMER), 'claim', 0n)]);
      await devActions.mine({ rpcUrl: world.rpcUrl, blocks: BLOCKS_TO_FINALITY });
      await world.proxy.setMode({ kind: 'dropOneLog', which: 'first' });
      await world.server().post('/sync/start');
      await world.caughtUp();
      expect(world.proxy.spoilt(), 'logs left out').toBe(1);
      await recover(world);
    });
  });

  it('holds on to a block that was dropped, on one node of several, none of its logs is applied, and the truth is there in the end', async () => {
    await withWorld(async (world) => {
      const before = await positionRows(world);
      await world.server().post('/sync/stop');
      await stakeAs(world.rpcUrl, NEWCOMER, 5n * TOKEN);
      const dropped = await readHead(world);
      expect(dropped.logs.length, 'logs of the block that is to be dropped').toBeGreaterThan(0);
      await rpcCall(world.rpcUrl, 'anvil_reorg', [1, []]);
      await devActions.mine({ rpcUrl: world.rpcUrl, blocks: 3 });
      await world.proxy.setMode({ kind: 'otherFork', dropped });
      await world.server().post('/sync/start');
      await waitFor('the dropped block to be answered', async () => world.proxy.spoilt() > 0);
      const { body: cycle } = await world.server().post('/sync/run-cycle');
      expect(cycle).toMatchObject({ outcome: 'failed', error: expect.stringMatching(/forks faster/) });
      const applied = await world.withTables((tables) => tables.rows('select block_hash from staking_logs'));
      expect(applied).not.toContainEqual({ block_hash: dropped.block.hash });
      await expectNothingLost(world, before);
      await recover(world);
    });
  });

  it('falls silent on its WebSocket, it is noticed and caught up within seconds', async () => {
    // Cycles are an hour apart: whoever catches up here is the watchdog.
    await withWorld(
      async (world) => {
        await waitFor('the socket to be live', async () => (await world.vault()).watcher.state === 'live');
        await world.proxy.setMode({ kind: 'silentSocket' });
        const cyclesRun = async () => (await world.status()).statistics.cycles_total;
        let cyclesBefore: number;
        do {
          // The first cycle of the schedule may come in between; then once more.
          cyclesBefore = await cyclesRun();
          await stakeAs(world.rpcUrl, NEWCOMER, 5n * TOKEN);
          await world.expectEqualToContract({ timeoutMs: 8_000 });
        } while (cyclesBefore !== (await cyclesRun()));
        expect(world.proxy.spoilt(), 'heads held back').toBeGreaterThan(0);
        await world.proxy.setMode({ kind: 'pass' });
        await waitFor('a new socket that delivers', async () => (await world.vault()).watcher.state === 'live');
        await stakeAs(world.rpcUrl, NEWCOMER, 6n * TOKEN);
        await world.expectEqualToContract({ timeoutMs: 8_000 });
      },
      { env: { SYNC_INTERVAL_SECONDS: '3600' } },
    );
  });

  it('takes ranges of three blocks only, a back-fill goes on within them', async () => {
    await withWorld(async (world) => {
      await world.server().terminate();
      await createChainActor({ rpcUrl: world.rpcUrl, random: seededRandom(8) }).actTimes(20);
      await devActions.mine({ rpcUrl: world.rpcUrl, blocks: BLOCKS_TO_FINALITY });
      await world.proxy.setMode({ kind: 'rangeLimit', blocks: 3 });
      await world.start();
      await world.expectEqualToContract();
      expect(world.proxy.spoilt(), 'ranges that were refused').toBeGreaterThan(0);
      await recover(world);
    });
  });

  it('is away when a server starts whose vault is known, it serves what it knows, says 503, and catches up by itself', async () => {
    await withWorld(async (world) => {
      await world.server().terminate();
      await stakeAs(world.rpcUrl, NEWCOMER, 5n * TOKEN);
      await world.proxy.setMode({ kind: 'refuse' });
      const before = await positionRows(world);
      await world.start();
      const served = await world.server().list('/staking/positions?limit=50');
      expect(served.length, 'positions served').toBe(before.size);
      await waitFor('health 503', async () => (await world.health()).status === 503, NOTICED_MS_MAX);
      await expectNothingLost(world, before);
      await recover(world);
    });
  });

  it('is away when a server starts that never saw it, the server ends with one line that says what to check', async () => {
    const world = await openSyncWorld({ hasProxy: true });
    try {
      await world.proxy.setMode({ kind: 'refuse' });
      const server = world.spawn();
      expect((await server.exited).code).toBe(1);
      expect(server.output()).toMatch(/finverse: WEB3_RPC_URL: the chain does not answer/);
    } finally {
      await world.close();
    }
  });
});

async function positionRows(world: SyncWorld): Promise<Map<string, string>> {
  const rows = await world.withTables((tables) => tables.rows('select * from stakes'));
  return new Map(rows.map((row) => [String(row['ref']), JSON.stringify(row)]));
}

/** Every row is as it was, no log is orphaned, nothing is contested or corrected. New positions may have come: those of the newcomers. */
async function expectNothingLost(world: SyncWorld, before: ReadonlyMap<string, string>): Promise<void> {
  const after = await positionRows(world);
  const known = new Map([...after].filter(([ref]) => before.has(ref)));
  expect(known, 'the positions that were there').toEqual(before);
  await expectUncontested(world);
}

async function expectUncontested(world: SyncWorld): Promise<void> {
  const odd = await world.withTables(async (tables) => ({
    conflicts: await tables.rows('select * from staking_conflicts'),
    corrections: await tables.rows(`select * from staking_logs where event = 'Corrected'`),
    orphans: await tables.rows(`select * from staking_logs where status <> 'applied'`),
  }));
  expect(odd).toEqual({ conflicts: [], corrections: [], orphans: [] });
  expect((await world.status()).statistics).toMatchObject({ conflicts: 0, reorgs: 0 } satisfies Partial<
    SyncStatus['statistics']
  >);
}

/** The chain is itself again, while people go on staking: all is as the contract says, without anybody's help. */
async function recover(world: SyncWorld): Promise<void> {
  await world.proxy.setMode({ kind: 'pass' });
  await stakeAs(world.rpcUrl, NEWCOMER, 11n * TOKEN);
  await waitFor('health 200', () => isHealthy(world), CAUGHT_UP_MS_MAX);
  await waitFor(
    'the tables to equal the contract',
    async () => (await world.expectEqualToContract(), true),
    CAUGHT_UP_MS_MAX,
  );
  await expectUncontested(world);
}

/** The newest block with the logs in it, as the node answers them. */
async function readHead({ rpcUrl }: SyncWorld): Promise<DroppedBlock> {
  const block = (await rpcCall(rpcUrl, 'eth_getBlockByNumber', ['latest', false])) as DroppedBlock['block'];
  const logs = (await rpcCall(rpcUrl, 'eth_getLogs', [{ blockHash: block.hash }])) as DroppedBlock['logs'];
  return { block, logs };
}
