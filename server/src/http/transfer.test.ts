import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './test-server.ts';

let server: TestServer;
let token: string;
beforeEach(async () => {
  server = await startTestServer();
  token = await server.signIn('user');
});
afterEach(() => server[Symbol.asyncDispose]());

const upload = (body: string, headers: Record<string, string> = {}, isSignedIn = true) =>
  fetch(`${server.url}/api/v1/imports/upload`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv', ...(isSignedIn ? { authorization: `Bearer ${token}` } : {}), ...headers },
    body,
  });
const account = async () =>
  (await server.rest('POST', '/accounts', { token, body: { name: 'Cash', type: 'wallet', currency: 'EUR' } })).body?.[
    'id'
  ];
const until = async (id: string, ended: string[]) => {
  for (;;) {
    const { body } = await server.rest('GET', `/imports/${id}`, { token });
    if (ended.includes(String(body?.['status']))) return body;
  }
};

test('a file larger than any JSON is uploaded, imported with progress, and downloaded again', async () => {
  const accountId = await account();
  const rows = Array.from(
    { length: 5_000 },
    (_, index) => `2026-01-${String((index % 28) + 1).padStart(2, '0')},-1.25,shop ${index}`,
  );
  const uploaded = await upload(['date,amount,payee', ...rows, ''].join('\n'));
  expect(uploaded.status).toBe(200);
  const file = (await uploaded.json()) as { id: string; bytes: number };
  const made = await server.rest('POST', '/imports', {
    token,
    body: { source: 'bank', account_id: accountId, file_id: file.id },
  });
  expect(made.body).toMatchObject({ status: 'ready', file_bytes: file.bytes, has_file: true });
  const id = String(made.body?.['id']);
  expect((await server.rest('GET', `/imports/${id}/preview?limit=2`, { token })).body).toMatchObject({
    counts: { read: 5000, new: 5000, duplicate: 0, faulty: 0 },
    is_complete: true,
  });
  await server.rest('POST', `/imports/${id}/commit`, { token });
  const events = await fetch(`${server.url}/api/v1/imports/${id}/progress`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await events.text();
  expect(text).toContain('"status":"completed"');
  expect(await until(id, ['completed'])).toMatchObject({ created: 5000, rows_read: 5000, has_file: false });
  const csv = await fetch(`${server.url}/api/v1/exports/ledger.csv`, { headers: { authorization: `Bearer ${token}` } });
  expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
  expect((await csv.text()).trim().split('\r\n')).toHaveLength(5_001);
});

test('a fault names its field as the settings of REST do, in the preview and in why an import failed', async () => {
  const text = 'date,amount,id,to account\n2026-01-02,-1,a,\n2026-01-03,-2,a,\n2026-01-04,-3,b,Nowhere\n';
  const columns = { date: 'date', amount: 'amount', external_id: 'id', to_account: 'to account' };
  const body = { source: 'bank', account_id: await account(), text, settings: { columns } };
  const id = String((await server.rest('POST', '/imports', { token, body })).body?.['id']);
  const preview = (await server.rest('GET', `/imports/${id}/preview`, { token })).body;
  const faults = preview?.['faults'] as { line: number; field: string }[];
  expect(faults.map(({ line, field }) => `${line} ${field}`)).toEqual(['3 external_id', '4 to_account']);
  await server.rest('POST', `/imports/${id}/commit`, { token, body: {} });
  const { error } = (await until(id, ['failed'])) as { error?: { message: string } };
  expect(error?.message).toMatch(/^Line \d: (external id|to account) /);
});

test('nobody, a page of another origin, a form and a stranger upload or download nothing', async () => {
  expect((await upload('x', {}, false)).status).toBe(401);
  expect((await upload('x', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  expect((await upload('x', { origin: 'https://evil.example' })).status).toBe(403);
  for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'])
    expect((await upload('x', { 'content-type': type })).status).toBe(415);
  expect((await fetch(`${server.url}/api/v1/exports/ledger.csv`)).status).toBe(401);
  const file = (await (await upload('date,amount\n2026-01-01,1\n')).json()) as { id: string };
  const other = await server.signIn('admin');
  const theirs = await server.rest('POST', '/accounts', {
    token: other,
    body: { name: 'A', type: 'wallet', currency: 'EUR' },
  });
  const body = { source: 'bank', account_id: theirs.body?.['id'], file_id: file.id };
  const refused = await server.rest('POST', '/imports', { token: other, body });
  expect(refused).toMatchObject({ status: 400, body: { error: { details: [{ path: 'file_id' }] } } });
});

test('an API token uploads and downloads with the scopes for it, and not without', async () => {
  const tokenFor = async (...scopes: string[]) =>
    String((await server.rest('POST', '/auth/tokens', { token, body: { name: 'a script', scopes } })).body?.['token']);
  const statusWith = async (apiToken: string) => {
    const headers = { authorization: `Bearer ${apiToken}` };
    const down = await fetch(`${server.url}/api/v1/exports/ledger.csv`, { headers });
    return [(await upload('date,amount\n', headers)).status, down.status];
  };
  const others = ['imports:read', 'exports:write', 'transactions:read', 'transactions:write'];
  expect(await statusWith(await tokenFor(...others))).toEqual([403, 403]);
  expect(await statusWith(await tokenFor('imports:write'))).toEqual([200, 403]);
  const read = ['accounts:read', 'categories:read', 'transactions:read'];
  expect(await statusWith(await tokenFor('exports:read', ...read))).toEqual([403, 200]);
  for (const lacking of read) {
    const apiToken = await tokenFor('exports:read', ...read.filter((scope) => scope !== lacking));
    const headers = { authorization: `Bearer ${apiToken}` };
    const refused = await fetch(`${server.url}/api/v1/exports/ledger.csv`, { headers });
    expect(await refused.json()).toMatchObject({ error: { details: [{ message: `needs the scope ${lacking}` }] } });
  }
});

test('a download takes its filters, and refuses by name what it does not know', async () => {
  const accountId = String(await account());
  for (const day of ['2026-01-01', '2026-02-01']) {
    const body = { kind: 'expense', account_id: accountId, amount: '1', occurred_on: day };
    expect((await server.rest('POST', '/transactions', { token, body })).status).toBe(200);
  }
  const get = async (query: string) => {
    const answer = await fetch(`${server.url}/api/v1/exports/ledger.${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { status: answer.status, text: await answer.text() };
  };
  const rows = async (query: string) => (await get(`csv?${query}`)).text.trim().split('\r\n').length - 1;
  expect([await rows('from=2026-02-01'), await rows(`account_id=${accountId}`), await rows('to=2025-12-31')]).toEqual([
    1, 2, 0,
  ]);
  for (const format of ['csv', 'json', 'journal']) {
    for (const [query, path] of [
      ['since=2026-01-01', 'since'],
      ['accountId=acc_x', 'accountId'],
      ['account_id=acc_x', 'account_id'],
      ['from=1899-12-31', 'from'],
      ['to=yesterday', 'to'],
      ['from=2026-02-01&to=2026-01-01', 'to'],
      ['from=2026-02-01&from=2026-01-01', 'from'],
      ['format=csv', 'format'],
    ]) {
      const { status, text } = await get(`${format}?${query}`);
      expect([query, status, JSON.parse(text)]).toMatchObject([query, 400, { error: { details: [{ path }] } }]);
    }
  }
});

test('an upload that is sent again with its key is kept once, and answers the same; with another body it is refused', async () => {
  const key = { 'idempotency-key': 'february' };
  const answers = await Promise.all([
    upload('date,amount\n2026-01-02,1\n', key),
    upload('date,amount\n2026-01-02,1\n', key),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  const [first, ...others] = await Promise.all(answers.map((answer) => answer.json() as Promise<{ id: string }>));
  const again = await upload('date,amount\n2026-01-02,1\n', { ...key, 'content-type': 'application/octet-stream' });
  for (const other of [...others, await again.json()]) expect(other).toEqual(first);
  const refused = await upload('date,amount\n2026-01-02,2\n', key);
  expect([refused.status, await refused.json()]).toMatchObject([409, { error: { code: 'IDEMPOTENCY_KEY_REUSED' } }]);
  expect((await upload('x', { 'idempotency-key': 'two words' })).status).toBe(400);
  const rows = await server.database.em().execute('select id from import_files');
  expect(rows).toEqual([{ id: first?.id }]);
  const body = { source: 'bank', account_id: await account(), file_id: first?.id };
  expect((await server.rest('POST', '/imports', { token, body })).body).toMatchObject({
    status: 'ready',
    has_file: true,
  });
  // Another key, and none, keep the same bytes once more.
  for (const headers of [{ 'idempotency-key': 'march' }, {}])
    expect(((await (await upload('date,amount\n2026-01-02,1\n', headers)).json()) as { id: string }).id).not.toBe(
      first?.id,
    );
});

test('the files of a person that wait are limited in number', async () => {
  for (let count = 0; count < 20; count += 1) expect((await upload('date,amount\n')).status).toBe(200);
  expect((await upload('date,amount\n')).status).toBe(409);
});
