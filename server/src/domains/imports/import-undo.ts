import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Database, transact } from '../../db/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import { AppError, describeError } from '../../kernel/errors.ts';
import { importedTransactionIds } from '../../kernel/ids.ts';
import { findTransactions, type Ledger, type TransactionRecord, withdraw } from '../ledger/index.ts';
import { changeRun, type Log, openRun, type Run } from './import-run.ts';
import { findImport, findMade } from './imports.repository.ts';

/** Transactions that are read and deleted at a time. */
const PIECE = 1000;
/** How long one that could not be taken back rests before it is tried again: first, and at most. */
const RETRY_MIN_MS = 30_000;
const RETRY_MAX_MS = 30 * 60_000;

/**
 * Takes runs back, those that were cancelled or failed and those that were completed: the last batch first, each whole and in one transaction, so that every balance and every sum on the way is one that has been before.
 * Where the person has moved money meanwhile these may be others, which no column can hold; then all that is left goes in one transaction. Where even what
 * that leads to cannot be held, the import stays `undoing` and says why, and is tried again later.
 */
export class ImportUndo {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  /** When each of those that could not be taken back is to be tried again, and after how long since the last time. */
  readonly #resting = new Map<string, { untilMs: number; delayMs: number }>();

  constructor({ database, clock, log }: { database: Database; clock: Clock; log: Log }) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether an import could not be taken back a short while ago. */
  isResting(id: string): boolean {
    return (this.#resting.get(id)?.untilMs ?? 0) > this.#clock.now();
  }

  /** Takes back every transaction of the run that is still there, whatever became of it since. @throws RunOver */
  async undo(run: Run, signal: AbortSignal): Promise<void> {
    let isWhole = false;
    for (let isDone = false; !isDone && !signal.aborted;) {
      try {
        isDone = await this.#undoPart(run, isWhole);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (isWhole) return this.#putOff(run, error);
        isWhole = true;
      }
    }
    this.#resting.delete(run.id);
  }

  /** One transaction: takes back the last batch that is there, or all that is. Answers whether nothing is left. */
  #undoPart(run: Run, isWhole: boolean): Promise<boolean> {
    return transact(this.#database, async (em) => {
      const ledger = await this.#open(em, run);
      const part = { count: 0, isLast: false };
      await withdraw(em, ledger, this.#made(em, ledger, { run, isWhole, part }));
      const nowMs = this.#clock.now();
      const current = await findImport(em, run);
      const end = { created: 0, finishedAt: nowMs, ...endOf(current ?? run) };
      const rest = { created: Math.max(0, (current?.created ?? 0) - part.count) };
      await changeRun(em, run, 'undoing', { beatAt: nowMs, ...(part.isLast ? end : rest) });
      return part.isLast;
    });
  }

  /**
   * The transactions of the last batch of a run, or of all of it, the last first, and in `part` how many they were. Those of a batch have been made at the same
   * time, and no two batches of a person have: that is how the ledger is locked.
   */
  async *#made(
    em: SqlEntityManager,
    { dialect, userId }: Ledger,
    { run, isWhole, part }: { run: Run; isWhole: boolean; part: { count: number; isLast: boolean } },
  ): AsyncGenerator<TransactionRecord[]> {
    const { first, last } = importedTransactionIds(run.runAt, run.runHex);
    let madeAt: number | null = null;
    let until = { id: last, isIncluded: true };
    for (;;) {
      const found = await findMade(em, { userId, first, until, limit: PIECE });
      madeAt ??= found[0]?.createdAt ?? null;
      const end = isWhole ? -1 : found.findIndex(({ createdAt }) => createdAt !== madeAt);
      const ids = found.slice(0, end < 0 ? found.length : end).map(({ id }) => id);
      part.count += ids.length;
      if (ids.length > 0) yield [...(await findTransactions(em, dialect, userId, ids)).values()];
      part.isLast = end < 0 && found.length < PIECE;
      if (part.isLast || end >= 0) return;
      until = { id: ids.at(-1) ?? first, isIncluded: false };
    }
  }

  /** Leaves the import as it is, with a word for its owner. */
  async #putOff(run: Run, error: AppError): Promise<void> {
    const delayMs = Math.min(RETRY_MAX_MS, 2 * (this.#resting.get(run.id)?.delayMs ?? RETRY_MIN_MS / 2));
    this.#resting.set(run.id, { untilMs: this.#clock.now() + delayMs, delayMs });
    this.#log.warn({ err: error, import: run.id }, 'an import cannot be taken back yet; it is tried again later');
    const details = error.details.map(({ message }) => message).join('; ');
    const why = `Taking it back has to wait: ${details === '' ? describeError(error) : `it ${details}`}.`;
    await transact(this.#database, async (em) => {
      await this.#open(em, run);
      const current = await findImport(em, run);
      const [code, message] = [current?.errorCode ?? 'IMPORT_NOT_UNDONE', current?.errorMessage ?? ''];
      if (message.includes(why)) return;
      await changeRun(em, run, 'undoing', { errorCode: code, errorMessage: `${message} ${why}`.trim().slice(0, 1000) });
    });
  }

  #open(em: SqlEntityManager, run: Run): Promise<Ledger> {
    return openRun(em, run, { dialect: this.#database.dialect, nowMs: this.#clock.now(), status: 'undoing' });
  }
}

/** What an import is once it is taken back: failed where something else was the matter, cancelled where it was while it ran; else it was completed before. */
function endOf({ errorCode, isCancelRequested }: Pick<Run, 'errorCode' | 'isCancelRequested'>) {
  if (errorCode !== null && errorCode !== 'IMPORT_NOT_UNDONE') return { status: 'failed' } as const;
  return { status: isCancelRequested ? 'cancelled' : 'undone', errorCode: null, errorMessage: null } as const;
}
