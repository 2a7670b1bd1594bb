import {
  parseMoney,
  RECONCILIATION_TRANSACTIONS_MAX,
  type ReconciliationClear,
  type ReconciliationClearAll,
  type ReconciliationEntriesOut,
  type ReconciliationEntriesQuery,
  type ReconciliationFinish,
  type ReconciliationFinishOut,
  type ReconciliationOut,
  type ReconciliationsOut,
  type ReconciliationsQuery,
  type ReconciliationStart,
  type ReconciliationUpdate,
} from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, readSnapshot, type UnitOfWork } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { AppError, invalidField } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { countImports } from '../imports/index.ts';
import { findAccounts, findTransactions, type Ledger, type Mark, openLedger, writeMarks } from '../ledger/index.ts';
import { toTransactionOut } from '../transactions/index.ts';
import { postAdjustment } from './reconciliations.adjustment.ts';
import type { ReconciliationsApi } from './reconciliations.port.ts';
import {
  countLocked,
  deleteReconciliation,
  findReconciliation,
  insertReconciliation,
  listOfAccount,
  type Reading,
  type ReconciliationRecord,
  selectReconciliations,
  updateReconciliation,
} from './reconciliations.repository.ts';
import {
  differenceOf,
  newestFinished,
  openingFor,
  reachingBack,
  requireNoneOpen,
  requireOpen,
  type Ticks,
  ticksOf,
  toEntryOut,
  toReconciliationOut,
  unbalanced,
} from './reconciliations.rules.ts';
import {
  newestCleared,
  selectCleared,
  selectSides,
  selectUncleared,
  sumOfCleared,
  sumUpTo,
} from './reconciliations.sides.ts';

/** A person's ledger, held, and what is read of it. */
type Opened = Reading & { ledger: Ledger };

/** Reconciliation of accounts with the statements of their bank. */
export class ReconciliationsService implements ReconciliationsApi {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #transactionsMax: number;
  readonly #scannedMax: number | undefined;

  /** `transactionsMax` is how many one reconciliation holds; `scannedMax` how many entries a page looks at, other than usual for tests. */
  constructor({
    database,
    clock,
    transactionsMax = RECONCILIATION_TRANSACTIONS_MAX,
    scannedMax,
  }: {
    database: Database;
    clock: Clock;
    transactionsMax?: number;
    scannedMax?: number;
  }) {
    this.#database = database;
    this.#clock = clock;
    this.#transactionsMax = transactionsMax;
    this.#scannedMax = scannedMax;
  }

  list(userId: string, query: ReconciliationsQuery): Promise<ReconciliationsOut> {
    return this.#read(userId, async (reading) => {
      const [beforeId] = decodeCursor('reconciliations', query.cursor, ['string']);
      const rows = await selectReconciliations(reading, query, beforeId);
      const page = rows.slice(0, query.limit);
      const items: ReconciliationOut[] = [];
      for (const record of page) items.push(await describe(reading, record));
      return {
        items,
        nextCursor: rows.length > query.limit ? encodeCursor('reconciliations', [page.at(-1)?.id ?? '']) : null,
      };
    });
  }

  get(userId: string, id: string): Promise<ReconciliationOut> {
    return this.#read(userId, async (reading) => describe(reading, await requireReconciliation(reading, id)));
  }

  entries(userId: string, { cursor, ...query }: ReconciliationEntriesQuery): Promise<ReconciliationEntriesOut> {
    return this.#read(userId, async (reading) => {
      const record = await requireReconciliation(reading, query.id);
      const [occurredOn, id] = decodeCursor('reconciliation entries', cursor, ['string', 'string']);
      const before = occurredOn === undefined || id === undefined ? undefined : { occurredOn, id };
      const states = record.finishedAtMs === null ? ['uncleared', 'cleared'] : ['reconciled'];
      if (query.cleared !== undefined && !states.includes(query.cleared)) return { items: [], nextCursor: null };
      const { rows, next } = await selectSides(reading, record, { ...query, before, scannedMax: this.#scannedMax });
      return {
        items: rows.map((row) => toEntryOut(reading.dialect, record, row)),
        nextCursor: next && encodeCursor('reconciliation entries', [next.occurredOn, next.id]),
      };
    });
  }

  start(commit: UnitOfWork, userId: string, input: ReconciliationStart): Promise<ReconciliationOut> {
    return this.#change(commit, userId, async (opened) => {
      const { accountId, statementDate } = input;
      const account = (await findAccounts(opened.em, opened.dialect, userId, [accountId])).get(accountId);
      if (!account) throw invalidField('accountId', 'is no account');
      const ofAccount = await listOfAccount(opened, accountId);
      requireNoneOpen(ofAccount);
      const { changedAtMs } = opened.ledger;
      const record: ReconciliationRecord = {
        id: newId('rcn'),
        accountId,
        currency: account.currency,
        statementDate,
        statementBalance: parseMoney(input.statementBalance),
        openingBalance: openingFor(ofAccount, statementDate),
        earliestOn: null,
        transactionCount: 0,
        adjustmentTransactionId: null,
        finishedAtMs: null,
        createdAtMs: changedAtMs,
        updatedAtMs: changedAtMs,
      };
      await insertReconciliation(opened, record);
      return describe(opened, record);
    });
  }

  update(commit: UnitOfWork, userId: string, input: ReconciliationUpdate): Promise<ReconciliationOut> {
    return this.#change(commit, userId, async (opened) => {
      const record = requireOpen(await requireReconciliation(opened, input.id));
      const { statementDate = record.statementDate, statementBalance } = input;
      openingFor(await listOfAccount(opened, record.accountId), statementDate);
      const newest = await newestCleared(opened, record);
      if (newest !== null && newest > statementDate)
        throw invalidField('statementDate', `must not lie before ${newest}, the newest date of what is cleared in it`);
      const balance = statementBalance === undefined ? record.statementBalance : parseMoney(statementBalance);
      return save(opened, { ...record, statementDate, statementBalance: balance });
    });
  }

  clear(commit: UnitOfWork, userId: string, input: ReconciliationClear): Promise<ReconciliationOut> {
    return this.#change(commit, userId, async (opened) => {
      const record = requireOpen(await requireReconciliation(opened, input.id));
      return this.#tick(
        opened,
        record,
        await this.#ticks(opened, record, { ids: input.transactionIds, isCleared: true }),
      );
    });
  }

  clearAll(commit: UnitOfWork, userId: string, { id, upTo }: ReconciliationClearAll): Promise<ReconciliationOut> {
    return this.#change(commit, userId, async (opened) => {
      const record = requireOpen(await requireReconciliation(opened, id));
      if (upTo !== undefined && upTo > record.statementDate)
        throw invalidField('upTo', `must not lie after the statement date, ${record.statementDate}`);
      const limit = this.#transactionsMax + 1;
      const uncleared = await selectUncleared(opened, record, { upTo: upTo ?? record.statementDate, limit });
      return this.#tick(opened, record, uncleared);
    });
  }

  unclear(commit: UnitOfWork, userId: string, input: ReconciliationClear): Promise<ReconciliationOut> {
    return this.#change(commit, userId, async (opened) => {
      const record = requireOpen(await requireReconciliation(opened, input.id));
      const ticks = await this.#ticks(opened, record, { ids: input.transactionIds, isCleared: false });
      await writeMarks(opened.em, opened.ledger, ticks, null);
      return save(opened, record);
    });
  }

  finish(commit: UnitOfWork, userId: string, input: ReconciliationFinish): Promise<ReconciliationFinishOut> {
    return this.#change(commit, userId, async (opened) => {
      const record = requireOpen(await requireReconciliation(opened, input.id));
      await requireNoImport(opened);
      const cleared = await sumOfCleared(opened, record);
      const difference = differenceOf(record, cleared);
      if (difference !== 0n && !input.adjustment) throw unbalanced(record, cleared);
      const { ownIds, toIds } = await selectCleared(opened, record);
      const made =
        difference === 0n || !input.adjustment
          ? null
          : await postAdjustment(opened, opened.ledger, record, { difference, wanted: input.adjustment });
      const locked = { ownIds: [...ownIds, ...(made ? [made.id] : [])], toIds };
      const mark: Mark = { state: 'reconciled', reconciliationId: record.id };
      await writeMarks(opened.em, opened.ledger, locked, mark);
      const reconciliation = await save(opened, {
        ...reachingBack(record, made && record.statementDate),
        transactionCount: locked.ownIds.length + locked.toIds.length,
        adjustmentTransactionId: made && made.id,
        finishedAtMs: opened.ledger.changedAtMs,
      });
      return { reconciliation, adjustment: made && toTransactionOut({ ...made, marks: { own: mark, to: null } }) };
    });
  }

  reopen(commit: UnitOfWork, userId: string, id: string): Promise<ReconciliationOut> {
    return this.#change(commit, userId, async (opened) => {
      const record = await requireReconciliation(opened, id);
      const ofAccount = await listOfAccount(opened, record.accountId);
      requireNoneOpen(ofAccount);
      const newest = newestFinished(ofAccount);
      if (newest?.id !== id)
        throw new AppError('CONFLICT', `Only the newest finished reconciliation is reopened, ${newest?.id}.`);
      const mark: Mark = { state: 'cleared', reconciliationId: id };
      await writeMarks(opened.em, opened.ledger, await selectCleared(opened, record), mark);
      return save(opened, { ...record, transactionCount: 0, adjustmentTransactionId: null, finishedAtMs: null });
    });
  }

  async cancel(commit: UnitOfWork, userId: string, id: string): Promise<void> {
    await this.#change(commit, userId, async (opened) => {
      const record = requireOpen(await requireReconciliation(opened, id));
      await writeMarks(opened.em, opened.ledger, await selectCleared(opened, record), null);
      await deleteReconciliation(opened, id);
      return {};
    });
  }

  async #ticks(
    opened: Opened,
    record: ReconciliationRecord,
    { ids, isCleared }: { ids: readonly string[]; isCleared: boolean },
  ): Promise<Ticks> {
    const known = await findTransactions(opened.em, opened.dialect, opened.userId, ids);
    return ticksOf(record, { ids, known, isCleared });
  }

  /** @throws AppError CONFLICT where it would hold more than it can */
  async #tick(opened: Opened, record: ReconciliationRecord, ticks: Ticks): Promise<ReconciliationOut> {
    const { count } = await sumOfCleared(opened, record);
    if (count + ticks.ownIds.length + ticks.toIds.length > this.#transactionsMax) {
      throw new AppError(
        'CONFLICT',
        `A reconciliation holds at most ${this.#transactionsMax} transactions; begin with an earlier statement.`,
      );
    }
    await writeMarks(opened.em, opened.ledger, ticks, { state: 'cleared', reconciliationId: record.id });
    return save(opened, reachingBack(record, ticks.earliestOn));
  }

  #change<Result>(commit: UnitOfWork, userId: string, work: (opened: Opened) => Promise<Result>): Promise<Result> {
    const { dialect } = this.#database;
    return commit(async (em: SqlEntityManager) => {
      const ledger = await openLedger(em, dialect, { userId, nowMs: this.#clock.now() });
      return work({ em, dialect, userId, ledger });
    });
  }

  /** Several reads as of one moment. */
  #read<Result>(userId: string, work: (reading: Reading) => Promise<Result>): Promise<Result> {
    return readSnapshot(this.#database, (em) => work({ em, dialect: this.#database.dialect, userId }));
  }
}

async function requireReconciliation(reading: Reading, id: string): Promise<ReconciliationRecord> {
  const record = await findReconciliation(reading, id);
  if (!record) throw new AppError('NOT_FOUND', 'There is no such reconciliation.');
  return record;
}

/** What an import has written may be taken back, and what is locked may not. @throws AppError IMPORT_NOT_READY */
async function requireNoImport({ em, userId }: Reading): Promise<void> {
  if ((await countImports(em, userId, ['running', 'undoing'])) === 0) return;
  throw new AppError('IMPORT_NOT_READY', 'An import of yours is running; finish when it has ended.');
}

async function save(opened: Opened, record: ReconciliationRecord): Promise<ReconciliationOut> {
  const changed = { ...record, updatedAtMs: opened.ledger.changedAtMs };
  await updateReconciliation(opened, changed);
  return describe(opened, changed);
}

async function describe(reading: Reading, record: ReconciliationRecord): Promise<ReconciliationOut> {
  const { accountId, statementDate: date, statementBalance, openingBalance } = record;
  if (record.finishedAtMs !== null) {
    const locked = { total: statementBalance - openingBalance, count: record.transactionCount };
    return toReconciliationOut(record, locked, null);
  }
  const cleared = await sumOfCleared(reading, record);
  const all = await sumUpTo(reading, { accountId, date });
  const lockedCount = await countLocked(reading, accountId);
  return toReconciliationOut(record, cleared, {
    total: all.total - openingBalance - cleared.total,
    count: all.count - lockedCount - cleared.count,
  });
}
