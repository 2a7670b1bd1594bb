import { setImmediate } from 'node:timers/promises';
import type { AccountsQuery, StatementQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  beside,
  type Condition,
  type Dialect,
  fetchRows,
  LOOK_UP,
  moneyFromSql,
  readBy,
  type SqlValue,
  sumOfMoney,
} from '../../db/index.ts';
import { AppError } from '../../kernel/errors.ts';
import { type AccountRecord, findAccounts, fromAccountRow, monthOf, type RawRow, type Units } from '../ledger/index.ts';
import type { MonthlyMove } from './accounts.rules.ts';

/** What every query needs: whose, and where. */
export type Reading = { em: SqlEntityManager; dialect: Dialect; userId: string };

/** An account of the person. @throws AppError NOT_FOUND */
export async function requireAccount({ em, dialect, userId }: Reading, id: string): Promise<AccountRecord> {
  const account = (await findAccounts(em, dialect, userId, [id])).get(id);
  if (!account) throw new AppError('NOT_FOUND', 'There is no such account.');
  return account;
}

/** A page of accounts after an id, one more than asked for where there are more. */
export async function selectAccounts(
  { em, dialect, userId }: Reading,
  query: AccountsQuery,
  afterId: string | undefined,
): Promise<AccountRecord[]> {
  const conditions: [string, SqlValue[]][] = [['user_id = ?', [userId]]];
  if (afterId !== undefined) conditions.push(['id > ?', [afterId]]);
  if (query.type) conditions.push(['type = ?', [query.type]]);
  if (query.currency) conditions.push(['currency = ?', [query.currency]]);
  if (!query.includeArchived) conditions.push(['archived_at is null', []]);
  if (!query.includeHidden) conditions.push(['is_hidden = ?', [0]]);
  const where = conditions.map(([sql]) => sql).join(' and ');
  const rows = await fetchRows<RawRow>(em, `select * from accounts where ${where} order by id limit ?`, [
    ...conditions.flatMap(([, values]) => values),
    query.limit + 1,
  ]);
  return rows.map((row) => fromAccountRow(dialect, row));
}

/** What every month did to every account of the person, up to a month. */
export async function selectMonthlyMoves({ em, dialect, userId }: Reading, to: string): Promise<MonthlyMove[]> {
  const rows = await fetchRows<RawRow>(
    em,
    `select m.account_id, a.currency, m.month, m.total from account_months m join accounts a on a.id = m.account_id
     where m.user_id = ? and m.month <= ?`,
    [userId, to],
  );
  return rows.map((row) => ({
    accountId: row['account_id'] as string,
    currency: row['currency'] as string,
    month: row['month'] as string,
    total: moneyFromSql(dialect, row['total']),
  }));
}

/** Of an entry `e` and its transaction `t`. */
const CLEARED_STATE = 'case when e.account_id = t.account_id then t.cleared_state else t.to_cleared_state end';

/** Of an entry `e` and its transaction `t`: the account on the other side of a transfer. */
const OTHER_ACCOUNT = 'case when e.account_id = t.account_id then t.to_account_id else t.account_id end';

/** The place of an entry in an account's order. */
export type EntryPlace = { occurredOn: string; transactionId: string; line: number };

/** Holds the entries of an account in their order. */
const ACCOUNT_INDEX = 'entries_account_id_occurred_on_transaction_id_line_index';
const ENTRY_PLACE = ['e.occurred_on', 'e.transaction_id', 'e.line'];

/** Entries of an account before a place, newest first, one more than asked for where there are more. */
export async function selectEntries(
  { em, dialect, userId }: Reading,
  query: StatementQuery,
  before: EntryPlace | undefined,
): Promise<RawRow[]> {
  const conditions: [string, SqlValue[]][] = [
    ['e.account_id = ?', [query.id]],
    ['e.user_id = ?', [userId]],
  ];
  if (query.from !== undefined) conditions.push(['e.occurred_on >= ?', [query.from]]);
  if (query.to !== undefined) conditions.push(['e.occurred_on <= ?', [query.to]]);
  if (before) {
    const { occurredOn, transactionId, line } = before;
    const behind = beside(dialect, ENTRY_PLACE, '<', [occurredOn, transactionId, line]);
    conditions.push([behind.sql, behind.values]);
  }
  return fetchRows<RawRow>(
    em,
    `select e.*, t.description, t.payee, t.note as transaction_note, ${CLEARED_STATE} as cleared,
       ${OTHER_ACCOUNT} as other_account_id
     from ${readBy(dialect, 'entries e', ACCOUNT_INDEX)} ${LOOK_UP[dialect]} transactions t on t.id = e.transaction_id
     where ${conditions.map(([sql]) => sql).join(' and ')}
     order by e.occurred_on desc, e.transaction_id desc, e.line desc limit ?`,
    [...conditions.flatMap(([, values]) => values), query.limit + 1],
  );
}

/** Entries that one statement adds up. */
const ADDED_AT_A_TIME = 5_000;

/**
 * The balance of an account after an entry: the months before it, and the entries of its month up to it. These are added so many at a time with everybody else's turn
 * in between, since a month may have any number of them.
 */
export async function balanceAfter(
  reading: Reading,
  accountId: string,
  place: EntryPlace,
  atATime = ADDED_AT_A_TIME,
): Promise<Units> {
  const { em, dialect, userId } = reading;
  const month = monthOf(place.occurredOn);
  const [months] = await fetchRows<RawRow>(
    em,
    `select ${sumOfMoney(dialect, 'total')} as total from account_months where account_id = ? and user_id = ? and month < ?`,
    [accountId, userId, month],
  );
  let balance = moneyFromSql(dialect, months?.['total']);
  const beginning = { occurredOn: `${month}-01`, transactionId: '', line: 0 };
  for (let after: EntryPlace | undefined = beginning; after !== undefined;) {
    const piece = await addEntries(reading, { accountId, after, until: place, limit: atATime });
    balance += piece.total;
    after = piece.end;
    // On SQLite all of it is this process's own work.
    if (after) await setImmediate();
  }
  return balance;
}

type Stretch = { accountId: string; after: EntryPlace; until: EntryPlace; limit: number };

/** The sum of the first entries of a stretch, and where it goes on; nowhere where these were all. */
async function addEntries(
  { em, dialect, userId }: Reading,
  { accountId, after, until, limit }: Stretch,
): Promise<{ total: Units; end: EntryPlace | undefined }> {
  const within = (from: EntryPlace, to: EntryPlace) => [
    { sql: 'e.account_id = ? and e.user_id = ?', values: [accountId, userId] },
    beside(dialect, ENTRY_PLACE, '>', [from.occurredOn, from.transactionId, from.line]),
    beside(dialect, ENTRY_PLACE, '<=', [to.occurredOn, to.transactionId, to.line]),
  ];
  const read = async (columns: string, conditions: readonly Condition[], rest: string, values: readonly SqlValue[]) => {
    const [row] = await fetchRows<RawRow>(
      em,
      `select ${columns} from ${readBy(dialect, 'entries e', ACCOUNT_INDEX)} where ${conditions.map(({ sql }) => sql).join(' and ')} ${rest}`,
      [...conditions.flatMap((condition) => condition.values), ...values],
    );
    return row;
  };
  const order = `order by ${ENTRY_PLACE.join(', ')} limit 1 offset ?`;
  const last = await read(ENTRY_PLACE.join(', '), within(after, until), order, [limit - 1]);
  const end = last && {
    occurredOn: last['occurred_on'] as string,
    transactionId: last['transaction_id'] as string,
    line: Number(last['line']),
  };
  const sum = await read(`${sumOfMoney(dialect, 'e.amount')} as total`, within(after, end ?? until), '', []);
  return { total: moneyFromSql(dialect, sum?.['total']), end };
}

/** Transactions on an account, each once, the oldest first, so many at the most. */
export async function selectTransactionIdsOf(
  { em, dialect, userId }: Reading,
  accountId: string,
  limit: number,
): Promise<string[]> {
  // The lines of a split are all on one account, and those of a transfer on two: one line stands for each transaction.
  const rows = await fetchRows<{ transaction_id: string }>(
    em,
    `select transaction_id from ${readBy(dialect, 'entries', ACCOUNT_INDEX)}
     where account_id = ? and user_id = ? and (line = 0 or kind = 'transfer') order by occurred_on, transaction_id, line limit ?`,
    [accountId, userId, limit],
  );
  return rows.map((row) => row.transaction_id);
}
