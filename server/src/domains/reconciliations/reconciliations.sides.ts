import type { ReconciliationEntriesQuery } from '@finverse/shared';
import { beside, type Condition, type Dialect, LOOK_UP, moneyFromSql, readBy, sumOfMoney } from '../../db/index.ts';
import { type MarkedIds, monthOf, type RawRow, type Units } from '../ledger/index.ts';
import type { Reading, ReconciliationRecord } from './reconciliations.repository.ts';

// A side is a transaction on one of its accounts: what one line of a statement shows. Read off the index of the account's entries, newest first.

/** In which reconciliation the side of `t` that the entry `e` belongs to is. */
const SIDE = 'case when t.account_id = e.account_id then t.reconciliation_id else t.to_reconciliation_id end';
/** The first entry of each side: a split has more. */
const FIRST_OF_SIDE = `(e.line = 0 or e.kind = 'transfer')`;
/** Read in the order of the account's entries, each transaction looked up: left to itself MariaDB may sort all of them for one page. */
const entriesOf = (dialect: Dialect) =>
  readBy(dialect, 'entries e', 'entries_account_id_occurred_on_transaction_id_line_index');
const sidesOn = (dialect: Dialect) =>
  `from ${entriesOf(dialect)} ${LOOK_UP[dialect]} transactions t on t.id = e.transaction_id where e.account_id = ? and e.user_id = ?`;

/** The most entries that one page looks at for those that are not reconciled; there may be none among a hundred thousand. */
const SCANNED_MAX = 5_000;

/** What is in a reconciliation, and how many transactions that is. */
export async function sumOfCleared(
  { em, dialect, userId }: Reading,
  record: ReconciliationRecord,
): Promise<{ total: Units; count: number }> {
  const within = clearedIn(record);
  const [row] = await em.execute<RawRow[]>(
    `select ${sumOfMoney(dialect, 'e.amount')} as total, sum(case when ${FIRST_OF_SIDE} then 1 else 0 end) as count
     ${sidesOn(dialect)} and ${within.sql}`,
    [record.accountId, userId, ...within.values],
  );
  return { total: moneyFromSql(dialect, row?.['total']), count: Number(row?.['count'] ?? 0) };
}

/** The transactions that are in a reconciliation. */
export async function selectCleared(reading: Reading, record: ReconciliationRecord): Promise<MarkedIds> {
  return selectIds(reading, record.accountId, clearedIn(record));
}

/** The transactions of the account up to a day that are in no reconciliation, at most so many; and the date of the first. */
export async function selectUncleared(
  reading: Reading,
  record: ReconciliationRecord,
  { upTo, limit }: { upTo: string; limit: number },
): Promise<MarkedIds & { earliestOn: string | null }> {
  return selectIds(reading, record.accountId, { sql: `e.occurred_on <= ? and ${SIDE} is null`, values: [upTo] }, limit);
}

function clearedIn({ id, earliestOn, statementDate }: ReconciliationRecord): Condition {
  return {
    sql: `e.occurred_on >= ? and e.occurred_on <= ? and ${SIDE} = ?`,
    values: [earliestOn ?? statementDate, statementDate, id],
  };
}

async function selectIds(
  { em, dialect, userId }: Reading,
  accountId: string,
  { sql, values }: Condition,
  limit?: number,
): Promise<MarkedIds & { earliestOn: string | null }> {
  const rows = await em.execute<RawRow[]>(
    `select t.id, e.occurred_on, case when t.account_id = e.account_id then 1 else 0 end as is_own
     ${sidesOn(dialect)} and ${FIRST_OF_SIDE} and ${sql} order by e.occurred_on desc, e.transaction_id desc${limit === undefined ? '' : ' limit ?'}`,
    [accountId, userId, ...values, ...(limit === undefined ? [] : [limit])],
  );
  const idsOf = (isOwn: boolean) =>
    rows.flatMap((row) => (Boolean(Number(row['is_own'])) === isOwn ? [row['id'] as string] : []));
  return {
    ownIds: idsOf(true),
    toIds: idsOf(false),
    earliestOn: (rows.at(-1)?.['occurred_on'] as string | undefined) ?? null,
  };
}

/** The newest date of what is in a reconciliation; null where nothing is. */
export async function newestCleared(
  { em, dialect, userId }: Reading,
  record: ReconciliationRecord,
): Promise<string | null> {
  const within = clearedIn(record);
  const [row] = await em.execute<RawRow[]>(
    `select max(e.occurred_on) as newest ${sidesOn(dialect)} and ${within.sql}`,
    [record.accountId, userId, ...within.values],
  );
  return (row?.['newest'] as string | null | undefined) ?? null;
}

/** Everything on the account up to a day: its balance then, and the number of transactions. The months before it, and the entries of its month. */
export async function sumUpTo(
  { em, dialect, userId }: Reading,
  { accountId, date }: { accountId: string; date: string },
): Promise<{ total: Units; count: number }> {
  const month = monthOf(date);
  const [months] = await em.execute<RawRow[]>(
    `select ${sumOfMoney(dialect, 'total')} as total from account_months where account_id = ? and user_id = ? and month < ?`,
    [accountId, userId, month],
  );
  const [rest] = await em.execute<RawRow[]>(
    `select ${sumOfMoney(dialect, 'amount')} as total from entries where account_id = ? and user_id = ? and occurred_on >= ? and occurred_on <= ?`,
    [accountId, userId, `${month}-01`, date],
  );
  // The index has all of this: no row is read.
  const [sides] = await em.execute<RawRow[]>(
    'select count(distinct transaction_id) as count from entries where account_id = ? and occurred_on <= ?',
    [accountId, date],
  );
  return {
    total: moneyFromSql(dialect, months?.['total']) + moneyFromSql(dialect, rest?.['total']),
    count: Number(sides?.['count'] ?? 0),
  };
}

/** The place of a side in the order of an account's entries. */
export type SidePlace = { occurredOn: string; id: string };
type Page = { rows: RawRow[]; next: SidePlace | null };
const PLACE = ['e.occurred_on', 'e.transaction_id'];

/**
 * A page, newest first, of what may be cleared in an open reconciliation and what is in it, or of what a finished one has locked. What may be cleared is looked for
 * among so many entries at most: such a page may be short, even empty, and go on behind the last one that it has looked at.
 *
 * @returns `next`: the place behind which the next page begins; null at the end
 */
export async function selectSides(
  reading: Reading,
  record: ReconciliationRecord,
  {
    cleared,
    limit,
    before,
    scannedMax = SCANNED_MAX,
  }: ReconciliationEntriesQuery & { before: SidePlace | undefined; scannedMax?: number | undefined },
): Promise<Page> {
  const { em, dialect, userId } = reading;
  const { accountId, statementDate, finishedAtMs } = record;
  const conditions: Condition[] = [];
  if (before) conditions.push(beside(dialect, PLACE, '<', [before.occurredOn, before.id]));
  let end: SidePlace | null = null;
  if (finishedAtMs !== null || cleared === 'cleared') conditions.push(clearedIn(record));
  else {
    conditions.push({ sql: 'e.occurred_on <= ?', values: [statementDate] });
    end = await placeOfEntry(reading, accountId, { conditions, skipped: scannedMax - 1 });
    if (end) conditions.push(beside(dialect, PLACE, '>=', [end.occurredOn, end.id]));
    if (cleared === undefined) conditions.push({ sql: `(${SIDE} is null or ${SIDE} = ?)`, values: [record.id] });
    else conditions.push({ sql: `${SIDE} is null`, values: [] });
  }
  const found = await em.execute<RawRow[]>(
    `select t.id, t.kind, t.occurred_on, t.description, t.payee, t.note, t.category_id, t.amount, t.to_amount, case when t.account_id = e.account_id then 1 else 0 end as is_own, ${SIDE} as side_reconciliation_id
     ${sidesOn(dialect)} and ${FIRST_OF_SIDE} and ${conditions.map(({ sql }) => sql).join(' and ')}
     order by e.occurred_on desc, e.transaction_id desc limit ?`,
    [accountId, userId, ...conditions.flatMap(({ values }) => values), limit + 1],
  );
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  if (found.length <= limit || !last) return { rows, next: end };
  return { rows, next: { occurredOn: last['occurred_on'] as string, id: last['id'] as string } };
}

/** Where an entry stands, by how many there are before it; null where there are not so many. */
async function placeOfEntry(
  { em, dialect, userId }: Reading,
  accountId: string,
  { conditions, skipped }: { conditions: readonly Condition[]; skipped: number },
): Promise<SidePlace | null> {
  const [row] = await em.execute<RawRow[]>(
    `select e.occurred_on, e.transaction_id from ${entriesOf(dialect)}
     where e.account_id = ? and exists (select 1 from accounts a where a.id = ? and a.user_id = ?)
     and ${conditions.map(({ sql }) => sql).join(' and ')} order by e.occurred_on desc, e.transaction_id desc limit 1 offset ?`,
    [accountId, accountId, userId, ...conditions.flatMap(({ values }) => values), skipped],
  );
  return row ? { occurredOn: row['occurred_on'] as string, id: row['transaction_id'] as string } : null;
}
