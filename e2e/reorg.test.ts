import { describe, expect, it } from 'vitest';
import { devActions } from '../server/src/devchain/index.ts';
import { rpcCall } from '../server/src/devchain/rpc.ts';
import { type ChainActor, createChainActor, stakeAs, type VaultCall } from './support/chain-actor.ts';
import type { ContractTruth } from './support/contract-truth.ts';
import { followLive, type LiveFollower } from './support/live-follower.ts';
import { waitFor } from './support/poll.ts';
import { announceSeed, type SeededRandom, seededRandom } from './support/seeded-random.ts';
import { openSyncWorld, type SyncWorld } from './support/sync-world.ts';

const ROUNDS = 24;
const DEPTH_MAX = 6;
const TOKEN = 10n ** 18n;
const STAKER = 9;

describe('after a reorganisation', () => {
  it('the tables equal the contract, whatever was dropped, replaced or rolled back, at work or at rest', async () => {
    const random = seededRandom(announceSeed('reorganisations'));
    const world = await openSyncWorld();
    const actor = createChainActor({ rpcUrl: world.rpcUrl, random });
    try {
      await actor.actTimes(20);
      await world.start();
      await world.expectEqualToContract();
      const follower = followLive(world.url, world.token);
      try {
        for (let round = 0; round < ROUNDS; round += 1) {
          const restart = random.chance(0.35) ? await stopServer(world, random) : null;
          const known = await storedLogs(world);
          await reorganize(world.rpcUrl, actor, random);
          await restart?.();
          const truth = await world.expectEqualToContract();
          await expectOrphansKept(world, known, truth);
        }
        expect((await world.status()).statistics.reorgs, 'reorganisations').toBeGreaterThan(0);
        expect(await world.server().list('/sync/conflicts?limit=5'), 'conflicts').toEqual([]);
        await expectTold(world, follower);
      } finally {
        await follower.stop();
      }
    } finally {
      await world.close();
    }
  }, 600_000);

  it('a position whose stake was dropped is gone, its log stays as orphaned, and subscribers are told', async () => {
    const world = await openSyncWorld();
    try {
      await world.start();
      await stakeAs(world.rpcUrl, STAKER, 3n * TOKEN);
      await world.expectEqualToContract();
      const follower = followLive(world.url, world.token);
      try {
        await rpcCall(world.rpcUrl, 'anvil_reorg', [1, []]);
        await devActions.mine({ rpcUrl: world.rpcUrl });
        const truth = await world.expectEqualToContract();
        expect(truth.positions.size).toBe(0);
        const logs = await world.withTables((tables) => tables.rows('select event, status from staking_logs'));
        expect(logs).toEqual([{ event: 'Staked', status: 'orphaned' }]);
        const told = await waitFor('the notice', async () => {
          const notices = follower.events.filter(({ data }) => data.type === 'reorganized');
          return notices.length > 0 && notices;
        });
        expect(told[0]?.data).toMatchObject({ type: 'reorganized', facts_orphaned: 1 });
      } finally {
        await follower.stop();
      }
    } finally {
      await world.close();
    }
  });

  it('whose next block has the very number that is expected, the parent hash tells, and the dropped stake is gone', async () => {
    const world = await openSyncWorld();
    try {
      await world.start();
      await stakeAs(world.rpcUrl, STAKER, 3n * TOKEN);
      const { head } = await world.expectEqualToContract();
      await world.server().terminate();
      await rpcCall(world.rpcUrl, 'anvil_reorg', [1, []]);
      await stakeAs(world.rpcUrl, STAKER - 1, 4n * TOKEN);
      await world.start();
      const truth = await world.expectEqualToContract();
      expect(truth.head.number, 'the block after the cursor').toBe(head.number + 1);
      expect(truth.positions.size).toBe(1);
      expect(await world.server().list('/sync/conflicts?limit=5'), 'conflicts').toEqual([]);
    } finally {
      await world.close();
    }
  });

  it('a rollback that leaves the chain shorter is followed without a new block', async () => {
    const world = await openSyncWorld();
    try {
      await world.start();
      await stakeAs(world.rpcUrl, STAKER, 3n * TOKEN);
      await stakeAs(world.rpcUrl, STAKER, 4n * TOKEN);
      await world.expectEqualToContract();
      await rpcCall(world.rpcUrl, 'anvil_rollback', [1]);
      const truth = await world.expectEqualToContract();
      expect(truth.positions.size).toBe(1);
      const { verified_block, cursor_block } = await world.vault();
      expect(verified_block ?? 0, 'nothing is verified above the cursor').toBeLessThanOrEqual(cursor_block ?? 0);
    } finally {
      await world.close();
    }
  });

  it('deeper than finality the vault halts, health says why, and nothing is written, also after a restart', async () => {
    const world = await openSyncWorld();
    try {
      await stakeAs(world.rpcUrl, STAKER, 3n * TOKEN);
      // anvil calls final what lies 64 blocks under its head.
      await devActions.mine({ rpcUrl: world.rpcUrl, blocks: 100 });
      await world.start();
      const truth = await world.expectEqualToContract();
      const { finalized_block } = await waitFor('a final block', async () => {
        const vault = await world.vault();
        return (vault.finalized_block ?? 0) > 0 && vault;
      });
      await waitFor('health 200', async () => (await world.health()).status === 200);
      const before = await vaultTables(world);
      await rpcCall(world.rpcUrl, 'anvil_reorg', [truth.head.number - (finalized_block ?? 0) + 5, []]);
      await devActions.mine({ rpcUrl: world.rpcUrl, blocks: 2 });
      await expectHalted(world);
      expect(await vaultTables(world), 'everything that comes from the chain').toEqual(before);
      await world.server().terminate();
      await world.start();
      await expectHalted(world);
      expect(await vaultTables(world), 'the same after a restart').toEqual(before);
    } finally {
      await world.close();
    }
  });
});

/** Ends the server as an operator does or as a power cut does. Answers how to start it again. */
async function stopServer(world: SyncWorld, random: SeededRandom): Promise<() => Promise<unknown>> {
  await (random.chance(0.5) ? world.server().terminate() : world.server().kill9());
  return () => world.start();
}

/** Some life, then one reorganisation of some kind, then some life or none. */
async function reorganize(rpcUrl: string, actor: ChainActor, random: SeededRandom): Promise<void> {
  await actor.actTimes(random.integer(0, 6));
  const depth = random.integer(1, DEPTH_MAX);
  if (random.chance(0.3)) {
    await rpcCall(rpcUrl, 'anvil_rollback', [depth]);
  } else {
    const replacements: [VaultCall, number][] = [];
    if (random.chance(0.6)) {
      for (let count = random.integer(1, 5); count > 0; count -= 1)
        replacements.push([await actor.draft(), random.integer(0, depth - 1)]);
    }
    await rpcCall(rpcUrl, 'anvil_reorg', [depth, replacements]);
  }
  if (random.chance(0.6)) await actor.actTimes(random.integer(1, DEPTH_MAX + 3));
}

async function storedLogs(world: SyncWorld): Promise<string[]> {
  const rows = await world.withTables((tables) => tables.rows('select block_hash, log_index from staking_logs'));
  return rows.map((row) => `${String(row['block_hash'])}:${String(row['log_index'])}`);
}

/** No fact was ever deleted; what the chain does not have any more says so. */
async function expectOrphansKept(world: SyncWorld, known: readonly string[], truth: ContractTruth): Promise<void> {
  const rows = await world.withTables((tables) =>
    tables.rows('select block_hash, log_index, status from staking_logs'),
  );
  const statusByLog = new Map(
    rows.map((row) => [`${String(row['block_hash'])}:${String(row['log_index'])}`, String(row['status'])]),
  );
  const canonical = new Set(truth.logs);
  const wrong = known.filter((log) => statusByLog.get(log) !== (canonical.has(log) ? 'applied' : 'orphaned'));
  expect(wrong, 'known logs that are gone, or that claim to be what they are not').toEqual([]);
}

/** What a subscriber was told last of each log is what the table says, and every reorganisation was announced. */
async function expectTold(world: SyncWorld, follower: LiveFollower): Promise<void> {
  const rows = await world.withTables((tables) => tables.rows('select seq from outbox order by seq desc limit 1'));
  await waitFor(
    'the subscriber to hear the last event',
    async () => follower.events.at(-1)?.id === String(rows[0]?.['seq']),
  );
  const told = new Map<string, string>();
  for (const { data } of follower.events) {
    if (data.fact) told.set(`${data.fact.block_hash}:${data.fact.log_index}`, data.fact.status);
  }
  const stored = await world.withTables((tables) =>
    tables.rows('select block_hash, log_index, status from staking_logs'),
  );
  const expected = stored.map(
    (row) => [`${String(row['block_hash'])}:${String(row['log_index'])}`, String(row['status'])] as const,
  );
  expect(Object.fromEntries(told), 'the last status told of each log').toEqual(Object.fromEntries(expected));
  const notices = follower.events.filter(({ data }) => data.type === 'reorganized').length;
  expect(notices, 'announced reorganisations').toBe((await world.status()).statistics.reorgs);
  const ids = follower.events.map(({ id }) => id);
  expect(new Set(ids).size, 'ids on the live feed').toBe(ids.length);
}

async function expectHalted(world: SyncWorld): Promise<void> {
  const reasons = await waitFor('health 503 for the dropped final block', async () => {
    const { status, reasons: found } = await world.health();
    return status === 503 && found.some((reason) => /was final/.test(reason)) && found;
  });
  expect(reasons.join('; ')).toMatch(/until an operator has decided/);
  expect((await world.vault()).halted_reason).toMatch(/was final/);
}

/** The rows that the chain may write, without the figures of runs. */
async function vaultTables(world: SyncWorld): Promise<string[]> {
  const tables = /^(vaults|chain_blocks|stakes|staking_logs|staking_conflicts|outbox) /;
  return (await world.withTables((opened) => opened.dump())).filter((line) => tables.test(line));
}
