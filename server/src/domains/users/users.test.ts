import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { UserSchema } from './users.entity.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const { email, password } = PEOPLE.user;

let skewMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
let server: TestServer;
let token: string;
beforeEach(async () => {
  skewMs = 0;
  server = await startTestServer({ clock });
  token = await server.signIn('user');
});
afterEach(() => server[Symbol.asyncDispose]());

describe('a profile', () => {
  const change = (body: object) => server.rest('PATCH', '/users/me', { token, body });

  test('is what was set, and what is left out stays', async () => {
    const all = {
      name: 'Uma Thorne',
      avatar_url: 'https://example.test/uma.png',
      base_currency: 'CHF',
      time_zone: 'Europe/Zurich',
      locale: 'de-CH',
    };
    expect((await change(all)).body).toMatchObject(all);
    expect((await change({ name: null })).body).toMatchObject({ ...all, name: null });
    expect((await server.rest('GET', '/users/me', { token })).body).toMatchObject({ ...all, name: null });
    expect((await change({})).status).toBe(200);
  });

  test('names a language tag in its one right spelling', async () => {
    expect((await change({ locale: 'DE-ch' })).body).toMatchObject({ locale: 'de-CH' });
  });

  test.each([
    ['name', ''],
    ['name', 'a\u0007b'],
    ['name', 'x'.repeat(101)],
    ['name', 5],
    ['avatar_url', 'http://example.test/x.png'],
    ['avatar_url', 'javascript:alert(1)'],
    ['avatar_url', `https://example.test/${'x'.repeat(2_050)}`],
    ['base_currency', 'usd'],
    ['base_currency', 'XXX'],
    ['base_currency', 'DEM'],
    ['base_currency', null],
    ['time_zone', 'Mars/Olympus'],
    ['time_zone', '+01:00'],
    ['time_zone', ''],
    ['locale', 'english please'],
    ['locale', 'x'.repeat(40)],
    ['role', 'admin'],
    ['email', 'other@example.test'],
  ])('refuses %s = %j, naming the field, and changes nothing', async (field, value) => {
    const before = await server.rest('GET', '/users/me', { token });
    const answer = await change({ base_currency: 'EUR', [field]: value });
    expect(answer.status).toBe(400);
    expect(answer.body?.error?.details[0]?.path).toBe(field);
    expect((await server.rest('GET', '/users/me', { token })).body).toEqual(before.body);
  });

  test('refuses a field that would change prototypes', async () => {
    const answer = await server.rest('PATCH', '/users/me', {
      token,
      body: '{"__proto__":{"role":"admin"},"name":"x"}',
    });
    expect(answer.status).toBe(400);
  });
});

describe('preferences', () => {
  const set = (items: object[], who = token) =>
    server.rest('PATCH', '/users/me/preferences', { token: who, body: { items } });

  test('are pairs that are set and removed one by one, each person’s own', async () => {
    await set(
      [
        { key: 'theme', value: 'dark' },
        { key: 'start.page', value: 'goals' },
      ],
      await server.signIn('admin'),
    );
    await set([
      { key: 'theme', value: 'light' },
      { key: 'tips', value: '' },
    ]);
    const answer = await set([
      { key: 'theme', value: 'dim' },
      { key: 'tips', value: null },
      { key: 'none', value: null },
    ]);
    expect(answer.body).toEqual({ items: [{ key: 'theme', value: 'dim' }], next_cursor: null });
    expect((await server.rest('GET', '/users/me/preferences', { token })).body).toEqual(answer.body);
  });

  test('are two hundred at most, with bounded keys and values', async () => {
    const many = (prefix: string) =>
      Array.from({ length: 150 }, (_, index) => ({ key: `${prefix}.${index}`, value: 'x' }));
    expect((await set(many('a'))).status).toBe(200);
    expect((await set(many('b'))).body?.error?.code).toBe('CONFLICT');
    expect((await server.rest('GET', '/users/me/preferences', { token })).body?.['items']).toHaveLength(150);
    for (const item of [
      { key: '__proto__', value: 'x' },
      { key: 'a b', value: 'x' },
      { key: 'a', value: 'x'.repeat(1_001) },
    ]) {
      expect((await set([item])).status).toBe(400);
    }
    expect(
      (
        await set([
          { key: 'a', value: 'x' },
          { key: 'a', value: 'y' },
        ])
      ).status,
    ).toBe(400);
  });
});

test('an export holds the person, what they own, and no secret', async () => {
  await server.rest('PATCH', '/users/me/preferences', { token, body: { items: [{ key: 'theme', value: 'dark' }] } });
  const body = { name: 'a script', scopes: ['users:read'] };
  const { body: made } = await server.rest('POST', '/auth/tokens', { token, body });
  await server.rest('POST', '/auth/totp/begin', { token, body: { password } });
  const account = { name: 'Cash', type: 'wallet', currency: 'EUR', opening_balance: '5', opened_on: '2026-01-02' };
  await server.rest('POST', '/accounts', { token, body: account });
  const answer = await server.rest('GET', '/users/me/export', { token });
  expect(answer.body).toMatchObject({
    user: { email },
    sections: [
      { name: 'preferences', items: [{ key: 'theme', value: 'dark' }] },
      { name: 'api_tokens', items: [{ name: 'a script', scopes: ['users:read'] }] },
      { name: 'accounts', items: [{ name: 'Cash', balance: '5.00000000', opened_on: '2026-01-02' }] },
      { name: 'categories', items: expect.arrayContaining([expect.objectContaining({ path: 'Food / Groceries' })]) },
      { name: 'transactions', items: [{ kind: 'opening', amount: '5.00000000' }] },
      { name: 'rates', items: [] },
      { name: 'recurring', items: [] },
      { name: 'reconciliations', items: [] },
      { name: 'rules', items: [] },
      { name: 'imports', items: [] },
      { name: 'import_sources', items: [] },
    ],
  });
  const exported = JSON.stringify(answer.body);
  for (const secret of [token, String(made?.['token']), 'argon2', '"secret"']) expect(exported).not.toContain(secret);
});

describe('the deletion of an account', () => {
  const remove = () => server.rest('DELETE', '/users/me', { token });
  const login = () => server.rest('POST', '/auth/login', { body: { email, password } });
  const people = () => server.database.em().count(UserSchema, {});

  test('takes everything of the person with it when thirty days are over, and nothing of anybody else', async () => {
    const other = await server.signIn('admin');
    for (const who of [token, other]) {
      await server.rest('PATCH', '/users/me/preferences', { token: who, body: { items: [{ key: 'a', value: 'b' }] } });
      await server.rest('POST', '/auth/tokens', { token: who, body: { name: 'x', scopes: ['users:read'] } });
      const account = { name: 'Cash', type: 'wallet', currency: 'EUR', opening_balance: '5' };
      const { body: made } = await server.rest('POST', '/accounts', { token: who, body: account });
      const draft = { kind: 'income', account_id: made?.['id'], amount: '1', occurred_on: '2026-01-02', tags: ['a'] };
      await server.rest('POST', '/transactions', { token: who, body: draft });
    }
    await server.rest('POST', '/auth/totp/begin', { token, body: { password } });
    await server.rest('POST', '/auth/password-reset/request', { body: { email } });
    const answer = await remove();
    expect(Date.parse(String(answer.body?.['deletion_at'])) - clock.now()).toBeGreaterThan(29.9 * DAY_MS);
    skewMs = 30 * DAY_MS - 60_000;
    expect([await server.users.purgeDeleted(), await people()]).toEqual([0, 2]);
    skewMs = 30 * DAY_MS + 1000;
    expect([await server.users.purgeDeleted(), await people()]).toEqual([1, 1]);
    // Every table that has an owner, those that are still to come as well.
    const owning = await server.database
      .em()
      .execute<{ name: string }[]>(
        "select m.name from sqlite_master m join pragma_table_info(m.name) c on c.name = 'user_id' where m.type = 'table'",
      );
    expect(owning.length).toBeGreaterThan(15);
    for (const { name: table } of owning) {
      const rows = await server.database
        .em()
        .execute<{ user_id: string }[]>(`select user_id from ${table} where user_id is not null`);
      expect(new Set(rows.map((row) => row.user_id)).size, table).toBeLessThanOrEqual(1);
    }
    expect(await server.database.em().execute('select * from totp_factors')).toEqual([]);
    expect((await login()).status).toBe(401);
  });

  test('ends the other sessions, stops API tokens, and tells the person', async () => {
    const other = await server.signIn('user');
    const body = { name: 'x', scopes: ['users:read'] };
    const apiToken = String((await server.rest('POST', '/auth/tokens', { token, body })).body?.['token']);
    await remove();
    const me = (who: string) => server.rest('GET', '/users/me', { token: who });
    expect([(await me(token)).status, (await me(other)).status, (await me(apiToken)).status]).toEqual([200, 401, 401]);
    expect(await server.takeMails()).toMatchObject([
      { recipient: email, subject: 'FinVerse: Your account will be deleted' },
    ]);
    await server.rest('POST', '/users/me/restore', { token });
    expect((await me(apiToken)).status).toBe(200);
  });

  test.each([
    ['signing in', () => login()],
    ['saying so', () => server.rest('POST', '/users/me/restore', { token })],
  ])('is called off by %s', async (_name, callOff) => {
    await remove();
    skewMs = 20 * DAY_MS;
    expect((await callOff()).status).toBe(200);
    skewMs = 40 * DAY_MS;
    expect([await server.users.purgeDeleted(), await people()]).toEqual([0, 1]);
  });

  test('asked for again does not begin anew', async () => {
    const first = (await remove()).body?.['deletion_at'];
    skewMs = DAY_MS;
    expect((await remove()).body?.['deletion_at']).toBe(first);
  });

  test('of the only admin is refused', async () => {
    token = await server.signIn('admin');
    expect((await remove()).body?.error?.code).toBe('CONFLICT');
  });
});
