import { createTRPCClient, httpLink } from '@trpc/client';
import superjson from 'superjson';
import { describe, expect, test } from 'vitest';
import { appRouter, type AppRouter } from '../router.ts';
import { BODY_BYTES_MAX, CALLS_PER_MINUTE, JSON_VALUES_MAX, MIDDLE_BODY_BYTES_MAX } from '../trpc/limits.ts';
import { bodyLimitsOf, largestInputBytes, WRAPPER_BYTES } from './body-limits.ts';
import { startTestServer, stillClock, type TestServer } from './test-server.ts';

/** Sent in parts where every text is as long as it may be: their operations are counted, and their bytes. */
const SENT_IN_PARTS = new Set(['transactions.bulk']);

type Definition = { type: string; inputs: unknown[]; meta?: { access?: string; bodyBytesMax?: number } };
const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, { _def: Definition }>);
const mutations = procedures.filter(([, { _def }]) => _def.type === 'mutation');

describe('the limits of bodies', () => {
  test.each(mutations)('%s takes the largest input that its schema lets through', (path, { _def }) => {
    const limit = bodyLimitsOf(appRouter).get(path) ?? 0;
    const largest = largestInputBytes(_def.inputs.at(-1)) + WRAPPER_BYTES;
    const isSentInParts = SENT_IN_PARTS.has(path) || _def.meta?.bodyBytesMax !== undefined;
    expect(largest).toBeLessThanOrEqual(isSentInParts ? Infinity : limit);
    expect(limit > BODY_BYTES_MAX).toBe(largest > BODY_BYTES_MAX);
  });

  test('what is larger than usual is taken of nobody who is not signed in', () => {
    const limits = bodyLimitsOf(appRouter);
    const larger = procedures.filter(([path]) => (limits.get(path) ?? 0) > BODY_BYTES_MAX);
    expect(larger.map(([path]) => path)).toEqual(
      expect.arrayContaining(['transactions.create', 'transactions.bulk', 'users.setPreferences', 'recurring.create']),
    );
    for (const [, { _def }] of larger) expect(['user', 'session', 'admin']).toContain(_def.meta?.access);
  });
});

const longTransaction = (accountId: string) => ({
  kind: 'expense' as const,
  accountId,
  amount: '50',
  occurredOn: '2026-02-03',
  description: '読'.repeat(200),
  note: '読'.repeat(2000),
  splits: Array.from({ length: 50 }, () => ({ amount: '1', note: '読'.repeat(200) })),
  attachments: Array.from({ length: 10 }, () => ({
    name: '読'.repeat(200),
    url: `https://example.test/${'x'.repeat(1900)}`,
  })),
});
const ordinary = (accountId: string, index: number) => ({
  kind: 'expense' as const,
  accountId,
  amount: '12.50',
  occurredOn: '2026-02-03',
  description: `Weekly shopping at the market number ${index}`.padEnd(120, '.'),
  payee: 'A market with a rather long name'.padEnd(100, '.'),
  note: 'paid by card'.padEnd(60, '.'),
});
const preferences = Array.from({ length: 200 }, (_, index) => ({
  key: `frontend.key-${index}`,
  value: '読'.repeat(95),
}));
const categories = Array.from({ length: 100 }, (_, index) => ({ name: `${index} ${'読'.repeat(96)}` }));

async function openAccount(server: TestServer, token: string): Promise<string> {
  const body = { name: 'Cash', type: 'wallet', currency: 'EUR' };
  return String((await server.rest('POST', '/accounts', { token, body })).body?.['id']);
}

test('what the schemas let through arrives, over tRPC and over REST', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const accountId = await openAccount(server, token);
  const client = createTRPCClient<AppRouter>({
    links: [
      httpLink({ url: `${server.url}/trpc`, transformer: superjson, headers: { authorization: `Bearer ${token}` } }),
    ],
  });
  const bulk = Array.from({ length: 100 }, (_, index) => ordinary(accountId, index));
  expect(JSON.stringify(bulk).length).toBeGreaterThan(BODY_BYTES_MAX);
  expect((await client.transactions.bulk.mutate({ create: bulk })).created).toHaveLength(100);
  expect((await client.transactions.create.mutate(longTransaction(accountId))).splits).toHaveLength(50);
  expect((await client.users.setPreferences.mutate({ items: preferences })).items).toHaveLength(200);
  const patched = await server.rest('PATCH', '/users/me/preferences', { token, body: { items: preferences } });
  expect(patched.status).toBe(200);
  const made = await server.rest('POST', '/categories/bulk', { token, body: { items: categories } });
  expect(made).toMatchObject({ status: 200 });
});

test('a larger body is read of who is signed in alone, so often a minute, and up to the middle size; smaller ones are not counted', async () => {
  await using server = await startTestServer({ clock: stillClock, rateLimitScale: 1 });
  const token = await server.signIn('user');
  const patch = (value: string, headers: object = { token }) =>
    server.rest('PATCH', '/users/me/preferences', { ...headers, body: { items: [{ key: 'a', value }] } });
  const large = 'x'.repeat(BODY_BYTES_MAX);
  expect((await patch(large, {})).status).toBe(401);
  expect((await patch('x'.repeat(MIDDLE_BODY_BYTES_MAX))).status).toBe(413);
  for (let call = 1; call < CALLS_PER_MINUTE.middleBody; call += 1) expect((await patch(large)).status).toBe(400);
  expect((await patch(large)).status).toBe(429);
  expect((await patch('small')).status).toBe(200);
});

test('more values than any input has are refused before a schema finds a fault in each', async () => {
  await using server = await startTestServer();
  const token = await server.signIn('user');
  const body = { items: Array.from({ length: JSON_VALUES_MAX }, () => 0) };
  expect(await server.rest('PATCH', '/users/me/preferences', { token, body })).toMatchObject({
    status: 400,
    body: { error: { message: 'The input nests too deep or holds too many values.' } },
  });
});
