import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isOwnProxy, rateAddress } from './remote-address.ts';
import { startTestServer, stillClock, type TestServer } from './test-server.ts';

const publicUrl = 'https://finverse.example';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::5:6', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  [undefined, 'unknown'],
])('%s counts as %s', (address, counted) => {
  expect(rateAddress(address)).toBe(counted);
});

test.each([
  ['127.0.0.1', true],
  ['::1', true],
  ['::ffff:10.1.2.3', true],
  ['172.31.255.255', true],
  ['fd12::1', true],
  ['fe80::1', true],
  ['172.32.0.1', false],
  ['203.0.113.1', false],
  ['::ffff:203.0.113.1', false],
  ['2001:db8::1', false],
])('%s may be a proxy of one’s own next to the server: %s', (address, isOne) => {
  expect(isOwnProxy(address, 0)).toBe(isOne);
  expect(isOwnProxy(address, 1)).toBe(false);
});

test('an address that is not known any more is nobody’s', () => {
  expect(isOwnProxy(undefined, 0)).toBe(false);
  expect(isOwnProxy('nonsense', 0)).toBe(false);
  expect(isOwnProxy('fe80::1%eth0', 0)).toBe(true);
});

test('a client that hangs up in the middle of its body is logged with its address, and the server goes on', async () => {
  await using server = await startTestServer({ publicUrl });
  const { port } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  const lines = ['POST /api/v1/auth/login HTTP/1.1', 'Host: finverse.example', 'X-Forwarded-For: 203.0.113.1'];
  socket.write([...lines, 'Content-Type: application/json', 'Content-Length: 100', '', '{"email":'].join('\r\n'));
  await once(socket, 'ready');
  await delay(50);
  socket.resetAndDestroy();
  await expect.poll(() => server.logLines.join('')).toMatch(/"remoteAddress":"203\.0\.113\.1".*"isAborted":true/);
  expect((await server.open('GET', '/health/live')).status).toBe(200);
});

/** The answers to tries at ten different accounts and two more, each from what X-Forwarded-For says. */
async function statusesFrom(server: TestServer, forwardedFor: (attempt: number) => string): Promise<number[]> {
  const statuses = [];
  for (let attempt = 0; attempt < 12; attempt += 1) {
    const headers = { 'x-forwarded-for': forwardedFor(attempt) };
    const body = { email: `user${attempt}@example.test`, password: 'x' };
    statuses.push((await server.rest('POST', '/auth/login', { body, headers })).status);
  }
  return statuses;
}
const LIMITED = [...Array<number>(10).fill(401), 429, 429];

test('a client on a private address behind the proxy does not choose the address that counts', async () => {
  await using server = await startTestServer({ rateLimitScale: 1, clock: stillClock, publicUrl });
  expect(await statusesFrom(server, (attempt) => `203.0.113.${attempt}, 10.0.0.7`)).toEqual(LIMITED);
});

test('what is named and is no address counts as the proxy’s own, and fits where a caller is stored', async () => {
  await using server = await startTestServer({ rateLimitScale: 1, clock: stillClock, publicUrl });
  expect(await statusesFrom(server, (attempt) => `nonsense${attempt}`)).toEqual(LIMITED);
  await using keyed = await startTestServer({ publicUrl });
  const headers = { 'x-forwarded-for': 'x'.repeat(500), 'idempotency-key': 'one' };
  expect((await keyed.rest('POST', '/auth/logout', { headers })).status).toBe(200);
  const [row] = await keyed.database.em().execute<{ caller: string }[]>('select caller from idempotency_keys');
  expect(row?.caller).toBe('address 127.0.0.1');
  expect(keyed.logLines.join('')).not.toContain('xxx');
});

test('several proxies in a row are believed where they are named', async () => {
  const trustedProxies = ['127.0.0.1', '10.0.0.0/8'];
  await using server = await startTestServer({ rateLimitScale: 1, clock: stillClock, trustedProxies });
  const statuses = await statusesFrom(server, (attempt) => `203.0.113.${attempt}, 10.0.0.7`);
  expect(new Set(statuses)).toEqual(new Set([401]));
  expect(await statusesFrom(server, (attempt) => `203.0.113.${attempt}, 198.51.100.1`)).toEqual(LIMITED);
});
