import type { ReconciliationEntriesQuery } from '@finverse/shared';
import { moneyFromSql, type SqlValue, sumOfMoney } from '../../db/index.ts';
import { type MarkedIds, monthOf, type RawRow, type Units } from '../ledger/index.ts';
import type { Reading, ReconciliationRecord } from './reconciliations.repository.ts';

// A side is a transaction on one of its accounts: what one line of a statement shows. Read off the index of the account's entries, newest first.

/** In which reconciliation the side of `t` that the entry `e` belongs to is. */
const SIDE = 'case when t.account_id = e.account_id then t.reconciliation_id else t.to_reconciliation_id end';
/** The first entry of each side: a split has more. */
const FIRST_OF_SIDE = `(e.line = 0 or e.kind = 'transfer')`;
const FROM = 'from entries e join transactions t on t.id = e.transaction_id where e.account_id = ? and e.user_id = ?';

/** What is in a reconciliation, and how many transactions that is. */
export async function sumOfCleared(
  { em, dialect, userId }: Reading,
  record: ReconciliationRecord,
): Promise<{ total: Units; count: number }> {
  const within = clearedIn(record);
  const [row] = await em.execute<RawRow[]>(
    `select ${sumOfMoney(dialect, 'e.amount')} as total, sum(case when ${FIRST_OF_SIDE} then 1 else 0 end) as count
     ${FROM} and ${within.sql}`,
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

type Condition = { sql: string; values: SqlValue[] };

function clearedIn({ id, earliestOn, statementDate }: ReconciliationRecord): Condition {
  return {
    sql: `e.occurred_on >= ? and e.occurred_on <= ? and ${SIDE} = ?`,
    values: [earliestOn ?? statementDate, statementDate, id],
  };
}

async function selectIds(
  { em, userId }: Reading,
  accountId: string,
  { sql, values }: Condition,
  limit?: number,
): Promise<MarkedIds & { earliestOn: string | null }> {
  const rows = await em.execute<RawRow[]>(
    `select t.id, e.occurred_on, case when t.account_id = e.account_id then 1 else 0 end as is_own
     ${FROM} and ${FIRST_OF_SIDE} and ${sql} order by e.occurred_on desc, e.transaction_id desc${limit === undefined ? '' : ' limit ?'}`,
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
export async function newestCleared({ em, userId }: Reading, record: ReconciliationRecord): Promise<string | null> {
  const within = clearedIn(record);
  const [row] = await em.execute<RawRow[]>(`select max(e.occurred_on) as newest ${FROM} and ${within.sql}`, [
    record.accountId,
    userId,
    ...within.values,
  ]);
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

/** A page, newest first, of what may be cleared in an open reconciliation and what is in it, or of what a finished one has locked; one more where there are more. */
export async function selectSides(
  { em, userId }: Reading,
  record: ReconciliationRecord,
  { cleared, limit, before }: ReconciliationEntriesQuery & { before: { occurredOn: string; id: string } | undefined },
): Promise<RawRow[]> {
  const { accountId, statementDate, finishedAtMs } = record;
  const isOpen = finishedAtMs === null;
  const conditions: Condition[] = [];
  if (!isOpen || cleared === 'cleared') conditions.push(clearedIn(record));
  else {
    const mayBeIn = cleared === undefined ? `(${SIDE} is null or ${SIDE} = ?)` : `${SIDE} is null`;
    conditions.push({
      sql: `e.occurred_on <= ? and ${mayBeIn}`,
      values: cleared === undefined ? [statementDate, record.id] : [statementDate],
    });
  }
  if (before) {
    // The first condition alone lets the index be entered at the right date; neither database does so for the second.
    conditions.push({ sql: 'e.occurred_on <= ?', values: [before.occurredOn] });
    conditions.push({ sql: '(e.occurred_on < ? or e.transaction_id < ?)', values: [before.occurredOn, before.id] });
  }
  return em.execute<RawRow[]>(
    `select t.id, t.kind, t.occurred_on, t.description, t.payee, t.note, t.category_id, t.amount, t.to_amount, case when t.account_id = e.account_id then 1 else 0 end as is_own, ${SIDE} as side_reconciliation_id
     ${FROM} and ${FIRST_OF_SIDE} and ${conditions.map(({ sql }) => sql).join(' and ')}
     order by e.occurred_on desc, e.transaction_id desc limit ?`,
    [accountId, userId, ...conditions.flatMap(({ values }) => values), limit + 1],
  );
}
