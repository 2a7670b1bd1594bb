import { TOTP } from 'otpauth';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestServer, stillClock, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { UserSchema } from '../users/index.ts';
import { newId } from '../../kernel/ids.ts';
import { SessionSchema } from './auth.entity.ts';
import { SESSION_DAYS_MAX, SESSIONS_MAX } from './lucia.ts';
import { PasswordHasher } from './passwords.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

let skewMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
let server: TestServer;

beforeEach(async () => {
  skewMs = 0;
  server = await startTestServer({ clock });
});
afterEach(() => server[Symbol.asyncDispose]());

const credentials = { email: PEOPLE.user.email, password: PEOPLE.user.password };
const login = (body: unknown, headers?: Record<string, string>) =>
  server.rest('POST', '/auth/login', { body, ...(headers ? { headers } : {}) });

describe('login', () => {
  test('answers a token, when it ends, and the person; the token then is the person', async () => {
    const created = await server.auth.ensureUser({ ...PEOPLE.user, watchedAddresses: [`0x${'AB'.repeat(20)}`] });
    const { status, body } = await login(credentials);
    expect(status).toBe(200);
    expect(Object.keys(body ?? {})).toEqual(['token', 'expires_at', 'user']);
    expect(Date.parse(String(body?.['expires_at'])) - clock.now()).toBeGreaterThan(29 * DAY_MS);
    expect(body?.['user']).toEqual({
      id: created.id,
      email: credentials.email,
      email_verified: false,
      role: 'user',
      name: null,
      avatar_url: null,
      base_currency: 'USD',
      time_zone: 'UTC',
      locale: 'en',
      watched_addresses: [`0x${'ab'.repeat(20)}`],
      created_at: created.createdAt,
      deletion_at: null,
    });
    const me = await server.rest('GET', '/auth/me', { token: String(body?.['token']) });
    expect(me.body).toEqual(body?.['user']);
  });

  test('an unknown person and a wrong password get the same answer, word for word', async () => {
    await server.auth.ensureUser(PEOPLE.user);
    const wrong = await login({ ...credentials, password: 'wrong' }, { 'x-request-id': 'same' });
    const unknown = await login({ ...credentials, email: 'nobody@example.test' }, { 'x-request-id': 'same' });
    expect(wrong.status).toBe(401);
    expect(wrong.body?.error?.code).toBe('INVALID_CREDENTIALS');
    expect(unknown).toMatchObject({ status: wrong.status, body: wrong.body });
  });

  test('an unknown person costs the same work as a wrong password', async () => {
    const verify = vi.spyOn(PasswordHasher.prototype, 'verify');
    await login({ ...credentials, email: 'nobody@example.test' });
    expect(verify).toHaveBeenCalledExactlyOnceWith(null, credentials.password);
    verify.mockRestore();
  });

  test('what is no e-mail address, and fields that login does not know, are named', async () => {
    const answer = await login({ email: 'x', password: '', remember_me: true });
    expect(answer.status).toBe(400);
    expect(answer.body?.error?.details.map(({ path }) => path)).toEqual(['email', 'password', 'remember_me']);
  });

  test('ten tries a minute for an address, counted over accounts', async () => {
    await using strict = await startTestServer({ rateLimitScale: 1, clock: stillClock });
    const statuses = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const body = { email: `user${attempt}@example.test`, password: 'x' };
      statuses.push((await strict.rest('POST', '/auth/login', { body })).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  });

  describe('tries at an account', () => {
    // A trusted proxy names the address, so one test can come from many.
    const publicUrl = 'https://finverse.example';
    const tryFrom = async (strict: TestServer, address: string, password = 'x') => {
      const headers = { 'x-forwarded-for': address };
      return (await strict.rest('POST', '/auth/login', { body: { ...credentials, password }, headers })).status;
    };

    test('from one address keep nobody out who comes from another, however long they go on', async () => {
      let minutes = 0;
      const slow = { ...systemClock, monotonic: () => minutes * 60_000 };
      await using strict = await startTestServer({ rateLimitScale: 1, clock: slow, publicUrl });
      await strict.auth.ensureUser(PEOPLE.user);
      let looked = 0;
      for (; minutes < 20; minutes += 1) {
        for (let attempt = 0; attempt < 10; attempt += 1) {
          looked += Number((await tryFrom(strict, '203.0.113.1')) === 401);
        }
        expect(await tryFrom(strict, '203.0.113.2', credentials.password)).toBe(200);
      }
      // Twenty at once, and one more each three minutes.
      expect(looked).toBe(26);
    });

    test('from many addresses are bounded in all', async () => {
      // A tenth of every limit: ten tries an hour.
      await using strict = await startTestServer({ rateLimitScale: 0.1, clock: stillClock, publicUrl });
      await strict.auth.ensureUser(PEOPLE.user);
      const statuses = [];
      for (let attempt = 0; attempt < 12; attempt += 1) statuses.push(await tryFrom(strict, `203.0.113.${attempt}`));
      expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    });

    test('that fail for another reason than a wrong password or code do not count', async () => {
      let minutes = 0;
      const slow = { ...systemClock, monotonic: () => minutes * 60_000 };
      await using strict = await startTestServer({ rateLimitScale: 0.1, clock: slow, publicUrl });
      await strict.auth.ensureUser(PEOPLE.user);
      const token = await strict.signIn('user');
      const begun = await strict.rest('POST', '/auth/totp/begin', { token, body: { password: credentials.password } });
      const totp = new TOTP({ secret: String(begun.body?.['secret']) });
      minutes += 1;
      await strict.rest('POST', '/auth/totp/confirm', { token, body: { code: totp.generate() } });
      const codes = [];
      for (; minutes < 13; minutes += 1) {
        codes.push((await strict.rest('POST', '/auth/login', { body: credentials })).body?.error?.code);
      }
      expect(new Set(codes)).toEqual(new Set(['SECOND_FACTOR_REQUIRED']));
      const wrong = [];
      for (; minutes < 16; minutes += 1) {
        const body = { ...credentials, code: 'no-such-code' };
        wrong.push((await strict.rest('POST', '/auth/login', { body })).body?.error?.code);
      }
      expect(wrong).toEqual(['CODE_INVALID', 'CODE_INVALID', 'RATE_LIMITED']);
    });

    test('that succeed do not count', async () => {
      let minutes = 0;
      const slow = { ...systemClock, monotonic: () => minutes * 60_000 };
      await using strict = await startTestServer({ rateLimitScale: 0.1, clock: slow, publicUrl });
      await strict.auth.ensureUser(PEOPLE.user);
      const statuses = [];
      for (; minutes < 12; minutes += 1) statuses.push(await tryFrom(strict, '203.0.113.1', credentials.password));
      expect(new Set(statuses)).toEqual(new Set([200]));
    });
  });
});

describe('sessions', () => {
  test('the table holds the hash of the token, never the token', async () => {
    const token = await server.signIn('user');
    const rows = await server.database.em().find(SessionSchema, {});
    expect(rows.map(({ id }) => id)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect((await server.rest('GET', '/auth/me', { token: String(rows[0]?.id) })).status).toBe(401);
  });

  test('one that is not used for 30 days is over; one that is used goes on', async () => {
    const [idle, forgotten, used] = [
      await server.signIn('user'),
      await server.signIn('user'),
      await server.signIn('user'),
    ];
    expect(forgotten).not.toBe(idle);
    skewMs = 20 * DAY_MS;
    expect((await server.rest('GET', '/auth/me', { token: used })).status).toBe(200);
    skewMs = 31 * DAY_MS;
    expect((await server.rest('GET', '/auth/me', { token: idle })).status).toBe(401);
    expect((await server.rest('GET', '/auth/me', { token: used })).status).toBe(200);
    await server.auth.purgeExpired();
    expect(await server.database.em().count(SessionSchema, {})).toBe(1);
  });

  test('one that is none, is over or was ended is refused in the same words, which say that it is the sign-in', async () => {
    const [ended, expired] = [await server.signIn('user'), await server.signIn('user')];
    await server.rest('POST', '/auth/logout', { token: ended });
    skewMs = 31 * DAY_MS;
    const tokens = [ended, expired, 'nonsense', `fv_${'0'.repeat(64)}`];
    const refusals = await Promise.all(tokens.map((token) => server.rest('GET', '/auth/me', { token })));
    expect(new Set(refusals.map(({ body }) => body?.error?.message))).toEqual(
      new Set(['This sign-in has ended, or is none. Sign in again.']),
    );
    expect(refusals.map(({ status, body }) => [status, body?.error?.code])).toEqual(
      tokens.map(() => [401, 'UNAUTHENTICATED']),
    );
    expect((await server.rest('GET', '/auth/me')).body?.error?.message).toMatch(/^Sign in first/);
  });

  test('one that is used every day is over after 180 days all the same', async () => {
    const token = await server.signIn('user');
    for (let day = 10; day < SESSION_DAYS_MAX; day += 10) {
      skewMs = day * DAY_MS;
      expect((await server.rest('GET', '/auth/me', { token })).status, `day ${day}`).toBe(200);
    }
    skewMs = SESSION_DAYS_MAX * DAY_MS + 1;
    expect((await server.rest('GET', '/auth/me', { token })).status).toBe(401);
  });

  test('login begins another one and ends the one that came with it, whoever’s it is', async () => {
    await server.auth.ensureUser(PEOPLE.user);
    const [mine, others] = [await server.signIn('user'), await server.signIn('admin')];
    for (const old of [mine, others]) {
      const { body } = await server.rest('POST', '/auth/login', { body: credentials, token: old });
      expect(body?.['token']).not.toBe(old);
      expect((await server.rest('GET', '/auth/me', { token: old })).status).toBe(401);
      expect((await server.rest('GET', '/auth/me', { token: String(body?.['token']) })).status).toBe(200);
    }
  });

  test('a person has a hundred at most: the oldest goes where another begins', async () => {
    const first = await server.signIn('user');
    const [row] = await server.database.em().find(SessionSchema, {});
    const rows = Array.from({ length: SESSIONS_MAX }, (_, index) => ({
      id: index.toString(16).padStart(64, '0'),
      handle: newId('ses'),
      user: row!.user.id,
      userAgent: null,
      expiresAt: clock.now() + DAY_MS,
      createdAt: clock.now(),
      lastUsedAt: clock.now(),
    }));
    await server.database.em().insertMany(SessionSchema, rows);
    await server.signIn('user');
    expect(await server.database.em().count(SessionSchema, {})).toBe(SESSIONS_MAX);
    expect((await server.rest('GET', '/auth/me', { token: first })).status).toBe(401);
  });

  test('logout ends this session, takes the cookie away, and leaves the others', async () => {
    const [token, other] = [await server.signIn('user'), await server.signIn('user')];
    const answer = await server.rest('POST', '/auth/logout', { token });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('set-cookie')).toMatch(/^finverse_session=; .*Max-Age=0/);
    expect((await server.rest('GET', '/auth/me', { token })).status).toBe(401);
    expect((await server.rest('GET', '/auth/me', { token: other })).status).toBe(200);
  });

  test('logout without a session, or with one that is over, answers the same', async () => {
    const token = await server.signIn('user');
    const first = await server.rest('POST', '/auth/logout', { token });
    for (const again of [{ token }, {}]) {
      const { status, body } = await server.rest('POST', '/auth/logout', again);
      expect({ status, body }).toEqual({ status: 200, body: first.body });
    }
  });

  test('the cookie of plain http on loopback is HttpOnly and SameSite=Lax, and signs in', async () => {
    await server.auth.ensureUser(PEOPLE.user);
    const cookie = (await login(credentials)).headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^finverse_session=[a-z2-7]{40}; HttpOnly; Max-Age=2592000; Path=\/; SameSite=Lax$/);
    const pair = cookie.split(';')[0] ?? '';
    expect((await server.rest('GET', '/auth/me', { headers: { cookie: `other=%E0%A4%A; ${pair}` } })).status).toBe(200);
    expect((await server.rest('GET', '/auth/me', { headers: { cookie: `x${pair}` } })).status).toBe(401);
    expect(
      (await server.rest('GET', '/auth/me', { headers: { cookie: pair, authorization: 'Bearer nonsense' } })).status,
    ).toBe(401);
  });

  test('a browser’s cookie is set again when its session is extended, so that it lives as long', async () => {
    const cookie = `finverse_session=${await server.signIn('user')}`;
    const setCookie = async () =>
      (await server.rest('GET', '/auth/me', { headers: { cookie } })).headers.get('set-cookie');
    expect(await setCookie()).toBeNull();
    skewMs = 20 * DAY_MS;
    expect(await setCookie()).toContain(cookie);
    expect(await setCookie()).toBeNull();
  });

  test('the cookie of https is bound to the host and Secure', async () => {
    await using secure = await startTestServer({ isSecureCookie: true });
    await secure.auth.ensureUser(PEOPLE.user);
    const answer = await secure.rest('POST', '/auth/login', { body: credentials });
    expect(answer.headers.get('set-cookie')).toMatch(
      /^__Host-finverse_session=[a-z2-7]{40}; HttpOnly; Max-Age=2592000; Path=\/; SameSite=Lax; Secure$/,
    );
    expect(answer.headers.get('strict-transport-security')).toContain('max-age=');
  });

  test.each(['Basic dXNlcjp4', 'Bearer', 'Bearer ', 'Bearer a b', `Bearer ${'a'.repeat(5000)}`, "Bearer ' or 1=1"])(
    'authorization %j is nobody',
    async (authorization) => {
      expect((await server.rest('GET', '/auth/me', { headers: { authorization } })).status).toBe(401);
    },
  );
});

describe('people', () => {
  test('ensuring one twice changes neither password nor role, and follows new addresses once', async () => {
    const [first, second] = [`0x${'11'.repeat(20)}`, `0x${'22'.repeat(20)}`];
    const before = await server.auth.ensureUser({ ...PEOPLE.user, watchedAddresses: [first] });
    const after = await server.auth.ensureUser({
      email: ' USER@example.test',
      password: 'another',
      role: 'admin',
      watchedAddresses: [first, second],
    });
    expect(after).toEqual({ ...before, watchedAddresses: [first, second] });
    expect((await login(credentials)).status).toBe(200);
  });

  test('ensured by several replicas at once there is one', async () => {
    const wanted = { ...PEOPLE.user, watchedAddresses: [`0x${'11'.repeat(20)}`] };
    const made = await Promise.all(Array.from({ length: 4 }, () => server.auth.ensureUser(wanted)));
    expect(made.map(({ watchedAddresses }) => watchedAddresses.length)).toEqual([1, 1, 1, 1]);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(await server.database.em().count(UserSchema, {})).toBe(1);
  });

  test('whether there is an admin', async () => {
    await server.auth.ensureUser(PEOPLE.user);
    expect(await server.auth.hasAdmin()).toBe(false);
    await server.auth.ensureUser(PEOPLE.admin);
    expect(await server.auth.hasAdmin()).toBe(true);
  });

  test('the demo person signs in with the password it is told, whatever was stored', async () => {
    const demo = { ...PEOPLE.admin, email: 'demo@finverse.local' };
    await server.auth.ensureUser({ ...demo, password: 'an earlier one', role: 'user' });
    expect(await server.auth.ensureDemo(demo)).toMatchObject({ email: demo.email, role: 'admin' });
    const { status, body } = await login({ email: demo.email, password: demo.password });
    expect(status).toBe(200);
    await server.auth.ensureDemo(demo);
    expect((await server.rest('GET', '/auth/me', { token: String(body?.['token']) })).status).toBe(200);
  });

  test('the demo person, retired, is no admin, has no session, no API token and cannot sign in, until ensured again', async () => {
    const demo = { ...PEOPLE.admin, email: 'demo@finverse.local' };
    const tryLogin = () => login({ email: demo.email, password: demo.password });
    await server.auth.retireDemo(demo.email);
    await server.auth.ensureDemo(demo);
    const { body } = await tryLogin();
    const session = String(body?.['token']);
    const made = await server.rest('POST', '/auth/tokens', {
      token: session,
      body: { name: 'x', scopes: ['users:read'] },
    });
    await server.auth.retireDemo(demo.email);
    expect((await server.rest('GET', '/users/me', { token: String(made.body?.['token']) })).status).toBe(401);
    expect(await server.auth.hasAdmin()).toBe(false);
    expect((await server.rest('GET', '/auth/me', { token: String(body?.['token']) })).status).toBe(401);
    expect((await tryLogin()).status).toBe(401);
    await server.auth.ensureDemo(demo);
    expect((await tryLogin()).body?.['user']).toMatchObject({ role: 'admin' });
  });

  test('passwords are stored as Argon2id with the recommended cost', async () => {
    await server.auth.ensureUser(PEOPLE.user);
    const [row] = await server.database.em().find(UserSchema, {});
    expect(row?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });
});
