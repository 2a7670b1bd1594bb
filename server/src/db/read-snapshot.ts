import { IsolationLevel } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from './orm.ts';

/**
 * Runs several reads as of one moment, so that what one of them finds goes with what the others do: a row with its parts, a page with its balances. Outside
 * of it every statement sees what was committed before itself. Takes no locks; `work` writes nothing, and uses no other EntityManager.
 */
export async function readSnapshot<Result>(
  database: Database,
  work: (em: SqlEntityManager) => Promise<Result>,
): Promise<Result> {
  const options =
    database.dialect === 'mysql' ? { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true } : {};
  return database.em().transactional(work, options);
}
