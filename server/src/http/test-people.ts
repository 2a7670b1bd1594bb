import type { TestServer } from './test-server.ts';

// Test support: a person with something of every kind, and valid inputs that name it.

type Json = Record<string, unknown>;

/** A person who owns an account, a category and a transaction. */
export type Owner = {
  token: string;
  accountId: string;
  otherAccountId: string;
  categoryId: string;
  transactionId: string;
};

export async function makeOwner(server: TestServer, who: 'user' | 'admin'): Promise<Owner> {
  const token = await server.signIn(who);
  const post = async (path: string, body: Json) => {
    const answer = await server.rest('POST', path, { token, body });
    if (answer.status !== 200) throw new Error(`${path} answered ${JSON.stringify(answer.body)}`);
    return String(answer.body?.['id']);
  };
  const account = { name: 'Cash', type: 'wallet', currency: 'EUR', opening_balance: '100' };
  const accountId = await post('/accounts', account);
  const otherAccountId = await post('/accounts', { ...account, name: 'Bank' });
  const categoryId = await post('/categories', { name: 'Mine' });
  const transactionId = await post('/transactions', {
    kind: 'expense',
    account_id: accountId,
    amount: '1',
    occurred_on: '2026-02-03',
    category_id: categoryId,
  });
  return { token, accountId, otherAccountId, categoryId, transactionId };
}

/** An input that each procedure of the ledger accepts; those that are missing accept an empty one. */
export function validInputs(owner: Owner): Record<string, Json> {
  const { accountId, otherAccountId, categoryId, transactionId } = owner;
  const transaction = {
    kind: 'expense',
    account_id: accountId,
    amount: '2',
    occurred_on: '2026-02-04',
  };
  return {
    'accounts.netWorth': { from: '2026-01', to: '2026-03' },
    'accounts.get': { id: accountId },
    'accounts.statement': { id: accountId },
    'accounts.create': { name: 'New', type: 'saving', currency: 'EUR' },
    'accounts.update': { id: accountId, name: 'Other' },
    'accounts.archive': { id: accountId },
    'accounts.restore': { id: accountId },
    'accounts.moveEntries': { id: accountId, to_account_id: otherAccountId },
    'accounts.delete': { id: accountId },
    'categories.get': { id: categoryId },
    'categories.create': { name: 'New' },
    'categories.createMany': { items: [{ name: 'New' }] },
    'categories.update': { id: categoryId, name: 'Other' },
    'categories.archive': { id: categoryId },
    'categories.restore': { id: categoryId },
    'categories.merge': { id: categoryId, into_id: categoryId },
    'categories.delete': { id: categoryId },
    'transactions.monthlyTotals': { from: '2026-01', to: '2026-12' },
    'transactions.get': { id: transactionId },
    'transactions.create': transaction,
    'transactions.bulk': { create: [transaction], update: [], delete: [] },
    'transactions.update': { id: transactionId, amount: '3' },
    'transactions.delete': { id: transactionId },
  };
}

/** Every row of every table of a server on SQLite, as text: two are equal exactly when nothing was written. */
export async function dumpTables({ database }: TestServer): Promise<string[]> {
  const tables = await database
    .em()
    .execute<{ name: string }[]>(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`);
  const lines: string[] = [];
  for (const { name } of tables) {
    const rows = await database.em().execute<Json[]>(`select * from ${name}`);
    const exact = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);
    lines.push(...rows.map((row) => `${name} ${JSON.stringify(row, exact)}`).toSorted());
  }
  return lines;
}
