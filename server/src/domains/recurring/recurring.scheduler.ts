import type { RecurringDraft, TransactionCreate } from '@finverse/shared';
import { UniqueConstraintViolationException } from '@mikro-orm/core';
import { type Database, transact } from '../../db/index.ts';
import { type Clock, dateIn } from '../../kernel/clock.ts';
import { AppError } from '../../kernel/errors.ts';
import { fieldWords } from '../../kernel/field-words.ts';
import { openLedger, post } from '../ledger/index.ts';
import { recordOf } from '../transactions/index.ts';
import { insertDone, withNext } from './recurring.dates.ts';
import {
  type Due,
  type DuePlace,
  findRecurring,
  type RecurringRecord,
  selectDue,
  updateRecurring,
} from './recurring.repository.ts';
import { latestDateAnywhere } from './recurring.rules.ts';

const PAGE = 200;
/** Dates of a template, and of a person, that a pass makes before the others have their turn. */
const TEMPLATE_DATES_PER_PASS = 10;
const PERSON_DATES_PER_PASS = 100;

/** For how long what failed is tried again at every run, and how far apart the tries are after that. */
const RETRY_PAUSE_MS = 15 * 60_000;

type Parts = { database: Database; clock: Clock };

/** What one run did. `errors` are defects and outages, not templates that wait to be mended. */
export type DueRun = { made: number; failed: number; errors: unknown[] };

/** `lastRunMs`: when the run before this one began; null where there was none, as after a start. */
type Options = { lastRunMs?: number | null; signal?: AbortSignal };

/** `stuck`: templates that this run has tried in vain and tries no more. */
type Running = { run: DueRun; stuck: Set<string>; lastRunMs: number | null; signal: AbortSignal | undefined };

/**
 * Makes everything that is due, of everybody: each template's dates in order, each in a transaction of its own. Any number of replicas may run it at once,
 * and it may be killed anywhere: a date is marked, posted and left behind together or not at all. It goes over all of them again and again, and makes some of
 * each at a time, so that nobody waits for the years of another.
 */
export async function makeDue(parts: Parts, { lastRunMs = null, signal }: Options = {}): Promise<DueRun> {
  const running: Running = { run: { made: 0, failed: 0, errors: [] }, stuck: new Set(), lastRunMs, signal };
  for (let madeBefore = -1; running.run.made > madeBefore && !signal?.aborted;) {
    madeBefore = running.run.made;
    await makePass(parts, running);
  }
  return running.run;
}

async function makePass(parts: Parts, running: Running): Promise<void> {
  const nowMs = parts.clock.now();
  const until = latestDateAnywhere(nowMs);
  const madeByPerson = new Map<string, number>();
  for (let after: DuePlace = { nextOn: '', id: '' }; ;) {
    const page = await selectDue(parts.database.em(), { until, after, limit: PAGE });
    for (const due of page) {
      if (running.signal?.aborted) return;
      const madeOfPerson = madeByPerson.get(due.userId) ?? 0;
      const limit = Math.min(TEMPLATE_DATES_PER_PASS, PERSON_DATES_PER_PASS - madeOfPerson);
      if (limit === 0 || running.stuck.has(due.id)) continue;
      const made = await makeDatesOf(parts, due, { running, nowMs, limit });
      madeByPerson.set(due.userId, madeOfPerson + made);
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last;
  }
}

/** Whether the date has come in the template's time zone, and what failed is to be tried again: where a pause has ended since the last run. */
function isDueAt({ nextOn, timeZone, failure }: Due, nowMs: number, lastRunMs: number | null): boolean {
  if (nextOn > dateIn(timeZone, nowMs)) return false;
  if (failure === null || lastRunMs === null) return true;
  const pausesUntil = (ms: number) => Math.floor((ms - failure.atMs) / RETRY_PAUSE_MS);
  return pausesUntil(nowMs) < 1 || pausesUntil(nowMs) > pausesUntil(lastRunMs);
}

/** Makes up to so many dates of a template, and says how many it made. */
async function makeDatesOf(
  parts: Parts,
  due: Due,
  { running: { run, stuck, lastRunMs, signal }, nowMs, limit }: { running: Running; nowMs: number; limit: number },
): Promise<number> {
  let made = 0;
  try {
    for (let isDue = isDueAt(due, nowMs, lastRunMs); isDue && made < limit && !signal?.aborted;) {
      const after = await makeNext(parts, due);
      if (!after) break;
      made += 1;
      run.made += 1;
      isDue = dueDateOf(after, parts.clock) !== null;
    }
  } catch (error) {
    stuck.add(due.id);
    if (error instanceof DueFailure) run.failed += 1;
    else run.errors.push(error);
  }
  return made;
}

/** Something that the person can mend keeps a date from being made. */
class DueFailure extends Error {
  override name = 'DueFailure';
  readonly dueOn: string;
  readonly reason: AppError;

  constructor(dueOn: string, reason: AppError) {
    super(reason.message, { cause: reason });
    this.dueOn = dueOn;
    this.reason = reason;
  }
}

/** Makes the next date of a template, and answers the template after it; null where nothing is due any more. @throws DueFailure, once it is written down */
async function makeNext(parts: Parts, due: Due): Promise<RecurringRecord | null> {
  const { database, clock } = parts;
  const { dialect } = database;
  const { id, userId } = due;
  const made = transact(database, async (em) => {
    const ledger = await openLedger(em, dialect, { userId, nowMs: clock.now() });
    // Read again behind the lock: another replica may have made it meanwhile, or its owner changed it.
    const record = await findRecurring(em, userId, id);
    const dueOn = record && dueDateOf(record, clock);
    if (!record || dueOn === null) throw new NothingToDo();
    const { transaction, accounts } = await mendable(dueOn, () =>
      recordOf(em, ledger, toTransaction(record.draft, { recurringId: id, dueOn })),
    );
    await insertDone(em, dialect, {
      recurringId: id,
      dueOn,
      transactionId: transaction.id,
      doneAtMs: ledger.changedAtMs,
    });
    await mendable(dueOn, () => post(em, ledger, [{ before: null, after: transaction }], accounts));
    const after: RecurringRecord = {
      ...(await withNext(em, { ...record, status: 'active' }, dueOn)),
      failure: null,
      madeCount: record.madeCount + 1,
      updatedAtMs: ledger.changedAtMs,
    };
    await updateRecurring(em, after);
    return after;
  });
  try {
    return await unlessNothing(made);
  } catch (error) {
    if (error instanceof DueFailure) await markFailed(parts, due, error);
    throw error;
  }
}

/** Takes back a transaction that has nothing to do: committed, the ledger would count as changed, and an export of it would break off. */
class NothingToDo extends Error {
  override name = 'NothingToDo';
}

async function unlessNothing<Result>(work: Promise<Result>): Promise<Result | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof NothingToDo) return null;
    throw error;
  }
}

/** Tells what the person can mend from what they cannot. */
async function mendable<Result>(dueOn: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw new DueFailure(dueOn, error);
    if (!(error instanceof UniqueConstraintViolationException)) throw error;
    const message = 'There is a transaction of this source and external id already: delete it, or skip the date.';
    throw new DueFailure(dueOn, new AppError('DUPLICATE_EXTERNAL_ID', message, { cause: error }));
  }
}

/** The date to be made now, if any. */
function dueDateOf({ status, nextOn, timeZone }: RecurringRecord, clock: Clock): string | null {
  if (nextOn === null || (status !== 'active' && status !== 'failed')) return null;
  return nextOn <= dateIn(timeZone, clock.now()) ? nextOn : null;
}

/** Says on the template why its date could not be made; once for each reason. The date stays due. */
async function markFailed(
  { database, clock }: Parts,
  { id, userId }: Due,
  { dueOn, reason }: DueFailure,
): Promise<void> {
  const message = [
    reason.message,
    ...reason.details.map((detail) => `${fieldWords(detail.path)} ${detail.message}`),
  ].join(' ');
  const marked = transact(database, async (em) => {
    const ledger = await openLedger(em, database.dialect, { userId, nowMs: clock.now() });
    const record = await findRecurring(em, userId, id);
    if (!record || dueDateOf(record, clock) !== dueOn) throw new NothingToDo();
    const { failure } = record;
    if (record.status === 'failed' && failure?.dueOn === dueOn && failure.message === message) throw new NothingToDo();
    await updateRecurring(em, {
      ...record,
      status: 'failed',
      failure: { code: reason.code, message, dueOn, atMs: ledger.changedAtMs },
      updatedAtMs: ledger.changedAtMs,
    });
  });
  await unlessNothing(marked);
}

/** What a template makes on a date. The external id is that of the date, so that the ledger too refuses a second one. */
export function toTransaction(
  draft: RecurringDraft,
  { recurringId, dueOn }: { recurringId: string; dueOn: string },
): TransactionCreate {
  return { ...draft, occurredOn: dueOn, source: 'recurring', externalId: `${recurringId}:${dueOn}` };
}
