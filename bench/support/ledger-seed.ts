import { newId } from '../../server/src/kernel/ids.ts';
import type { BareConnection } from './databases.ts';

const ACCOUNTS = 10;
const CATEGORIES = 20;
const PAYEES = 500;
const ROWS_PER_INSERT = 1000;
const INSERTS_PER_COMMIT = 20;
const FIRST_DAY = Date.UTC(2016, 0, 1);
const DAYS = 3650;

/** The word that one in a thousand transactions has in its description. */
export const RARE_WORD = 'zeppelin';

export type SeededLedger = { accountIds: string[]; categoryIds: string[] };

/**
 * Fills a migrated database with one person's transactions: expenses over ten years, on ten accounts, in twenty categories, one in a thousand with a rare word.
 * Every kept figure is what the entries add up to, as if the server had made them one by one.
 */
export async function seedLedger(
  database: BareConnection,
  userId: string,
  transactions: number,
): Promise<SeededLedger> {
  const money = (units: number) => (database.dialect === 'sqlite' ? units * 1e6 : (units / 100).toFixed(2));
  const now = Date.now();
  const accountIds = Array.from({ length: ACCOUNTS }, () => newId('acc'));
  const categoryIds = Array.from({ length: CATEGORIES }, () => newId('cat'));
  const balances = new Map<string, number>();
  const accountMonths = new Map<string, [number, number]>();
  const monthlyTotals = new Map<string, [number, number]>();
  const add = (sums: Map<string, [number, number]>, key: string, cents: number) => {
    const [total, count] = sums.get(key) ?? [0, 0];
    sums.set(key, [total + cents, count + 1]);
  };
  let transactionRows: unknown[][] = [];
  let entryRows: unknown[][] = [];
  let inserts = 0;
  const flush = async () => {
    await insert(database, 'transactions', TRANSACTION_COLUMNS, transactionRows);
    await insert(database, 'entries', ENTRY_COLUMNS, entryRows);
    [transactionRows, entryRows] = [[], []];
    inserts += 1;
    if (inserts % INSERTS_PER_COMMIT === 0) {
      await database.run('commit');
      await database.run('begin');
    }
  };
  await database.run('begin');
  for (let index = 0; index < transactions; index += 1) {
    const id = newId('txn');
    const accountId = accountIds[index % ACCOUNTS] as string;
    const categoryId = categoryIds[(index * 7) % CATEGORIES] as string;
    const cents = 100 + ((index * 7919) % 20_000);
    const date = new Date(FIRST_DAY + Math.floor((index / transactions) * DAYS) * 86_400_000)
      .toISOString()
      .slice(0, 10);
    const month = date.slice(0, 7);
    const payee = `Payee ${(index * 31) % PAYEES}`;
    const description = index % 1000 === 500 ? `A trip by ${RARE_WORD}` : `Purchase ${index}`;
    transactionRows.push([
      id,
      userId,
      'expense',
      accountId,
      null,
      money(cents),
      'EUR',
      null,
      null,
      null,
      date,
      description,
      payee,
      '',
      `${description}\n${payee}`.toLowerCase(),
      categoryId,
      0,
      '[]',
      '[]',
      'manual',
      null,
      null,
      now,
      now,
    ]);
    entryRows.push([id, 0, userId, accountId, money(-cents), 'EUR', categoryId, '', 'expense', date]);
    balances.set(accountId, (balances.get(accountId) ?? 0) - cents);
    add(accountMonths, `${accountId} ${month}`, -cents);
    add(monthlyTotals, `${month} EUR expense ${categoryId}`, cents);
    if (transactionRows.length === ROWS_PER_INSERT) await flush();
  }
  await flush();
  await insert(database, 'ledgers', ['user_id', 'changed_at'], [[userId, now]]);
  await insert(
    database,
    'accounts',
    [
      'id',
      'user_id',
      'name',
      'type',
      'currency',
      'balance',
      'credit_limit',
      'opening_transaction_id',
      'icon',
      'color',
      'note',
      'is_hidden',
      'archived_at',
      'created_at',
      'updated_at',
    ],
    accountIds.map((id, index) => [
      id,
      userId,
      `Account ${index}`,
      'wallet',
      'EUR',
      money(balances.get(id) ?? 0),
      null,
      null,
      null,
      null,
      '',
      0,
      null,
      now,
      now,
    ]),
  );
  await insert(
    database,
    'categories',
    [
      'id',
      'user_id',
      'parent_id',
      'name',
      'kind',
      'icon',
      'color',
      'system_key',
      'archived_at',
      'created_at',
      'updated_at',
    ],
    categoryIds.map((id, index) => [id, userId, null, `Category ${index}`, 'both', null, null, null, null, now, now]),
  );
  const sums = (kept: Map<string, [number, number]>) =>
    [...kept].map(([key, [total, count]]) => [userId, ...key.split(' '), money(total), count]);
  await insert(database, 'account_months', ['user_id', 'account_id', 'month', 'total', 'count'], sums(accountMonths));
  await insert(
    database,
    'monthly_totals',
    ['user_id', 'month', 'currency', 'kind', 'category_id', 'total', 'count'],
    sums(monthlyTotals),
  );
  await database.run('commit');
  return { accountIds, categoryIds };
}

export const TRANSACTION_COLUMNS = [
  'id',
  'user_id',
  'kind',
  'account_id',
  'to_account_id',
  'amount',
  'currency',
  'to_amount',
  'to_currency',
  'rate',
  'occurred_on',
  'description',
  'payee',
  'note',
  'search_text',
  'category_id',
  'is_split',
  'tags',
  'attachments',
  'source',
  'external_id',
  'content_hash',
  'created_at',
  'updated_at',
] as const;

export const ENTRY_COLUMNS = [
  'transaction_id',
  'line',
  'user_id',
  'account_id',
  'amount',
  'currency',
  'category_id',
  'note',
  'kind',
  'occurred_on',
] as const;

async function insert(
  database: BareConnection,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const tuple = `(${columns.map(() => '?').join(',')})`;
  const perStatement = database.dialect === 'sqlite' ? 500 : ROWS_PER_INSERT;
  for (let start = 0; start < rows.length; start += perStatement) {
    const part = rows.slice(start, start + perStatement);
    const values = part.flat();
    await database.run(`insert into ${table} (${columns.join(',')}) values ${part.map(() => tuple).join(',')}`, values);
  }
}
