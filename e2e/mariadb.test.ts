import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployDevContracts, devAccounts, startAnvil } from '../server/src/devchain/index.ts';
import { createChainActor, stakeAs } from './support/chain-actor.ts';
import { readContract } from './support/contract-truth.ts';
import { makeFolder } from './support/launch.ts';
import { followLive } from './support/live-follower.ts';
import { freePort, hasMariaDb, type MariaDb, startMariaDb } from './support/mariadb.ts';
import { waitFor } from './support/poll.ts';
import { announceSeed, seededRandom } from './support/seeded-random.ts';
import { type ServerProcess, spawnServer } from './support/server-process.ts';
import { expectSame, openSyncWorld, type Position, type SyncStatus } from './support/sync-world.ts';
import { openTables } from './support/tables.ts';

const TOKEN = 10n ** 18n;
const STAKER = 9;
const operator = { email: 'operator@example.test', password: 'a long enough password' };

type ReplicaStatus = SyncStatus & { leader: { is_this_instance: boolean; fencing_token: number } | null };

describe.skipIf(!hasMariaDb())('on a database server', () => {
  let mariadb: MariaDb;
  beforeAll(async () => {
    mariadb = await startMariaDb();
  });
  afterAll(() => mariadb.stop());
  const newDatabase = async (scheme: string) => (await mariadb.createDatabase()).replace(/^mariadb:/, `${scheme}:`);

  it.each(['mariadb', 'mysql'])(
    'over %s:// a stake is in the tables, in REST and told live, also after a restart',
    async (scheme) => {
      const world = await openSyncWorld({ databaseUrl: await newDatabase(scheme) });
      try {
        const server = await world.start();
        await world.expectEqualToContract();
        const follower = followLive(world.url, world.token);
        try {
          await stakeAs(world.rpcUrl, STAKER, 12n * TOKEN);
          const staker = devAccounts[STAKER]?.address.toLowerCase();
          const told = await waitFor('the stake to be told', async () =>
            follower.events.find(({ data }) => data.position?.owner_address === staker),
          );
          expect(told.data).toMatchObject({
            type: 'fact',
            fact: { status: 'applied' },
            position: { position_key: '0', amount: '12.00000000' },
          });
          const positions = await server.list<Position>(`/staking/positions?owner_address=${staker}`);
          expect(positions).toMatchObject([{ amount_raw: (12n * TOKEN).toString(), position_key: '0' }]);
          await world.expectEqualToContract();

          expect(await server.terminate()).toEqual({ code: 0, signal: null });
          await stakeAs(world.rpcUrl, STAKER, 1n * TOKEN);
          await world.start();
          await world.expectEqualToContract();
          await waitFor('the second stake to be told', async () =>
            follower.events.some(({ data }) => data.position?.position_key === '1'),
          );
          const keys = follower.events.map(({ data }) => `${data.fact?.block_hash}:${data.fact?.log_index}`);
          expect(new Set(keys).size, 'each log is told once').toBe(keys.length);
        } finally {
          await follower.stop();
        }
      } finally {
        await world.close();
      }
    },
  );

  it.each(['mariadb', 'mysql'])(
    'over %s:// one of two replicas leads; killed, the other takes over within seconds and nothing is applied twice',
    async (scheme) => {
      const random = seededRandom(announceSeed(`replicas over ${scheme}`));
      const folder = await makeFolder();
      const anvil = await startAnvil();
      const { tokenAddress, stakeVaultAddress } = await deployDevContracts(anvil.rpcUrl);
      const databaseUrl = await newDatabase(scheme);
      let token: string | null = null;
      const replica = async (name: string): Promise<ServerProcess> =>
        spawnServer({
          port: await freePort(),
          token: () => token,
          env: {
            FINVERSE_DATA_DIR: join(folder.path, name),
            DATABASE_URL: databaseUrl,
            WEB3_RPC_URL: anvil.rpcUrl,
            WEB3_WS_URL: anvil.wsUrl,
            TOKEN_ADDRESS: tokenAddress,
            STAKE_VAULT_ADDRESS: stakeVaultAddress,
            OPERATOR_EMAIL: operator.email,
            OPERATOR_PASSWORD: operator.password,
            SYNC_AUTOSTART: 'true',
            SYNC_INTERVAL_SECONDS: '1',
            RATE_LIMIT_SCALE: '1000',
          },
        });
      const statusOf = async (server: ServerProcess) => (await server.get<ReplicaStatus>('/sync/status')).body;
      const leads = async (server: ServerProcess) => (await statusOf(server)).leader?.is_this_instance === true;
      const replicas: ServerProcess[] = [];
      try {
        // Both at once, on a database that nobody has ever opened.
        replicas.push(await replica('a'), await replica('b'));
        await Promise.all(replicas.map((server) => server.ready()));
        const [first, second] = replicas as [ServerProcess, ServerProcess];
        token = (await first.post<{ token: string }>('/auth/login', operator)).body.token;
        const leader = await waitFor('one of them to lead', async () => {
          const [a, b] = [await leads(first), await leads(second)];
          expect(a && b, 'both lead').toBe(false);
          return a ? first : b ? second : null;
        });
        const survivor = leader === first ? second : first;
        expect((await statusOf(leader)).leader).toMatchObject({ is_this_instance: true, fencing_token: 1 });
        // Who does not lead says who may be asked.
        expect((await survivor.post<{ error: { code: string } }>('/sync/run-cycle')).body.error.code).toBe(
          'NOT_LEADER',
        );

        const follower = followLive(survivor.url, () => token);
        const told = () =>
          follower.events
            .filter(({ data }) => data.type === 'fact')
            .map(({ data }) => `${data.fact?.block_hash}:${data.fact?.log_index}`);
        const acting = createChainActor({ rpcUrl: anvil.rpcUrl, random }).actContinuously(() => told().length);
        try {
          await waitFor('some facts from the leader, told by the other', async () => follower.events.length > 10);
          const killedAt = performance.now();
          await leader.kill9();
          await waitFor('the other to take over', () => leads(survivor), 30_000);
          const tookOverMs = performance.now() - killedAt;
          console.log(`taken over after ${Math.round(tookOverMs)} ms`);
          expect(tookOverMs).toBeLessThan(15_000);
          expect((await statusOf(survivor)).leader?.fencing_token).toBe(2);
          const known = follower.events.length;
          await waitFor('facts from the new leader', async () => follower.events.length > known + 10);
        } finally {
          await acting.stop();
        }

        const truth = await readContract(anvil.rpcUrl);
        const status = await waitFor('the cursor at the head', async () => {
          const current = await statusOf(survivor);
          return current.vaults[0]?.cursor_hash === truth.head.hash ? current : null;
        });
        const [vaultStatus] = status.vaults;
        if (!vaultStatus) throw new Error('the status names no vault');
        expect(status.statistics.conflicts).toBe(0);
        const positions = await survivor.list<Position>('/staking/positions?limit=50');
        const tables = await openTables(databaseUrl);
        try {
          await expectSame({ truth, positions, tables, vaultStatus });
        } finally {
          await tables.close();
        }
        await waitFor('everything to be told', async () => told().length >= truth.logs.length);
        expect(told().toSorted(), 'each log is told once, across the change of leaders').toEqual(truth.logs);
        await follower.stop();
      } finally {
        await Promise.all(replicas.map((server) => server.kill9()));
        await anvil.stop();
        await folder.remove();
      }
    },
  );
});
