import { errorCodes } from '@finverse/shared';
import { describe, expect, test } from 'vitest';
import { ADDRESS } from './test-fakes.ts';
import { startTestServer, stillClock } from './test-server.ts';

const MIXED_CASE = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

describe('bodies', () => {
  test('sync/user answers the address in lower case, in snake_case', async () => {
    await using server = await startTestServer({ embedded: true });
    const answer = await server.rest('POST', '/sync/user', { body: { user_address: MIXED_CASE } });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      user_address: ADDRESS,
      facts_applied: 0,
      positions: [{ owner_address: ADDRESS, amount_raw: '1500000000000000000' }],
    });
    expect(server.sync.calls).toEqual([`user ${ADDRESS}`]);
  });

  test.each([
    ['no body', undefined, 'user_address'],
    ['an empty object', {}, 'user_address'],
    ['broken JSON', '{', 'user_address'],
    ['an array', [], 'user_address'],
    ['null', 'null', 'user_address'],
    ['text', '"x"', 'user_address'],
    ['a bad address', { user_address: '0x12' }, 'user_address'],
    ['null as the address', { user_address: null }, 'user_address'],
    ['a number as the address', { user_address: 5 }, 'user_address'],
    ['an unknown field', { user_address: MIXED_CASE, chain_id: 1 }, 'chain_id'],
    ['camelCase', { userAddress: MIXED_CASE }, 'userAddress'],
    ['a field that would change prototypes', `{"user_address":"${MIXED_CASE}","__proto__":{"x":1}}`, '__proto__'],
  ])('sync/user with %s is a 400 that names the field, and reaches nothing', async (_name, body, path) => {
    await using server = await startTestServer({ embedded: true });
    const answer = await server.rest('POST', '/sync/user', { body });
    expect(answer.status).toBe(400);
    expect(answer.body?.error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path }] });
    expect(server.sync.calls).toEqual([]);
  });

  test.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x'])(
    'a %s body is a 400 that names the missing field where one is needed, a 415 elsewhere',
    async (type) => {
      await using server = await startTestServer({ embedded: true });
      const call = { body: `{"user_address":"${MIXED_CASE}"}`, headers: { 'content-type': type } };
      const user = await server.rest('POST', '/sync/user', call);
      expect(user.status).toBe(400);
      expect(user.body?.error?.details).toMatchObject([{ path: 'user_address' }]);
      const start = await server.rest('POST', '/sync/start', call);
      expect(start.status).toBe(415);
      expect(start.body?.error?.code).toBe('UNSUPPORTED_MEDIA_TYPE');
      expect(server.sync.calls).toEqual([]);
    },
  );

  test.each(['/sync/start', '/sync/run-cycle', '/sync/stop'])(
    '%s needs no body and no content type, as curl -X POST sends it',
    async (path) => {
      await using server = await startTestServer({ embedded: true });
      const answer = await server.open('POST', `/api/v1${path}`, { headers: { 'content-length': '0' } });
      expect(answer.status).toBe(200);
      expect(server.sync.calls).toHaveLength(1);
    },
  );

  test('numbers in a body must be numbers: text and null are refused, never read as one', async () => {
    await using server = await startTestServer({ embedded: true });
    for (const interval of ['5', null, true, 0, 1.5]) {
      const answer = await server.rest('POST', '/sync/start', { body: { interval_seconds: interval } });
      expect(answer.status).toBe(400);
      expect(answer.body?.error?.details[0]?.path).toBe('interval_seconds');
    }
    expect((await server.rest('POST', '/sync/start', { body: { interval_seconds: 5 } })).status).toBe(200);
    expect(server.sync.calls).toEqual(['start 5']);
  });

  test('a body over 32 KB is a 413, with a length and without', async () => {
    await using server = await startTestServer({ embedded: true });
    const body = JSON.stringify({ user_address: 'x'.repeat(33_000) });
    const headers = { 'content-type': 'application/json' };
    const sized = await server.open('POST', '/api/v1/sync/user', { body, headers });
    const chunked = await server.open('POST', '/api/v1/sync/user', {
      body,
      headers: { ...headers, 'transfer-encoding': 'chunked' },
    });
    for (const answer of [sized, chunked]) {
      expect(answer.status).toBe(413);
      expect(JSON.parse(await answer.text())).toMatchObject({ error: { code: 'PAYLOAD_TOO_LARGE' } });
    }
  });

  test('JSON that nests 10,000 deep is a 400 and does not end the process', async () => {
    await using server = await startTestServer({ embedded: true });
    const answer = await server.rest('POST', '/sync/user', {
      body: `{"user_address":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    });
    expect(answer.status).toBe(400);
    expect((await server.rest('GET', '/sync/health')).status).toBe(200);
  });

  test('JSON of brackets is refused before it is parsed, whose end it never has', async () => {
    await using server = await startTestServer({ embedded: true });
    const answer = await server.rest('POST', '/sync/user', { body: `{"user_address":${'['.repeat(200)}` });
    expect(answer.status).toBe(400);
    expect(answer.body?.error).toMatchObject({
      message: 'The input nests too deep or holds too many values.',
      details: [{ path: '', message: 'nests too deep or holds too many values' }],
    });
  });

  test('a body that is no UTF-8 is a 400, and nothing of it is kept with other letters', async () => {
    await using server = await startTestServer();
    const token = await server.signIn('user');
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const send = async (path: string, body: string) => {
      const sent = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: Buffer.from(body, 'latin1') });
      return { status: sent.status, text: await sent.text() };
    };
    const account = '{"name":"Caf\xe9","type":"wallet","currency":"EUR"}';
    for (const refused of [
      await send('/api/v1/accounts', account),
      await send('/trpc/accounts.create', `{"json":${account}}`),
    ]) {
      expect(refused.status).toBe(400);
      expect(refused.text).toContain('"code":"VALIDATION_FAILED"');
      expect(refused.text).toContain('"message":"is not valid UTF-8"');
    }
    const body = { name: 'Café \ufffd', type: 'wallet', currency: 'EUR' };
    expect((await server.rest('POST', '/accounts', { token, body })).body).toMatchObject({ name: 'Café \ufffd' });
    const { body: listed } = await server.rest('GET', '/accounts', { token });
    expect(listed?.['items']).toHaveLength(1);
  });

  test.each(['/api/v1/auth/logout', '/trpc/auth.logout'])(
    'a body of %s in another encoding than that of JSON is a 415',
    async (path) => {
      await using server = await startTestServer();
      const send = async (charset: string) => {
        const headers = { 'content-type': `application/json; charset=${charset}` };
        return (await server.open('POST', path, { headers, body: path.startsWith('/trpc') ? '{"json":{}}' : '{}' }))
          .status;
      };
      for (const charset of ['iso-8859-1', 'utf-16', 'utf-7', 'utf-8x']) expect(await send(charset)).toBe(415);
      for (const charset of ['"UTF-8"', 'utf-8', 'utf8']) expect(await send(charset)).toBe(200);
    },
  );
});

describe('queries', () => {
  test('numbers are read from their text, fields are snake_case', async () => {
    await using server = await startTestServer({ embedded: true });
    const answer = await server.rest('GET', `/staking/positions?limit=7&owner_address=${MIXED_CASE}&state=locked`);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ next_cursor: 'next' });
    expect(server.staking.queries).toEqual([{ limit: 7, ownerAddress: ADDRESS, state: 'locked' }]);
  });

  test.each([
    ['limit=x', 'limit'],
    ['limit=', 'limit'],
    ['limit=201', 'limit'],
    ['limit=0x10', 'limit'],
    ['limit=5&limit=6', 'limit'],
    ['owner_address=0x12', 'owner_address'],
    ['ownerAddress=0x12', 'ownerAddress'],
    ['state=open', 'state'],
    ['offset=5', 'offset'],
    ['a[b][c]=5', 'a'],
  ])('?%s is a 400 that names the field', async (query, path) => {
    await using server = await startTestServer({ embedded: true });
    const answer = await server.rest('GET', `/staking/positions?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body?.error?.details[0]?.path).toBe(path);
    expect(server.staking.queries).toEqual([]);
  });

  test('a number or boolean is what JSON writes as one, and nothing that JavaScript or a form reads so', async () => {
    await using server = await startTestServer();
    const token = await server.signIn('user');
    const refusedOf = async (path: string, name: string, text: string) => {
      const { status, body } = await server.rest('GET', `${path}${name}=${encodeURIComponent(text)}`, { token });
      return [name, text, status, body?.error?.details[0]?.path];
    };
    for (const text of ['1e1', '1E+1', '+5', ' 5 ', '05', '5.', '.5e1', '-0', '٣', '1_0', 'true'])
      expect(await refusedOf('/accounts?', 'limit', text)).toEqual(['limit', text, 400, 'limit']);
    for (const text of ['on', 'off', '1', '0', 'yes', ' true'])
      expect(await refusedOf('/accounts?', 'include_archived', text)).toEqual([
        'include_archived',
        text,
        400,
        'include_archived',
      ]);
    for (const text of ['-0', '0x0', '0e1'])
      expect(await refusedOf('/rates/convert?amount=1&from=EUR&to=EUR&', 'max_age_days', text)).toEqual([
        'max_age_days',
        text,
        400,
        'max_age_days',
      ]);
    for (const right of ['limit=5', 'include_archived=true', 'include_archived=False'])
      expect((await server.rest('GET', `/accounts?${right}`, { token })).status).toBe(200);
  });

  test.each(['/sync/start', '/sync/user', '/sync/stop'])(
    'a query on POST %s is a 400 that names each field, not one that is ignored',
    async (path) => {
      await using server = await startTestServer({ embedded: true });
      const body = path === '/sync/user' ? { user_address: MIXED_CASE } : undefined;
      const answer = await server.rest('POST', `${path}?interval_seconds=5&userAddress=x`, { body });
      expect(answer.status).toBe(400);
      expect(answer.body?.error?.details).toMatchObject([{ path: 'interval_seconds' }, { path: 'userAddress' }]);
      expect(server.sync.calls).toEqual([]);
    },
  );

  test('a query cannot override what stands in the path', async () => {
    await using server = await startTestServer({ embedded: true });
    expect((await server.rest('GET', '/staking/positions/pos_1?id=pos_2')).status).toBe(400);
    expect((await server.rest('GET', '/staking/positions/pos_1')).status).toBe(200);
    expect(server.staking.queries).toEqual(['pos_1']);
  });
});

describe('errors', () => {
  test('an unknown route is a JSON 404, a wrong method a 405 that lists the right ones', async () => {
    await using server = await startTestServer();
    for (const path of ['/nothing', '/sync', '/staking/positions/a/b', '/sync.status', '/sync/status/']) {
      const answer = await server.rest('GET', path);
      if (path === '/sync/status/') expect(answer.status).toBe(401);
      else expect(answer.body?.error).toMatchObject({ code: 'NOT_FOUND', details: [] });
    }
    const wrong = await server.rest('GET', '/sync/start');
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('POST');
    expect(wrong.body?.error?.code).toBe('METHOD_NOT_ALLOWED');
    const shared = await server.rest('POST', '/accounts/summary');
    expect([shared.status, shared.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH, DELETE']);
    for (const [method, path, allowed] of [
      ['PUT', '/exports/ledger.csv', 'GET, HEAD'],
      ['OPTIONS', '/exports/ledger.json', 'GET, HEAD'],
      ['DELETE', '/imports/upload', 'POST'],
    ] as const) {
      const file = await server.rest(method, path);
      expect([file.status, file.headers.get('allow'), file.body?.error?.code]).toEqual([
        405,
        allowed,
        'METHOD_NOT_ALLOWED',
      ]);
    }
    const outside = await server.open('GET', '/favicon.ico');
    expect(outside.status).toBe(404);
    expect(JSON.parse(await outside.text())).toMatchObject({ error: { code: 'NOT_FOUND' } });
  });

  test('HEAD answers as GET does, without a body; where a GET would never end it is refused', async () => {
    await using server = await startTestServer({ embedded: true });
    const [got, head] = [
      await server.open('GET', '/api/v1/sync/health'),
      await server.open('HEAD', '/api/v1/sync/health'),
    ];
    expect((await got.text()).length).toBeGreaterThan(2);
    expect([head.status, await head.text()]).toEqual([got.status, '']);
    const telling = ({ 'content-type': type, 'content-length': length }: typeof head.headers) => [type, length];
    expect(telling(head.headers)).toEqual(telling(got.headers));
    const logged = server.logLines
      .map((line) => JSON.parse(line) as { method?: string })
      .filter(({ method }) => method);
    expect(logged.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
    const stream = await server.open('HEAD', '/api/v1/sync/live');
    expect([stream.status, stream.headers.allow]).toEqual([405, 'GET']);
    const wrong = await server.open('DELETE', '/api/v1/sync/health');
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  test('nothing of an unforeseen error leaves, and the log finds it by the request id', async () => {
    await using server = await startTestServer({ embedded: true });
    server.sync.failure = new Error("select * from users where secret = 'x' - ER_NO_SUCH_TABLE at /srv/app/db.ts:1", {
      cause: new Error('password=hunter2'),
    });
    const answer = await server.rest('GET', '/sync/status', { headers: { 'x-request-id': 'trace-1' } });
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({
      error: {
        code: 'INTERNAL',
        message: expect.stringContaining('on our side') as string,
        request_id: 'trace-1',
        details: [],
      },
    });
    const logged = server.logLines.find((line) => line.includes('ER_NO_SUCH_TABLE'));
    expect(JSON.parse(logged ?? '{}')).toMatchObject({ requestId: 'trace-1', level: 50 });
  });

  test('an answer that does not fit its schema is INTERNAL, not a refusal of the input', async () => {
    await using server = await startTestServer({ embedded: true });
    server.sync.status = async () => ({ isRunning: 'yes' }) as never;
    const answer = await server.rest('GET', '/sync/status');
    expect(answer.body?.error).toMatchObject({ code: 'INTERNAL', details: [] });
  });

  test('every answer carries a request id; a strange one is replaced', async () => {
    await using server = await startTestServer();
    const kept = await server.rest('GET', '/sync/health', { headers: { 'x-request-id': 'abc-1.2_3' } });
    expect(kept.headers.get('x-request-id')).toBe('abc-1.2_3');
    const replaced = await server.rest('GET', '/nothing', { headers: { 'x-request-id': 'a b<script>' } });
    expect(replaced.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(replaced.body?.error?.request_id).toBe(replaced.headers.get('x-request-id'));
  });

  test('over the rate limit: 429 with Retry-After, and only the caller who is over it', async () => {
    await using server = await startTestServer({ rateLimitScale: 0.001, clock: stillClock });
    const token = await server.signIn('user');
    const statuses = [];
    for (let call = 0; call < 8; call += 1) statuses.push((await server.rest('GET', '/sync/health')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
    const refused = await server.rest('GET', '/sync/health');
    expect(refused.body?.error?.code).toBe('RATE_LIMITED');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await server.rest('GET', '/sync/health', { token })).status).toBe(200);
  });

  test.each([
    ['brackets', `{"email":${'['.repeat(200)}`, {}],
    ['no JSON', '{', {}],
    ['no object', '[]', {}],
    ['a key that REST does not know', { userName: 'x' }, {}],
    ['a form', 'email=x', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('what is refused before it reaches a procedure counts as well: %s', async (_what, body, headers) => {
    await using server = await startTestServer({ clock: stillClock, rateLimitScale: 0.3 });
    const statuses: number[] = [];
    for (let call = 0; call < 4; call += 1)
      statuses.push((await server.rest('POST', '/auth/login', { body, headers })).status);
    expect(statuses).toEqual([400, 400, 400, 429]);
  });

  test('a query that is refused counts, and a call that is not counts once', async () => {
    await using server = await startTestServer({ embedded: true, clock: stillClock, rateLimitScale: 0.01 });
    const statuses: number[] = [];
    for (const path of ['/sync/start?x=1', '/sync/start', '/sync/start?x=1', '/sync/start'])
      statuses.push((await server.rest('POST', path)).status);
    expect(statuses).toEqual([400, 200, 400, 429]);
  });

  test('logs hold no query, body, password or token', async () => {
    await using server = await startTestServer({ embedded: true });
    const token = await server.signIn('user');
    await server.rest('POST', '/auth/login', { body: { email: 'user@example.test', password: 'hunter2-hunter2' } });
    await server.rest('GET', `/staking/positions?owner_address=${ADDRESS}&cursor=sekret`, { token });
    const log = server.logLines.join('');
    for (const secret of ['hunter2', token, 'sekret', ADDRESS, 'correct horse']) expect(log).not.toContain(secret);
  });

  test('each error code has the status that its table says', () => {
    expect(Object.values(errorCodes).every((status) => status >= 400 && status < 600)).toBe(true);
  });
});
