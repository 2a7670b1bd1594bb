import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../server/src/db/index.ts';
import { deployDevContracts, startAnvil } from '../server/src/devchain/index.ts';
import { AuthService } from '../server/src/domains/auth/index.ts';
import { entities } from '../server/src/entities.ts';
import { systemClock } from '../server/src/kernel/clock.ts';
import { makeFolder } from './support/launch.ts';
import { freePort, hasMariaDb, startMariaDb } from './support/mariadb.ts';
import { type ServerEnvironment, type ServerProcess, spawnServer } from './support/server-process.ts';

const ADDRESS = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8';
const operator = { email: 'operator@example.test', password: 'staple mandolin sphinx' };
const person = { email: 'person@example.test', password: 'correct horse battery' };
const operatorSettings = {
  OPERATOR_EMAIL: operator.email,
  OPERATOR_PASSWORD: operator.password,
  RATE_LIMIT_SCALE: '1000',
};

/** Everything that controls sync, with the body that each needs; `stop` comes last, as nothing may have come through until then. */
const controls = [
  {
    rest: '/api/v1/sync/user',
    trpc: '/trpc/sync.user',
    restBody: { user_address: ADDRESS },
    trpcBody: { json: { userAddress: ADDRESS } },
  },
  { rest: '/api/v1/sync/run-cycle', trpc: '/trpc/sync.runCycle', restBody: {}, trpcBody: {} },
  { rest: '/api/v1/sync/start', trpc: '/trpc/sync.start', restBody: {}, trpcBody: {} },
  { rest: '/api/v1/sync/stop', trpc: '/trpc/sync.stop', restBody: {}, trpcBody: {} },
];

type Headers = Record<string, string>;
type Answer = { status: number; body: string };

async function startServer(env: ServerEnvironment): Promise<ServerProcess> {
  const server = spawnServer({ env, port: await freePort() });
  try {
    await server.ready();
    return server;
  } catch (error) {
    await server.kill9();
    throw error;
  }
}

/** A request with any headers, also those that fetch does not let one set. */
async function send(
  server: ServerProcess,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Headers; body?: string } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request(`${server.url}${path}`, { method, agent: false, headers }, (response) => {
    text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
  });
  outgoing.once('error', reject);
  outgoing.end(body);
  return promise;
}

/** The statuses of all control, by REST and by tRPC, sent as JSON with these headers. */
async function control(server: ServerProcess, headers: Headers): Promise<number[]> {
  const json = { 'content-type': 'application/json', ...headers };
  const statuses: number[] = [];
  for (const { rest, trpc, restBody, trpcBody } of controls) {
    statuses.push((await send(server, 'POST', rest, { headers: json, body: JSON.stringify(restBody) })).status);
    statuses.push((await send(server, 'POST', trpc, { headers: json, body: JSON.stringify(trpcBody) })).status);
  }
  return statuses;
}

const all = (status: number) => Array<number>(controls.length * 2).fill(status);
const isRunning = async (server: ServerProcess, headers: Headers = {}) =>
  (JSON.parse((await send(server, 'GET', '/api/v1/sync/status', { headers })).body) as { is_running: boolean })
    .is_running;

describe('in embedded mode', () => {
  let server: ServerProcess;
  let folder: Awaited<ReturnType<typeof makeFolder>>;
  let port: string;
  beforeAll(async () => {
    folder = await makeFolder();
    server = await startServer({ FINVERSE_DATA_DIR: folder.path, RATE_LIMIT_SCALE: '1000' });
    ({ port } = new URL(server.url));
  });
  afterAll(async () => {
    await server.terminate();
    await folder.remove();
  });

  it('a name that a web page has bound to this machine reaches nothing, neither control nor reads', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      `localhost.evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      'localhost:1',
    ]) {
      expect(await control(server, { host }), host).toEqual(all(403));
      expect((await send(server, 'GET', '/api/v1/sync/status', { headers: { host } })).status, host).toBe(403);
    }
  });

  it('a web page of another origin controls nothing', async () => {
    const pages: Headers[] = [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:1' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: `http://127.0.0.1:${port}` },
    ];
    for (const headers of pages) expect(await control(server, headers), JSON.stringify(headers)).toEqual(all(403));
  });

  it('a body that a form can send, which a browser asks nobody about, is refused', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain; x=application/json',
    ]) {
      for (const { rest, trpc, restBody, trpcBody } of controls) {
        const headers = { 'content-type': type };
        expect([400, 415], `${rest} as ${type}`).toContain(
          (await send(server, 'POST', rest, { headers, body: JSON.stringify(restBody) })).status,
        );
        expect(
          (await send(server, 'POST', trpc, { headers, body: JSON.stringify(trpcBody) })).status,
          `${trpc} as ${type}`,
        ).toBe(415);
      }
    }
  });

  it('a link or an image changes nothing: control takes no GET', async () => {
    for (const { rest, trpc } of controls) {
      expect([404, 405]).toContain((await send(server, 'GET', rest)).status);
      expect([404, 405]).toContain((await send(server, 'GET', trpc)).status);
    }
  });

  it('none of that had an effect', async () => {
    expect(await isRunning(server)).toBe(true);
  });

  it('the person at this machine controls sync without a token, by curl or from the server’s own page', async () => {
    expect(await control(server, {})).toEqual(all(200));
    expect(await isRunning(server)).toBe(false);
    for (const name of ['localhost', '127.0.0.1']) {
      const host = `${name}:${port}`;
      expect(await control(server, { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }), host).toEqual(
        all(200),
      );
    }
  });
});

describe.each(['a chain', 'a database'])('with %s configured', (configured) => {
  describe.skipIf(configured === 'a database' && !hasMariaDb())('on loopback as anywhere', () => {
    let server: ServerProcess;
    const cleanups: (() => Promise<unknown>)[] = [];

    beforeAll(async () => {
      const folder = await makeFolder();
      cleanups.push(folder.remove);
      const env: Record<string, string> = {
        FINVERSE_DATA_DIR: folder.path,
        SYNC_AUTOSTART: 'true',
        ...operatorSettings,
      };
      let databaseUrl = `sqlite:${join(folder.path, 'finverse.sqlite')}`;
      if (configured === 'a chain') {
        const anvil = await startAnvil();
        cleanups.push(anvil.stop);
        const { stakeVaultAddress } = await deployDevContracts(anvil.rpcUrl);
        Object.assign(env, { WEB3_RPC_URL: anvil.rpcUrl, STAKE_VAULT_ADDRESS: stakeVaultAddress });
      } else {
        const mariadb = await startMariaDb();
        cleanups.push(mariadb.stop);
        databaseUrl = await mariadb.createDatabase();
        env['DATABASE_URL'] = databaseUrl;
      }
      server = await startServer(env);
      cleanups.push(server.terminate);
      const database = await openDatabase({ url: databaseUrl, entities });
      const mails = {
        enqueue: async () => undefined,
        enqueueAtMost: async () => undefined,
        wake: () => undefined,
      };
      const options = { database, clock: systemClock, isSecureCookie: false, mails, registration: 'closed' } as const;
      await new AuthService(options).ensureUser({ ...person, role: 'user' });
      await database.close();
    });
    afterAll(async () => {
      for (const cleanup of cleanups.toReversed()) await cleanup();
    });

    const signIn = async (who: { email: string; password: string }) => {
      const headers = { 'content-type': 'application/json' };
      const { status, body } = await send(server, 'POST', '/api/v1/auth/login', { headers, body: JSON.stringify(who) });
      expect(status, body).toBe(200);
      return { authorization: `Bearer ${(JSON.parse(body) as { token: string }).token}` };
    };

    it('without a token control is refused with 401, and so are reads', async () => {
      const strangers: Headers[] = [
        {},
        { authorization: 'Bearer nonsense' },
        { authorization: `Bearer ${'a'.repeat(40)}` },
      ];
      for (const headers of strangers) {
        expect(await control(server, headers)).toEqual(all(401));
        expect((await send(server, 'GET', '/api/v1/sync/status', { headers })).status).toBe(401);
        expect((await send(server, 'GET', '/trpc/sync.status', { headers })).status).toBe(401);
      }
    });

    it('a signed-in person who is no admin reads, and is refused control with 403', async () => {
      const headers = await signIn(person);
      expect(await control(server, headers)).toEqual(all(403));
      expect(await isRunning(server, headers)).toBe(true);
    });

    it('the operator of the settings signs in and controls sync', async () => {
      const headers = await signIn(operator);
      expect(await control(server, headers)).toEqual(all(200));
      expect(await isRunning(server, headers)).toBe(false);
    });

    it('a wrong password is refused, and health is for everyone', async () => {
      const headers = { 'content-type': 'application/json' };
      const body = JSON.stringify({ ...operator, password: 'wrong' });
      expect((await send(server, 'POST', '/api/v1/auth/login', { headers, body })).status).toBe(401);
      expect((await send(server, 'GET', '/health/ready')).status).toBe(200);
      expect((await send(server, 'GET', '/api/v1/sync/health')).status).toBe(200);
    });
  });
});
