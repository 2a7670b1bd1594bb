import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { AppError } from '../../kernel/errors.ts';
import { importedTransactionIds } from '../../kernel/ids.ts';
import { findAccounts } from '../ledger/index.ts';
import type { Run } from './import-run.ts';
import { type ImportRecord, surveyMade } from './imports.repository.ts';

/** Why an import has nothing that could be taken back, or not yet. */
const NOTHING_TO_UNDO = {
  ready: 'is not committed: it has imported nothing; cancel it instead',
  running: 'is running: cancel it instead',
  undoing: 'is being taken back already',
  undone: 'was undone before; nothing of it is left',
  cancelled: 'was cancelled; nothing of it is left',
  failed: 'has failed; nothing of it is left',
} as const;

/**
 * The run of an import whose transactions can all be taken back, with the ledger and the import held. All of them are looked at first, so that none goes where
 * another has to stay.
 *
 * @throws AppError IMPORT_NOT_READY where it is not completed; ENTRY_RECONCILED where any of them is reconciled with a statement, with their number;
 * ACCOUNT_ARCHIVED where any is on an archived account, naming it
 */
export async function requireUndoable(em: SqlEntityManager, dialect: Dialect, record: ImportRecord): Promise<Run> {
  const { userId, status, runHex, runAt } = record;
  if (status !== 'completed') throw new AppError('IMPORT_NOT_READY', `The import ${NOTHING_TO_UNDO[status]}.`);
  if (runHex === null || runAt === null) throw new AppError('IMPORT_NOT_READY', 'The import has made nothing.');
  const { reconciled, accountIds } = await surveyMade(em, { userId, ...importedTransactionIds(runAt, runHex) });
  if (reconciled > 0) {
    throw new AppError(
      'ENTRY_RECONCILED',
      `Transactions of the import that are reconciled with a statement: ${reconciled}. Nothing was taken back.`,
      { details: [{ path: 'id', message: 'has reconciled transactions; reopen their reconciliations first' }] },
    );
  }
  const accounts = await findAccounts(em, dialect, userId, [...accountIds]);
  const archived = [...accounts.values()].find(({ archivedAtMs }) => archivedAtMs !== null);
  if (archived) {
    throw new AppError('ACCOUNT_ARCHIVED', `The account “${archived.name}” is archived; its money does not move.`, {
      details: [{ path: 'id', message: `has transactions on “${archived.name}”; restore the account first` }],
    });
  }
  return { ...record, runHex, runAt };
}
