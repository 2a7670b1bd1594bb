import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChainActor } from './support/chain-actor.ts';
import { type ContractTruth, readContract } from './support/contract-truth.ts';
import { followLive, type LiveFollower } from './support/live-follower.ts';
import { freePort, hasMariaDb, type MariaDb, startMariaDb } from './support/mariadb.ts';
import { waitFor } from './support/poll.ts';
import { announceSeed, type SeededRandom, seededRandom } from './support/seeded-random.ts';
import { type ServerProcess, spawnServer } from './support/server-process.ts';
import { openTables } from './support/tables.ts';
import { expectSame, openSyncWorld, type Position, type SyncStatus, type SyncWorld } from './support/sync-world.ts';

const KILLS = 16;
const LOGS_MIN = 80;
/** Longer than a start takes here, so that some of these moments fall behind it. */
const STARTING_MS_MAX = 1_500;
const WORKING_MS_MAX = 1_500;
const APPLYING_MS_MAX = 12;

describe('kill -9 at any moment', () => {
  it('leaves positions and logs on SQLite that the next start makes equal to the contract', async () => {
    expect(await killAgainAndAgain('kill -9 on SQLite'), 'logs that could have been lost').toBeGreaterThan(LOGS_MIN);
  }, 600_000);

  describe.runIf(hasMariaDb())('on MariaDB', () => {
    let mariaDb: MariaDb;
    beforeAll(async () => {
      mariaDb = await startMariaDb();
    });
    afterAll(() => mariaDb?.stop());

    it('leaves positions and logs that the next start makes equal to the contract', async () => {
      const logs = await killAgainAndAgain('kill -9 on MariaDB', await mariaDb.createDatabase());
      expect(logs, 'logs that could have been lost').toBeGreaterThan(LOGS_MIN);
    }, 600_000);

    it('in the middle of the first migration leaves a database that the next start completes', async () => {
      const databaseUrl = await mariaDb.createDatabase();
      const name = new URL(databaseUrl).pathname.slice(1);
      const world = await openSyncWorld({ databaseUrl });
      try {
        const server = world.spawn();
        await waitFor('the migration to have made its first tables', async () => {
          const tables = await mariaDb.sql(
            `select count(*) from information_schema.tables where table_schema = '${name}'`,
          );
          return Number(tables) >= 3;
        });
        await server.kill9();
        const restarted = await world.start();
        await world.expectEqualToContract();
        expect((await restarted.get('/sync/status')).status).toBe(200);
      } finally {
        await world.close();
      }
    });
  });

  it('of an embedded server, with or without its chain, leaves tables that follow the chain as it then is', async () => {
    const seed = announceSeed('kill -9 in embedded mode');
    const dataDir = await mkdtemp(join(tmpdir(), 'finverse-e2e-'));
    const port = await freePort();
    const random = seededRandom(seed);
    let server = spawnServer({ env: { FINVERSE_DATA_DIR: dataDir }, port });
    try {
      await server.ready();
      for (let kill = 0; kill < 5; kill += 1) {
        const rpcUrl = await embeddedRpcUrl(server);
        await createChainActor({ rpcUrl, random }).actTimes(random.integer(3, 20));
        await delay(random.integer(0, 1_200));
        // In every other round the chain loses what it has not written yet, as in a power cut.
        if (kill % 2 === 1) process.kill(embeddedAnvilPid(dataDir), 'SIGKILL');
        await server.kill9();
        server = spawnServer({ env: { FINVERSE_DATA_DIR: dataDir }, port });
        await server.ready();
        const { positions } = await expectEmbeddedEqual(server, dataDir);
        expect(positions.size, 'the demo positions are among them').toBeGreaterThan(5);
      }
    } finally {
      await server.kill9();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
  });
});

/** Starts and kills the server at random moments while people stake, claim and unstake, then compares everything. Answers how many logs there were. */
async function killAgainAndAgain(title: string, databaseUrl?: string): Promise<number> {
  const random = seededRandom(announceSeed(title));
  const world = await openSyncWorld({ hasProxy: true, ...(databaseUrl === undefined ? {} : { databaseUrl }) });
  const follower = followLive(world.url, world.token);
  const actor = createChainActor({ rpcUrl: world.rpcUrl, random: seededRandom(random.integer(0, 2 ** 31)) });
  const acting = actor.actContinuously(() => factsOf(follower).length);
  try {
    await world.start();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await killAtSomeMoment(world, random);
      if (databaseUrl !== undefined && random.chance(0.8)) await expireLease(world);
      world.spawn();
    }
    await world.server().ready();
    await acting.stop();
    const truth = await world.expectEqualToContract();
    await expectHeardOnce(follower, truth);
    expect(await world.server().list('/sync/conflicts?limit=5'), 'conflicts').toEqual([]);
    expect((await world.status()).statistics.reorgs, 'reorganisations').toBe(0);
    return truth.logs.length;
  } finally {
    await acting.stop().catch(() => undefined);
    await follower.stop();
    await world.close();
  }
}

/**
 * While it starts, from the very first millisecond on; while it works; or in the very milliseconds in which it writes what a node has just answered.
 */
async function killAtSomeMoment(world: SyncWorld, random: SeededRandom): Promise<void> {
  const server = world.server();
  const kind = random.pick(['starting', 'starting', 'working', 'applying', 'applying'] as const);
  const momentMs = random.integer(
    0,
    { starting: STARTING_MS_MAX, working: WORKING_MS_MAX, applying: APPLYING_MS_MAX }[kind],
  );
  if (kind === 'working') {
    await server.ready();
    const { cursor_block: before } = await world.vault();
    await waitFor('facts being applied', async () => ((await world.vault()).cursor_block ?? -1) > (before ?? -1));
  }
  if (kind === 'applying') await Promise.race([world.proxy.answered('eth_getLogs'), server.exited]);
  const first = await Promise.race([delay(momentMs, 'moment' as const), server.exited]);
  if (first !== 'moment') throw new Error(`the server ended by itself: ${server.output()}`);
  await server.kill9();
}

/** A killed leader's lease runs out after seconds. Most rounds do not wait for it, so that more kills hit a server at work. */
async function expireLease(world: SyncWorld): Promise<void> {
  await world.withTables((tables) => tables.run('update sync_leases set expires_at = 0'));
}

/** Every log was told exactly once, however often the subscriber had to reconnect. */
async function expectHeardOnce(follower: LiveFollower, truth: ContractTruth): Promise<void> {
  await waitFor('the subscriber to hear of every log', async () => {
    if (factsOf(follower).length >= truth.logs.length) return true;
    throw new Error(`of ${truth.logs.length} it heard ${factsOf(follower).length} in ${summaryOf(follower)}`);
  });
  expect(factsOf(follower).toSorted(), 'facts on the live feed').toEqual(truth.logs);
  const ids = follower.events.map(({ id }) => Number(id));
  expect(new Set(ids).size, 'ids on the live feed').toBe(ids.length);
  expect(ids, 'their order').toEqual(ids.toSorted((a, b) => a - b));
}

function factsOf({ events }: LiveFollower): string[] {
  return events.flatMap(({ data: { fact } }) => (fact ? [`${fact.block_hash}:${fact.log_index}`] : []));
}

async function embeddedRpcUrl(server: ServerProcess): Promise<string> {
  return waitFor('the address of the embedded chain', async () => /RPC at (http\S+)/.exec(server.output())?.[1]);
}

/** How many events of each kind there were. */
function summaryOf({ events }: LiveFollower): string {
  const kinds = Object.groupBy(events, ({ data }) => data.type);
  return JSON.stringify(Object.fromEntries(Object.entries(kinds).map(([kind, { length }]) => [kind, length])));
}

/** The embedded anvil's pid stands in the second line of the note beside its state. */
function embeddedAnvilPid(dataDir: string): number {
  const pid = Number(readFileSync(join(dataDir, 'chain', 'state.json.lock'), 'utf8').split('\n')[1]);
  if (!Number.isInteger(pid) || pid <= 1) throw new Error('the note of the embedded chain names no anvil');
  return pid;
}

async function expectEmbeddedEqual(server: ServerProcess, dataDir: string): Promise<ContractTruth> {
  const truth = await readContract(await embeddedRpcUrl(server));
  const status = await waitFor(`the cursor to reach block ${truth.head.number}`, async () => {
    const { body } = await server.get<SyncStatus>('/sync/status');
    if (body.vaults[0]?.cursor_hash === truth.head.hash) return body;
    throw new Error(JSON.stringify(body));
  });
  const [vaultStatus] = status.vaults;
  if (!vaultStatus) throw new Error('the status names no vault');
  const positions = await server.list<Position>('/staking/positions?limit=7');
  const tables = await openTables(`sqlite:${join(dataDir, 'finverse.sqlite')}`);
  try {
    await expectSame({ truth, positions, tables, vaultStatus });
    return truth;
  } finally {
    await tables.close();
  }
}
