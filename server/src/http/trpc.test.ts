import { createTRPCClient, httpBatchLink, httpLink, TRPCClientError } from '@trpc/client';
import superjson from 'superjson';
import { describe, expect, test } from 'vitest';
import type { AppRouter } from '../router.ts';
import { BATCH_SIZE_MAX } from '../trpc/limits.ts';
import { ADDRESS, POSITION } from './test-fakes.ts';
import { PEOPLE, startTestServer, stillClock, type TestServer } from './test-server.ts';

type ErrorData = NonNullable<TRPCClientError<AppRouter>['data']>;

function clientOf(server: TestServer, { token, isBatching = false }: { token?: string; isBatching?: boolean } = {}) {
  const options = {
    url: `${server.url}/trpc`,
    transformer: superjson,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
  return createTRPCClient<AppRouter>({ links: [isBatching ? httpBatchLink(options) : httpLink(options)] });
}

/** What a failed call tells an SDK user. */
async function errorOf(call: Promise<unknown>): Promise<ErrorData & { message: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TRPCClientError)) throw new Error('the call did not fail as expected', { cause: error });
  return { ...(error as TRPCClientError<AppRouter>).data!, message: error.message };
}

/** A POST of raw text to a procedure. */
async function post(
  server: TestServer,
  path: string,
  body: string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) {
  const answer = await server.open('POST', `/trpc/${path}`, { body, headers });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

describe('the client', () => {
  test('calls in camelCase and gets typed camelCase back', async () => {
    await using server = await startTestServer({ embedded: true });
    const client = clientOf(server);
    expect(await client.staking.positions.query({ ownerAddress: ADDRESS, limit: 5 })).toEqual({
      items: [POSITION],
      nextCursor: 'next',
    });
    expect((await client.sync.user.mutate({ userAddress: ADDRESS })).positions[0]?.amountRaw).toBe(
      '1500000000000000000',
    );
  });

  test('finds code, status, request id and details on an error', async () => {
    await using server = await startTestServer({ embedded: true });
    const client = clientOf(server);
    expect(await errorOf(client.sync.user.mutate({ userAddress: '0x12', extra: 1 } as never))).toMatchObject({
      code: 'VALIDATION_FAILED',
      httpStatus: 400,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      details: [{ path: 'userAddress' }, { path: 'extra', message: 'unknown field' }],
    });
    expect(await errorOf(client.staking.position.query({ id: 'pos_2' }))).toMatchObject({
      code: 'NOT_FOUND',
      httpStatus: 404,
      details: [],
    });
    expect(await errorOf(client.auth.me.query())).toMatchObject({ code: 'UNAUTHENTICATED', httpStatus: 401 });
  });

  test('learns nothing of an unforeseen error', async () => {
    await using server = await startTestServer({ embedded: true });
    server.sync.failure = new Error("insert into users values ('x') - ER_DUP_ENTRY at /srv/app/db.ts:1");
    const answer = await server.open('GET', '/trpc/sync.status');
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(text).not.toMatch(/ER_DUP|insert|srv|stack/);
    expect(JSON.parse(text)).toMatchObject({ error: { json: { data: { code: 'INTERNAL', httpStatus: 500 } } } });
    expect(server.logLines.some((line) => line.includes('ER_DUP_ENTRY'))).toBe(true);
  });

  test('signs in, is somebody, and signs out', async () => {
    await using server = await startTestServer();
    await server.auth.ensureUser(PEOPLE.user);
    const { token, user } = await clientOf(server).auth.login.mutate({
      email: ' User@Example.TEST ',
      password: PEOPLE.user.password,
    });
    expect(user.email).toBe('user@example.test');
    const client = clientOf(server, { token });
    expect((await client.auth.me.query()).id).toBe(user.id);
    await client.auth.logout.mutate();
    expect(await errorOf(client.auth.me.query())).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

test('JSON of brackets is refused before it is parsed, and such calls are counted', async () => {
  await using server = await startTestServer({ embedded: true, clock: stillClock, rateLimitScale: 0.01 });
  const body = `{"json":${'['.repeat(200)}`;
  const first = await post(server, 'sync.user', body);
  expect(first.status).toBe(400);
  expect(first.text).toContain('nests too deep');
  let { status } = first;
  for (let call = 1; call < 10 && status === 400; call += 1) ({ status } = await post(server, 'sync.user', body));
  expect(status).toBe(429);
});

describe('batches', () => {
  test('up to the limit run, over it are refused whole', async () => {
    await using server = await startTestServer({ embedded: true });
    const client = clientOf(server, { isBatching: true });
    const answers = await Promise.all(Array.from({ length: BATCH_SIZE_MAX }, () => client.sync.health.query()));
    expect(answers).toHaveLength(BATCH_SIZE_MAX);
    server.sync.calls.length = 0;
    const refused = await errorOf(
      Promise.all(Array.from({ length: BATCH_SIZE_MAX + 1 }, () => client.sync.health.query())),
    );
    expect(refused).toMatchObject({
      code: 'VALIDATION_FAILED',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    expect(server.sync.calls).toEqual([]);
  });

  test('sign-in is refused in a batch, and works in a batch of one', async () => {
    await using server = await startTestServer();
    await server.auth.ensureUser(PEOPLE.user);
    const credentials = { email: PEOPLE.user.email, password: PEOPLE.user.password };
    const client = clientOf(server, { isBatching: true });
    const both = await Promise.allSettled([
      client.auth.login.mutate(credentials),
      client.auth.login.mutate(credentials),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await client.auth.login.mutate(credentials)).user.email).toBe(PEOPLE.user.email);
  });

  test('each call counts against the rate limit, and the answer says when to come back', async () => {
    await using server = await startTestServer({ embedded: true, rateLimitScale: 0.001, clock: stillClock });
    const path = Array.from({ length: 10 }, () => 'sync.health').join(',');
    const answer = await server.open('GET', `/trpc/${path}?batch=1`);
    expect(answer.status).toBe(207);
    const results = JSON.parse(await answer.text()) as { error?: { json: { data: ErrorData } } }[];
    expect(results.map(({ error }) => error?.json.data.code ?? 'ok')).toEqual([
      ...Array(6).fill('ok'),
      ...Array(4).fill('RATE_LIMITED'),
    ]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
});

describe('what is refused before it costs anything', () => {
  test.each([
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/octet-stream',
  ])('a mutation as %s', async (type) => {
    await using server = await startTestServer({ embedded: true });
    const answer = await post(server, 'sync.stop', '--x--', { 'content-type': type });
    expect(answer.status).toBe(415);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { json: { data: { code: 'UNSUPPORTED_MEDIA_TYPE' } } } });
    expect(server.sync.calls).toEqual([]);
  });

  test('a mutation without a content type, and one by GET', async () => {
    await using server = await startTestServer({ embedded: true });
    expect((await post(server, 'sync.stop', '', {})).status).toBe(415);
    expect((await server.open('GET', '/trpc/sync.stop')).status).toBe(405);
    expect((await server.open('DELETE', '/trpc/sync.stop')).status).toBe(405);
    expect(server.sync.calls).toEqual([]);
  });

  test('a body over 32 KB', async () => {
    await using server = await startTestServer({ embedded: true });
    const answer = await post(server, 'sync.user', JSON.stringify({ json: { userAddress: 'x'.repeat(33_000) } }));
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { json: { data: { code: 'PAYLOAD_TOO_LARGE' } } } });
  });

  test.each([
    ['broken JSON', '{'],
    ['JSON that is no superjson', '5'],
    ['a set', '{"json":{"userAddress":[]},"meta":{"values":{"userAddress":["set"]}}}'],
    ['a regular expression', '{"json":{"userAddress":"/x/"},"meta":{"values":{"userAddress":["regexp"]}}}'],
    ['a date that is none', '{"json":{"userAddress":"x"},"meta":{"values":{"userAddress":["Date"]}}}'],
    ['an annotation into the prototype', '{"json":{"userAddress":"x"},"meta":{"values":{"__proto__.x":["Date"]}}}'],
    ['nesting 10,000 deep', `{"json":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['null where text is wanted', '{"json":{"userAddress":null}}'],
  ])('%s', async (_name, body) => {
    await using server = await startTestServer({ embedded: true });
    const answer = await post(server, 'sync.user', body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { json: { data: { code: 'VALIDATION_FAILED' } } } });
    expect(server.sync.calls).toEqual([]);
  });

  test('an unknown procedure is a JSON 404', async () => {
    await using server = await startTestServer();
    const answer = await server.open('GET', '/trpc/sync.secrets');
    expect(answer.status).toBe(404);
    expect(JSON.parse(await answer.text())).toMatchObject({ error: { json: { data: { code: 'NOT_FOUND' } } } });
    expect((await server.open('GET', '/trpc/%E0%A4%A')).status).toBe(400);
  });
});
