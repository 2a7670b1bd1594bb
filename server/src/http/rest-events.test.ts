import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect, test, vi } from 'vitest';
import { SESSION_IDLE_DAYS } from '../domains/auth/lucia.ts';
import { systemClock } from '../kernel/clock.ts';
import { STREAMS_PER_CALLER_MAX } from '../trpc/limits.ts';
import { PEOPLE, startTestServer, type TestServer } from './test-server.ts';

const BACKFILLED = { type: 'backfilled', vaultId: 'vlt_1', fromBlock: 1, toBlock: 2, factsApplied: 3 } as const;

/** Reads a stream until what came so far satisfies `isEnough`. */
async function readUntil(response: IncomingMessage, isEnough: (text: string) => boolean): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  while (!isEnough(text)) {
    const chunk = response.read() as string | null;
    if (chunk === null) {
      if (response.readableEnded) throw new Error(`the stream ended after: ${text}`);
      await Promise.race([once(response, 'readable'), once(response, 'end')]);
    } else text += chunk;
  }
  return text;
}

test('events come as they happen, with ids, in snake_case, and Last-Event-ID goes on after what was seen', async () => {
  await using server = await startTestServer({ embedded: true });
  const first = await server.open('GET', '/api/v1/sync/live');
  expect(first.status).toBe(200);
  expect(first.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  await expect.poll(() => server.sync.listenerCount).toBe(1);
  server.sync.emit(BACKFILLED);
  server.sync.emit({ type: 'resync' });
  const text = await readUntil(first.response, (read) => read.includes('resync'));
  expect(text).toContain(
    'id: 1\ndata: {"type":"backfilled","vault_id":"vlt_1","from_block":1,"to_block":2,"facts_applied":3}\n\n',
  );
  first.response.destroy();

  const again = await server.open('GET', '/api/v1/sync/live', { headers: { 'last-event-id': '1' } });
  const replayed = await readUntil(again.response, (read) => read.includes('resync'));
  expect(replayed).toContain('id: 2');
  expect(replayed).not.toContain('backfilled');
  again.response.destroy();

  const byQuery = await server.open('GET', '/api/v1/sync/live?last_event_id=0');
  expect(await readUntil(byQuery.response, (read) => read.includes('resync'))).toContain('backfilled');
  byQuery.response.destroy();
});

test('an event id that is none is refused before the stream begins', async () => {
  await using server = await startTestServer({ embedded: true });
  const refused = await server.open('GET', '/api/v1/sync/live', { headers: { 'last-event-id': 'x' } });
  expect(refused.status).toBe(400);
  expect(JSON.parse(await refused.text())).toMatchObject({ error: { details: [{ path: 'last_event_id' }] } });
});

test.each(['/api/v1/sync/live', '/trpc/sync.live'])('%s: a client that leaves leaves nothing behind', async (path) => {
  await using server = await startTestServer({ embedded: true });
  const streams = await Promise.all(Array.from({ length: 5 }, () => server.open('GET', path)));
  await expect.poll(() => server.sync.listenerCount).toBe(5);
  for (const { response } of streams) response.destroy();
  await expect.poll(() => server.sync.listenerCount).toBe(0);
});

test('one caller has a limited number of streams, over REST and tRPC together, and gets room back by closing one', async () => {
  await using server = await startTestServer({ embedded: true, rateLimitScale: 1 });
  const streams = await Promise.all(
    Array.from({ length: STREAMS_PER_CALLER_MAX }, (_, index) =>
      server.open('GET', index % 2 ? '/trpc/sync.live' : '/api/v1/sync/live'),
    ),
  );
  await expect.poll(() => server.sync.listenerCount).toBe(STREAMS_PER_CALLER_MAX);
  const refused = await server.open('GET', '/api/v1/sync/live');
  expect(refused.status).toBe(429);
  expect(refused.headers['retry-after']).toBe('10');
  const refusedTrpc = await server.open('GET', '/trpc/sync.live');
  expect(await readUntil(refusedTrpc.response, (text) => text.includes('serialized-error'))).toContain('RATE_LIMITED');
  streams[0]?.response.destroy();
  await expect.poll(() => server.sync.listenerCount).toBe(STREAMS_PER_CALLER_MAX - 1);
  const admitted = await server.open('GET', '/api/v1/sync/live');
  expect(admitted.status).toBe(200);
  for (const { response } of [...streams, admitted]) response.destroy();
});

const signInAgain = async (server: TestServer) => {
  const { email, password } = PEOPLE.user;
  const answer = await server.rest('POST', '/auth/login', { body: { email, password } });
  return String(answer.body?.['token']);
};

test.each<[string, (server: TestServer, token: string, other: string) => Promise<unknown>]>([
  ['it logs out', (server, token) => server.rest('POST', '/auth/logout', { token })],
  ['the others are ended', (server, _, other) => server.rest('DELETE', '/auth/sessions', { token: other })],
  [
    'the password is changed elsewhere',
    (server, _, other) => {
      const body = { current_password: PEOPLE.user.password, new_password: 'another long sentence' };
      return server.rest('POST', '/users/me/password', { token: other, body });
    },
  ],
  ['the person is gone', ({ database }) => database.em().getConnection().execute('delete from users')],
])('a stream that was opened with a session ends when %s', async (_, end) => {
  await using server = await startTestServer({ streamRecheckMs: 1 });
  const token = await server.signIn('user');
  const other = await signInAgain(server);
  const headers = { authorization: `Bearer ${token}` };
  const paths = ['/api/v1/sync/live', '/trpc/sync.live'];
  const streams = await Promise.all(paths.map((path) => server.open('GET', path, { headers })));
  await expect.poll(() => server.sync.listenerCount).toBe(2);
  await end(server, token, other);
  for (const stream of streams) expect(await stream.text()).toContain('UNAUTHENTICATED');
  expect(server.sync.listenerCount).toBe(0);
});

test('a stream that was opened with an API token ends when it is revoked, and no other', async () => {
  await using server = await startTestServer({ streamRecheckMs: 1 });
  const token = await server.signIn('user');
  const body = { name: 'a script', scopes: ['sync:read'] };
  const made = (await server.rest('POST', '/auth/tokens', { token, body })).body;
  const open = (bearer: string) =>
    server.open('GET', '/api/v1/sync/live', { headers: { authorization: `Bearer ${bearer}` } });
  const [ofToken, ofSession] = await Promise.all([open(String(made?.['token'])), open(token)]);
  await server.rest('DELETE', `/auth/tokens/${String(made?.['id'])}`, { token });
  expect(await ofToken.text()).toContain('UNAUTHENTICATED');
  server.sync.emit({ type: 'resync' });
  expect(await readUntil(ofSession.response, (text) => text.includes('resync'))).not.toContain('UNAUTHENTICATED');
  ofSession.response.destroy();
});

test('an open stream keeps no session alive, and asking writes nothing', async () => {
  let skewMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
  await using server = await startTestServer({ clock, streamRecheckMs: 1 });
  const token = await server.signIn('user');
  const live = await server.open('GET', '/api/v1/sync/live', { headers: { authorization: `Bearer ${token}` } });
  const isAsked = vi.spyOn(server.auth, 'isSignedIn');
  // Late enough that a request would renew the session.
  skewMs = (SESSION_IDLE_DAYS - 1) * 24 * 60 * 60 * 1000;
  const statements = await server.statementsOf(() =>
    vi.waitUntil(() => isAsked.mock.settledResults.length > 2, 30_000),
  );
  expect(statements.length).toBeGreaterThan(0);
  expect(statements.filter((sql) => !sql.startsWith('select'))).toEqual([]);
  skewMs += 2 * 24 * 60 * 60 * 1000;
  expect(await live.text()).toContain('UNAUTHENTICATED');
});

test('the local operator needs no sign-in for a stream that lasts', async () => {
  await using server = await startTestServer({ embedded: true, streamRecheckMs: 1 });
  const token = await server.signIn('user');
  const anonymous = await server.open('GET', '/api/v1/sync/live');
  const signedIn = await server.open('GET', '/api/v1/sync/live', { headers: { authorization: `Bearer ${token}` } });
  await server.rest('POST', '/auth/logout', { token });
  expect(await signedIn.text()).toContain('UNAUTHENTICATED');
  server.sync.emit({ type: 'resync' });
  expect(await readUntil(anonymous.response, (text) => text.includes('resync'))).not.toContain('UNAUTHENTICATED');
  anonymous.response.destroy();
});

test('an event that does not fit its schema ends the stream with an error that says nothing internal', async () => {
  await using server = await startTestServer({ embedded: true });
  const live = await server.open('GET', '/api/v1/sync/live');
  await expect.poll(() => server.sync.listenerCount).toBe(1);
  server.sync.emit({ type: 'backfilled', vaultId: 5 } as never);
  const text = await live.text();
  expect(text).toContain('event: error\n');
  expect(JSON.parse(/data: (.*)/.exec(text)?.[1] ?? '')).toMatchObject({ error: { code: 'INTERNAL', details: [] } });
  await expect.poll(() => server.sync.listenerCount).toBe(0);
});

test('shutdown ends every stream with an error after which clients reconnect, and admits no new one', async () => {
  await using server = await startTestServer({ embedded: true });
  const rest = await server.open('GET', '/api/v1/sync/live');
  const trpc = await server.open('GET', '/trpc/sync.live');
  await expect.poll(() => server.sync.listenerCount).toBe(2);
  server.beginShutdown();
  expect(await rest.text()).toContain('"code":"SHUTTING_DOWN"');
  const answer = await trpc.text();
  expect(answer).toContain('event: serialized-error');
  // -32603 is among the codes after which tRPC's client reconnects.
  expect(answer).toContain('"code":-32603');
  await expect.poll(() => server.sync.listenerCount).toBe(0);
  const late = await server.open('GET', '/api/v1/sync/live');
  expect(late.status).toBe(503);
  expect((await server.open('GET', '/health/ready')).status).toBe(503);
});
