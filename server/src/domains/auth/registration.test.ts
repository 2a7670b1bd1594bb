import { afterEach, describe, expect, test, vi } from 'vitest';
import { describeDrivers } from '../../db/test-databases.ts';
import { startTestServer, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';
import { UserSchema } from '../users/index.ts';
import { MailCodeSchema } from './auth.entity.ts';
import { PasswordHasher } from './passwords.ts';

const HOUR_MS = 60 * 60 * 1000;
const PERSON = { email: 'new@example.test', password: 'staple mandolin sphinx' };

let skewMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
const servers: TestServer[] = [];
afterEach(async () => {
  skewMs = 0;
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function start(registration: 'open' | 'verify' | 'closed', rateLimitScale = 100): Promise<TestServer> {
  const server = await startTestServer({ registration, clock, rateLimitScale });
  servers.push(server);
  return server;
}

const register = (server: TestServer, body: object = PERSON, headers: Record<string, string> = {}) =>
  server.rest('POST', '/auth/register', { body, headers: { 'x-request-id': 'same', ...headers } });
const verify = (server: TestServer, code: string) => server.rest('POST', '/auth/verify-email', { body: { code } });
const complete = (server: TestServer, code: string, password: string = PERSON.password) =>
  server.rest('POST', '/auth/verify-email', { body: { code, password } });
const login = (server: TestServer) => server.rest('POST', '/auth/login', { body: PERSON });
const codeIn = (mail: { link: string | null } | undefined) => mail?.link?.split('#code=')[1] ?? '';

describe('where registration is open', () => {
  test('registering signs in at once, and the mail confirms the address', async () => {
    const server = await start('open');
    const answer = await register(server, { ...PERSON, email: ' New@Example.TEST', name: 'Nia' });
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.body ?? {})).toEqual(['token', 'expires_at', 'user']);
    expect(answer.body?.['user']).toMatchObject({
      email: PERSON.email,
      name: 'Nia',
      role: 'user',
      email_verified: false,
    });
    expect(answer.headers.get('set-cookie')).toContain('finverse_session=');
    const token = String(answer.body?.['token']);
    const [mail] = await server.takeMails();
    expect(mail).toMatchObject({
      recipient: PERSON.email,
      link: expect.stringContaining('/account/verify-email#code=') as string,
    });
    expect((await verify(server, codeIn(mail))).body).toEqual({});
    expect((await server.rest('GET', '/auth/me', { token })).body).toMatchObject({ email_verified: true });
    expect((await login(server)).status).toBe(200);
  });

  test('a code that confirms an address counts once', async () => {
    const server = await start('open');
    await register(server);
    const code = codeIn((await server.takeMails())[0]);
    const answers = await Promise.all([verify(server, code), verify(server, code)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
    expect((await verify(server, code)).body?.error?.code).toBe('CODE_INVALID');
  });

  test('a taken address is a conflict, also for two at once', async () => {
    const server = await start('open');
    const answers = await Promise.all([register(server), register(server)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const again = await register(server);
    expect(again.body?.error).toMatchObject({ code: 'CONFLICT', details: [{ path: 'email' }] });
    expect(await server.database.em().count(UserSchema, {})).toBe(1);
  });

  test('a person can have the code mailed again, the one before counts no longer, and none changes the password', async () => {
    const server = await start('open');
    const token = String((await register(server)).body?.['token']);
    const [first] = await server.takeMails();
    expect((await server.rest('POST', '/auth/verify-email/request', { token })).status).toBe(200);
    const [second] = await server.takeMails();
    const withPassword = await complete(server, codeIn(second), 'another one for nobody');
    expect(withPassword.body?.error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'password' }] });
    expect((await verify(server, codeIn(first))).body?.error?.code).toBe('CODE_INVALID');
    expect((await verify(server, codeIn(second))).status).toBe(200);
    await server.rest('POST', '/auth/verify-email/request', { token });
    expect(await server.takeMails()).toEqual([]);
  });
});

describe('where a mail proves the address', () => {
  test('nobody is made before the code comes back with a password, which then signs in', async () => {
    const server = await start('verify');
    expect((await register(server)).body).toEqual({ verification_sent: true });
    expect(await server.database.em().count(UserSchema, {})).toBe(0);
    expect((await login(server)).body?.error?.code).toBe('INVALID_CREDENTIALS');
    const [mail] = await server.takeMails();
    expect(mail?.link).toContain('/account/complete-registration#code=');
    const answer = await complete(server, codeIn(mail));
    expect({ status: answer.status, body: answer.body, cookie: answer.headers.get('set-cookie') }).toEqual({
      status: 200,
      body: {},
      cookie: null,
    });
    expect((await login(server)).body?.['user']).toMatchObject({ email: PERSON.email, email_verified: true });
  });

  test('a known and an unknown address get the same answer, word for word, with the same headers', async () => {
    const server = await start('verify');
    await server.auth.ensureUser({ ...PEOPLE.user });
    const unknown = await register(server);
    const known = await register(server, { ...PERSON, email: PEOPLE.user.email });
    const headersOf = ({ headers }: { headers: Headers }) => [...headers].filter(([name]) => name !== 'date');
    expect(known.body).toEqual(unknown.body);
    expect([known.status, headersOf(known)]).toEqual([unknown.status, headersOf(unknown)]);
  });

  test('a known and an unknown address cost the same: no hash, and the same statements', async () => {
    const server = await start('verify');
    await server.auth.ensureUser(PEOPLE.user);
    const hash = vi.spyOn(PasswordHasher.prototype, 'hash');
    const costOf = async (email: string) => {
      hash.mockClear();
      const statements = await server.statementsOf(() => register(server, { ...PERSON, email }));
      return { hashes: hash.mock.calls.length, statements };
    };
    const unknown = await costOf(PERSON.email);
    expect(await costOf(PEOPLE.user.email)).toEqual(unknown);
    expect([unknown.hashes, unknown.statements.length]).toEqual([0, 4]);
    hash.mockRestore();
  });

  test('the owner of a known address hears of it, and their password stays', async () => {
    const server = await start('verify');
    await server.auth.ensureUser(PEOPLE.user);
    await register(server, { ...PERSON, email: PEOPLE.user.email });
    const mails = await server.takeMails();
    expect(mails).toMatchObject([
      { recipient: PEOPLE.user.email, link: null, subject: expect.stringContaining('already') as string },
    ]);
    const { email, password } = PEOPLE.user;
    expect((await server.rest('POST', '/auth/login', { body: { email, password } })).status).toBe(200);
  });

  test('a code counts once', async () => {
    const server = await start('verify');
    await register(server);
    const code = codeIn((await server.takeMails())[0]);
    const answers = await Promise.all([complete(server, code), complete(server, code)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
    expect((await complete(server, code)).body?.error?.code).toBe('CODE_INVALID');
  });

  test('a code counts for a day', async () => {
    const server = await start('verify');
    await register(server);
    const code = codeIn((await server.takeMails())[0]);
    skewMs = 24 * HOUR_MS + 1000;
    expect((await complete(server, code)).body?.error?.code).toBe('CODE_INVALID');
    expect(await server.database.em().count(UserSchema, {})).toBe(0);
  });

  test('whoever registered, the password is that of who has the mail, and of two registrations one counts', async () => {
    const server = await start('verify');
    await register(server, { ...PERSON, password: 'chosen by somebody else' });
    await register(server);
    const [theirs, mine] = await server.takeMails();
    expect((await complete(server, codeIn(theirs))).status).toBe(200);
    expect((await complete(server, codeIn(mine))).body?.error?.code).toBe('CODE_INVALID');
    const thief = { email: PERSON.email, password: 'chosen by somebody else' };
    expect((await server.rest('POST', '/auth/login', { body: thief })).body?.error?.code).toBe('INVALID_CREDENTIALS');
    expect((await login(server)).status).toBe(200);
  });

  test('who uses up the limit with registrations of somebody’s address keeps them from nothing: each mail is as good', async () => {
    const server = await start('verify');
    for (let attempt = 0; attempt < 6; attempt += 1)
      await register(server, { ...PERSON, password: `thief ${attempt} thief` });
    await register(server);
    const mails = await server.takeMails();
    expect(mails).toHaveLength(5);
    expect((await complete(server, codeIn(mails[2]))).status).toBe(200);
    expect((await login(server)).status).toBe(200);
  });

  test('who uses up the limit with other mails does not keep the mail of a registration away', async () => {
    const server = await start('verify');
    const token = await server.signIn('user');
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await server.rest('POST', '/auth/password-reset/request', { body: { email: PERSON.email } });
      const body = { email: PERSON.email, password: PEOPLE.user.password };
      await server.rest('POST', '/users/me/email', { token, body });
    }
    expect(await register(server)).toMatchObject({ status: 200 });
    const mails = await server.takeMails();
    expect(mails.at(-1)?.subject).toBe('FinVerse: Complete your registration');
    expect((await complete(server, codeIn(mails.at(-1)))).status).toBe(200);
  });

  test.each([
    ['none', undefined],
    ['one that is too short', 'ninechars'],
    ['one of the most common', 'qwertyuiop'],
    ['the e-mail address', PERSON.email],
  ])('a code with %s for a password is refused, naming the field, and still counts', async (_name, password) => {
    const server = await start('verify');
    await register(server);
    const code = codeIn((await server.takeMails())[0]);
    const answer = await server.rest('POST', '/auth/verify-email', { body: { code, password } });
    expect(answer.body?.error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'password' }] });
    expect((await complete(server, code)).status).toBe(200);
  });

  test('the table holds the hash of a code, never the code', async () => {
    const server = await start('verify');
    await register(server);
    const code = codeIn((await server.takeMails())[0]);
    expect(code).toMatch(/^[0-9a-f]{32}$/);
    const rows = await server.database.em().find(MailCodeSchema, {});
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(code);
    expect(JSON.stringify(await server.database.em().execute('select * from mails'))).not.toContain(code);
  });

  test('an address gets five mails in an hour, whoever asks, and the answers stay the same', async () => {
    const server = await start('verify');
    const answers = [];
    for (let attempt = 0; attempt < 7; attempt += 1) answers.push((await register(server)).body);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await server.takeMails()).toHaveLength(5);
    skewMs = HOUR_MS + 1000;
    await register(server);
    expect(await server.takeMails()).toHaveLength(1);
  });
});

test('where registration is closed nobody registers', async () => {
  const server = await start('closed');
  const answer = await register(server);
  expect([answer.status, answer.body?.error?.code]).toEqual([403, 'REGISTRATION_CLOSED']);
  expect(await server.takeMails()).toEqual([]);
});

describeDrivers(['sqlite', 'mariadb'], (databases) => {
  test('where registration was closed meanwhile, a code that was mailed before makes no account; it confirms the address of one', async () => {
    const databaseUrl = await databases.migratedUrl();
    const open = await startTestServer({ registration: 'verify', clock, databaseUrl });
    await register(open);
    const token = await open.signIn('user');
    await open.rest('POST', '/auth/verify-email/request', { token });
    const [registration, confirmation] = await open.takeMails();
    await open[Symbol.asyncDispose]();
    const closed = await startTestServer({ registration: 'closed', clock, databaseUrl });
    servers.push(closed);
    expect((await complete(closed, codeIn(registration))).body?.error?.code).toBe('REGISTRATION_CLOSED');
    expect(await closed.database.em().count(UserSchema, {})).toBe(1);
    expect((await verify(closed, codeIn(confirmation))).status).toBe(200);
  });
});

describe('a password', () => {
  test.each([
    ['too short', 'ninechars'],
    ['too short once its accents are composed', 'e\u0301a\u0301o\u0301i\u0301u\u0301'],
    ['too short in characters', '😀😁😂🤣😃'],
    ['no text', '\ud800\ud801\ud802\ud803\ud804\ud805\ud806\ud807\ud808\ud809'],
    ['one of the most common', 'q1w2e3r4t5y6'],
    ['one of the most common, in another case', 'QwertyUiop'],
    ['of too few different characters', 'abababababab'],
    ['the e-mail address', PERSON.email],
    ['too long', 'x'.repeat(257)],
  ])('that is %s is refused, naming the field', async (_name, password) => {
    const server = await start('verify');
    const answer = await register(server, { ...PERSON, password });
    expect(answer.status).toBe(400);
    expect(answer.body?.error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'password' }] });
    expect(await server.takeMails()).toEqual([]);
  });
});

test('who asks for mails to an address in plenty does not keep its owner, at another address, from asking', async () => {
  await using strict = await startTestServer({
    registration: 'verify',
    rateLimitScale: 1,
    publicUrl: 'https://finverse.example',
  });
  const from = async (address: string) => (await register(strict, PERSON, { 'x-forwarded-for': address })).status;
  const statuses = [];
  for (let attempt = 0; attempt < 4; attempt += 1) statuses.push(await from('203.0.113.1'));
  expect([...statuses, await from('203.0.113.2')]).toEqual([200, 200, 200, 429, 200]);
});

test('three registrations a minute for an account, ten for an address', async () => {
  const server = await start('verify', 1);
  const statuses = [];
  for (let attempt = 0; attempt < 4; attempt += 1) statuses.push((await register(server)).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
  for (let attempt = 0; attempt < 7; attempt += 1) {
    statuses.push((await register(server, { ...PERSON, email: `p${attempt}@example.test` })).status);
  }
  expect(statuses.slice(4)).toEqual([200, 200, 200, 200, 200, 200, 429]);
});
