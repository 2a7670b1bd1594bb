import { describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

/** What the server answers to control by REST and by tRPC, and to a read, under these headers. */
async function tryAll(server: TestServer, headers: Record<string, string>) {
  const json = { 'content-type': 'application/json', ...headers };
  const rest = await server.open('POST', '/api/v1/sync/stop', { headers });
  const trpc = await server.open('POST', '/trpc/sync.stop', { headers: json, body: '{}' });
  const read = await server.open('GET', '/api/v1/sync/status', { headers });
  return [rest.status, trpc.status, read.status];
}

describe('embedded mode', () => {
  test('loopback names with our port may control sync, with no page or our own page behind them', async () => {
    await using server = await startTestServer({ embedded: true });
    for (const name of ['localhost', '127.0.0.1', '[::1]', 'LOCALHOST']) {
      const host = `${name}:${server.port}`;
      expect(await tryAll(server, { host })).toEqual([200, 200, 200]);
      expect(await tryAll(server, { host, 'sec-fetch-site': 'same-origin', origin: `http://${host}` })).toEqual([
        200, 200, 200,
      ]);
      expect(await tryAll(server, { host, 'sec-fetch-site': 'none' })).toEqual([200, 200, 200]);
    }
  });

  test('a foreign Host reaches nothing: no page can rebind its name to this machine', async () => {
    await using server = await startTestServer({ embedded: true });
    const hosts = [
      'evil.example',
      `evil.example:${server.port}`,
      'localhost',
      'localhost:1',
      `localhost.evil.example:${server.port}`,
    ];
    for (const host of [...hosts, `127.0.0.1.evil.example:${server.port}`, `127.0.0.1:${server.port}@evil.example`]) {
      expect(await tryAll(server, { host }), host).toEqual([403, 403, 403]);
    }
    expect(server.sync.calls).toEqual([]);
  });

  test('a page of another origin controls nothing and reads nothing', async () => {
    await using server = await startTestServer({ embedded: true });
    const host = `localhost:${server.port}`;
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://localhost:1` },
      { origin: `http://127.0.0.1:${server.port}` },
      { origin: `http://${host}.evil.example` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: `http://${host}` },
    ]) {
      expect(await tryAll(server, { host, ...(headers as Record<string, string>) }), JSON.stringify(headers)).toEqual([
        403, 403, 401,
      ]);
    }
    expect(server.sync.calls).toEqual([]);
  });

  test('who comes through a proxy is no local operator', async () => {
    await using server = await startTestServer({ embedded: true });
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip', 'x-forwarded-host']) {
      expect(await tryAll(server, { [name]: '203.0.113.9' }), name).toEqual([401, 401, 401]);
    }
    expect(server.sync.calls).toEqual([]);
  });

  test('under the host of PUBLIC_URL, where a tunnel that says nothing of itself may stand before, nobody is a local operator', async () => {
    await using server = await startTestServer({ embedded: true, publicUrl: 'http://finverse.example' });
    expect(await tryAll(server, { host: 'finverse.example' })).toEqual([401, 401, 401]);
    expect(await tryAll(server, { host: `localhost:${server.port}` })).toEqual([200, 200, 200]);
  });

  test('a preflight of another origin is refused, and no answer allows one', async () => {
    await using server = await startTestServer({ embedded: true });
    const preflight = await server.open('OPTIONS', '/api/v1/sync/stop', {
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(403);
    expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('the refusal has the usual shape', async () => {
    await using server = await startTestServer({ embedded: true });
    const refused = await server.rest('POST', '/sync/stop', { headers: { origin: 'https://evil.example' } });
    expect(refused.body?.error?.code).toBe('ORIGIN_REFUSED');
  });
});

describe('with a database or a chain configured', () => {
  test('the machine itself has no powers without signing in', async () => {
    await using server = await startTestServer();
    expect(await tryAll(server, {})).toEqual([401, 401, 401]);
    expect(server.sync.calls).toEqual([]);
  });

  test('a cookie from a page of another origin changes nothing; from our own or PUBLIC_URL it does', async () => {
    await using server = await startTestServer({ publicUrl: 'https://finverse.example/app' });
    const cookie = `finverse_session=${await server.signIn('admin')}`;
    expect(await tryAll(server, { cookie })).toEqual([200, 200, 200]);
    expect(
      await tryAll(server, { cookie, origin: 'https://finverse.example', 'sec-fetch-site': 'same-origin' }),
    ).toEqual([200, 200, 200]);
    server.sync.calls.length = 0;
    expect(await tryAll(server, { cookie, origin: 'https://evil.example' })).toEqual([403, 403, 200]);
    expect(await tryAll(server, { cookie, 'sec-fetch-site': 'cross-site' })).toEqual([403, 403, 200]);
    expect(server.sync.calls).toEqual(['status', 'status']);
  });
});
