import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, inList, insertRows } from '../../db/index.ts';
import type { RawRow } from './ledger.rows.ts';
import type { Ledger } from './ledger.types.ts';

/** The accounts before an account that are told of it, the latest first. */
const FORMER_ACCOUNTS_MAX = 10;

/** Remembers that the entries of an account, and so those that others had moved to it, are on another one now. In the caller's transaction, with the ledger held. */
export async function rememberMove(
  em: SqlEntityManager,
  { dialect, userId, changedAtMs }: Ledger,
  { fromId, toId }: { fromId: string; toId: string },
): Promise<void> {
  const before = (await findFormerAccounts(em, dialect, userId, [fromId])).get(fromId) ?? [];
  await insertRows(em, dialect, {
    table: 'account_moves',
    columns: ['user_id', 'to_account_id', 'from_account_id', 'moved_at'],
    rows: [fromId, ...before.filter((id) => id !== toId)].map((id) => [userId, toId, id, changedAtMs]),
    onDuplicate: { key: ['user_id', 'to_account_id', 'from_account_id'], update: ['moved_at'] },
  });
}

/** By account the ids of those whose entries were all moved to it, the latest {@link FORMER_ACCOUNTS_MAX} at the most; without accounts that have none. */
export async function findFormerAccounts(
  em: SqlEntityManager,
  dialect: Dialect,
  userId: string,
  accountIds: readonly string[],
): Promise<Map<string, string[]>> {
  if (accountIds.length === 0) return new Map();
  const list = inList(dialect, accountIds);
  const rows = await fetchRows<RawRow>(
    em,
    `select to_account_id, from_account_id from account_moves where user_id = ? and to_account_id in (${list.sql})
     order by moved_at desc, from_account_id`,
    [userId, ...list.values],
  );
  const former = new Map<string, string[]>();
  for (const row of rows) {
    const [to, from] = [row['to_account_id'] as string, row['from_account_id'] as string];
    const known = former.get(to);
    if (!known) former.set(to, [from]);
    else if (known.length < FORMER_ACCOUNTS_MAX) known.push(from);
  }
  return former;
}
