import { TOTP } from 'otpauth';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { transact, type UnitOfWork } from '../../db/index.ts';
import { startTestServer, stillClock, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { dateIn, systemClock } from '../../kernel/clock.ts';
import { UserSchema } from './users.entity.ts';
import type { Eraser } from './users.port.ts';
import { UsersService } from './users.service.ts';

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
    ['avatar_url', 'https:photo.png'],
    ['avatar_url', 'https://example.test/\u0000'],
    ['avatar_url', 'https://example.test/\ud800'],
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
    // Of 34 characters, and more in its one right spelling.
    ['locale', 'de-u-ca-islamicc-co-phonebk-nu-latn'],
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

test('preferences of a person come to 64 KB in all', async () => {
  const set = (items: object[]) => server.rest('PATCH', '/users/me/preferences', { token, body: { items } });
  // Keys of six bytes, and a text whose thousand characters are two thousand bytes.
  const many = Array.from({ length: 32 }, (_, index) => ({ key: `key.${10 + index}`, value: 'é'.repeat(1_000) }));
  expect((await set(many)).status).toBe(200);
  const answer = await set([{ key: 'more', value: 'é'.repeat(700) }]);
  expect(answer.body?.error).toMatchObject({ code: 'CONFLICT', details: [{ path: 'items' }] });
  expect((await server.rest('GET', '/users/me/preferences', { token })).body?.['items']).toHaveLength(32);
  expect((await set([{ key: 'more', value: 'é'.repeat(600) }])).status).toBe(200);
});

test('an export holds the person, what they own, and no secret', async () => {
  await server.rest('PATCH', '/users/me/preferences', { token, body: { items: [{ key: 'theme', value: 'dark' }] } });
  const body = { name: 'a script', scopes: ['users:read'] };
  const { body: made } = await server.rest('POST', '/auth/tokens', { token, body });
  await server.rest('POST', '/auth/totp/begin', { token, body: { password } });
  const account = { name: 'Cash', type: 'wallet', currency: 'EUR', opening_balance: '5', opened_on: '2026-01-02' };
  const { body: opened } = await server.rest('POST', '/accounts', { token, body: account });
  const weekly = {
    name: 'Rent',
    draft: { kind: 'expense', account_id: opened?.['id'], amount: '2' },
    rule: 'FREQ=WEEKLY',
    starts_on: dateIn('UTC', clock.now() + 7 * DAY_MS),
  };
  const { body: recurring } = await server.rest('POST', '/recurring', { token, body: weekly });
  const recurringId = String(recurring?.['id']);
  // More than one page holds.
  const skips = Array.from({ length: 203 }, (_, week) => ({
    recurring_id: recurringId,
    date: dateIn('UTC', clock.now() + 7 * (week + 1) * DAY_MS),
  }));
  for (const { date } of skips) await server.rest('POST', `/recurring/${recurringId}/skip`, { token, body: { date } });
  const answer = await server.rest('GET', '/users/me/export', { token });
  expect(answer.body).toMatchObject({
    user: { email },
    sections: [
      { name: 'preferences', items: [{ key: 'theme', value: 'dark' }] },
      { name: 'sessions', items: [{ user_agent: null }] },
      { name: 'api_tokens', items: [{ name: 'a script', scopes: ['users:read'] }] },
      { name: 'accounts', items: [{ name: 'Cash', balance: '5.00000000', opened_on: '2026-01-02' }] },
      { name: 'categories', items: expect.arrayContaining([expect.objectContaining({ path: 'Food / Groceries' })]) },
      { name: 'transactions', items: [{ kind: 'opening', amount: '5.00000000' }] },
      { name: 'rates', items: [] },
      { name: 'recurring', items: [{ name: 'Rent' }] },
      { name: 'recurring_skips', items: skips },
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
  const remove = (factors: object = {}) =>
    server.rest('DELETE', '/users/me', { token, body: { password, ...factors } });
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

  test('takes the password, and a code where there is a second factor; without them nothing begins', async () => {
    const refusal = async (factors: object) => (await remove(factors)).body?.error;
    expect(await refusal({ password: undefined })).toMatchObject({ details: [{ path: 'password' }] });
    expect(await refusal({ password: 'a wrong one' })).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    const begun = await server.rest('POST', '/auth/totp/begin', { token, body: { password } });
    const totp = new TOTP({ secret: String(begun.body?.['secret']) });
    const confirmed = await server.rest('POST', '/auth/totp/confirm', { token, body: { code: totp.generate() } });
    const [code] = (confirmed.body?.['recovery_codes'] ?? []) as string[];
    expect(await refusal({})).toMatchObject({ code: 'SECOND_FACTOR_REQUIRED', details: [{ path: 'code' }] });
    expect(await refusal({ code: `${code}0` })).toMatchObject({ code: 'CODE_INVALID' });
    expect(await refusal({ password: 'a wrong one', code })).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect((await server.rest('GET', '/users/me', { token })).body).toMatchObject({ deletion_at: null });
    expect((await remove({ code })).body?.['deletion_at']).toBeTruthy();
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

  test('is told of by mail once an hour, however often it is asked for and called off', async () => {
    const askAgain = async () => {
      await server.rest('POST', '/users/me/restore', { token });
      await remove();
      return (await server.takeMails()).length;
    };
    expect([await askAgain(), await askAgain()]).toEqual([1, 0]);
    skewMs = 60 * 60 * 1000 + 1;
    expect(await askAgain()).toBe(1);
  });

  test('is asked for, and called off, ten times a minute at most', async () => {
    await using strict = await startTestServer({ rateLimitScale: 1, clock: stillClock });
    const who = await strict.signIn('user');
    const statuses = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      statuses.push((await strict.rest('DELETE', '/users/me', { token: who, body: { password } })).status);
      statuses.push((await strict.rest('POST', '/users/me/restore', { token: who })).status);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(200), 429, 429]);
  });

  describe('that is carried out', () => {
    const users = (...erasers: Eraser[]) =>
      new UsersService({ database: server.database, clock, exporters: [], erasers });

    test('cannot be called off once something is gone, and is ended by the next try', async () => {
      await server.database.em().nativeUpdate(UserSchema, {}, { deletionAt: 1 });
      expect((await server.rest('GET', '/users/me', { token })).status).toBe(200);
      const first = users(async () => {
        throw new Error('the database went away');
      });
      await expect(first.purgeDeleted()).rejects.toThrow('some accounts could not be deleted');
      expect((await server.rest('GET', '/users/me', { token })).status).toBe(401);
      expect((await server.rest('POST', '/users/me/restore', { token })).status).toBe(401);
      const commit: UnitOfWork = (work) => transact(server.database, work);
      const call = { commit, sessionToken: token, userAgent: null };
      const { id } = await server.database.em().findOneOrFail(UserSchema, { email });
      await expect(server.auth.deletion.cancel(id, call)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
      expect((await login()).body?.error?.code).toBe('INVALID_CREDENTIALS');
      expect([await server.users.purgeDeleted(), await people()]).toEqual([1, 0]);
    });

    test('leaves who called it off in the last moment', async () => {
      await server.signIn('admin');
      const [one, other] = await server.database.em().find(UserSchema, {}, { orderBy: { id: 'asc' } });
      await server.database.em().nativeUpdate(UserSchema, {}, { deletionAt: 1 });
      const asked: string[] = [];
      const deleted = await users(async (em, { userId }) => {
        asked.push(userId);
        await em.nativeUpdate(UserSchema, { id: String(other?.id) }, { deletionAt: null });
        return 0;
      }).purgeDeleted();
      expect([deleted, asked, await people()]).toEqual([1, [one?.id], 1]);
    });

    test('goes on with the others where one fails', async () => {
      await server.signIn('admin');
      const [one] = await server.database.em().find(UserSchema, {}, { orderBy: { id: 'asc' } });
      await server.database.em().nativeUpdate(UserSchema, {}, { deletionAt: 1 });
      const failing = users(async (_em, { userId }) => {
        if (userId === one?.id) throw new Error('no');
        return 0;
      });
      await expect(failing.purgeDeleted()).rejects.toThrow('some accounts could not be deleted');
      expect((await server.database.em().find(UserSchema, {})).map(({ id }) => id)).toEqual([one?.id]);
    });
  });

  test('of the only admin is refused', async () => {
    token = await server.signIn('admin');
    expect((await remove({ password: PEOPLE.admin.password })).body?.error?.code).toBe('CONFLICT');
  });
});
