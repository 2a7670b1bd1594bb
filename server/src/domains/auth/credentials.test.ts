import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, PEOPLE, type TestServer } from '../../http/test-server.ts';
import { systemClock } from '../../kernel/clock.ts';

const HOUR_MS = 60 * 60 * 1000;
const NEW_PASSWORD = 'violet harbour lantern';
const { email, password } = PEOPLE.user;

let skewMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
let server: TestServer;
beforeEach(async () => {
  skewMs = 0;
  server = await startTestServer({ clock });
  await server.auth.ensureUser(PEOPLE.user);
});
afterEach(() => server[Symbol.asyncDispose]());

const login = (body: object = { email, password }) => server.rest('POST', '/auth/login', { body });
const me = async (token: string) => (await server.rest('GET', '/auth/me', { token })).status;
const codeIn = (mail: { link: string | null } | undefined) => mail?.link?.split('#code=')[1] ?? '';

describe('a forgotten password', () => {
  const request = (address: string = email) =>
    server.rest('POST', '/auth/password-reset/request', {
      body: { email: address },
      headers: { 'x-request-id': 'same' },
    });
  const confirm = (code: string, newPassword = NEW_PASSWORD) =>
    server.rest('POST', '/auth/password-reset/confirm', { body: { code, new_password: newPassword } });

  test('is replaced with the mailed code, every session ends, and the owner is told', async () => {
    const sessions = [await server.signIn('user'), await server.signIn('user')];
    expect((await request()).body).toEqual({});
    const [mail] = await server.takeMails();
    expect(mail).toMatchObject({
      recipient: email,
      link: expect.stringContaining('/account/reset-password#code=') as string,
    });
    expect((await confirm(codeIn(mail))).body).toEqual({});
    expect(await Promise.all(sessions.map(me))).toEqual([401, 401]);
    expect((await login()).status).toBe(401);
    const answer = await login({ email, password: NEW_PASSWORD });
    expect(answer.body?.['user']).toMatchObject({ email_verified: true });
    expect(await server.takeMails()).toMatchObject([
      { recipient: email, subject: 'FinVerse: Your password was changed' },
    ]);
  });

  test('ends API tokens as well, since others may have known the password; a change by who is signed in leaves them', async () => {
    const token = await server.signIn('user');
    const made = await server.rest('POST', '/auth/tokens', {
      token,
      body: { name: 'a script', scopes: ['users:read'] },
    });
    const apiToken = String(made.body?.['token']);
    const profile = async () => (await server.rest('GET', '/users/me', { token: apiToken })).status;
    const body = { current_password: password, new_password: 'violet harbour compass' };
    await server.rest('POST', '/users/me/password', { token, body });
    expect(await profile()).toBe(200);
    expect((await server.takeMails())[0]?.text).toContain('API tokens stay as they are');
    await request();
    await confirm(codeIn((await server.takeMails())[0]));
    expect(await profile()).toBe(401);
    expect((await server.takeMails())[0]?.text).toContain('API tokens were ended');
  });

  test('an unknown address gets the same answer, after the same statements, and no mail', async () => {
    const known = await request();
    const unknown = await request('nobody@example.test');
    expect([unknown.status, unknown.body]).toEqual([known.status, known.body]);
    expect(await server.takeMails()).toHaveLength(1);
    const statements = await server.statementsOf(() => request());
    expect(await server.statementsOf(() => request('nobody@example.test'))).toEqual(statements);
    expect(statements.length).toBe(4);
  });

  test('a code counts once', async () => {
    await request();
    const code = codeIn((await server.takeMails())[0]);
    const answers = await Promise.all([confirm(code), confirm(code)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400]);
    expect((await confirm(code, 'something else again')).body?.error?.code).toBe('CODE_INVALID');
  });

  test('a code counts for an hour', async () => {
    await request();
    const code = codeIn((await server.takeMails())[0]);
    skewMs = HOUR_MS + 1000;
    expect((await confirm(code)).body?.error?.code).toBe('CODE_INVALID');
    skewMs = HOUR_MS - 60_000;
    expect((await confirm(code)).status).toBe(200);
  });

  test('a code of another kind does not count', async () => {
    const token = await server.signIn('user');
    await server.rest('POST', '/auth/verify-email/request', { token });
    const code = codeIn((await server.takeMails())[0]);
    expect((await confirm(code)).body?.error?.code).toBe('CODE_INVALID');
    expect((await server.rest('POST', '/auth/verify-email', { body: { code } })).status).toBe(200);
  });

  test('one that is used takes the others of the same person with it', async () => {
    await request();
    await request();
    const [first, second] = await server.takeMails();
    expect((await confirm(codeIn(second))).status).toBe(200);
    expect((await confirm(codeIn(first))).status).toBe(400);
  });

  test.each([
    ['a common one', 'qwertyuiop'],
    ['the e-mail address', email],
    ['the e-mail address in another case', email.toUpperCase()],
  ])('%s for the new password is refused, and the code still counts', async (_name, newPassword) => {
    await request();
    const code = codeIn((await server.takeMails())[0]);
    expect((await confirm(code, newPassword)).body?.error?.details).toMatchObject([{ path: 'new_password' }]);
    expect((await confirm(code)).status).toBe(200);
  });
});

describe('a change of password', () => {
  const change = (token: string, body: object = {}) =>
    server.rest('POST', '/users/me/password', {
      token,
      body: { current_password: password, new_password: NEW_PASSWORD, ...body },
    });

  test('ends the other sessions and keeps the one that asks', async () => {
    const [mine, other] = [await server.signIn('user'), await server.signIn('user')];
    expect((await change(mine)).body).toEqual({});
    expect([await me(mine), await me(other)]).toEqual([200, 401]);
    expect([(await login()).status, (await login({ email, password: NEW_PASSWORD })).status]).toEqual([401, 200]);
    expect(await server.takeMails()).toMatchObject([
      { recipient: email, subject: 'FinVerse: Your password was changed' },
    ]);
  });

  test('takes the password that is', async () => {
    const [mine, other] = [await server.signIn('user'), await server.signIn('user')];
    expect((await change(mine, { current_password: 'a wrong one' })).body?.error?.code).toBe('INVALID_CREDENTIALS');
    expect([await me(other), (await login()).status]).toEqual([200, 200]);
  });

  test('of two at once one counts', async () => {
    const token = await server.signIn('user');
    const answers = await Promise.all([change(token), change(token, { new_password: 'another harbour lantern' })]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401]);
  });

  test('takes away the codes that were mailed before it', async () => {
    const token = await server.signIn('user');
    await server.rest('POST', '/auth/password-reset/request', { body: { email } });
    const [mail] = await server.takeMails();
    await change(token);
    const body = { code: codeIn(mail), new_password: 'the thief would have this' };
    expect((await server.rest('POST', '/auth/password-reset/confirm', { body })).status).toBe(400);
  });

  test('is tried ten times a minute at most, also in a batch', async () => {
    await using strict = await startTestServer({ rateLimitScale: 1 });
    const token = await strict.signIn('user');
    const path = Array.from({ length: 12 }, () => 'users.changePassword').join(',');
    const input = { json: { currentPassword: 'a wrong one', newPassword: NEW_PASSWORD } };
    const answer = await strict.open('POST', `/trpc/${path}?batch=1`, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(Object.fromEntries(Array.from({ length: 12 }, (_, index) => [index, input]))),
    });
    const results = JSON.parse(await answer.text()) as { error: { json: { data: { code: string } } } }[];
    expect(results.map(({ error }) => error.json.data.code)).toEqual([
      ...Array<string>(10).fill('INVALID_CREDENTIALS'),
      'RATE_LIMITED',
      'RATE_LIMITED',
    ]);
  });
});

test('a session tries its person’s password twenty times an hour, over all that asks for it; another session of theirs goes on', async () => {
  let minutes = 0;
  const slow = { ...systemClock, monotonic: () => minutes * 60_000 };
  await using strict = await startTestServer({ rateLimitScale: 1, clock: slow });
  const [stolen, own] = [await strict.signIn('user'), await strict.signIn('user')];
  const wrong = 'a wrong one';
  const askFor = [
    ['POST', '/users/me/password', { current_password: wrong, new_password: NEW_PASSWORD }],
    ['POST', '/users/me/email', { email: 'moved@example.test', password: wrong }],
    ['DELETE', '/users/me', { password: wrong }],
    ['POST', '/auth/totp/begin', { password: wrong }],
    ['POST', '/auth/totp/disable', { password: wrong, code: '123456' }],
    ['POST', '/auth/totp/recovery-codes', { password: wrong, code: '123456' }],
  ] as const;
  let looked = 0;
  for (; minutes < 5; minutes += 1) {
    for (const [method, path, body] of askFor) {
      const { body: answer } = await strict.rest(method, path, { token: stolen, body });
      looked += Number(answer?.error?.code === 'INVALID_CREDENTIALS');
    }
  }
  // Twenty at once, and one more each three minutes.
  expect(looked).toBe(21);
  for (; minutes < 30; minutes += 1) {
    const body = { current_password: password, new_password: password };
    expect((await strict.rest('POST', '/users/me/password', { token: own, body })).status).toBe(200);
  }
});

describe('a change of e-mail address', () => {
  const NEW_EMAIL = 'moved@example.test';
  const request = (token: string, body: object = {}) =>
    server.rest('POST', '/users/me/email', { token, body: { email: NEW_EMAIL, password, ...body } });
  const confirm = (token: string, code: string) =>
    server.rest('POST', '/users/me/email/confirm', { token, body: { code } });

  test('happens when the code that was mailed to the new one comes back; other sessions end, the old one is told', async () => {
    const [mine, other] = [await server.signIn('user'), await server.signIn('user')];
    expect((await request(mine)).body).toEqual({});
    const [mail] = await server.takeMails();
    expect(mail?.recipient).toBe(NEW_EMAIL);
    expect((await server.rest('GET', '/auth/me', { token: mine })).body).toMatchObject({ email });
    expect((await confirm(mine, codeIn(mail))).body).toMatchObject({ email: NEW_EMAIL, email_verified: true });
    expect([await me(mine), await me(other)]).toEqual([200, 401]);
    expect([(await login()).status, (await login({ email: NEW_EMAIL, password })).status]).toEqual([401, 200]);
    expect(await server.takeMails()).toMatchObject([
      { recipient: email, subject: 'FinVerse: Your e-mail address was changed' },
    ]);
  });

  test('takes the password', async () => {
    const token = await server.signIn('user');
    expect((await request(token, { password: 'a wrong one' })).body?.error?.code).toBe('INVALID_CREDENTIALS');
    expect(await server.takeMails()).toEqual([]);
  });

  test('to somebody’s address is answered the same, and only its owner hears of it', async () => {
    await server.auth.ensureUser(PEOPLE.admin);
    const token = await server.signIn('user');
    const free = await request(token);
    expect((await server.takeMails()).map(({ recipient }) => recipient)).toEqual([NEW_EMAIL]);
    const taken = await request(token, { email: PEOPLE.admin.email });
    expect([taken.status, taken.body]).toEqual([free.status, free.body]);
    expect((await server.takeMails()).map(({ recipient, link }) => [recipient, link])).toEqual([
      [PEOPLE.admin.email, null],
    ]);
  });

  test('is the person’s alone: the code of another does not count, and is not used up', async () => {
    const [mine, stranger] = [await server.signIn('user'), await server.signIn('admin')];
    await request(mine);
    const code = codeIn((await server.takeMails())[0]);
    expect((await confirm(stranger, code)).body?.error?.code).toBe('CODE_INVALID');
    expect((await confirm(mine, code)).status).toBe(200);
  });

  test('mails an address five times an hour, also where the codes were used up or voided; the last one that was mailed counts', async () => {
    const token = await server.signIn('user');
    const mails = [];
    const takeMails = async () => (await server.takeMails()).filter(({ recipient }) => recipient === NEW_EMAIL);
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await request(token);
      mails.push(...(await takeMails()));
      // A change of password voids what was mailed before it, which must not make room for more.
      const body = { current_password: password, new_password: password };
      if (attempt === 1) expect((await server.rest('POST', '/users/me/password', { token, body })).status).toBe(200);
    }
    expect(mails).toHaveLength(5);
    expect((await confirm(token, codeIn(mails[3]))).body?.error?.code).toBe('CODE_INVALID');
    expect((await confirm(token, codeIn(mails[4]))).status).toBe(200);
    expect((await request(token, { email })).status).toBe(200);
    expect((await server.takeMails()).map(({ recipient }) => recipient)).toEqual([email, email]);
  });

  test('to an address that gets no more mails leaves the code for another one, whether the address has an account or not', async () => {
    await server.auth.ensureUser(PEOPLE.admin);
    const token = await server.signIn('user');
    for (const target of [PEOPLE.admin.email, 'nobody@example.test']) {
      await request(token, { email: `own.${target}` });
      const code = codeIn((await server.takeMails()).at(-1));
      for (let attempt = 0; attempt < 6; attempt += 1) {
        await server.rest('POST', '/auth/password-reset/request', { body: { email: target } });
      }
      await request(token, { email: target });
      await request(token, { email: target });
      expect((await confirm(token, code)).status, target).toBe(200);
      await server.takeMails();
    }
  });

  test('costs the same statements to a taken and to a free address, also over the limit of either', async () => {
    await server.auth.ensureUser(PEOPLE.admin);
    const token = await server.signIn('user');
    const costs = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      for (const target of [PEOPLE.admin.email, NEW_EMAIL]) {
        costs.push(await server.statementsOf(() => request(token, { email: target })));
      }
    }
    for (const cost of costs) expect(cost).toEqual(costs[0]);
  });

  test('is mailed to who asks for it first, however often others asked; of all together twenty times an hour', async () => {
    const mailsFor = async (person: string) => {
      await server.auth.ensureUser({ email: person, password, role: 'user' });
      const token = String((await login({ email: person, password })).body?.['token']);
      const mails = [];
      for (let attempt = 0; attempt < 2; attempt += 1) {
        await request(token);
        mails.push(...(await server.takeMails()).filter(({ recipient }) => recipient === NEW_EMAIL));
      }
      return { token, mails };
    };
    // Two of each person's fit in the five.
    const counts = [];
    for (let other = 0; other < 3; other += 1) counts.push((await mailsFor(`other${other}@example.test`)).mails.length);
    expect(counts).toEqual([2, 2, 1]);
    const { token, mails } = await mailsFor(email);
    expect(mails).toHaveLength(1);
    expect((await confirm(token, codeIn(mails[0]))).status).toBe(200);
    const later = [];
    for (let other = 0; other < 16; other += 1) later.push((await mailsFor(`late${other}@example.test`)).mails.length);
    expect(later.reduce((sum, count) => sum + count, 6)).toBe(20);
  });

  test('to an address that somebody took meanwhile is a conflict', async () => {
    const token = await server.signIn('user');
    await request(token);
    const code = codeIn((await server.takeMails())[0]);
    await server.auth.ensureUser({ ...PEOPLE.admin, email: NEW_EMAIL });
    expect((await confirm(token, code)).body?.error?.code).toBe('CONFLICT');
  });
});
