import { TOTP } from 'otpauth';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';

const STEP_MS = 30_000;
const { email, password } = PEOPLE.user;

let nowMs = 0;
const clock = { ...systemClock, now: () => nowMs };
let server: TestServer;
let session: string;
beforeEach(async () => {
  nowMs = systemClock.now();
  server = await startTestServer({ clock });
  session = await server.signIn('user');
});
afterEach(() => server[Symbol.asyncDispose]());

const post = (path: string, body: object) => server.rest('POST', path, { token: session, body });
const login = (code?: string) =>
  server.rest('POST', '/auth/login', { body: { email, password, ...(code === undefined ? {} : { code }) } });
const errorOf = ({ body }: Awaited<ReturnType<typeof login>>) => body?.error?.code;

/** What an authenticator app shows for the secret; `otpauth` here plays the app. */
const codeOf = (secret: string, atMs = nowMs) => new TOTP({ secret }).generate({ timestamp: atMs });

/** A person whose login takes a second factor; the step of the code that switched it on is past. */
async function enable(): Promise<{ secret: string; recoveryCodes: string[] }> {
  const begun = await post('/auth/totp/begin', { password });
  const secret = String(begun.body?.['secret']);
  const confirmed = await post('/auth/totp/confirm', { code: codeOf(secret) });
  expect(confirmed.status).toBe(200);
  nowMs += STEP_MS;
  return { secret, recoveryCodes: confirmed.body?.['recovery_codes'] as string[] };
}

const wrongCode = (secret: string) => String((Number(codeOf(secret)) + 1) % 1_000_000).padStart(6, '0');

describe('login with a second factor', () => {
  test('asks for its code once the password is right, and takes it', async () => {
    const begun = await post('/auth/totp/begin', { password });
    expect(begun.body?.['uri']).toMatch(/^otpauth:\/\/totp\/FinVerse:user%40example\.test\?/);
    expect((await login()).status).toBe(200);
    const { secret } = await enable();
    expect(errorOf(await login())).toBe('SECOND_FACTOR_REQUIRED');
    expect(errorOf(await server.rest('POST', '/auth/login', { body: { email, password: 'a wrong one' } }))).toBe(
      'INVALID_CREDENTIALS',
    );
    // As an app shows it.
    expect((await login(codeOf(secret).replace(/^.../, '$& '))).status).toBe(200);
  });

  test('a code cannot be used again, nor one from before it', async () => {
    const { secret } = await enable();
    const [earlier, code] = [codeOf(secret, nowMs - STEP_MS), codeOf(secret)];
    expect((await login(code)).status).toBe(200);
    expect(errorOf(await login(code))).toBe('CODE_INVALID');
    expect(errorOf(await login(earlier))).toBe('CODE_INVALID');
    nowMs += STEP_MS;
    expect((await login(codeOf(secret))).status).toBe(200);
  });

  test('the code that switched it on cannot be used again', async () => {
    const begun = await post('/auth/totp/begin', { password });
    const code = codeOf(String(begun.body?.['secret']));
    await post('/auth/totp/confirm', { code });
    expect(errorOf(await login(code))).toBe('CODE_INVALID');
  });

  test('of two logins at once with one code one succeeds', async () => {
    const { secret } = await enable();
    const code = codeOf(secret);
    const answers = await Promise.all([login(code), login(code)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
  });

  test('a code counts one step early and late, no more', async () => {
    const { secret } = await enable();
    nowMs += 10 * STEP_MS;
    expect(errorOf(await login(codeOf(secret, nowMs - 2 * STEP_MS)))).toBe('CODE_INVALID');
    expect(errorOf(await login(codeOf(secret, nowMs + 2 * STEP_MS)))).toBe('CODE_INVALID');
    expect((await login(codeOf(secret, nowMs - STEP_MS))).status).toBe(200);
  });

  test('a recovery code stands in one time, however it is typed', async () => {
    const { recoveryCodes } = await enable();
    expect(new Set(recoveryCodes).size).toBe(10);
    const [code = ''] = recoveryCodes;
    expect((await login(code.toUpperCase().replaceAll('-', ' '))).status).toBe(200);
    expect(errorOf(await login(code))).toBe('CODE_INVALID');
    const status = await server.rest('GET', '/auth/totp', { token: session });
    expect(status.body).toEqual({ is_enabled: true, recovery_codes_left: 9 });
    const stored = await server.database.em().execute('select * from recovery_codes');
    for (const plain of recoveryCodes) expect(JSON.stringify(stored)).not.toContain(plain.replaceAll('-', ''));
  });

  test('after ten wrong codes none is looked at for a quarter of an hour, and a right one then opens it again', async () => {
    const { secret } = await enable();
    for (let attempt = 0; attempt < 10; attempt += 1)
      expect(errorOf(await login(wrongCode(secret)))).toBe('CODE_INVALID');
    const locked = await login(codeOf(secret));
    expect(errorOf(locked)).toBe('RATE_LIMITED');
    expect(Number(locked.headers.get('retry-after'))).toBe(900);
    nowMs += 15 * 60 * 1000;
    expect((await login(codeOf(secret))).status).toBe(200);
    nowMs += STEP_MS;
    expect(errorOf(await login(wrongCode(secret)))).toBe('CODE_INVALID');
    expect((await login(codeOf(secret))).status).toBe(200);
  });
});

describe('the second factor', () => {
  test('is begun with the password, and counts only when a code of it was confirmed', async () => {
    expect(errorOf(await post('/auth/totp/begin', { password: 'a wrong one' }))).toBe('INVALID_CREDENTIALS');
    expect(errorOf(await post('/auth/totp/confirm', { code: '123456' }))).toBe('CONFLICT');
    const begun = await post('/auth/totp/begin', { password });
    expect(errorOf(await post('/auth/totp/confirm', { code: wrongCode(String(begun.body?.['secret'])) }))).toBe(
      'CODE_INVALID',
    );
    expect((await login()).status).toBe(200);
    await enable();
    expect(errorOf(await post('/auth/totp/begin', { password }))).toBe('CONFLICT');
  });

  test('is disabled with both factors, and its recovery codes go with it', async () => {
    const { secret } = await enable();
    expect(errorOf(await post('/auth/totp/disable', { password, code: wrongCode(secret) }))).toBe('CODE_INVALID');
    expect(errorOf(await post('/auth/totp/disable', { password: 'a wrong one', code: codeOf(secret) }))).toBe(
      'INVALID_CREDENTIALS',
    );
    expect((await post('/auth/totp/disable', { password, code: codeOf(secret) })).body).toEqual({});
    expect((await login()).status).toBe(200);
    expect(await server.database.em().execute('select * from recovery_codes')).toEqual([]);
  });

  test('new recovery codes take the place of the old ones', async () => {
    const { secret, recoveryCodes } = await enable();
    const answer = await post('/auth/totp/recovery-codes', { password, code: codeOf(secret) });
    const renewed = answer.body?.['recovery_codes'] as string[];
    expect(renewed).toHaveLength(10);
    expect(errorOf(await login(recoveryCodes[0]))).toBe('CODE_INVALID');
    expect((await login(renewed[0])).status).toBe(200);
  });
});
