import type { ExportFilter } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { beside, type Condition, type Dialect, fetchRows, LOOK_UP, readBy } from '../../db/index.ts';
import type { RawRow } from '../ledger/index.ts';

const BY_DATE = 'transactions_user_id_occurred_on_id_index';
const BY_ACCOUNT = 'entries_account_id_occurred_on_transaction_id_line_index';

type PageWanted = {
  userId: string;
  filter: ExportFilter;
  /** The last transaction of the page before; of the first page a date alone, with an empty id. */
  after: { occurredOn: string; id: string };
  limit: number;
};

/** The transactions of an export behind a place, oldest first, each once, by the index that has this order: of all accounts, or of one. */
export function readExportPage(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, filter: { accountId, to }, after, limit }: PageWanted,
): Promise<RawRow[]> {
  const isOfOne = accountId !== undefined;
  const order = isOfOne ? ['e.occurred_on', 'e.transaction_id'] : ['t.occurred_on', 't.id'];
  const conditions: Condition[] = [
    { sql: `${isOfOne ? 'e' : 't'}.user_id = ?`, values: [userId] },
    beside(dialect, order, '>', [after.occurredOn, after.id]),
  ];
  // The lines of a split are all on one account, and those of a transfer on two: one line stands for each transaction.
  if (isOfOne)
    conditions.push({ sql: "e.account_id = ? and (e.line = 0 or e.kind = 'transfer')", values: [accountId] });
  if (to !== undefined) conditions.push({ sql: `${order[0]} <= ?`, values: [to] });
  const from = isOfOne
    ? `${readBy(dialect, 'entries e', BY_ACCOUNT)} ${LOOK_UP[dialect]} transactions t on t.id = e.transaction_id`
    : readBy(dialect, 'transactions t', BY_DATE);
  return fetchRows<RawRow>(
    em,
    `select t.* from ${from} where ${conditions.map(({ sql }) => sql).join(' and ')} order by ${order.join(', ')} limit ?`,
    [...conditions.flatMap(({ values }) => values), limit],
  );
}
