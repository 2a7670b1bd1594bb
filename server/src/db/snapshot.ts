import { IsolationLevel } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Database } from './orm.ts';

/**
 * Runs reads in one transaction that sees the database as it was at the first of them, whatever others commit meanwhile. On SQLite every transaction is
 * like that; on MySQL the sessions are READ COMMITTED otherwise, which sees each commit at once.
 */
export function readSnapshot<Result>(
  database: Database,
  read: (em: SqlEntityManager) => Promise<Result>,
): Promise<Result> {
  const options = database.dialect === 'mysql' ? { isolationLevel: IsolationLevel.REPEATABLE_READ } : {};
  return database.em().transactional(read, options);
}
