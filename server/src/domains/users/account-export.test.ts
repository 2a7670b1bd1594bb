import { setTimeout as delay } from 'node:timers/promises';
import { createTRPCClient, httpLink } from '@trpc/client';
import superjson from 'superjson';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer, type TestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { ledgerExporters } from '../../ledger-export.ts';
import { createLedgerServices } from '../../ledger-services.ts';
import type { AppRouter } from '../../router.ts';
import type { Exporter } from './users.port.ts';
import { UsersService } from './users.service.ts';

let server: TestServer;
const userIds: string[] = [];
beforeEach(async () => {
  server = await startTestServer();
  userIds.length = 0;
  for (let person = 0; person < 12; person += 1) {
    const wanted = { email: `p${person}@example.test`, password: 'correct horse battery', role: 'user' } as const;
    userIds.push((await server.auth.ensureUser(wanted)).id);
  }
});
afterEach(() => server[Symbol.asyncDispose]());

const usersWith = (...exporters: Exporter[]) =>
  new UsersService({ database: server.database, clock: systemClock, exporters, erasers: [] });

/** A section that waits in the middle, and says how many are in it. */
function gate() {
  let inside = 0;
  const opened = Promise.withResolvers<void>();
  const exporter: Exporter = {
    name: 'slow',
    async *pages() {
      inside += 1;
      await opened.promise;
      yield [{ id: 'one' }];
    },
  };
  return { exporter, open: () => opened.resolve(), inside: () => inside };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

describe('an export in one answer', () => {
  test('of too many items is refused before the first of them is read', async () => {
    let isRead = false;
    const users = usersWith({
      name: 'many',
      count: async (_em, _userId, max) => max,
      async *pages() {
        isRead = true;
        yield [];
      },
    });
    await expect(users.exportAll(String(userIds[0]))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('GET /api/v1/users/me/export') as string,
    });
    expect(isRead).toBe(false);
  });

  test('that turns out to hold too many stops there', async () => {
    let pages = 0;
    const users = usersWith({
      name: 'endless',
      async *pages() {
        for (;;) {
          pages += 1;
          yield Array.from({ length: 200 }, (_, id) => ({ id }));
        }
      },
    });
    await expect(users.exportAll(String(userIds[0]))).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(pages).toBe(251);
  });

  test('is one at a time for a person, two in the process, and eight that wait', async () => {
    const { exporter, open, inside } = gate();
    const users = usersWith(exporter);
    const running = userIds.slice(0, 10).map((userId) => users.exportAll(userId));
    await until(() => inside() === 2);
    for (const userId of [userIds[0], userIds[10]]) {
      const refused = users.exportAll(String(userId));
      await expect(refused).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 5 });
    }
    expect(inside()).toBe(2);
    open();
    const answers = await Promise.all(running);
    expect(answers.map(({ sections }) => sections.at(-1)?.items.length)).toEqual(Array<number>(10).fill(1));
    await expect(users.exportAll(String(userIds[0]))).resolves.toMatchObject({ user: { email: 'p0@example.test' } });
  });
});

describe('an export in parts', () => {
  test('is one at a time for a person, whoever else exports, and its place is free when its reader leaves', async () => {
    const { exporter, inside, open } = gate();
    const users = usersWith(exporter);
    const parts = userIds.map((userId) => users.exportParts(userId));
    for (const each of parts) expect(await each.next()).toMatchObject({ value: { head: {} } });
    const again = users.exportParts(String(userIds[0]));
    await expect(again.next()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    for (const each of parts) await each.return(undefined);
    const { value } = await users.exportParts(String(userIds[0])).next();
    expect(value).toMatchObject({ head: { user: { email: 'p0@example.test' } } });
    open();
    expect(inside()).toBe(0);
  });
});

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  test('over REST and over tRPC holds the same; what there may be in plenty is counted', async () => {
    await using real = await startTestServer({ databaseUrl: await databases.migratedUrl() });
    const token = await real.signIn('user');
    const account = { name: 'Cash "1"', type: 'wallet', currency: 'EUR', opening_balance: '5' };
    const { body: made } = await real.rest('POST', '/accounts', { token, body: account });
    const draft = { kind: 'income', account_id: made?.['id'], amount: '1', occurred_on: '2026-01-02', note: 'a\nb' };
    for (let each = 0; each < 2; each += 1) await real.rest('POST', '/transactions', { token, body: draft });
    const rate = { base: 'EUR', quote: 'USD', date: '2026-02-03', rate: '1.08' };
    await real.rest('POST', '/rates', { token, body: rate });

    const answer = await real.rest('GET', '/users/me/export', { token });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const headers = { authorization: `Bearer ${token}` };
    const link = httpLink({ url: `${real.url}/trpc`, transformer: superjson, headers });
    const exported = await createTRPCClient<AppRouter>({ links: [link] }).users.export.query();
    const sections = answer.body?.['sections'] as { name: string; items: object[] }[];
    const sizes = (all: { name: string; items: unknown[] }[]) => all.map(({ name, items }) => [name, items.length]);
    expect(sizes(sections)).toEqual(sizes(exported.sections));
    expect(Object.fromEntries(sizes(sections))).toMatchObject({ transactions: 3, rates: 1, recurring: 0 });
    expect(Object.keys(answer.body ?? {})).toEqual(['exported_at', 'user', 'sections']);
    expect(sections.find(({ name }) => name === 'transactions')?.items).toContainEqual(
      expect.objectContaining({ occurred_on: '2026-01-02', note: 'a\nb' }),
    );

    const userId = exported.user.id;
    const em = real.database.em();
    const exporters = ledgerExporters(createLedgerServices({ database: real.database, clock: systemClock }));
    const countOf = (max: number) =>
      Promise.all(exporters.flatMap(({ count }) => (count ? [count(em, userId, max)] : [])));
    expect([await countOf(50), await countOf(2)]).toEqual([
      [3, 1],
      [2, 1],
    ]);
  });

  test('over REST names a field that it does not know, and takes no API token', async () => {
    await using real = await startTestServer({ databaseUrl: await databases.migratedUrl() });
    const token = await real.signIn('user');
    const answer = await real.rest('GET', '/users/me/export?limit=1', { token });
    expect([answer.status, answer.body?.error?.details[0]?.path]).toEqual([400, 'limit']);
    expect((await real.rest('GET', '/users/me/export')).status).toBe(401);
    const body = { name: 'x', scopes: ['users:read'] };
    const { body: made } = await real.rest('POST', '/auth/tokens', { token, body });
    expect((await real.rest('GET', '/users/me/export', { token: String(made?.['token']) })).status).toBe(403);
  });
});
