import { describe, expect, test } from 'vitest';
import { startTestServer } from './test-server.ts';

describe('health', () => {
  test('live is 200 whatever happens; ready follows the database and shutdown', async () => {
    await using server = await startTestServer();
    const read = async (path: string) => {
      const answer = await server.open('GET', path);
      return { status: answer.status, body: JSON.parse(await answer.text()) as unknown };
    };
    expect(await read('/health/ready')).toEqual({
      status: 200,
      body: { status: 'ready', checks: { database: 'reachable', server: 'accepting' } },
    });
    server.database.ping = async () => {
      throw new Error('connect ECONNREFUSED 10.0.0.1:3306');
    };
    const down = await read('/health/ready');
    expect(down).toEqual({
      status: 503,
      body: { status: 'not_ready', checks: { database: 'unreachable', server: 'accepting' } },
    });
    server.database.ping = async () => undefined;
    server.beginShutdown();
    expect(await read('/health/ready')).toMatchObject({ status: 503, body: { checks: { server: 'shutting_down' } } });
    expect(await read('/health/live')).toEqual({ status: 200, body: { status: 'live' } });
  });
});

describe('metrics', () => {
  test('requests are counted by route template and status, never by path', async () => {
    await using server = await startTestServer({ embedded: true });
    await server.rest('GET', '/staking/positions/pos_1');
    await server.rest('GET', '/staking/positions/pos_2');
    await server.rest('GET', '/made/up/by/a/scanner');
    await (await server.open('GET', '/trpc/sync.status')).text();
    await (await server.open('GET', '/trpc/no.such')).text();
    const text = await (await server.open('GET', '/metrics')).text();
    const counted = (labels: string) => text.includes(`finverse_http_request_duration_seconds_count{${labels}} 1`);
    expect(counted('method="GET",route="/api/v1/staking/positions/{id}",status="200"')).toBe(true);
    expect(counted('method="GET",route="/api/v1/staking/positions/{id}",status="404"')).toBe(true);
    expect(counted('method="GET",route="/trpc/sync.status",status="200"')).toBe(true);
    expect(counted('method="GET",route="/trpc/unknown",status="404"')).toBe(true);
    expect(text).not.toMatch(/pos_1|scanner|no\.such/);
    expect(text).toContain('process_cpu_user_seconds_total');
    expect(text).toContain('finverse_live_streams 0');
  });

  test('are for the machine itself or an admin, not for who comes through a proxy', async () => {
    await using server = await startTestServer();
    const [user, admin] = [await server.signIn('user'), await server.signIn('admin')];
    const proxied = { 'x-forwarded-for': '203.0.113.9' };
    expect((await server.open('GET', '/metrics')).status).toBe(200);
    expect((await server.open('GET', '/metrics', { headers: proxied })).status).toBe(403);
    expect(
      (await server.open('GET', '/metrics', { headers: { ...proxied, authorization: `Bearer ${user}` } })).status,
    ).toBe(403);
    expect(
      (await server.open('GET', '/metrics', { headers: { ...proxied, authorization: `Bearer ${admin}` } })).status,
    ).toBe(200);
  });
});

describe('metrics behind a proxy at the machine itself, which need not say so', () => {
  test.each([{ publicUrl: 'https://finverse.example' }, { trustedProxies: ['127.0.0.1'] }])(
    'are for an admin alone with %j',
    async (options) => {
      await using server = await startTestServer(options);
      const admin = await server.signIn('admin');
      expect((await server.open('GET', '/metrics')).status).toBe(403);
      const headers = { authorization: `Bearer ${admin}` };
      expect((await server.open('GET', '/metrics', { headers })).status).toBe(200);
    },
  );

  test('are not for a Host that is another name than this machine', async () => {
    await using server = await startTestServer();
    expect((await server.open('GET', '/metrics', { headers: { host: 'finverse.example' } })).status).toBe(403);
  });
});

describe('documentation', () => {
  test('the page and everything it loads come from this server, without inline script, under a policy that says so', async () => {
    await using server = await startTestServer({ embedded: true });
    const page = await server.open('GET', '/api/v1/docs');
    const html = await page.text();
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    expect(html).not.toMatch(/https?:\/\/|<script>|<style|style=| on\w+=/);
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links).toHaveLength(4);
    for (const link of links) {
      const asset = await server.open('GET', link);
      expect(asset.status, link).toBe(200);
      asset.response.destroy();
    }
    const document = await server.rest('GET', '/openapi.json');
    expect(document.body).toMatchObject({ openapi: expect.stringMatching(/^3\.1/) as string });
  });

  test('only the files that the page needs are served', async () => {
    await using server = await startTestServer({ embedded: true });
    for (const path of [
      '/docs/package.json',
      '/docs/swagger-ui.js',
      '/docs/../package.json',
      '/docs/%2e%2e/package.json',
    ]) {
      expect((await server.open('GET', `/api/v1${path}`)).status).toBe(404);
    }
  });

  test.each([{ range: 'bytes=999999999-' }, { 'if-match': '"x"' }])(
    'what a file cannot be served by, %j, is a 400 that nobody keeps',
    async (headers: Record<string, string>) => {
      await using server = await startTestServer({ embedded: true });
      const answer = await server.open('GET', '/api/v1/docs/swagger-ui.css', { headers });
      expect([answer.status, answer.headers['cache-control']]).toEqual([400, 'no-store']);
      expect(JSON.parse(await answer.text())).toMatchObject({ error: { code: 'VALIDATION_FAILED' } });
      const kept = await server.open('GET', '/api/v1/docs/swagger-ui.css');
      expect(kept.headers['cache-control']).toBe('public, max-age=3600');
      kept.response.destroy();
    },
  );

  test('the root leads to it', async () => {
    await using server = await startTestServer({ embedded: true });
    const root = await server.open('GET', '/');
    expect([root.status, root.headers.location]).toEqual([302, '/api/v1/docs']);
  });
});

test('every answer carries the security headers, refusals and errors too', async () => {
  await using server = await startTestServer();
  for (const path of ['/api/v1/sync/health', '/api/v1/sync/status', '/nothing', '/trpc/x', '/health/live']) {
    const { headers } = await server.open('GET', path);
    expect(headers, path).toMatchObject({
      'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(headers['x-powered-by']).toBeUndefined();
  }
});
