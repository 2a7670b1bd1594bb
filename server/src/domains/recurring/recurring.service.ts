import {
  RECURRING_BACK_DAYS_MAX,
  RECURRING_MAX,
  RECURRING_SKIP_DAYS_MAX,
  type RecurringCreate,
  type RecurringDatesOut,
  type RecurringDraft,
  type RecurringListOut,
  type RecurringOut,
  type RecurringUpdate,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database, UnitOfWork } from '../../db/index.ts';
import { type Clock, dateIn } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { type Ledger, openLedger, requireMovable } from '../ledger/index.ts';
import { recordOf } from '../transactions/index.ts';
import { timeZoneOf } from '../users/index.ts';
import type { RecurringApi } from './recurring.port.ts';
import {
  closeRule,
  insertDone,
  isDueOn,
  lastMadeOn,
  passOver,
  selectDates,
  unskipDate,
  withLast,
  withNext,
} from './recurring.dates.ts';
import {
  countRecurring,
  deleteRecurring,
  findRecurring,
  insertRecurring,
  type RecurringRecord,
  selectRecurring,
  toRecurringOut,
  updateRecurring,
} from './recurring.repository.ts';
import { dueDates, firstDueDate, lastDueDate } from './recurring.rules.ts';
import { toTransaction } from './recurring.scheduler.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Templates of transactions that come again and again. Each change holds the person's ledger, as the scheduler does. */
export class RecurringService implements RecurringApi {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor({ database, clock }: { database: Database; clock: Clock }) {
    this.#database = database;
    this.#clock = clock;
  }

  async list(userId: string, query: { limit: number; cursor?: string | undefined }): Promise<RecurringListOut> {
    const [afterId = ''] = decodeCursor('recurring', query.cursor, ['string']);
    const found = await selectRecurring(this.#database.em(), userId, { afterId, limit: query.limit });
    const page = found.slice(0, query.limit);
    return {
      items: page.map(toRecurringOut),
      nextCursor: found.length > query.limit ? encodeCursor('recurring', [page.at(-1)?.id ?? '']) : null,
    };
  }

  async get(userId: string, id: string): Promise<RecurringOut> {
    return toRecurringOut(await requireRecurring(this.#database.em(), userId, id));
  }

  async create(commit: UnitOfWork, userId: string, input: RecurringCreate): Promise<RecurringOut> {
    const lastOn = lastDueDate(input);
    const nextOn = firstDueDate({ ...input, lastOn }, input.startsOn);
    if (nextOn === null) throw invalidField('rule', 'has no date between start and end');
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      if ((await countRecurring(em, userId)) >= RECURRING_MAX)
        throw new AppError('CONFLICT', `A person has at most ${RECURRING_MAX} recurring transactions.`);
      const timeZone = input.timeZone ?? (await timeZoneOf(em, userId));
      const earliest = dateIn(timeZone, this.#clock.now() - RECURRING_BACK_DAYS_MAX * DAY_MS);
      if (input.startsOn < earliest) throw invalidField('startsOn', `must not lie before ${earliest}`);
      await requireMakeable(em, ledger, input.draft, input.startsOn);
      const record: RecurringRecord = {
        ...input,
        timeZone,
        anchorOn: null,
        lastOn,
        id: newId('rec'),
        userId,
        status: 'active',
        pausedOn: null,
        failure: null,
        nextOn,
        madeCount: 0,
        createdAtMs: ledger.changedAtMs,
        updatedAtMs: ledger.changedAtMs,
      };
      await insertRecurring(em, this.#database.dialect, record);
      return toRecurringOut(record);
    });
  }

  async update(commit: UnitOfWork, userId: string, { id, ...changes }: RecurringUpdate): Promise<RecurringOut> {
    return this.#change(commit, userId, id, async (em, before, ledger) => {
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const changed: RecurringRecord = { ...before, ...given };
      if (changes.draft) {
        await requireMakeable(em, ledger, changes.draft, before.startsOn);
        // Whatever kept the draft before it from being made, this one is tried at once.
        if (changed.status === 'failed') Object.assign(changed, { status: 'active', failure: null });
      }
      const isRescheduled = (['rule', 'endsOn', 'count'] as const).some((name) => changed[name] !== before[name]);
      if (!isRescheduled) return changed;
      // In another time zone, what was made may be of a day that has not begun: a rule ends and begins behind all that was made.
      const days = [this.#today(before), this.#today(changed), await lastMadeOn(em, id)];
      const today = days.toSorted().at(-1) ?? '';
      // What was due and is not made yet stays due; nothing is made up for the past.
      const from = before.nextOn !== null && before.nextOn <= today ? before.nextOn : today;
      const isSameRule = changed.rule === before.rule;
      const goesOn = before.nextOn !== null || firstDueDate({ ...changed, lastOn: null }, today) === null;
      if (isSameRule && goesOn) return withNext(em, await withLast(em, changed), from);
      // Where it had come to its end, the rule begins again: nothing was due in between.
      const closed = { until: today, beginsAgain: isSameRule, nowMs: ledger.changedAtMs };
      await closeRule(em, this.#database.dialect, { record: before, ...closed });
      const begun = await withLast(em, beginRule(changed, today));
      if (!isSameRule && firstDueDate(begun, today) === null)
        throw invalidField('rule', 'has no date that is still to come');
      return withNext(em, begun, from);
    });
  }

  async remove(commit: UnitOfWork, userId: string, id: string): Promise<void> {
    await commit(async (em) => {
      await this.#open(em, userId);
      await requireRecurring(em, userId, id);
      await deleteRecurring(em, userId, id);
      return {};
    });
  }

  async pause(commit: UnitOfWork, userId: string, id: string): Promise<RecurringOut> {
    return this.#change(commit, userId, id, async (_em, before) => {
      if (before.status === 'finished' || before.status === 'paused') return before;
      return { ...before, status: 'paused', pausedOn: this.#today(before), failure: null };
    });
  }

  async resume(
    commit: UnitOfWork,
    userId: string,
    { id, catchUp }: { id: string; catchUp: boolean },
  ): Promise<RecurringOut> {
    return this.#change(commit, userId, id, async (em, before, ledger) => {
      if (before.status !== 'paused') return before;
      const resumed: RecurringRecord = { ...before, status: 'active', pausedOn: null };
      if (before.nextOn === null) return { ...resumed, status: 'finished' };
      if (!catchUp) {
        const pause = { after: before.pausedOn ?? '', before: this.#today(before) };
        await passOver(em, this.#database.dialect, { record: before, ...pause, nowMs: ledger.changedAtMs });
      }
      return withNext(em, resumed, before.nextOn);
    });
  }

  async skip(commit: UnitOfWork, userId: string, { id, date }: { id: string; date: string }): Promise<RecurringOut> {
    return this.#change(commit, userId, id, async (em, before, ledger) => {
      const today = dateIn(before.timeZone, this.#clock.now());
      const from = Date.parse(before.startsOn > today ? before.startsOn : today);
      const latest = dateIn('UTC', from + RECURRING_SKIP_DAYS_MAX * DAY_MS);
      if (date > latest) throw invalidField('date', `must not lie after ${latest}`);
      const state = (await selectDates(em, id, date)).get(date);
      if (before.nextOn === null || date < before.nextOn || !(await isDueOn(em, before, date)))
        throw invalidField('date', 'is no day on which something is still to be made');
      if (state === 'made' || state === 'skipped') throw invalidField('date', `is ${state} already`);
      const mark = { recurringId: id, dueOn: date, transactionId: null, doneAtMs: ledger.changedAtMs };
      await insertDone(em, this.#database.dialect, mark);
      return withNext(em, before, before.nextOn);
    });
  }

  async unskip(commit: UnitOfWork, userId: string, { id, date }: { id: string; date: string }): Promise<RecurringOut> {
    return this.#change(commit, userId, id, async (em, before) => {
      if (date < this.#today(before)) throw invalidField('date', 'has passed');
      if ((await selectDates(em, id, date)).get(date) !== 'skipped') throw invalidField('date', 'is not skipped');
      await unskipDate(em, this.#database.dialect, { record: before, dueOn: date });
      const changed = await withLast(em, before);
      if (!(await isDueOn(em, changed, date))) throw invalidField('date', 'lies beyond the end or the count');
      const from = before.nextOn === null || date < before.nextOn ? date : before.nextOn;
      return withNext(em, changed, from);
    });
  }

  async dates(userId: string, { id, limit }: { id: string; limit: number }): Promise<RecurringDatesOut> {
    const em = this.#database.em();
    const record = await requireRecurring(em, userId, id);
    // What is skipped before the next date that is made is a coming date as well.
    const today = this.#today(record);
    const from = record.nextOn === null || record.nextOn > today ? today : record.nextOn;
    const states = await selectDates(em, id, from);
    const owed = [...states].flatMap(([date, state]) => (state === 'owed' ? [date] : []));
    const isOpen = (date: string) => !states.has(date) || states.get(date) === 'skipped';
    const dates = [...owed, ...dueDates(record, from, limit, isOpen)].toSorted().slice(0, limit);
    return { items: dates.map((date) => ({ date, isSkipped: states.get(date) === 'skipped' })), nextCursor: null };
  }

  #today({ timeZone }: { timeZone: string }): string {
    return dateIn(timeZone, this.#clock.now());
  }

  #open(em: SqlEntityManager, userId: string): Promise<Ledger> {
    return openLedger(em, this.#database.dialect, { userId, nowMs: this.#clock.now() });
  }

  #change(
    commit: UnitOfWork,
    userId: string,
    id: string,
    change: (em: SqlEntityManager, before: RecurringRecord, ledger: Ledger) => Promise<RecurringRecord>,
  ): Promise<RecurringOut> {
    return commit(async (em) => {
      const ledger = await this.#open(em, userId);
      const before = await requireRecurring(em, userId, id);
      const changed = withoutOldFailure({
        ...(await change(em, before, ledger)),
        updatedAtMs: ledger.changedAtMs,
      });
      await updateRecurring(em, changed);
      return toRecurringOut(changed);
    });
  }
}

/**
 * The template from its new rule on: what that counts from the start (every second week, the day of the month) it counts from the one that its owner gave,
 * and the first of its dates from today on is where it begins. Wherever the rules before it began, a rule that is taken back has the dates that it had.
 *
 * @throws AppError VALIDATION_FAILED for a rule without a date
 */
function beginRule(record: RecurringRecord, today: string): RecurringRecord {
  const anchorOn = record.anchorOn ?? record.startsOn;
  if (anchorOn > today) return { ...record, startsOn: anchorOn };
  const startsOn = firstDueDate({ rule: record.rule, startsOn: anchorOn, lastOn: null }, today);
  if (startsOn === null) throw invalidField('rule', 'has no date that is still to come');
  return { ...record, anchorOn, startsOn };
}

/** The template without the failure of a date that is not the next one any more, because it was skipped, say. */
function withoutOldFailure(record: RecurringRecord): RecurringRecord {
  const { failure, nextOn, status } = record;
  if (failure === null || failure.dueOn === nextOn) return record;
  return { ...record, failure: null, status: status === 'failed' ? 'active' : status };
}

async function requireRecurring(em: SqlEntityManager, userId: string, id: string): Promise<RecurringRecord> {
  const record = await findRecurring(em, userId, id);
  if (!record) throw new AppError('NOT_FOUND', 'There is no such recurring transaction.');
  return record;
}

/** @throws AppError VALIDATION_FAILED, or ACCOUNT_ARCHIVED, naming the field of the draft */
async function requireMakeable(
  em: SqlEntityManager,
  ledger: Ledger,
  draft: RecurringDraft,
  date: string,
): Promise<void> {
  try {
    const { transaction, accounts } = await recordOf(
      em,
      ledger,
      toTransaction(draft, { recurringId: '', dueOn: date }),
    );
    requireMovable({ before: null, after: transaction }, accounts);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const details = error.details.map(({ path, message }) => ({ path: `draft.${path}`, message }));
    throw new AppError(error.code, error.message, { details, cause: error });
  }
}
