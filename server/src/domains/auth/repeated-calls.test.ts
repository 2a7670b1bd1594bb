import { TOTP } from 'otpauth';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeDrivers } from '../../db/test-databases.ts';
import { matchRoute, restRoutes } from '../../http/rest-routes.ts';
import { startTestServer, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { appRouter } from '../../router.ts';

const { email, password } = PEOPLE.user;
const NEW_PASSWORD = 'violet harbour lantern';

const routes = restRoutes(appRouter);
/** The mutations that were sent twice here. */
const repeated = new Set<string>();

// A server that dies between commit and answer is, to its client, one whose answer is lost: it sends the same again under the same key.
describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let server: TestServer;
  let token: string;
  let keys = 0;
  beforeEach(async () => {
    server = await startTestServer({ databaseUrl: await databases.migratedUrl() });
    token = await server.signIn('user');
  });
  afterEach(() => server[Symbol.asyncDispose]());

  type Call = { body?: object; token?: string; headers?: Record<string, string> };

  /** Sends the same twice under one key, and answers the first answer; the second must be the same, and another call under the key is refused. */
  async function twice(method: string, path: string, call: Call = {}) {
    const headers = { ...call.headers, 'idempotency-key': `key-${(keys += 1)}` };
    const first = await server.rest(method, path, { ...call, headers });
    const again = await server.rest(method, path, { ...call, headers });
    expect(first.status, JSON.stringify(first.body)).toBe(200);
    expect({ status: again.status, body: again.body }).toEqual({ status: first.status, body: first.body });
    expect(again.headers.get('set-cookie')).toBe(first.headers.get('set-cookie'));
    const { route } = matchRoute(routes, method, path);
    if (route) repeated.add(route.procedure);
    // What anyone may call counts for the address, all else for the person.
    const other = await (route?.access === 'public'
      ? server.rest('POST', '/auth/password-reset/request', { body: { email: 'another@example.test' }, headers })
      : server.rest('PATCH', '/users/me', { token, body: { name: 'Another' }, headers }));
    expect([other.status, other.body?.error?.code], path).toEqual([409, 'IDEMPOTENCY_KEY_REUSED']);
    return first;
  }
  const count = async (table: string) => {
    const [row] = await server.database.em().execute<{ rows: unknown }[]>(`select count(*) as \`rows\` from ${table}`);
    return Number(row?.rows);
  };
  const codeOf = async () => (await server.takeMails()).at(-1)?.link?.split('#code=')[1] ?? '';

  test('login makes one session, also where it ends the one that came with it', async () => {
    const { body } = await twice('POST', '/auth/login', { body: { email, password }, token });
    expect(await count('sessions')).toBe(1);
    expect((await server.rest('GET', '/auth/me', { token: String(body?.['token']) })).status).toBe(200);
  });

  test('login under a key that came with another body is refused', async () => {
    const headers = { 'idempotency-key': 'one' };
    await server.rest('POST', '/auth/login', { body: { email, password }, headers });
    await server.auth.ensureUser(PEOPLE.admin);
    const other = { email: PEOPLE.admin.email, password: PEOPLE.admin.password };
    const answer = await server.rest('POST', '/auth/login', { body: other, headers });
    expect(answer.body?.error?.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('register makes one person, one session and one mail', async () => {
    await twice('POST', '/auth/register', { body: { email: 'new@example.test', password: NEW_PASSWORD } });
    expect([await count('users'), await count('sessions')]).toEqual([2, 2]);
    expect(await server.takeMails()).toHaveLength(1);
    await twice('POST', '/auth/logout', { token });
    expect(await count('sessions')).toBe(1);
  });

  test('a code that is used up answers the same again', async () => {
    await twice('POST', '/auth/verify-email/request', { token });
    await twice('POST', '/auth/verify-email', { body: { code: await codeOf() } });
    await twice('POST', '/auth/password-reset/request', { body: { email } });
    const code = await codeOf();
    await twice('POST', '/auth/password-reset/confirm', { body: { code, new_password: NEW_PASSWORD } });
    expect(await server.takeMails()).toHaveLength(1);
  });

  test('changes of password and e-mail address, which the first call has made already, answer the same again', async () => {
    const body = { current_password: password, new_password: NEW_PASSWORD };
    await twice('POST', '/users/me/password', { token, body });
    expect(await server.takeMails()).toHaveLength(1);
    const moved = { email: 'moved@example.test', password: NEW_PASSWORD };
    await twice('POST', '/users/me/email', { token, body: moved });
    const { body: user } = await twice('POST', '/users/me/email/confirm', { token, body: { code: await codeOf() } });
    expect(user).toMatchObject({ email: moved.email });
  });

  test('an API token is made once and told again; revoking it and ending sessions answer the same again', async () => {
    const body = { name: 'a script', scopes: ['users:read'] };
    const { body: made } = await twice('POST', '/auth/tokens', { token, body });
    expect(await count('api_tokens')).toBe(1);
    await twice('DELETE', `/auth/tokens/${String(made?.['id'])}`, { token });
    await server.signIn('user');
    expect((await twice('DELETE', '/auth/sessions', { token })).body).toEqual({ ended: 1 });
    await server.signIn('user');
    const { body: listed } = await server.rest('GET', '/auth/sessions', { token });
    const items = listed?.['items'] as { id: string; is_current: boolean }[];
    const other = items.find((item) => !item.is_current);
    await twice('DELETE', `/auth/sessions/${other?.id}`, { token });
  });

  test('a second factor is begun, confirmed, used, renewed and disabled once', async () => {
    const { body: begun } = await twice('POST', '/auth/totp/begin', { token, body: { password } });
    const totp = new TOTP({ secret: String(begun?.['secret']) });
    const { body: confirmed } = await twice('POST', '/auth/totp/confirm', { token, body: { code: totp.generate() } });
    const codes = confirmed?.['recovery_codes'] as string[];
    const [first, second, third] = codes;
    await twice('POST', '/auth/login', { body: { email, password, code: first } });
    const renewed = await twice('POST', '/auth/totp/recovery-codes', { token, body: { password, code: second } });
    const renewedCodes = renewed.body?.['recovery_codes'] as string[];
    expect(renewedCodes).not.toContain(third);
    const code = renewedCodes[0];
    await twice('POST', '/auth/totp/disable', { token, body: { password, code } });
    expect(await count('totp_factors')).toBe(0);
  });

  test('profile, preferences and the deletion of the account', async () => {
    await twice('PATCH', '/users/me', { token, body: { name: 'Uma' } });
    await twice('PATCH', '/users/me/preferences', { token, body: { items: [{ key: 'a', value: 'b' }] } });
    await twice('DELETE', '/users/me', { token, body: { password } });
    await twice('POST', '/users/me/restore', { token });
    expect(await server.takeMails()).toHaveLength(1);
  });

  test('sixteen registrations of one address at once make one person; all others are told', async () => {
    const body = { email: 'race@example.test', password: NEW_PASSWORD };
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => server.rest('POST', '/auth/register', { body })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200,
      ...Array<number>(15).fill(409),
    ]);
    expect(await count('users')).toBe(2);
  });
});

// Those of the ledger are sent again in e2e/ledger-retries.test.ts.
test('every mutation of who is who has been sent twice here', () => {
  const mutations = routes.filter(({ isKeyed, procedure }) => isKeyed && /^(auth|users)\./.test(procedure));
  expect([...repeated].toSorted()).toEqual(mutations.map(({ procedure }) => procedure).toSorted());
});
