import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { AppError, invariant } from '../../kernel/errors.ts';
import { type Ledger, openLedger } from '../ledger/index.ts';
import { changeImport, findImport, type ImportChanges, type ImportRecord } from './imports.repository.ts';

/** An import that is written, or was: its transactions have ids made of `runAt` (milliseconds) and `runHex`. */
export type Run = ImportRecord & { runHex: string; runAt: number };

/** The states in which a process is at work on a run. */
type RunStatus = 'running' | 'undoing';

/** What a runner says to the operator. */
export type Log = { warn(fields: object, message: string): void; error(fields: object, message: string): void };

/** Thrown where somebody else has taken the run over: it ends without a word. */
export class RunOver extends Error {
  override name = 'RunOver';
}
/** Thrown where the person wants it back. */
export class Cancelled extends Error {
  override name = 'Cancelled';
}

/** Thrown where a file has rows at fault: why, and how much of it was read by then. */
export class FaultyFile extends AppError {
  override name = 'FaultyFile';
  readonly counts: Pick<ImportRecord, 'bytesRead' | 'rowsRead' | 'faulty'>;

  constructor(message: string, counts: FaultyFile['counts']) {
    super('IMPORT_FAULTY', message);
    this.counts = counts;
  }
}

/** Locks the person's ledger, and then the import. @throws RunOver, Cancelled */
export async function openRun(
  em: SqlEntityManager,
  run: Run,
  { dialect, nowMs, status }: { dialect: Dialect; nowMs: number; status: RunStatus },
): Promise<Ledger> {
  const ledger = await openLedger(em, dialect, { userId: run.userId, nowMs });
  const now = await findImport(em, { ...run, lock: dialect });
  if (!now || now.runHex !== run.runHex || now.status !== status) throw new RunOver('another process has the import');
  if (status === 'running' && now.isCancelRequested) throw new Cancelled('the import was cancelled');
  return ledger;
}

/** Changes the import of a run whose row is locked, and which is in that state. */
export async function changeRun(
  em: SqlEntityManager,
  { id, runHex }: Run,
  status: RunStatus,
  changes: ImportChanges,
): Promise<void> {
  invariant(await changeImport(em, { id, runHex, status }, changes), 'a locked import is there, and as it was');
}
