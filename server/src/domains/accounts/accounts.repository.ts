import type { AccountsQuery, StatementQuery } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import {
  beside,
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

/** The place of an entry in an account's order. */
export type EntryPlace = { occurredOn: string; transactionId: string; line: number };

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
    `select e.*, t.description, t.payee, t.note as transaction_note, ${CLEARED_STATE} as cleared
     from ${readBy(dialect, 'entries e', 'entries_account_id_occurred_on_transaction_id_line_index')} ${LOOK_UP[dialect]} transactions t on t.id = e.transaction_id
     where ${conditions.map(([sql]) => sql).join(' and ')}
     order by e.occurred_on desc, e.transaction_id desc, e.line desc limit ?`,
    [...conditions.flatMap(([, values]) => values), query.limit + 1],
  );
}

/** The balance of an account after an entry: the months before it, and the entries of its month up to it. */
export async function balanceAfter(
  { em, dialect, userId }: Reading,
  accountId: string,
  place: EntryPlace,
): Promise<Units> {
  const month = monthOf(place.occurredOn);
  const [months] = await fetchRows<RawRow>(
    em,
    `select ${sumOfMoney(dialect, 'total')} as total from account_months where account_id = ? and user_id = ? and month < ?`,
    [accountId, userId, month],
  );
  const [entries] = await fetchRows<RawRow>(
    em,
    `select ${sumOfMoney(dialect, 'amount')} as total from entries where account_id = ? and user_id = ? and occurred_on >= ? and occurred_on <= ?
     and (occurred_on, transaction_id, line) <= (?, ?, ?)`,
    [accountId, userId, `${month}-01`, place.occurredOn, place.occurredOn, place.transactionId, place.line],
  );
  return moneyFromSql(dialect, months?.['total']) + moneyFromSql(dialect, entries?.['total']);
}

/** Transactions on an account, oldest id first, after an id. */
export async function selectTransactionIdsOf(
  { em, userId }: Reading,
  accountId: string,
  { afterId, limit }: { afterId: string; limit: number },
): Promise<string[]> {
  const rows = await fetchRows<{ transaction_id: string }>(
    em,
    `select distinct transaction_id from entries where account_id = ? and user_id = ? and transaction_id > ? order by transaction_id limit ?`,
    [accountId, userId, afterId, limit],
  );
  return rows.map((row) => row.transaction_id);
}
