import { expect, test } from 'vitest';
import { startTestServer } from './test-server.ts';

test('the page that completes a registration sends the code with the password that is typed in', async () => {
  await using server = await startTestServer({ registration: 'verify' });
  const person = { email: 'new@example.test', password: 'violet harbour lantern' };
  await server.rest('POST', '/auth/register', { body: person });
  const link = new URL((await server.takeMails())[0]?.link ?? '');
  const page = await (await server.open('GET', link.pathname)).text();
  const [, called = ''] = /data-call="([^"]+)"/.exec(page) ?? [];
  const [, field = ''] = /<input name="(\w+)" type="password"/.exec(page) ?? [];
  const body = { code: new URLSearchParams(link.hash.slice(1)).get('code'), [field]: 'chosen on the page' };
  expect((await server.rest('POST', called.replace('/api/v1', ''), { body })).status).toBe(200);
  const credentials = { email: person.email, password: 'chosen on the page' };
  expect((await server.rest('POST', '/auth/login', { body: credentials })).status).toBe(200);
});

test('the link of every mail leads to a page that loads nothing but its own script and style', async () => {
  await using server = await startTestServer();
  const person = { email: 'new@example.test', password: 'violet harbour lantern' };
  const { body } = await server.rest('POST', '/auth/register', { body: person });
  await server.rest('POST', '/auth/password-reset/request', { body: { email: person.email } });
  const moved = { email: 'moved@example.test', password: person.password };
  await server.rest('POST', '/users/me/email', { token: String(body?.['token']), body: moved });
  const paths = (await server.takeMails()).map(({ link }) => new URL(link ?? '').pathname);
  expect(paths).toEqual(['/account/verify-email', '/account/reset-password', '/account/confirm-email']);
  for (const path of paths) {
    const answer = await server.open('GET', path);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-security-policy']).toContain(
      "default-src 'none'; script-src 'self'; style-src 'self'",
    );
    const page = await answer.text();
    expect(page).not.toMatch(/<script>|<style>| style=| on\w+=/);
    const loaded = [...page.matchAll(/ (?:src|href)="([^"]+)"/g)].map(([, url]) => url);
    expect(loaded).toEqual(['/account/account.css', '/account/account.js']);
    const [, called = ''] = /data-call="([^"]+)"/.exec(page) ?? [];
    // Without a code, each route is there and refuses.
    expect([400, 401]).toContain((await server.open('POST', called, { headers: { 'content-length': '0' } })).status);
  }
  expect((await server.open('GET', '/account/account.js')).headers['content-type']).toContain('javascript');
  expect((await server.open('GET', '/account/account.css')).headers['content-type']).toContain('text/css');
  expect((await server.open('GET', '/account/other')).status).toBe(404);
});
