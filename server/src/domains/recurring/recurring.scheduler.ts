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
  type DuePlace,
  findRecurring,
  type RecurringRecord,
  selectDue,
  updateRecurring,
} from './recurring.repository.ts';
import { latestDateAnywhere } from './recurring.rules.ts';

const PAGE = 200;

type Parts = { database: Database; clock: Clock };

/** What one run did. `errors` are defects and outages, not templates that wait to be mended. */
export type DueRun = { made: number; failed: number; errors: unknown[] };

/**
 * Makes everything that is due, of everybody: each template's dates in order, each in a transaction of its own. Any number of replicas may run it at once,
 * and it may be killed anywhere: a date is marked, posted and left behind together or not at all.
 */
export async function makeDue(parts: Parts, signal?: AbortSignal): Promise<DueRun> {
  const run: DueRun = { made: 0, failed: 0, errors: [] };
  const until = latestDateAnywhere(parts.clock.now());
  for (let after: DuePlace = { nextOn: '', id: '' }; ;) {
    const page = await selectDue(parts.database.em(), { until, after, limit: PAGE });
    for (const due of page) {
      if (signal?.aborted) return run;
      await makeDatesOf(parts, due, run, signal);
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) return run;
    after = last;
  }
}

async function makeDatesOf(
  parts: Parts,
  due: { id: string; userId: string },
  run: DueRun,
  signal: AbortSignal | undefined,
): Promise<void> {
  while (!signal?.aborted) {
    try {
      const outcome = await makeNext(parts, due);
      if (outcome === 'nothing due') return;
      run.made += 1;
    } catch (error) {
      if (!(error instanceof DueFailure)) {
        run.errors.push(error);
        return;
      }
      await markFailed(parts, due, error);
      run.failed += 1;
      return;
    }
  }
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

function makeNext({ database, clock }: Parts, { id, userId }: { id: string; userId: string }) {
  const { dialect } = database;
  return transact(database, async (em): Promise<'made' | 'nothing due'> => {
    const ledger = await openLedger(em, dialect, { userId, nowMs: clock.now() });
    // Read again behind the lock: another replica may have made it meanwhile, or its owner changed it.
    const record = await findRecurring(em, userId, id);
    const dueOn = record && dueDateOf(record, clock);
    if (!record || dueOn === null) return 'nothing due';
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
    await updateRecurring(em, {
      ...(await withNext(em, { ...record, status: 'active' }, dueOn)),
      failure: null,
      madeCount: record.madeCount + 1,
      updatedAtMs: ledger.changedAtMs,
    });
    return 'made';
  });
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
  { id, userId }: { id: string; userId: string },
  { dueOn, reason }: DueFailure,
): Promise<void> {
  const message = [
    reason.message,
    ...reason.details.map((detail) => `${fieldWords(detail.path)} ${detail.message}`),
  ].join(' ');
  await transact(database, async (em) => {
    const ledger = await openLedger(em, database.dialect, { userId, nowMs: clock.now() });
    const record = await findRecurring(em, userId, id);
    if (!record || dueDateOf(record, clock) !== dueOn) return;
    const { failure } = record;
    if (record.status === 'failed' && failure?.dueOn === dueOn && failure.message === message) return;
    await updateRecurring(em, {
      ...record,
      status: 'failed',
      failure: { code: reason.code, message, dueOn, atMs: ledger.changedAtMs },
      updatedAtMs: ledger.changedAtMs,
    });
  });
}

/** What a template makes on a date. The external id is that of the date, so that the ledger too refuses a second one. */
export function toTransaction(
  draft: RecurringDraft,
  { recurringId, dueOn }: { recurringId: string; dueOn: string },
): TransactionCreate {
  return { ...draft, occurredOn: dueOn, source: 'recurring', externalId: `${recurringId}:${dueOn}` };
}
