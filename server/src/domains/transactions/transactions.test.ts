import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../http/test-server.ts';

type Row = Record<string, string> & { [list: string]: unknown };

let server: TestServer;
let token: string;
beforeEach(async () => {
  server = await startTestServer();
  token = await server.signIn('user');
});
afterEach(() => server[Symbol.asyncDispose]());

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const answer = await server.rest(method, path, { token, headers, ...(body === undefined ? {} : { body }) });
  return { status: answer.status, body: answer.body as Row };
};
const account = async (fields: Row = {}) =>
  (await call('POST', '/accounts', { name: 'Cash', type: 'wallet', currency: 'EUR', ...fields })).body;
const balanceOf = async ({ id }: Row) => (await call('GET', `/accounts/${id}`)).body['balance'];

test('an expense, a split and a transfer move exactly what they say, and a deletion takes it back', async () => {
  const cash = await account({ opening_balance: '100' });
  const dollars = await account({ name: 'Dollars', currency: 'USD' });
  const categories = (await call('GET', '/categories')).body['items'] as unknown as Row[];
  const groceries = categories.find(({ name }) => name === 'Groceries') as Row;
  const expense = await call('POST', '/transactions', {
    kind: 'expense',
    account_id: cash['id'],
    amount: '12.5',
    occurred_on: '2026-02-03',
    payee: 'Läden',
    category_id: groceries['id'],
    tags: ['a', 'b', 'a'],
  });
  expect(expense.body).toMatchObject({ amount: '12.50000000', tags: ['a', 'b'] });
  expect(await balanceOf(cash)).toBe('87.50000000');

  const transfer = await call('POST', '/transactions', {
    kind: 'transfer',
    account_id: cash['id'],
    amount: '10',
    occurred_on: '2026-02-04',
    transfer: { to_account_id: dollars['id'], rate: '1.0825' },
  });
  expect(transfer.body['transfer']).toEqual({
    to_account_id: dollars['id'],
    to_amount: '10.82000000',
    to_currency: 'USD',
    rate: '1.0825',
    to_cleared: 'uncleared',
  });
  expect([await balanceOf(cash), await balanceOf(dollars)]).toEqual(['77.50000000', '10.82000000']);

  const splits = [{ amount: '5', category_id: groceries['id'] }, { amount: '15' }];
  const edited = await call('PATCH', `/transactions/${expense.body['id']}`, { amount: '20', splits });
  expect(edited.body).toMatchObject({
    category_id: null,
    splits: [
      { amount: '5.00000000', category_id: groceries['id'], note: '' },
      { amount: '15.00000000', category_id: null, note: '' },
    ],
  });
  expect(await balanceOf(cash)).toBe('70.00000000');

  expect((await call('DELETE', `/transactions/${transfer.body['id']}`)).status).toBe(200);
  expect([await balanceOf(cash), await balanceOf(dollars)]).toEqual(['80.00000000', '0.00000000']);
  const changes = (await call('GET', '/transactions?updated_since=2020-01-01T00:00:00Z')).body;
  expect(changes['deleted']).toMatchObject([{ id: transfer.body['id'] }]);
});

test('a transfer between currencies is found by what either statement shows, amount and currency on the same side', async () => {
  const cash = await account();
  const depot = await account({ name: 'Depot', currency: 'USD' });
  const transfer = { to_account_id: depot['id'], to_amount: '216.74' };
  await call('POST', '/transactions', {
    kind: 'transfer',
    account_id: cash['id'],
    amount: '200',
    occurred_on: '2026-02-04',
    transfer,
  });
  const arrived = 'amount_min=216.74&amount_max=216.74';
  const left = 'amount_min=200&amount_max=200';
  for (const [query, count] of [
    [`account_id=${depot['id']}&${arrived}`, 1],
    [`account_id=${depot['id']}&${left}`, 0],
    [`account_id=${depot['id']}&currency=USD&kind=transfer`, 1],
    [`account_id=${depot['id']}&currency=EUR`, 0],
    [`account_id=${cash['id']}&${arrived}`, 0],
    [`account_id=${cash['id']}&currency=EUR&${left}`, 1],
    [arrived, 1],
    [left, 1],
    ['currency=USD', 1],
    [`currency=USD&${arrived}`, 1],
    [`currency=USD&${left}`, 0],
    ['amount_min=201&amount_max=216', 0],
  ] as const) {
    const found = (await call('GET', `/transactions?${query}`)).body['items'] as unknown as Row[];
    expect([query, found.length]).toEqual([query, count]);
  }
});

test('a category finds what is filed below it; a text finds it whatever its case', async () => {
  const cash = await account();
  const categories = (await call('GET', '/categories')).body['items'] as unknown as Row[];
  const groceries = categories.find(({ name }) => name === 'Groceries') as Row;
  const made = await call('POST', '/transactions', {
    kind: 'expense',
    account_id: cash['id'],
    amount: '1',
    occurred_on: '2026-02-03',
    payee: 'Läden',
    category_id: groceries['id'],
  });
  const found = await call(
    'GET',
    `/transactions?category_id=${groceries['parent_id']}&text=${encodeURIComponent('lÄDEN')}`,
  );
  expect(found.body['items']).toMatchObject([{ id: made.body['id'] }]);
});

test('monthly totals are read page by page, in order, and a split counts for each part', async () => {
  const cash = await account();
  const categories = (await call('GET', '/categories?kind=expense')).body['items'] as unknown as Row[];
  const [a, b] = [categories[0] as Row, categories[1] as Row];
  const spend = (fields: object) =>
    call('POST', '/transactions', { kind: 'expense', account_id: cash['id'], occurred_on: '2026-02-03', ...fields });
  await spend({
    amount: '3',
    splits: [
      { amount: '1', category_id: a['id'] },
      { amount: '2', category_id: b['id'] },
    ],
  });
  await spend({ amount: '4', category_id: a['id'] });
  await spend({ amount: '5', occurred_on: '2026-03-01' });
  const first = await call('GET', '/transactions/monthly-totals?from=2026-01&to=2026-12&limit=2');
  const rest = await call(
    'GET',
    `/transactions/monthly-totals?from=2026-01&to=2026-12&limit=2&cursor=${first.body['next_cursor']}`,
  );
  const rows = [...(first.body['items'] as unknown as Row[]), ...(rest.body['items'] as unknown as Row[])];
  expect(rows.map(({ month, category_id, total, count }) => [month, category_id, total, count])).toEqual(
    [
      ['2026-02', a['id'], '5.00000000', 2],
      ['2026-02', b['id'], '2.00000000', 1],
      ['2026-03', null, '5.00000000', 1],
    ].toSorted((x, y) => (`${x[0]}${x[1] ?? ''}` < `${y[0]}${y[1] ?? ''}` ? -1 : 1)),
  );
  expect(rest.body['next_cursor']).toBeNull();
});

test('a range that ends before it begins is refused by the name of its end, wherever a list takes one', async () => {
  const cash = await account();
  const dates = 'from=2026-02-02&to=2026-02-01';
  for (const [path, field] of [
    [`/transactions?${dates}`, 'to'],
    [`/accounts/${cash['id']}/statement?${dates}`, 'to'],
    [`/rates?${dates}`, 'to'],
    [`/rules/preview?${dates}`, 'to'],
    ['/transactions?amount_min=10&amount_max=9.99', 'amount_max'],
  ] as const) {
    const { status, body } = await call('GET', path);
    expect([path, status]).toEqual([path, 400]);
    expect(body['error']).toMatchObject({ details: [{ path: field }] });
  }
  const apply = { from: '2026-02-02', to: '2026-02-01', token: '0'.repeat(64) };
  expect((await call('POST', '/rules/apply', apply)).body['error']).toMatchObject({ details: [{ path: 'to' }] });
  for (const query of [
    'from=2026-02-01&to=2026-02-01',
    'amount_min=9.99&amount_max=9.99',
    'amount_min=9&amount_max=10',
  ])
    expect((await call('GET', `/transactions?${query}`)).status).toBe(200);
});
