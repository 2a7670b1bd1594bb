import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../http/test-server.ts';

type Row = Record<string, any>;

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
const balanceOf = async (id: string) => (await call('GET', `/accounts/${id}`)).body['balance'];

test('smoke', async () => {
  const cash = await account({ opening_balance: '100' });
  expect(cash).toMatchObject({ balance: '100.00000000', opening_balance: '100.00000000' });
  const dollars = await account({ name: 'Dollars', currency: 'USD' });
  const categories = (await call('GET', '/categories')).body['items'] as Row[];
  const groceries = categories.find(({ name }) => name === 'Groceries') as Row;
  expect(groceries).toMatchObject({ path: 'Food / Groceries', depth: 2, kind: 'expense', is_system: true });
  const expense = await call('POST', '/transactions', {
    kind: 'expense', account_id: cash['id'], amount: '12.5', occurred_on: '2026-02-03', payee: 'Läden', category_id: groceries['id'], tags: ['a', 'b', 'a'],
  });
  expect(expense.body).toMatchObject({ amount: '12.50000000', tags: ['a', 'b'] });
  expect(await balanceOf(cash['id'])).toBe('87.50000000');
  const transfer = await call('POST', '/transactions', {
    kind: 'transfer', account_id: cash['id'], amount: '10', occurred_on: '2026-02-04', transfer: { to_account_id: dollars['id'], rate: '1.0825' },
  });
  expect(transfer.body['transfer']).toEqual({ to_account_id: dollars['id'], to_amount: '10.82500000', to_currency: 'USD', rate: '1.0825' });
  expect([await balanceOf(cash['id']), await balanceOf(dollars['id'])]).toEqual(['77.50000000', '10.82500000']);
  const found = await call('GET', `/transactions?category_id=${groceries['parent_id']}&text=l%C3%84DEN`);
  expect((found.body['items'] as Row[]).map(({ id }) => id)).toEqual([expense.body['id']]);
  const edited = await call('PATCH', `/transactions/${expense.body['id']}`, { amount: '20', splits: [{ amount: '5', category_id: groceries['id'] }, { amount: '15' }] });
  expect(edited.body).toMatchObject({ category_id: null, splits: [{ amount: '5.00000000', category_id: groceries['id'], note: '' }, { amount: '15.00000000', category_id: null, note: '' }] });
  expect(await balanceOf(cash['id'])).toBe('70.00000000');
  const statement = (await call('GET', `/accounts/${cash['id']}/statement?limit=2`)).body;
  console.log(JSON.stringify(statement, null, 1), JSON.stringify((await call('GET', '/accounts/net-worth?from=2026-01&to=2026-03')).body), JSON.stringify((await call('GET', '/accounts/summary')).body));
  expect((await call('DELETE', `/transactions/${transfer.body['id']}`)).status).toBe(200);
  expect([await balanceOf(cash['id']), await balanceOf(dollars['id'])]).toEqual(['80.00000000', '0.00000000']);
  console.log(JSON.stringify((await call('GET', '/transactions?updated_since=2020-01-01T00:00:00Z')).body));
});
