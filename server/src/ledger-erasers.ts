import { type Dialect, fetchRows, inList, runSql } from './db/index.ts';
import type { Eraser } from './domains/users/index.ts';

/** What a person may have by the million. With a transaction go its entries and tags. */
const PLENTIFUL_TABLES = ['transactions', 'ledger_tombstones', 'exchange_rates'] as const;

/** What the ledger keeps in plenty of a person, to be deleted before the rest of the account. */
export function ledgerErasers(dialect: Dialect): Eraser[] {
  return PLENTIFUL_TABLES.map((table) => async (em, { userId, limit }) => {
    const rows = await fetchRows<{ id: string }>(em, `select id from ${table} where user_id = ? limit ${limit}`, [
      userId,
    ]);
    if (rows.length === 0) return 0;
    const ids = inList(
      dialect,
      rows.map(({ id }) => id),
    );
    await runSql(em, `delete from ${table} where id in (${ids.sql})`, ids.values);
    return rows.length;
  });
}
