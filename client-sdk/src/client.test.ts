import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFinverseClient, type FinverseClientOptions } from './client.ts';
import type { Session } from './types.ts';
import { startServer, type TestServer } from './test-server.ts';

const OWNER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** A client that notes each request it sends. */
function listeningClient(options: Omit<FinverseClientOptions, 'url' | 'fetch'> = {}) {
  const requests: { url: string; method: string; headers: Headers }[] = [];
  const finverse = createFinverseClient({
    ...options,
    url: server.url,
    fetch: (url, init) => {
      requests.push({ url: new Request(url).url, method: init?.method ?? 'GET', headers: new Headers(init?.headers) });
      return globalThis.fetch(url, init);
    },
  });
  return { finverse, requests };
}

describe('calls', () => {
  test('a query and a mutation answer what the server says, in camelCase', async () => {
    const finverse = createFinverseClient({ url: server.url });
    const status = await finverse.sync.status.query();
    expect(status.vaults).toHaveLength(1);
    expect(status.vaults[0]).toMatchObject({ kind: 'stake-vault', chainId: 31_337 });
    expect(await finverse.sync.start.mutate({ intervalSeconds: 2 })).toMatchObject({
      isRunning: true,
      syncIntervalSeconds: 2,
    });
    const { userAddress, positions } = await finverse.sync.user.mutate({ userAddress: OWNER });
    expect(userAddress).toBe(OWNER.toLowerCase());
    const { items } = await finverse.staking.positions.query({ ownerAddress: OWNER });
    expect(items.map(({ id }) => id).toSorted()).toEqual(positions.map(({ id }) => id).toSorted());
    expect(items[0]?.amountRaw).toMatch(/^\d+$/);
  });

  test('a trailing slash of the address makes no difference', async () => {
    const finverse = createFinverseClient({ url: `${server.url}/` });
    expect(await finverse.sync.health.query()).toMatchObject({ status: 'healthy' });
  });

  test.each(['localhost:8000', '/api', '', 'ftp://localhost'])('%j is refused as an address', (url) => {
    expect(() => createFinverseClient({ url })).toThrow(TypeError);
  });
});

describe('batches', () => {
  test('fifty queries at once are sent in as few requests as the server allows, and each gets its own answer', async () => {
    const { finverse, requests } = listeningClient();
    const limits = Array.from({ length: 50 }, (_, index) => index + 1);
    const pages = await Promise.all(limits.map((limit) => finverse.staking.positions.query({ limit })));
    const known = pages.at(-1)!.items.length;
    expect(known).toBeGreaterThan(1);
    expect(pages.map(({ items }) => items.length)).toEqual(limits.map((limit) => Math.min(limit, known)));
    expect(requests).toHaveLength(3);
  });

  test('one bad call in a batch fails alone', async () => {
    const finverse = createFinverseClient({ url: server.url });
    const [good, bad] = await Promise.allSettled([
      finverse.sync.status.query(),
      finverse.staking.position.query({ id: 'pos_none' }),
    ]);
    expect(good.status).toBe('fulfilled');
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'NOT_FOUND' } });
  });

  test('sign-in never shares a request, whatever is called beside it', async () => {
    const { finverse, requests } = listeningClient();
    const [, session, , me] = await Promise.allSettled([
      finverse.sync.status.query(),
      finverse.auth.login.mutate(server.demo),
      finverse.sync.health.query(),
      finverse.auth.me.query(),
    ]);
    expect(session.status).toBe('fulfilled');
    expect(me).toMatchObject({ status: 'rejected', reason: { code: 'UNAUTHENTICATED' } });
    expect(requests.map(({ url }) => new URL(url).pathname).toSorted()).toEqual([
      '/trpc/auth.login',
      '/trpc/auth.me',
      '/trpc/sync.status,sync.health',
    ]);
  });

  test('queries too long for one address are divided', async () => {
    const { finverse, requests } = listeningClient();
    const vaultId = 'v'.repeat(64);
    const cursor = 'c'.repeat(500);
    const calls = Array.from({ length: 20 }, () => finverse.staking.positions.query({ vaultId, cursor }));
    await Promise.allSettled(calls);
    expect(requests.length).toBeGreaterThan(1);
    for (const { url } of requests) expect(url.length).toBeLessThanOrEqual(7_500);
  });
});

describe('sessions', () => {
  test('login signs the client in until logout, and the application hears of both', async () => {
    const heard: (Session | null)[] = [];
    const { finverse, requests } = listeningClient({ onSession: (session) => heard.push(session) });
    const session = await finverse.auth.login.mutate(server.demo);
    expect(await finverse.auth.me.query()).toEqual(session.user);
    expect(requests.at(-1)?.headers.get('authorization')).toBe(`Bearer ${session.token}`);
    await finverse.auth.logout.mutate();
    expect(heard).toEqual([session, null]);
    await expect(finverse.auth.me.query()).rejects.toMatchObject({ code: 'UNAUTHENTICATED', httpStatus: 401 });
    expect(requests.at(-1)?.headers.has('authorization')).toBe(false);
  });

  test('a login that failed changes nothing', async () => {
    const heard: (Session | null)[] = [];
    const finverse = createFinverseClient({ url: server.url, onSession: (session) => heard.push(session) });
    await expect(finverse.auth.login.mutate({ ...server.demo, password: 'wrong' })).rejects.toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
    expect(heard).toEqual([]);
  });

  test('an open registration signs in like login', async () => {
    const heard: (Session | null)[] = [];
    const { finverse, requests } = listeningClient({ onSession: (session) => heard.push(session) });
    const person = { email: 'new@example.test', password: 'violet harbour lantern' };
    const registration = await finverse.auth.register.mutate(person);
    expect(heard).toEqual([registration]);
    expect(await finverse.auth.me.query()).toMatchObject({ email: person.email, emailVerified: false });
    expect(requests.at(-1)?.headers.get('authorization')).toBe(`Bearer ${heard[0]?.token}`);
  });

  test('an API token is a token like any other, within its scopes', async () => {
    const owner = createFinverseClient({ url: server.url });
    await owner.auth.login.mutate(server.demo);
    const { token } = await owner.auth.tokens.create.mutate({ name: 'a script', scopes: ['staking:read'] });
    const script = createFinverseClient({ url: server.url, token });
    expect((await script.staking.positions.query({ limit: 1 })).items).toHaveLength(1);
    await expect(script.sync.stop.mutate()).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: 'The API token lacks the scope sync:write.',
    });
  });

  test('a token function is asked before each request, and login does not override it', async () => {
    const { token } = await createFinverseClient({ url: server.url }).auth.login.mutate(server.demo);
    let current: string | null = null;
    const { finverse } = listeningClient({ token: async () => current });
    await expect(finverse.auth.me.query()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    current = token;
    expect(await finverse.auth.me.query()).toMatchObject({ email: server.demo.email });
  });

  test('the token is in no address, that of a subscription included', async () => {
    const { token } = await createFinverseClient({ url: server.url }).auth.login.mutate(server.demo);
    const { finverse, requests } = listeningClient({ token, headers: { 'x-app': 'test' } });
    await Promise.all([finverse.sync.status.query(), finverse.sync.health.query()]);
    await finverse.sync.start.mutate();
    for await (const _event of finverse.sync.live.subscribe({ lastEventId: '0' })) break;
    expect(requests).toHaveLength(3);
    for (const { url, headers } of requests) {
      expect(url).not.toContain(token);
      expect(headers.get('authorization')).toBe(`Bearer ${token}`);
      expect(headers.get('x-app')).toBe('test');
    }
  });
});

test('what the server does not offer does not compile', () => {
  const finverse = createFinverseClient({ url: server.url });
  const refused = () => [
    // @ts-expect-error there is no such procedure
    finverse.sync.stats.query(),
    // @ts-expect-error a mutation cannot be queried
    finverse.sync.start.query(),
    // @ts-expect-error an address is a text
    finverse.staking.positions.query({ ownerAddress: 1 }),
    // @ts-expect-error there is no such state
    finverse.staking.positions.query({ state: 'open' }),
  ];
  expect(refused).toBeTypeOf('function');
});

describe('idempotency keys', () => {
  const keyOf = ({ headers }: { headers: Headers }) => headers.get('idempotency-key');

  test('each mutation has one of its own, a query has none', async () => {
    const { finverse, requests } = listeningClient();
    await finverse.sync.start.mutate();
    await finverse.sync.start.mutate();
    await finverse.sync.status.query();
    const [first, second, query] = requests.map(keyOf);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toMatch(/^[0-9a-f]{32}$/);
    expect(second).not.toBe(first);
    expect(query).toBeNull();
  });

  test("the caller's own is sent as it is, so that a mutation whose answer was lost can be sent again", async () => {
    const { finverse, requests } = listeningClient();
    await finverse.sync.start.mutate(undefined, { context: { idempotencyKey: 'draft-17' } });
    expect(requests.map(keyOf)).toEqual(['draft-17']);
  });

  test('a number is sent as its text, and without one the call has a key of its own', async () => {
    const { finverse, requests } = listeningClient();
    for (const idempotencyKey of [42, undefined, null]) {
      await finverse.sync.start.mutate(undefined, { context: { idempotencyKey } });
    }
    const [number, none, nothing] = requests.map(keyOf);
    expect(number).toBe('42');
    expect(none).toMatch(/^[0-9a-f]{32}$/);
    expect(nothing).toMatch(/^[0-9a-f]{32}$/);
  });

  test.each([[''], ['a b'], ['ключ'], ['x'.repeat(256)], ['a\r\nb'], [Number.NaN], [{}], [true]])(
    'a key that cannot be sent, %j, is refused before anything is sent',
    async (idempotencyKey) => {
      const { finverse, requests } = listeningClient();
      await expect(finverse.sync.start.mutate(undefined, { context: { idempotencyKey } })).rejects.toMatchObject({
        name: 'FinverseError',
        code: 'INVALID_OPTIONS',
        cause: expect.any(TypeError) as TypeError,
        message: expect.stringContaining('context.idempotencyKey') as string,
      });
      expect(requests).toEqual([]);
    },
  );
});
