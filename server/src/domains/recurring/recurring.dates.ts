import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, insertRows } from '../../db/index.ts';
import type { RawRow } from '../ledger/index.ts';
import type { RecurringRecord } from './recurring.repository.ts';
import { dayBefore, dueDates, firstDueDate, isDueDate, lastDueDate } from './recurring.rules.ts';

/** What is known of a date. `owed`: due by a rule that is no longer the template's, and neither made nor skipped yet. */
export type DateState = 'made' | 'skipped' | 'owed';

/** `doneAtMs` of a date that is owed. */
const NOT_DONE = 0;

/** The known dates from a day on, in order. */
export async function selectDates(
  em: SqlEntityManager,
  recurringId: string,
  from: string,
): Promise<Map<string, DateState>> {
  const rows = await em.execute<RawRow[]>(
    'select due_on, transaction_id, done_at from recurring_dates where recurring_id = ? and due_on >= ? order by due_on',
    [recurringId, from],
  );
  const stateOf = (row: RawRow): DateState =>
    row['transaction_id'] !== null ? 'made' : Number(row['done_at']) === NOT_DONE ? 'owed' : 'skipped';
  return new Map(rows.map((row) => [row['due_on'] as string, stateOf(row)]));
}

/** A date that its owner has taken out of a template. */
type SkippedDate = { recurringId: string; date: string };

/** A page of a person's skipped dates of all templates, past ones included, in their order and after one. */
export async function selectSkipped(
  em: SqlEntityManager,
  userId: string,
  { after, limit }: { after: SkippedDate; limit: number },
): Promise<SkippedDate[]> {
  const rows = await em.execute<RawRow[]>(
    `select d.recurring_id, d.due_on from recurring r join recurring_dates d on d.recurring_id = r.id
     where r.user_id = ? and r.id >= ? and (r.id > ? or d.due_on > ?) and d.transaction_id is null and d.done_at <> ?
     order by r.id, d.due_on limit ?`,
    [userId, after.recurringId, after.recurringId, after.date, NOT_DONE, limit],
  );
  return rows.map((row) => ({ recurringId: row['recurring_id'] as string, date: row['due_on'] as string }));
}

/** The last date that was made; empty where none was. */
export async function lastMadeOn(em: SqlEntityManager, recurringId: string): Promise<string> {
  const [row] = await em.execute<RawRow[]>(
    'select max(due_on) as due_on from recurring_dates where recurring_id = ? and transaction_id is not null',
    [recurringId],
  );
  return (row?.['due_on'] as string | null | undefined) ?? '';
}

type Done = { recurringId: string; dueOn: string; transactionId: string | null; doneAtMs: number };

/** Marks a date as made or skipped, also one that was owed. A second time throws the driver's unique violation. */
export async function insertDone(em: SqlEntityManager, dialect: Dialect, done: Done): Promise<void> {
  await deleteOwed(em, done.recurringId, done.dueOn);
  await insertDates(em, dialect, [done]);
}

/** Takes back in a date that is skipped: one of the template's rule is due by it, up to end and count, any other is owed again. */
export async function unskipDate(
  em: SqlEntityManager,
  dialect: Dialect,
  { record, dueOn }: { record: RecurringRecord; dueOn: string },
): Promise<void> {
  await deleteDate(em, record.id, dueOn);
  if (!isDueDate({ ...record, lastOn: null }, dueOn)) {
    await insertDates(em, dialect, [{ recurringId: record.id, dueOn, transactionId: null, doneAtMs: NOT_DONE }]);
  }
}

/** Whether something is due on a date, by the template's rule or by one before it, be it made, skipped or neither. */
export async function isDueOn(em: SqlEntityManager, record: RecurringRecord, date: string): Promise<boolean> {
  return isDueDate(record, date) || (await selectDates(em, record.id, date)).get(date) === 'owed';
}

/**
 * Skips what came to be due between two days (neither of them included) and is not made, by the template's rule or by one before it. All of it is written down:
 * what was due before is made first, and the date after that is to be found behind these.
 */
export async function passOver(
  em: SqlEntityManager,
  dialect: Dialect,
  { record, after, before, nowMs }: { record: RecurringRecord; after: string; before: string; nowMs: number },
): Promise<void> {
  const { id, nextOn, lastOn } = record;
  if (nextOn === null) return;
  const states = await selectDates(em, id, nextOn);
  const last = dayBefore(before);
  const schedule = { ...record, lastOn: lastOn !== null && lastOn < last ? lastOn : last };
  const open = dueDates(schedule, nextOn, Infinity, (date) => date > after && !states.has(date));
  await em.execute(
    'update recurring_dates set done_at = ? where recurring_id = ? and transaction_id is null and done_at = ? and due_on > ? and due_on < ?',
    [nowMs, id, NOT_DONE, after, before],
    'run',
  );
  await insertDates(
    em,
    dialect,
    open.map((dueOn) => ({ recurringId: id, dueOn, transactionId: null, doneAtMs: nowMs })),
  );
}

/** The template with the first date from a day on that is neither made nor skipped. Without one it is finished, but for a pause, which its owner ends. */
export async function withNext(em: SqlEntityManager, record: RecurringRecord, from: string): Promise<RecurringRecord> {
  const states = await selectDates(em, record.id, from);
  const [owed = null] = [...states].flatMap(([date, state]) => (state === 'owed' ? [date] : []));
  const ruled = firstDueDate(record, from, (date) => !states.has(date));
  const nextOn = owed !== null && (ruled === null || owed < ruled) ? owed : ruled;
  if (record.status === 'paused') return { ...record, nextOn };
  const status = nextOn === null ? 'finished' : record.status === 'finished' ? 'active' : record.status;
  return { ...record, nextOn, status };
}

/**
 * Writes down what a rule that ends leaves behind, up to a day: what is due and not made yet is owed, what was passed over (in a pause) is skipped. What was
 * skipped of the days after its last one is forgotten: it never came to be due. Where the same rule begins again, what is skipped of its days to come stays so.
 */
export async function closeRule(
  em: SqlEntityManager,
  dialect: Dialect,
  {
    record,
    until,
    beginsAgain,
    nowMs,
  }: { record: RecurringRecord; until: string; beginsAgain: boolean; nowMs: number },
): Promise<void> {
  const { id, nextOn, lastOn, startsOn } = record;
  const states = await selectDates(em, id, '');
  const last = lastOn !== null && lastOn < until ? lastOn : until;
  // An end may have been set to a day before the last one that was made: what was skipped up to that one was due.
  const lastMade = [...states].findLast(([, state]) => state === 'made')?.[0] ?? '';
  for (const [date, state] of states) {
    const wasDue = date < startsOn || date <= last || date < lastMade;
    const isToCome = beginsAgain && date >= until;
    if (state === 'skipped' && !wasDue && !isToCome) await deleteDate(em, id, date);
  }
  const open = dueDates({ ...record, lastOn: last }, startsOn, Infinity, (date) => !states.has(date));
  const isOwed = (date: string) => nextOn !== null && date >= nextOn;
  await insertDates(
    em,
    dialect,
    open.map((dueOn) => ({ recurringId: id, dueOn, transactionId: null, doneAtMs: isOwed(dueOn) ? NOT_DONE : nowMs })),
  );
}

/**
 * The template with its last day by end and count. The dates of earlier rules count, made, skipped and owed ones: all that are known before the present rule
 * begins, which is behind whatever the rules before it have left. What is owed beyond end or count is owed no longer.
 */
export async function withLast(em: SqlEntityManager, record: RecurringRecord): Promise<RecurringRecord> {
  const { endsOn, count, startsOn } = record;
  const states = await selectDates(em, record.id, '');
  const earlier = [...states].filter(([date]) => date < startsOn);
  let taken = earlier.filter(([, state]) => state !== 'owed').length;
  for (const [date, state] of earlier) {
    if (state !== 'owed') continue;
    const isBeyond = (endsOn !== null && date > endsOn) || (count !== null && taken >= count);
    if (isBeyond) await deleteOwed(em, record.id, date);
    else taken += 1;
  }
  const left = count === null ? null : count - taken;
  const lastOn = left === null || left > 0 ? lastDueDate({ ...record, count: left }) : dayBefore(startsOn);
  for (const [date, state] of states) {
    if (state === 'owed' && date >= startsOn && lastOn !== null && date > lastOn) await deleteOwed(em, record.id, date);
  }
  return { ...record, lastOn };
}

async function insertDates(em: SqlEntityManager, dialect: Dialect, dates: readonly Done[]): Promise<void> {
  await insertRows(em, dialect, {
    table: 'recurring_dates',
    columns: ['recurring_id', 'due_on', 'transaction_id', 'done_at'],
    rows: dates.map((each) => [each.recurringId, each.dueOn, each.transactionId, each.doneAtMs]),
  });
}

async function deleteDate(em: SqlEntityManager, recurringId: string, dueOn: string): Promise<void> {
  const parameters = [recurringId, dueOn];
  await em.execute('delete from recurring_dates where recurring_id = ? and due_on = ?', parameters, 'run');
}

async function deleteOwed(em: SqlEntityManager, recurringId: string, dueOn: string): Promise<void> {
  await em.execute(
    'delete from recurring_dates where recurring_id = ? and due_on = ? and transaction_id is null and done_at = ?',
    [recurringId, dueOn, NOT_DONE],
    'run',
  );
}
