import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeDrivers } from '../../db/test-databases.ts';
import { PEOPLE, startTestServer, type TestServer } from '../../http/test-server.ts';
import { findUserByEmail, findUserById } from '../users/index.ts';
import { countMailed } from './mail-codes.repository.ts';

const { email, password } = PEOPLE.user;

// The tests of what a call costs compare statements; here it is what becomes of their rows.
describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer({ databaseUrl: await databases.migratedUrl() });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  test('what is looked up of an address makes no entities, which would tell by their time that it has an account or gets mails', async () => {
    await server.auth.ensureUser(PEOPLE.user);
    for (let each = 0; each < 3; each += 1) {
      await server.rest('POST', '/auth/password-reset/request', { body: { email } });
    }
    const em = server.database.em();
    const user = await findUserByEmail(em, email);
    const mailed = await countMailed(em, { email, purpose: 'reset_password', userId: user?.id ?? null, sinceMs: 0 });
    expect(user).toMatchObject({ email, role: 'user' });
    expect(mailed).toEqual({ all: 3, alike: 3, own: 3 });
    expect([...em.getUnitOfWork().getIdentityMap()]).toEqual([]);
  });

  test('mails to an address are counted in all, by purpose, and by whose they are; decoys are none', async () => {
    const known = await server.auth.ensureUser(PEOPLE.user);
    const token = await server.signIn('admin');
    const NEW_EMAIL = 'moved@example.test';
    const body = { email: NEW_EMAIL, password: PEOPLE.admin.password };
    await server.rest('POST', '/users/me/email', { token, body });
    for (const address of [NEW_EMAIL, email]) {
      await server.rest('POST', '/auth/password-reset/request', { body: { email: address } });
    }
    await server.rest('POST', '/users/me/email', {
      token: await server.signIn('user'),
      body: { email: NEW_EMAIL, password },
    });
    const count = (purpose: string, userId: string | null, sinceMs = 0) =>
      countMailed(server.database.em(), { email: NEW_EMAIL, purpose, userId, sinceMs });
    expect(await count('change_email', known.id)).toEqual({ all: 2, alike: 2, own: 1 });
    expect(await count('change_email', null)).toEqual({ all: 2, alike: 2, own: 0 });
    expect(await count('registration', null)).toEqual({ all: 2, alike: 0, own: 0 });
    expect(await count('change_email', known.id, Number.MAX_SAFE_INTEGER)).toEqual({ all: 0, alike: 0, own: 0 });
  });

  test('a person who is found by the address is the one that is found by the id', async () => {
    const { id } = await server.auth.ensureUser(PEOPLE.user);
    const byEmail = await findUserByEmail(server.database.em(), email);
    expect(byEmail).toEqual(await findUserById(server.database.em(), id));
  });
});
