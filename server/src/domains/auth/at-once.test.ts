import { TOTP } from 'otpauth';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { transact, type UnitOfWork } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { UserSchema } from '../users/index.ts';
import { ApiTokenSchema } from './auth.entity.ts';
import { deleteUserSessions } from './sessions.repository.ts';

// What one call does while another one is between its first look and its transaction.
describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let server: TestServer;
  let token: string;
  let userId: string;
  beforeEach(async () => {
    server = await startTestServer({ databaseUrl: await databases.migratedUrl() });
    token = await server.signIn('user');
    userId = String((await server.rest('GET', '/users/me', { token })).body?.['id']);
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const commit: UnitOfWork = (work) => transact(server.database, work);
  const call = () => ({ commit, sessionToken: token, userAgent: null });
  /** A call whose sessions are ended, as by a reset of the password, before its own transaction begins. */
  const callInFlight = () => ({
    ...call(),
    commit: (async (work) => {
      await transact(server.database, (em) => deleteUserSessions(em, userId));
      return commit(work);
    }) satisfies UnitOfWork,
  });

  test('an API token whose session was ended meanwhile is not made', async () => {
    const wanted = { name: 'a script', scopes: ['users:read' as const], expiresInDays: 90 };
    await server.auth.tokens.create(userId, wanted, call());
    const late = server.auth.tokens.create(userId, wanted, callInFlight());
    await expect(late).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await server.database.em().count(ApiTokenSchema, {})).toBe(1);
  });

  test('a second factor whose session was ended meanwhile is not confirmed', async () => {
    const { secret } = await server.auth.totp.begin(userId, PEOPLE.user.password, call());
    const late = server.auth.totp.confirm(userId, new TOTP({ secret }).generate(), callInFlight());
    await expect(late).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await server.auth.totp.status(userId)).toMatchObject({ isEnabled: false });
  });

  test('of the last two admins who ask for deletion one stays', async () => {
    const ids: string[] = [];
    for (const email of ['one@example.test', 'other@example.test']) {
      ids.push((await server.auth.ensureUser({ email, password: PEOPLE.user.password, role: 'admin' })).id);
    }
    for (let round = 0; round < 8; round += 1) {
      const settled = await Promise.allSettled(
        ids.map((id) => server.auth.deletion.request(id, { password: PEOPLE.user.password }, call())),
      );
      expect(settled.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      await server.database.em().nativeUpdate(UserSchema, {}, { deletionAt: null });
    }
  });
});
