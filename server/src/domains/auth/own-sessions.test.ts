import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestServer, PEOPLE, type TestServer } from '../../http/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

type Listed = { id: string; is_current: boolean; user_agent: string | null };
const list = async (token: string) =>
  (await server.rest('GET', '/auth/sessions', { token })).body?.['items'] as Listed[];
const me = async (token: string) => (await server.rest('GET', '/auth/me', { token })).status;
const currentOf = async (token: string) => (await list(token)).find((session) => session.is_current)?.id ?? '';

test('a person sees their own, the newest first, with the one that asks marked and no token in sight', async () => {
  await server.signIn('admin');
  await server.auth.ensureUser(PEOPLE.user);
  const body = { email: PEOPLE.user.email, password: PEOPLE.user.password };
  const answer = await server.rest('POST', '/auth/login', { body, headers: { 'user-agent': 'curl/8.0' } });
  const [first, second] = [String(answer.body?.['token']), await server.signIn('user')];
  const sessions = await list(second);
  expect(sessions.map(({ is_current: isCurrent, user_agent: userAgent }) => [isCurrent, userAgent])).toEqual([
    [true, null],
    [false, 'curl/8.0'],
  ]);
  for (const token of [first, second]) expect(JSON.stringify(sessions)).not.toContain(token);
});

test('ends another one of their own', async () => {
  const [mine, other] = [await server.signIn('user'), await server.signIn('user')];
  expect((await server.rest('DELETE', `/auth/sessions/${await currentOf(other)}`, { token: mine })).body).toEqual({});
  expect([await me(mine), await me(other)]).toEqual([200, 401]);
});

test('the session that asks is ended by logout alone', async () => {
  const token = await server.signIn('user');
  const answer = await server.rest('DELETE', `/auth/sessions/${await currentOf(token)}`, { token });
  expect(answer.body?.error?.code).toBe('CONFLICT');
  expect(await me(token)).toBe(200);
});

test('ends all others at once, and nobody else’s', async () => {
  const tokens = [await server.signIn('user'), await server.signIn('user'), await server.signIn('user')];
  const stranger = await server.signIn('admin');
  const answer = await server.rest('DELETE', '/auth/sessions', { token: tokens[0]! });
  expect(answer.body).toEqual({ ended: 2 });
  expect(await Promise.all([...tokens, stranger].map(me))).toEqual([200, 401, 401, 200]);
});
