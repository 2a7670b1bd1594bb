import { SCANNED_MAX } from '../../server/src/domains/transactions/index.ts';
import { newId } from '../../server/src/kernel/ids.ts';
import { type BareConnection, connectBare } from './databases.ts';

/** What is asked for: the fields of the REST API. */
export type Fields = Record<string, string>;

/**
 * What somebody would write by hand for the requests that are measured, who knows the tables and what each database makes of a statement: the bare driver, one
 * statement for each thing, no validation, no types, no idempotency, no snapshot. It writes the same rows as the server, and a search looks at as many.
 */
export async function ledgerByHand(databaseUrl: string, userId: string) {
  const connection = await connectBare(databaseUrl);
  // One connection, so one transaction at a time.
  let last: Promise<unknown> = Promise.resolve();
  return {
    create: (fields: Fields): Promise<object> => {
      const next = last.then(() => create(connection, userId, fields));
      last = next.catch(() => undefined);
      return next;
    },
    list: (fields: Fields) => list(connection, userId, fields),
    search: (fields: Fields) => search(connection, userId, fields),
    monthlyTotals: ({ from, to }: Fields) =>
      connection.rows(
        'select * from monthly_totals where user_id = ? and month between ? and ? order by month, currency, kind, category_id limit 201',
        [userId, from, to],
      ),
    close: () => connection.close(),
  };
}

const BY_DATE = 'transactions_user_id_occurred_on_id_index';

function byDate({ dialect }: BareConnection): string {
  return dialect === 'mysql' ? `transactions t force index (${BY_DATE})` : `transactions t indexed by ${BY_DATE}`;
}

function toMoney({ dialect }: BareConnection, text: string): string | bigint {
  return dialect === 'sqlite' ? BigInt(Math.round(Number(text) * 100)) * 1_000_000n : text;
}

function list(connection: BareConnection, userId: string, { date, id }: Fields): Promise<unknown[]> {
  const place = date === undefined ? '' : ' and t.occurred_on <= ? and (t.occurred_on < ? or t.id < ?)';
  return connection.rows(
    `select t.* from ${byDate(connection)} where t.user_id = ?${place} order by t.occurred_on desc, t.id desc limit 51`,
    [userId, ...(date === undefined ? [] : [date, date, id])],
  );
}

function search(connection: BareConnection, userId: string, fields: Fields): Promise<unknown[]> {
  const { category_id: categoryId, from, to, amount_min: amountMin = '0', text } = fields;
  if (text !== undefined) {
    return connection.rows(
      `select t.* from (select t.id, t.occurred_on from ${byDate(connection)} where t.user_id = ? order by t.occurred_on desc, t.id desc limit ${SCANNED_MAX}) c
       join transactions t on t.id = c.id where t.search_text like ? order by c.occurred_on desc, c.id desc limit 51`,
      [userId, `%${text}%`],
    );
  }
  return connection.rows(
    `select t.* from entries e join transactions t on t.id = e.transaction_id where e.user_id = ? and e.category_id = ? and e.occurred_on between ? and ? and t.amount >= ?
     order by e.occurred_on desc, e.transaction_id desc limit 51`,
    [userId, categoryId, from, to, toMoney(connection, amountMin)],
  );
}

async function create(connection: BareConnection, userId: string, fields: Fields): Promise<object> {
  const { account_id: accountId, category_id: categoryId, amount = '0', occurred_on: date = '', payee = '' } = fields;
  const now = Date.now();
  const id = newId('txn');
  const month = date.slice(0, 7);
  const value = toMoney(connection, amount);
  const negative = typeof value === 'bigint' ? -value : `-${value}`;
  const lock = connection.dialect === 'mysql' ? ' for update' : '';
  await connection.run('begin');
  await connection.rows(`select changed_at from ledgers where user_id = ?${lock}`, [userId]);
  await connection.run('update ledgers set changed_at = ? where user_id = ?', [now, userId]);
  await connection.rows('select * from accounts where id = ? and user_id = ?', [accountId, userId]);
  await connection.rows('select * from categories where id = ? and user_id = ?', [categoryId, userId]);
  const own = { user_id: userId, account_id: accountId, currency: 'EUR', category_id: categoryId, kind: 'expense' };
  const texts = { description: '', payee, note: '', search_text: payee.toLowerCase(), tags: '[]', attachments: '[]' };
  const times = { occurred_on: date, created_at: now, updated_at: now };
  await insert(connection, 'transactions', {
    id,
    ...own,
    ...texts,
    ...times,
    amount: value,
    is_split: 0,
    source: 'manual',
  });
  await insert(connection, 'entries', {
    transaction_id: id,
    line: 0,
    ...own,
    amount: negative,
    note: '',
    occurred_on: date,
  });
  await add(connection, 'account_months', { account_id: accountId, month }, { user_id: userId, total: negative });
  const total = { user_id: userId, month, currency: 'EUR', kind: 'expense', category_id: categoryId };
  await add(connection, 'monthly_totals', total, { total: value });
  await connection.run('update accounts set balance = balance - ?, updated_at = ? where id = ?', [
    value,
    now,
    accountId,
  ]);
  await connection.run('commit');
  return { id };
}

type Row = Record<string, unknown>;

function insert(connection: BareConnection, table: string, row: Row, end = ''): Promise<unknown> {
  const places = Object.keys(row).map(() => '?');
  return connection.run(
    `insert into ${table} (${Object.keys(row).join(',')}) values (${places.join(',')}) ${end}`,
    Object.values(row),
  );
}

/** Adds to a kept sum, or begins it. */
function add(connection: BareConnection, table: string, key: Row, others: Row): Promise<unknown> {
  const end =
    connection.dialect === 'mysql'
      ? 'on duplicate key update total = total + values(total), count = count + 1'
      : `on conflict (${Object.keys(key).join(',')}) do update set total = total + excluded.total, count = count + 1`;
  return insert(connection, table, { ...key, ...others, count: 1 }, end);
}
