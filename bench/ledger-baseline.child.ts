/**
 * What somebody would write by hand for the same requests: Express, the bare driver, one statement for each thing, no validation, no types, no idempotency. It
 * writes the same rows of the same tables, so that the ratio says what the framework costs. Runs until it is told to end.
 */
import express from 'express';
import { newId } from '../server/src/kernel/ids.ts';
import { childTask } from './support/child.ts';
import { type BareConnection, connectBare } from './support/databases.ts';
import { ENTRY_COLUMNS, TRANSACTION_COLUMNS } from './support/ledger-seed.ts';

const { databaseUrl, userId } = childTask() as { databaseUrl: string; userId: string };
const database = await connectBare(databaseUrl);
const lock = database.dialect === 'mysql' ? ' for update' : '';
const toMoney = (text: string) =>
  database.dialect === 'sqlite' ? BigInt(Math.round(Number(text) * 100)) * 1_000_000n : text;

const app = express();
app.use(express.json());
app.post('/transactions', async (request, response) => {
  response.json(await inTurn(() => create(database, request.body as Record<string, string>)));
});
app.get('/transactions', async (request, response) => {
  const {
    date,
    id,
    category_id: categoryId,
    from,
    to,
    amount_min: amountMin,
    text,
  } = request.query as Record<string, string>;
  const place = date === undefined ? '' : ' and t.occurred_on <= ? and (t.occurred_on < ? or t.id < ?)';
  const values: unknown[] = [userId, ...(date === undefined ? [] : [date, date, id])];
  let sql = `select t.* from transactions t where t.user_id = ?${place}`;
  if (categoryId !== undefined) {
    sql = `select t.* from entries e join transactions t on t.id = e.transaction_id where e.user_id = ? and e.category_id = ? and e.occurred_on between ? and ? and t.amount >= ?`;
    values.push(categoryId, from, to, toMoney(amountMin ?? '0'));
  }
  if (text !== undefined) {
    sql += ' and t.search_text like ?';
    values.push(`%${text}%`);
  }
  const order =
    categoryId === undefined ? 't.occurred_on desc, t.id desc' : 'e.occurred_on desc, e.transaction_id desc';
  response.json(await database.rows(`${sql} order by ${order} limit 51`, values));
});
app.get('/monthly-totals', async (request, response) => {
  const { from, to } = request.query as Record<string, string>;
  response.json(
    await database.rows(
      'select * from monthly_totals where user_id = ? and month between ? and ? order by month, currency, kind, category_id limit 201',
      [userId, from, to],
    ),
  );
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : null);
});
process.on('disconnect', () => process.exit(0));

/** One connection, so one transaction at a time. */
let last: Promise<unknown> = Promise.resolve();
function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const next = last.then(work);
  last = next.catch(() => undefined);
  return next;
}

async function create(connection: BareConnection, body: Record<string, string>): Promise<object> {
  const { account_id: accountId, category_id: categoryId, amount = '0', occurred_on: date = '', payee = '' } = body;
  const now = Date.now();
  const id = newId('txn');
  const month = date.slice(0, 7);
  const places = (columns: readonly string[]) => columns.map(() => '?').join(',');
  await connection.run('begin');
  await connection.rows(`select changed_at from ledgers where user_id = ?${lock}`, [userId]);
  await connection.run('update ledgers set changed_at = ? where user_id = ?', [now, userId]);
  await connection.rows('select * from accounts where id = ? and user_id = ?', [accountId, userId]);
  await connection.rows('select * from categories where id = ? and user_id = ?', [categoryId, userId]);
  const value = toMoney(amount);
  await connection.run(
    `insert into transactions (${TRANSACTION_COLUMNS.join(',')}) values (${places(TRANSACTION_COLUMNS)})`,
    [
      id,
      userId,
      'expense',
      accountId,
      null,
      value,
      'EUR',
      null,
      null,
      null,
      date,
      '',
      payee,
      '',
      payee.toLowerCase(),
      categoryId,
      0,
      '[]',
      '[]',
      'manual',
      null,
      null,
      now,
      now,
    ],
  );
  const negative = typeof value === 'bigint' ? -value : `-${value}`;
  await connection.run(`insert into entries (${ENTRY_COLUMNS.join(',')}) values (${places(ENTRY_COLUMNS)})`, [
    id,
    0,
    userId,
    accountId,
    negative,
    'EUR',
    categoryId,
    '',
    'expense',
    date,
  ]);
  const addTotal =
    connection.dialect === 'mysql'
      ? 'on duplicate key update total = total + values(total), count = count + 1'
      : (key: string) => `on conflict (${key}) do update set total = total + excluded.total, count = count + 1`;
  const add = (key: string) => (typeof addTotal === 'string' ? addTotal : addTotal(key));
  await connection.run(
    `insert into account_months (user_id, account_id, month, total, count) values (?, ?, ?, ?, 1) ${add('account_id, month')}`,
    [userId, accountId, month, negative],
  );
  await connection.run(
    `insert into monthly_totals (user_id, month, currency, kind, category_id, total, count) values (?, ?, 'EUR', 'expense', ?, ?, 1) ${add('user_id, month, currency, kind, category_id')}`,
    [userId, month, categoryId, value],
  );
  await connection.run('update accounts set balance = balance - ?, updated_at = ? where id = ?', [
    value,
    now,
    accountId,
  ]);
  await connection.run('commit');
  return { id };
}
