import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import type { Migration, MigrationStorage } from '@mikro-orm/migrations';
import type { MikroORM, SqlEntityManager } from '@mikro-orm/sql';

/** How long a replica waits for another one that is migrating. */
const LOCK_WAIT_SECONDS = 60;

/** How far an interrupted run came; there only while a run is under way. */
const PROGRESS_TABLE = 'migration_progress';

/** What a statement of DDL answers whose work is done already: table, column, key or constraint exists; nothing left to drop. */
const ALREADY_DONE = new Set<unknown>([1050, 1051, 1060, 1061, 1091, 1826]);

/**
 * Brings a MySQL schema up to date. DDL of MySQL is in no transaction, so a run that is killed leaves its migration half done: each statement is
 * counted, and the next run goes on behind the last one that was. Replicas that start at once wait for each other; their lock is the
 * connection's own and ends with it.
 */
export async function migrateMySql(orm: MikroORM, folder: string): Promise<void> {
  await (orm.em.fork() as SqlEntityManager).transactional(async (em) => {
    const name = "md5(concat('finverse migrations of ', database()))";
    const [lock] = await em.execute<{ held: unknown }[]>(`select get_lock(${name}, ${LOCK_WAIT_SECONDS}) as held`);
    if (Number(lock?.held) !== 1) throw new Error('another replica is still migrating; start again when it is done');
    try {
      await runPending(orm, folder);
    } finally {
      await em.execute(`do release_lock(${name})`, [], 'run');
    }
  });
}

async function runPending(orm: MikroORM, folder: string): Promise<void> {
  const storage = orm.migrator.getStorage() as MigrationStorage;
  await storage.ensureTable();
  const pending = await orm.migrator.getPending();
  const em = orm.em.fork() as SqlEntityManager;
  for (const { name } of pending) {
    await em.execute(
      `create table if not exists ${PROGRESS_TABLE} (name varchar(255) primary key, statements int not null)`,
      [],
      'run',
    );
    await runStatements(orm, name, await statementsOf(orm, folder, name));
    await storage.logMigration({ name });
  }
  await em.execute(`drop table if exists ${PROGRESS_TABLE}`, [], 'run');
}

async function runStatements(orm: MikroORM, name: string, statements: readonly string[]): Promise<void> {
  const em = orm.em.fork() as SqlEntityManager;
  const [progress] = await em.execute<{ statements: unknown }[]>(
    `select statements from ${PROGRESS_TABLE} where name = ?`,
    [name],
  );
  const done = Number(progress?.statements ?? 0);
  if (!progress) await em.execute(`insert into ${PROGRESS_TABLE} (name, statements) values (?, 0)`, [name], 'run');
  for (const [index, statement] of statements.entries()) {
    if (index < done) continue;
    // The one statement that may have been done without having been counted.
    const isUncertain = progress !== undefined && index === done;
    // What changes rows is counted in its own transaction; DDL commits by itself.
    await (orm.em.fork() as SqlEntityManager).transactional(async (transaction) => {
      await transaction.execute(statement, [], 'run').catch((error: unknown) => {
        if (!isUncertain || !isAlreadyDone(error)) throw error;
      });
      await transaction.execute(`update ${PROGRESS_TABLE} set statements = ? where name = ?`, [index + 1, name], 'run');
    });
  }
}

async function statementsOf(orm: MikroORM, folder: string, name: string): Promise<string[]> {
  const module = (await import(pathToFileURL(join(folder, `${name}.ts`)).href)) as Record<
    string,
    new (...parameters: ConstructorParameters<typeof Migration>) => Migration
  >;
  const Class = module[name];
  if (!Class) throw new Error(`${name}.ts holds no migration of its name`);
  const migration = new Class(orm.em.getDriver(), orm.config);
  await migration.up();
  return migration.getQueries().map(String);
}

function isAlreadyDone(error: unknown): boolean {
  for (let fault: unknown = error; fault instanceof Error; fault = fault.cause) {
    const { errno, message } = fault as Error & { errno?: unknown };
    // MariaDB words an existing foreign key as a table that could not be made.
    if (ALREADY_DONE.has(errno) || (errno === 1005 && message.includes('errno: 121'))) return true;
  }
  return false;
}
