import { scopeDomains } from '@finverse/shared';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { transact, type UnitOfWork } from '../../db/index.ts';
import { restRoutes } from '../../http/rest-routes.ts';
import { startTestServer, stillClock, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { appRouter } from '../../router.ts';
import { UserSchema } from '../users/index.ts';
import { ApiTokenSchema } from './auth.entity.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

let skewMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
let server: TestServer;
beforeEach(async () => {
  skewMs = 0;
  server = await startTestServer({ clock });
});
afterEach(() => server[Symbol.asyncDispose]());

type Created = { id: string; token: string; scopes: string[]; expires_at: string };
async function create(session: string, scopes: string[], more: object = {}): Promise<Created> {
  const answer = await server.rest('POST', '/auth/tokens', {
    token: session,
    body: { name: 'a script', scopes, ...more },
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as unknown as Created;
}
const list = async (session: string) =>
  (await server.rest('GET', '/auth/tokens', { token: session })).body?.['items'] as Record<string, unknown>[];

describe('a token', () => {
  test('is told once; stored is its hash, listed is everything else', async () => {
    const session = await server.signIn('user');
    const created = await create(session, ['staking:read', 'staking:read', 'users:write']);
    expect(created.token).toMatch(/^fv_[0-9a-f]{48}$/);
    expect(created.scopes).toEqual(['staking:read', 'users:write']);
    expect(Date.parse(created.expires_at) - clock.now()).toBeGreaterThan(89 * DAY_MS);
    const { token, ...listed } = created;
    expect(await list(session)).toEqual([listed]);
    const [row] = await server.database.em().find(ApiTokenSchema, {});
    expect(JSON.stringify(row)).not.toContain(token.slice(3));
    const stolen = `fv_${row?.tokenHash.slice(0, 48)}`;
    expect((await server.rest('GET', '/auth/me', { token: stolen })).status).toBe(401);
  });

  test('is the person within its scopes: reads with :read, changes with :write, names what it lacks', async () => {
    const session = await server.signIn('user');
    const reader = (await create(session, ['users:read'])).token;
    expect((await server.rest('GET', '/users/me', { token: reader })).body).toMatchObject({ email: PEOPLE.user.email });
    expect((await server.rest('GET', '/auth/me', { token: reader })).status).toBe(200);
    const refused = await server.rest('PATCH', '/users/me', { token: reader, body: { name: 'Eve' } });
    expect(refused.status).toBe(403);
    expect(refused.body?.error).toMatchObject({
      code: 'FORBIDDEN',
      message: 'The API token lacks the scope users:write.',
    });
    const writer = (await create(session, ['users:write'])).token;
    expect((await server.rest('PATCH', '/users/me', { token: writer, body: { name: 'Uma' } })).status).toBe(200);
    const unread = await server.rest('GET', '/users/me', { token: writer });
    expect(unread.body?.error?.message).toContain('users:read');
  });

  test('counts until it expires, and its use is noted', async () => {
    const session = await server.signIn('user');
    const { token } = await create(session, ['users:read'], { expires_in_days: 2 });
    expect(await list(session)).toMatchObject([{ last_used_at: null }]);
    skewMs = DAY_MS;
    expect((await server.rest('GET', '/users/me', { token })).status).toBe(200);
    expect(Date.parse(String((await list(session))[0]?.['last_used_at']))).toBeGreaterThan(clock.now() - 60_000);
    skewMs = 2 * DAY_MS + 1000;
    expect((await server.rest('GET', '/users/me', { token })).status).toBe(401);
    await server.auth.purgeExpired();
    expect(await server.database.em().count(ApiTokenSchema, {})).toBe(0);
  });

  test('that is revoked counts no longer', async () => {
    const session = await server.signIn('user');
    const { id, token } = await create(session, ['users:read']);
    expect((await server.rest('DELETE', `/auth/tokens/${id}`, { token: session })).body).toEqual({});
    expect((await server.rest('GET', '/users/me', { token })).status).toBe(401);
    expect(await list(session)).toEqual([]);
  });

  test('of an admin controls sync with its scope, and without it does not', async () => {
    const session = await server.signIn('admin');
    const tokens = [await create(session, ['sync:write']), await create(session, ['sync:read', 'users:write'])];
    const statuses = tokens.map(({ token }) => server.rest('POST', '/sync/stop', { token }));
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([200, 403]);
    const user = await create(await server.signIn('user'), ['sync:write']);
    expect((await server.rest('POST', '/sync/stop', { token: user.token })).status).toBe(403);
  });

  test('is limited by its scopes also on the machine itself, where nobody needs one', async () => {
    await using embedded = await startTestServer({ embedded: true });
    const session = await embedded.signIn('admin');
    const body = { name: 'a script', scopes: ['users:read'] };
    const { body: created } = await embedded.rest('POST', '/auth/tokens', { token: session, body });
    const token = String(created?.['token']);
    expect((await embedded.rest('POST', '/sync/stop', { token })).status).toBe(403);
    expect((await embedded.rest('POST', '/sync/stop')).status).toBe(200);
  });
});

test('tokens that use their limit up leave the person’s own calls, and so the way to revoke them', async () => {
  await using strict = await startTestServer({ rateLimitScale: 0.01, clock: stillClock });
  const session = await strict.signIn('user');
  const { id: userId } = await strict.database.em().findOneOrFail(UserSchema, { email: PEOPLE.user.email });
  const made = [];
  for (const name of ['one', 'other']) {
    const commit: UnitOfWork = (work) => transact(strict.database, work);
    const wanted = { name, scopes: ['users:read' as const], expiresInDays: 1 };
    made.push(await strict.auth.tokens.create(userId, wanted, { commit, sessionToken: session, userAgent: null }));
  }
  const [first, second] = made;
  const statusesOf = async (token = '') => {
    const statuses = [];
    for (let call = 0; call < 61; call += 1) statuses.push((await strict.rest('GET', '/users/me', { token })).status);
    return statuses;
  };
  expect((await statusesOf(first?.token)).slice(-2)).toEqual([200, 429]);
  // All tokens of a person count together.
  expect((await strict.rest('GET', '/users/me', { token: String(second?.token) })).status).toBe(429);
  expect((await strict.rest('GET', '/users/me', { token: session })).status).toBe(200);
  expect((await strict.rest('DELETE', `/auth/tokens/${first?.id}`, { token: session })).status).toBe(200);
});

test('an idempotency key is the person’s, by whatever they are signed in', async () => {
  const session = await server.signIn('user');
  const { token } = await create(session, ['users:write']);
  const headers = { 'idempotency-key': 'one' };
  await server.rest('PATCH', '/users/me', { token: session, body: { name: 'Uma' }, headers });
  const answer = await server.rest('PATCH', '/users/me', { token, body: { name: 'Eve' }, headers });
  expect(answer.body?.error?.code).toBe('IDEMPOTENCY_KEY_REUSED');
});

test('what a token may be made of: known scopes, and no more than fifty tokens', async () => {
  const session = await server.signIn('user');
  for (const body of [
    { name: 'x', scopes: ['transactions:delete'] },
    { name: 'x', scopes: [] },
    { name: 'x', scopes: ['auth:write'] },
    { name: 'x', scopes: ['users:read'], expires_in_days: 0 },
    { name: 'x', scopes: ['users:read'], expires_in_days: 3_651 },
    { name: 'a\u0000b', scopes: ['users:read'] },
  ]) {
    expect((await server.rest('POST', '/auth/tokens', { token: session, body })).status).toBe(400);
  }
  for (let made = 0; made < 50; made += 1) await create(session, ['users:read']);
  const answer = await server.rest('POST', '/auth/tokens', {
    token: session,
    body: { name: 'x', scopes: ['users:read'] },
  });
  expect(answer.body?.error?.code).toBe('CONFLICT');
});

test('every procedure is of a domain that a scope can be given for, or takes no API token', () => {
  const domains = restRoutes(appRouter).map(({ procedure }) => procedure.split('.')[0]);
  expect(new Set(domains).difference(new Set<unknown>(scopeDomains))).toEqual(new Set(['auth']));
});
