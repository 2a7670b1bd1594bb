import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, type Dialect, fetchRows, forUpdate, insertRows, runSql, transact } from '../../db/index.ts';
import type { Ledger } from './ledger.types.ts';
import { insertStartingSet } from './starting-set.ts';

/**
 * Locks a person's ledger. Every transaction that changes it begins here, so that changes come one after the other: what is read afterwards cannot be
 * changed by anybody else, and the times of changes are in the order of their commits. A new ledger gets the categories to start from.
 */
export async function openLedger(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, nowMs }: { userId: string; nowMs: number },
): Promise<Ledger> {
  const read = async () => {
    const [row] = await fetchRows<{ changed_at: unknown }>(
      em,
      `select changed_at from ledgers where user_id = ?${forUpdate(dialect)}`,
      [userId],
    );
    return row;
  };
  let row = await read();
  const isNew = !row;
  if (isNew) {
    await insertRows(em, dialect, {
      table: 'ledgers',
      columns: ['user_id', 'changed_at'],
      rows: [[userId, 0]],
      onDuplicate: { key: ['user_id'], update: [] },
    });
    row = await read();
  }
  const isFirst = isNew && Number(row?.changed_at) === 0;
  const changedAtMs = Math.max(nowMs, Number(row?.changed_at ?? 0) + 1);
  await runSql(em, 'update ledgers set changed_at = ? where user_id = ?', [changedAtMs, userId]);
  const ledger = { dialect, userId, changedAtMs };
  if (isFirst) await insertStartingSet(em, ledger);
  return ledger;
}

/** Makes sure that a person has a ledger, with the categories to start from, before it is read. */
export async function ensureLedger(database: Database, owner: { userId: string; nowMs: number }): Promise<void> {
  const rows = await database.em().execute<unknown[]>('select 1 from ledgers where user_id = ?', [owner.userId]);
  if (rows.length === 0) await transact(database, (em) => openLedger(em, database.dialect, owner));
}
