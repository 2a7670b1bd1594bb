import { setTimeout as delay } from 'node:timers/promises';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, isUnavailable, transact } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError, describeError } from '../../kernel/errors.ts';
import { fieldWords } from '../../kernel/field-words.ts';
import { importedTransactionId, importedTransactionIds } from '../../kernel/ids.ts';
import { type Change, findAccounts, type Ledger, listAccounts, post, type TransactionRecord } from '../ledger/index.ts';
import { addBalanceRows, balanceWarnings, type BalanceRows, NO_BALANCE_ROWS } from './balance-rows.ts';
import { type Book, readBook } from './book.ts';
import { creditFault } from './credit-limits.ts';
import type { ImportFiles } from './import-files.ts';
import { Cancelled, changeRun, type Log, openRun, type Run, RunOver, FaultyFile } from './import-run.ts';
import { ImportUndo } from './import-undo.ts';
import { releaseFile } from './import-files.repository.ts';
import { readRemembered, remember } from './import-sources.repository.ts';
import { beat, changeImport, findImport, findUnfinished, type ImportRecord } from './imports.repository.ts';
import { addStandings, type Judged, judgeRows, NO_STANDINGS, type Standings, standingWarnings } from './judge-rows.ts';
import { lessonOf, type Remembered } from './parse/remembered.ts';
import { sniffFile } from './parse/sniff.ts';
import { findPossibleDuplicates, Matched, partlyWarnings } from './possible-duplicates.ts';
import { type ReadRow, readDrafts } from './read-drafts.ts';
import { identifyRows } from './row-ids.ts';
import { RunWatch } from './run-watch.ts';

const BEAT_MS = 2000;

type Counts = Pick<ImportRecord, 'bytesRead' | 'rowsRead' | 'created' | 'duplicates' | 'faulty'>;
/** `isWhole`: whether all of the ledger around the rows was looked at, where they were compared with it. */
type Progress = { counts: Counts; standings: Standings; balances: BalanceRows; isWhole: boolean };

/**
 * Writes imports, in the background. The rows come in batches, each one transaction of the ledger, so that every figure is exact at every moment and nobody waits
 * for long. The transactions of a run are a range of ids, by which all of them are found and taken back where the run is cancelled, fails, or dies with its
 * process, and where it was completed and is undone; each batch first looks whether the run is still the one that writes.
 */
export class ImportRunner {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #files: ImportFiles;
  readonly #log: Log;
  readonly #undo: ImportUndo;
  readonly #active = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #watch: RunWatch;

  constructor(parts: { database: Database; clock: Clock; files: ImportFiles; log: Log }) {
    this.#database = parts.database;
    this.#clock = parts.clock;
    this.#files = parts.files;
    this.#log = parts.log;
    this.#undo = new ImportUndo(parts);
    this.#watch = new RunWatch(parts.clock);
  }

  /** Runs under way in this process. */
  get activeCount(): number {
    return this.#active.size;
  }

  /** Begins a run whose row says so already. Answers at once. */
  start(record: Run): void {
    this.#begin(record, () => this.#run(record));
  }

  /** Begins to take back what a run has made that was completed; its row says so already. Answers at once. */
  startUndo(record: Run): void {
    this.#begin(record, () => this.#undo.undo(record, this.#stopping.signal));
  }

  /** Works on an import, after what this process still has to do for it: a run whose row says that it has ended may be tidying up. */
  #begin(record: Run, run: () => Promise<void>): void {
    if (this.#stopping.signal.aborted) return;
    const work = (this.#active.get(record.id) ?? Promise.resolve())
      .then(() => this.#whileAlive(record, run))
      .catch((error: unknown) => {
        // Another process has it, or this one ends: then the next start takes it back.
        if (error instanceof RunOver || this.#stopping.signal.aborted) return;
        this.#log.error({ err: error, import: record.id }, 'an import could not be finished');
      })
      .finally(() => {
        if (this.#active.get(record.id) === work) this.#active.delete(record.id);
      });
    this.#active.set(record.id, work);
  }

  /** Lets the batches in hand end. What is not finished is taken back at the next start. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#active.values());
  }

  /**
   * Takes back what dead processes have left half done, and answers when that is done. `isAlone`: no other process can be at work on this database, so whoever
   * was is dead; otherwise a run is dead when it has given no sign of life for ten seconds, for which this waits. One that cannot be taken back is logged, and keeps
   * neither the others nor the caller from going on.
   */
  async recover({ isAlone }: { isAlone: boolean }): Promise<void> {
    const left = await this.#findLeft();
    // All are watched from now on, however many there are to wait for.
    for (const found of left) this.#watch.isDead(found);
    for (const found of left) {
      await this.#oneOf(found, async () => {
        const dead = isAlone ? found : await this.#untilDead(found);
        if (dead) await this.#takeOver(dead);
      });
    }
  }

  /** The same for those that are dead by now; for calling now and then. */
  async recoverDead(): Promise<void> {
    const left = await this.#findLeft();
    this.#watch.keep(new Set(left.map(({ id }) => id)));
    for (const found of left) {
      if (!this.#watch.isDead(found) || this.#undo.isResting(found.id)) continue;
      await this.#oneOf(found, () => this.#takeOver(found));
    }
  }

  /** The imports that are unfinished, and that this process is not at work on. */
  async #findLeft(): Promise<ImportRecord[]> {
    return (await findUnfinished(this.#database.em())).filter(({ id }) => !this.#active.has(id));
  }

  /** Does something about one import of many; what goes wrong with it is its own matter. */
  async #oneOf({ id }: ImportRecord, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof RunOver) return;
      this.#log.error({ err: error, import: id }, 'an import that was interrupted could not be taken back');
    }
  }

  async #takeOver(found: ImportRecord): Promise<void> {
    const { runHex, runAt } = found;
    if (runHex === null || runAt === null) return;
    this.#log.warn({ import: found.id }, 'an import was interrupted; what it has written is taken back');
    if (found.status === 'running') {
      const cause = found.isCancelRequested
        ? { errorCode: null, errorMessage: null }
        : {
            errorCode: 'IMPORT_INTERRUPTED',
            errorMessage: 'The server stopped in the middle of it. Nothing was imported; commit it again.',
          };
      const where = { id: found.id, runHex, status: 'running', beatAt: found.beatAt } as const;
      const isOurs = await transact(this.#database, (em) =>
        changeImport(em, where, { status: 'undoing', beatAt: this.#clock.now(), ...cause }),
      );
      if (!isOurs) return;
    }
    await this.#undo.undo({ ...found, runHex, runAt }, this.#stopping.signal);
  }

  /** The import as it is when its run is dead; null where that goes on, or has ended. */
  async #untilDead(found: ImportRecord): Promise<ImportRecord | null> {
    // Others that were waited for may have taken minutes, in which it went on, ended, or began to be taken back.
    let last = await findImport(this.#database.em(), found);
    if (last?.status !== 'running' && last?.status !== 'undoing') return null;
    for (let beats = 0; beats < 2;) {
      if (this.#watch.isDead(last)) return last;
      await delay(500);
      const now: ImportRecord | null = await findImport(this.#database.em(), found);
      if (now?.status !== last.status) return null;
      // One may have been on its way when the process died.
      if (now.beatAt !== last.beatAt) beats += 1;
      last = now;
    }
    return null;
  }

  /** Gives signs of life while the work on a run goes on. */
  async #whileAlive(run: Run, work: () => Promise<void>): Promise<void> {
    let beating = Promise.resolve();
    const heart = setInterval(() => {
      beating = beat(this.#database.em(), run, this.#clock.now()).catch(() => undefined);
    }, BEAT_MS);
    try {
      await work();
    } finally {
      clearInterval(heart);
      await beating;
    }
  }

  async #run(run: Run): Promise<void> {
    try {
      await this.#files.require(run.fileId);
      const creditBefore = await this.#creditBalances(run.userId);
      const lesson = await this.#lessonOf(run);
      const { counts, standings, balances, isWhole } = await this.#writeAll(run);
      const isUnderstood = counts.created + counts.duplicates > 0;
      const told = [...standingWarnings(standings), ...partlyWarnings(isWhole), ...balanceWarnings(balances)];
      const warnings = [...run.warnings, ...told];
      await this.#finish(run, { creditBefore, warnings, lesson: isUnderstood ? lesson : null });
    } catch (error) {
      if (error instanceof RunOver || this.#stopping.signal.aborted) throw error;
      await this.#giveUp(run, error);
    }
  }

  async #writeAll(run: Run): Promise<Progress> {
    const database = this.#database;
    const em = database.em();
    const book = await readBook(em, database.dialect, run.userId);
    const account = (await findAccounts(em, database.dialect, run.userId, [run.accountId])).get(run.accountId);
    if (!account) throw new AppError('NOT_FOUND', 'The account of the import is not there any more.');
    let bytesRead = 0;
    const read = readDrafts({
      path: this.#files.path(run.fileId),
      fileBytes: run.fileBytes,
      format: run.format,
      settings: run.settings,
      accountId: run.accountId,
      accountCurrency: account.currency,
      source: run.source,
      book,
      onBytes: (count) => (bytesRead += count),
      signal: this.#stopping.signal,
    });
    const drafts = identifyRows(read, run.format);
    const counts: Counts = { bytesRead: 0, rowsRead: 0, created: 0, duplicates: 0, faulty: 0 };
    let progress: Progress = { counts, standings: NO_STANDINGS, balances: NO_BALANCE_ROWS, isWhole: true };
    const matched = new Matched();
    try {
      // The next rows are read while the database is busy with these.
      let next = drafts.next();
      next.catch(() => undefined);
      for (;;) {
        const { value: rows, done } = await next;
        if (done) return progress;
        next = drafts.next();
        next.catch(() => undefined);
        const written = await this.#writeBatch(run, { rows, book, bytesRead, matched }, progress);
        // Not inside of it, which may be done twice.
        matched.add(written.taken);
        progress = written;
        if (this.#stopping.signal.aborted) throw new RunOver('the server stops');
      }
    } finally {
      // Closes the file, however the run ends.
      await drafts.return(undefined);
    }
  }

  /** One transaction: looks whether the run goes on, judges the rows, posts what is new, says how far it is. */
  #writeBatch(
    run: Run,
    { rows, book, bytesRead, matched }: { rows: readonly ReadRow[]; book: Book; bytesRead: number; matched: Matched },
    { counts, standings, balances, isWhole }: Progress,
  ): Promise<Progress & { taken: ReadonlySet<string> }> {
    return transact(this.#database, async (em) => {
      const ledger = await this.#open(em, run);
      const { dialect, userId } = ledger;
      const found = await judgeRows(
        em,
        {
          dialect,
          userId,
          source: run.source,
          appliesRules: run.settings.appliesRules,
          restoresDeleted: run.restoresDeleted,
          book,
          seen: new Set(),
        },
        rows,
        {
          idOf: importedTransactionId(run.runAt, run.runHex),
          nowMs: ledger.changedAtMs,
        },
      );
      const { judged, possible } = await this.#withoutPossible(em, run, { judged: found, matched });
      const faulty = judged.filter((each) => each.outcome === 'faulty');
      const stale = faulty.find(({ isStale }) => isStale);
      // Not the row's fault, and so nothing that `skipFaulty` leaves out.
      if (stale)
        throw new AppError(
          'IMPORT_FAULTY',
          `An account or a category that line ${stale.row.line} names was archived, merged or removed while the import ran. Commit it again.`,
        );
      const [first] = faulty;
      if (first && !run.skipsFaulty) {
        const what = first.faults.map(({ field, message }) => `${fieldWords(field)} ${message}`).join('; ');
        const read = { bytesRead, rowsRead: counts.rowsRead + rows.length, faulty: faulty.length };
        throw new FaultyFile(`Line ${first.row.line}: ${what}.`, read);
      }
      const records = judged.flatMap((each) => (each.outcome === 'new' ? [each.record] : []));
      await this.#post(em, ledger, records);
      const after: Counts = {
        bytesRead,
        rowsRead: counts.rowsRead + rows.length,
        created: counts.created + records.length,
        duplicates: counts.duplicates + judged.filter(({ outcome }) => outcome === 'duplicate').length,
        faulty: counts.faulty + faulty.length,
      };
      await changeRun(em, run, 'running', { ...after, beatAt: this.#clock.now() });
      const isAllWhole = isWhole && possible.isWhole;
      return {
        counts: after,
        standings: addStandings(standings, judged),
        balances: addBalanceRows(balances, judged),
        isWhole: isAllWhole,
        taken: possible.taken,
      };
    });
  }

  /** The rows without those that the ledger may have by another way, where the person wants none of them; with what these may be. */
  async #withoutPossible(
    em: SqlEntityManager,
    run: Run,
    { judged, matched }: { judged: readonly Judged[]; matched: Matched },
  ): Promise<{ judged: readonly Judged[]; possible: { taken: ReadonlySet<string>; isWhole: boolean } }> {
    if (!run.skipsPossibleDuplicates) return { judged, possible: { taken: new Set(), isWhole: true } };
    const { dialect } = this.#database;
    const { userId, source } = run;
    const { first, last } = importedTransactionIds(run.runAt, run.runHex);
    const isOwn = (id: string) => id >= first && id <= last;
    const { ids, taken, isWhole } = await findPossibleDuplicates(
      em,
      { dialect, userId, source, matched, isOwn },
      judged,
    );
    const left = judged.map((each): Judged => {
      const transactionId = ids.get(each);
      return transactionId === undefined
        ? each
        : { row: each.row, outcome: 'duplicate', standing: 'possible', transactionId };
    });
    return { judged: left, possible: { taken, isWhole } };
  }

  async #post(em: SqlEntityManager, ledger: Ledger, records: readonly TransactionRecord[]): Promise<void> {
    if (records.length === 0) return;
    const changes = records.map((after): Change => ({ before: null, after }));
    const ids = records.flatMap(({ accountId, transfer }) => [accountId, transfer?.toAccountId ?? accountId]);
    await post(em, ledger, changes, await findAccounts(em, ledger.dialect, ledger.userId, ids), 'import');
  }

  async #creditBalances(userId: string): Promise<Map<string, bigint>> {
    const accounts = await listAccounts(this.#database.em(), this.#database.dialect, userId);
    return new Map(accounts.flatMap(({ id, creditLimit, balance }) => (creditLimit === null ? [] : [[id, balance]])));
  }

  /** The whole of it is there: from now on it is the person's. A credit limit that it breaks makes it fail. */
  async #finish(
    run: Run,
    {
      creditBefore,
      warnings,
      lesson,
    }: { creditBefore: ReadonlyMap<string, bigint>; warnings: readonly string[]; lesson: Remembered | null },
  ): Promise<void> {
    const { dialect } = this.#database;
    const isReleased = await transact(this.#database, async (em) => {
      const ledger = await this.#open(em, run);
      const accounts = await findAccounts(em, ledger.dialect, run.userId, [...creditBefore.keys()]);
      for (const account of accounts.values()) {
        const { id, balance: after } = account;
        const fault = creditFault(account, { before: creditBefore.get(id) ?? 0n, after });
        if (fault !== null) throw new AppError('CREDIT_LIMIT_EXCEEDED', fault);
      }
      const nowMs = this.#clock.now();
      const end = { status: 'completed', finishedAt: nowMs, beatAt: nowMs } as const;
      await changeRun(em, run, 'running', { ...end, bytesRead: run.fileBytes, warnings });
      if (lesson) await remember(em, dialect, { userId: run.userId, source: run.source, settings: lesson, nowMs });
      return releaseFile(em, dialect, run);
    });
    if (isReleased) await this.#files.remove(run.fileId);
  }

  /** What a run teaches of the CSV files of its source, where any of its rows is understood. */
  async #lessonOf(run: Run): Promise<Remembered | null> {
    if (run.format !== 'csv') return null;
    const { userId, source, accountId, format, given } = run;
    const remembered = await readRemembered(this.#database.em(), userId, source);
    const account = (await findAccounts(this.#database.em(), this.#database.dialect, userId, [accountId])).get(
      accountId,
    );
    const currency = account?.currency ?? null;
    const sniffed = await sniffFile(this.#files.path(run.fileId), { format, given, remembered, currency });
    return lessonOf(sniffed, remembered);
  }

  async #giveUp(run: Run, error: unknown): Promise<void> {
    const cause = error instanceof Cancelled ? { errorCode: null, errorMessage: null } : causeOf(error);
    if (!(error instanceof Cancelled) && !(error instanceof AppError))
      this.#log.error({ err: error, import: run.id }, 'an import failed');
    const counts = error instanceof FaultyFile ? error.counts : {};
    const where = { id: run.id, runHex: run.runHex, status: 'running' } as const;
    const isOurs = await transact(this.#database, (em) =>
      changeImport(em, where, { status: 'undoing', beatAt: this.#clock.now(), ...counts, ...cause }),
    );
    if (isOurs) await this.#undo.undo(run, this.#stopping.signal);
  }

  /** Locks the person's ledger and the import. @throws RunOver, Cancelled */
  #open(em: SqlEntityManager, run: Run): Promise<Ledger> {
    return openRun(em, run, { dialect: this.#database.dialect, nowMs: this.#clock.now(), status: 'running' });
  }
}

/** What its owner is told of why an import failed. */
function causeOf(error: unknown): { errorCode: string; errorMessage: string } {
  if (error instanceof AppError) return { errorCode: error.code, errorMessage: describeError(error).slice(0, 1000) };
  if (isUnavailable(error))
    return {
      errorCode: 'STORAGE_UNAVAILABLE',
      errorMessage: 'Database or disk could not be used. Nothing was imported; commit it again.',
    };
  return { errorCode: 'INTERNAL', errorMessage: 'Something went wrong on our side.' };
}
