import { afterEach, beforeEach, expect, test } from 'vitest';
import { transact } from './db/index.ts';
import { describeDrivers } from './db/test-databases.ts';
import { UserSchema } from './domains/users/index.ts';
import { startTestServer, type TestServer } from './http/test-server.ts';
import { ledgerErasers } from './ledger-erasers.ts';

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  let server: TestServer;
  beforeEach(async () => {
    server = await startTestServer({ databaseUrl: await databases.migratedUrl() });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  async function ownerOfThree(who: 'user' | 'admin'): Promise<string> {
    const token = await server.signIn(who);
    const account = { name: 'Cash', type: 'wallet', currency: 'EUR' };
    const { body: made } = await server.rest('POST', '/accounts', { token, body: account });
    for (const amount of ['1', '2', '3']) {
      const draft = { kind: 'income', account_id: made?.['id'], amount, occurred_on: '2026-01-02', tags: ['a'] };
      await server.rest('POST', '/transactions', { token, body: draft });
    }
    await server.rest('POST', '/rates', {
      token,
      body: { base: 'EUR', quote: 'USD', date: '2026-02-03', rate: '1.08' },
    });
    return String((await server.rest('GET', '/users/me', { token })).body?.['id']);
  }
  const ownersIn = async (table: string) => {
    const rows = await server.database.em().execute<{ user_id: string }[]>(`select user_id from ${table}`);
    return new Set(rows.map((row) => row.user_id));
  };

  test('what a person has in plenty goes in parts, with what hangs on it, and nobody else’s', async () => {
    const userId = await ownerOfThree('user');
    const otherId = await ownerOfThree('admin');
    const counts: number[][] = [];
    for (const erase of ledgerErasers(server.database.dialect)) {
      const erased = [];
      do erased.push(await transact(server.database, (em) => erase(em, { userId, limit: 2 })));
      while (erased.at(-1) !== 0);
      counts.push(erased);
    }
    expect(counts).toEqual([[2, 1, 0], [0], [1, 0]]);
    for (const table of ['transactions', 'entries', 'transaction_tags', 'exchange_rates']) {
      expect(await ownersIn(table), table).toEqual(new Set([otherId]));
    }
  });

  test('a ledger of which only parts are left is none that is checked', async () => {
    const userId = await ownerOfThree('user');
    const admin = await server.signIn('admin');
    const checked = async () => {
      const { body } = await server.rest('GET', '/integrity/all', { token: admin });
      const items = body?.['items'] as { user_id: string }[];
      return items.map((item) => item.user_id);
    };
    expect(await checked()).toContain(userId);
    await server.database.em().nativeUpdate(UserSchema, { id: userId }, { deletionAt: 0 });
    expect(await checked()).not.toContain(userId);
  });
});
