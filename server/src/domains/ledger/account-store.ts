import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, inList, insertRows, runSql } from '../../db/index.ts';
import { ACCOUNT_COLUMNS, ACCOUNT_MUTABLE_COLUMNS, fromAccountRow, type RawRow, toAccountRow } from './ledger.rows.ts';
import type { AccountRecord, Ledger } from './ledger.types.ts';

/** Those of the ids that name accounts of this person. */
export async function findAccounts(
  em: SqlEntityManager,
  dialect: Dialect,
  userId: string,
  ids: readonly string[],
): Promise<Map<string, AccountRecord>> {
  if (ids.length === 0) return new Map();
  const list = inList(dialect, [...new Set(ids)]);
  const rows = await fetchRows<RawRow>(em, `select * from accounts where user_id = ? and id in (${list.sql})`, [
    userId,
    ...list.values,
  ]);
  return new Map(rows.map((row) => [row['id'] as string, fromAccountRow(dialect, row)]));
}

/** All accounts of a person, in the order of their ids. */
export async function listAccounts(em: SqlEntityManager, dialect: Dialect, userId: string): Promise<AccountRecord[]> {
  const rows = await fetchRows<RawRow>(em, 'select * from accounts where user_id = ? order by id', [userId]);
  return rows.map((row) => fromAccountRow(dialect, row));
}

/** How many accounts a person has. */
export async function countAccounts(em: SqlEntityManager, userId: string): Promise<number> {
  const [row] = await fetchRows<RawRow>(em, 'select count(*) as count from accounts where user_id = ?', [userId]);
  return Number(row?.['count'] ?? 0);
}

export async function insertAccount(em: SqlEntityManager, ledger: Ledger, account: AccountRecord): Promise<void> {
  await insertRows(em, ledger.dialect, {
    table: 'accounts',
    columns: ACCOUNT_COLUMNS,
    rows: [toAccountRow(ledger.dialect, ledger.userId, account)],
  });
}

/** Writes everything of an account that may change, its balance included. */
export async function updateAccount(em: SqlEntityManager, ledger: Ledger, account: AccountRecord): Promise<void> {
  const values = toAccountRow(ledger.dialect, ledger.userId, account).slice(-ACCOUNT_MUTABLE_COLUMNS.length);
  await runSql(
    em,
    `update accounts set ${ACCOUNT_MUTABLE_COLUMNS.map((column) => `${column} = ?`).join(', ')} where id = ? and user_id = ?`,
    [...values, account.id, ledger.userId],
  );
}

/** Deletes an account that has no entries, and leaves a tombstone. */
export async function deleteAccount(em: SqlEntityManager, ledger: Ledger, id: string): Promise<void> {
  await runSql(em, 'delete from accounts where id = ? and user_id = ?', [id, ledger.userId]);
  await buryAll(em, ledger, 'account', [{ id }]);
}

/** What can leave a tombstone. */
export type Buried = 'account' | 'category' | 'transaction';

/** What was deleted. `origin`: by what an import knows the row of a transaction again, where it is not to bring it back. */
export type Grave = { id: string; origin?: { source: string; rowKey: string } };

/** Remembers what was deleted, for clients that keep a copy. */
export async function buryAll(
  em: SqlEntityManager,
  ledger: Ledger,
  kind: Buried,
  graves: readonly Grave[],
): Promise<void> {
  await insertRows(em, ledger.dialect, {
    table: 'ledger_tombstones',
    columns: ['id', 'user_id', 'kind', 'deleted_at', 'source', 'row_key'],
    rows: graves.map(({ id, origin }) => [
      id,
      ledger.userId,
      kind,
      ledger.changedAtMs,
      origin?.source ?? null,
      origin?.rowKey ?? null,
    ]),
  });
}

/** True where any entry is on the account. */
export async function hasEntries(em: SqlEntityManager, userId: string, accountId: string): Promise<boolean> {
  const rows = await fetchRows<RawRow>(
    em,
    'select 1 from account_months where account_id = ? and user_id = ? limit 1',
    [accountId, userId],
  );
  return rows.length > 0;
}
