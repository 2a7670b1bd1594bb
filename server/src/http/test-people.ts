import type { TestServer } from './test-server.ts';

// Test support: a person with something of every kind, and valid inputs that name it.

type Json = Record<string, unknown>;

/** A person who owns something of every kind. */
export type Owner = {
  token: string;
  accountId: string;
  otherAccountId: string;
  categoryId: string;
  transactionId: string;
  rateId: string;
  recurringId: string;
  reconciliationId: string;
  ruleId: string;
  importId: string;
  /** Of a bank file that is uploaded and waits. */
  fileId: string;
  /** Of the session that `token` is of. */
  sessionId: string;
  apiTokenId: string;
};

/** Due in a time to come: nothing is made of it. */
const yearly = (accountId: string) => ({
  name: 'Rent',
  draft: { kind: 'expense', account_id: accountId, amount: '2' },
  rule: 'FREQ=YEARLY',
  starts_on: '2100-01-01',
});
const BANK_FILE = 'date,amount,payee\n2026-02-05,-1.25,Baker\n';
/** Of another balance than the account will ever have: finishing needs an adjustment. */
const aStatement = (accountId: string) => ({
  account_id: accountId,
  statement_date: '2026-02-28',
  statement_balance: '5',
});
const aRate = { base: 'EUR', quote: 'USD', date: '2026-02-03', rate: '1.08' };
const rates = { format: 'csv', content: 'date,base,quote,rate\n2026-02-04,EUR,USD,1.09\n' };

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
  const rateId = await post('/rates', aRate);
  const recurringId = await post('/recurring', yearly(accountId));
  const ruleId = await post('/rules', {
    name: 'Baker',
    conditions: [{ field: 'payee', op: 'equals', value: 'Baker' }],
    actions: { category_id: categoryId },
  });
  const importId = await post('/imports', { source: 'bank', account_id: accountId, text: BANK_FILE });
  const fileId = await server.upload(BANK_FILE, token);
  const reconciliationId = await post('/reconciliations', aStatement(accountId));
  const sessions = await server.rest('GET', '/auth/sessions', { token });
  const [session] = (sessions.body?.['items'] ?? []) as Json[];
  const apiTokenId = await post('/auth/tokens', { name: 'cli', scopes: ['accounts:read'] });
  return {
    token,
    accountId,
    otherAccountId,
    categoryId,
    transactionId,
    rateId,
    recurringId,
    reconciliationId,
    ruleId,
    importId,
    fileId,
    sessionId: String(session?.['id']),
    apiTokenId,
  };
}

/** An input that each procedure of the ledger accepts; those that are missing accept an empty one. */
export function validInputs(owner: Owner): Record<string, Json> {
  const { accountId, otherAccountId, categoryId, transactionId, rateId, recurringId, ruleId } = owner;
  const { reconciliationId, importId } = owner;
  const transaction = {
    kind: 'expense',
    account_id: accountId,
    amount: '2',
    occurred_on: '2026-02-04',
  };
  const conditions = [
    { field: 'payee', op: 'contains', value: 'bak' },
    { field: 'amount', min: '1', max: '5' },
    { field: 'account', account_id: accountId },
    { field: 'kind', kind: 'expense' },
    { field: 'source', source: 'manual' },
  ];
  const { draft } = yearly(accountId);
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
    'rates.convert': { amount: '1', from: 'EUR', to: 'USD', date: '2026-02-03' },
    'rates.set': { ...aRate, rate: '1.1' },
    'rates.import': rates,
    'rates.delete': { id: rateId },
    'rates.setForAll': aRate,
    'rates.importForAll': rates,
    'rates.deleteForAll': { id: rateId },
    'recurring.get': { id: recurringId },
    'recurring.dates': { id: recurringId },
    'recurring.create': yearly(accountId),
    'recurring.update': { id: recurringId, draft },
    'recurring.pause': { id: recurringId },
    'recurring.resume': { id: recurringId },
    'recurring.skip': { id: recurringId, date: '2100-01-01' },
    'recurring.unskip': { id: recurringId, date: '2100-01-01' },
    'recurring.delete': { id: recurringId },
    'reconciliations.get': { id: reconciliationId },
    'reconciliations.entries': { id: reconciliationId },
    'reconciliations.start': aStatement(otherAccountId),
    'reconciliations.update': { id: reconciliationId, statement_balance: '6' },
    'reconciliations.clear': { id: reconciliationId, transaction_ids: [transactionId] },
    'reconciliations.clearAll': { id: reconciliationId },
    'reconciliations.unclear': { id: reconciliationId, transaction_ids: [transactionId] },
    'reconciliations.finish': { id: reconciliationId, adjustment: { note: 'Lost' } },
    'reconciliations.reopen': { id: reconciliationId },
    'reconciliations.cancel': { id: reconciliationId },
    'rules.get': { id: ruleId },
    'rules.create': { name: 'New', conditions, actions: { note: 'Bread' } },
    'rules.update': { id: ruleId, conditions },
    'rules.delete': { id: ruleId },
    'rules.reorder': { ids: [ruleId] },
    'imports.create': { source: 'bank', account_id: accountId, text: BANK_FILE },
    'imports.status': { id: importId },
    'imports.update': { id: importId, settings: { decimal_separator: '.' } },
    'imports.preview': { id: importId },
    'imports.commit': { id: importId },
    'imports.cancel': { id: importId },
    'imports.undo': { id: importId },
    'imports.progress': { id: importId },
    'exports.stream': { format: 'csv' },
    'rules.run': { token: '0'.repeat(64) },
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
