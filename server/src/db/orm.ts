import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EntitySchema } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import type { MikroORM, SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery } from 'kysely';
import { describeError, SettingsError } from '../kernel/errors.ts';
import { redactUrl } from '../kernel/logger.ts';
import { migrateMySql } from './migrate.ts';
import { makePrivateFile } from './private-file.ts';
import { serverTls } from './server-tls.ts';
import { IN_MEMORY, sqlitePath } from './sqlite-path.ts';

export type Dialect = 'mysql' | 'sqlite';

/** An open database. Everything that touches rows takes a fresh {@link Database.em} or the one that `transact` hands in. */
export type Database = {
  readonly dialect: Dialect;
  readonly orm: MikroORM;
  /** A fresh EntityManager outside any transaction. */
  em(): SqlEntityManager;
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
  /** Brings the schema up to date. */
  migrate(): Promise<void>;
  close(): Promise<void>;
};

type OpenOptions = {
  /** `mysql://`, `mariadb://` (see {@link serverTls} for their parameters) or `sqlite:FILE`; `sqlite::memory:` for tests. */
  url: string;
  entities: readonly EntitySchema[];
  /** Called with every SQL statement, for tests and benchmarks that count them. */
  onStatement?: ((sql: string) => void) | undefined;
};

/**
 * What every connection begins with, whatever the server's own settings say. The library writes values into statements with backslash escapes, so a mode that
 * takes backslashes literally (NO_BACKSLASH_ESCAPES) must not be in force. READ COMMITTED takes fewer locks; what must not change is locked by name.
 * UTC, since in a zone with summer time one hour of local time in a year stands for two, and `unix_timestamp(now())`, by which leases are timed, jumps.
 */
const SESSION_SETTINGS = [
  "set session sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION'",
  'set session transaction isolation level read committed',
  "set session time_zone = '+00:00'",
];

const migrationsRoot = fileURLToPath(new URL('../../../migrations', import.meta.url));

/** The migrations folder of a dialect. */
export function migrationsFolder(dialect: Dialect): string {
  return join(migrationsRoot, dialect);
}

/**
 * Opens the database that the URL names; the driver follows from the scheme. Only that driver is loaded: the others would be twelve megabytes of
 * memory that no query ever uses.
 *
 * @throws SettingsError for an unknown scheme or parameter, an unreachable server, a certificate that is not trusted or refused credentials, with how to mend it.
 */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const scheme = /^([a-z0-9+]+):/i.exec(options.url)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'sqlite':
      return openSqlite(options);
    case 'mysql':
    case 'mariadb':
      return openServer(options, scheme);
    default:
      throw new SettingsError(
        `DATABASE_URL: unknown scheme ${JSON.stringify(scheme ?? options.url.slice(0, 12))}; use mysql://, mariadb:// or sqlite:FILE`,
      );
  }
}

async function openSqlite(options: OpenOptions): Promise<Database> {
  const { MikroORM: SqliteOrm } = await import('@mikro-orm/sqlite');
  const { exactSqliteDialect } = await import('./sqlite-dialect.ts');
  const path = sqlitePath(options.url);
  try {
    if (path !== IN_MEMORY) makePrivateFile(path);
    const orm = await SqliteOrm.init({
      ...commonConfig(options, 'sqlite'),
      dbName: path,
      driverOptions: exactSqliteDialect(path),
    });
    await orm.em.execute('select 1');
    return wrap(orm, 'sqlite');
  } catch (error) {
    throw new SettingsError(`DATABASE_URL: cannot open the SQLite file ${path}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

async function openServer(options: OpenOptions, scheme: 'mysql' | 'mariadb'): Promise<Database> {
  const { MikroORM: ServerOrm } = await (scheme === 'mysql'
    ? import('@mikro-orm/mysql')
    : import('@mikro-orm/mariadb'));
  const { boundMySqlDialect } = await import('./mysql-dialect.ts');
  const database = databaseName(options.url);
  const url = new URL(options.url);
  const { hostname, port, username, password } = url;
  const tls = serverTls(url);
  const server = {
    host: decodeURIComponent(hostname),
    port: Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database,
    // As the library's platform of that name expects JSON columns to be answered.
    jsonStrings: scheme === 'mariadb',
    ...(tls ? { ssl: tls } : {}),
  };
  const orm = await ServerOrm.init({
    ...commonConfig(options, 'mysql'),
    clientUrl: options.url,
    charset: 'utf8mb4',
    collate: 'utf8mb4_bin',
    driverOptions: boundMySqlDialect(server, async (connection) => {
      for (const statement of SESSION_SETTINGS) await connection.executeQuery(CompiledQuery.raw(statement));
    }),
  });
  try {
    await orm.em.execute('select 1');
  } catch (error) {
    await orm.close(true).catch(() => undefined);
    throw new SettingsError(
      `DATABASE_URL: cannot use the database ${JSON.stringify(database)} at ${redactUrl(options.url)}: ${connectFault(error)}`,
      { cause: error },
    );
  }
  return wrap(orm, 'mysql');
}

function databaseName(url: string): string {
  let name = '';
  try {
    name = decodeURIComponent(new URL(url).pathname.slice(1));
  } catch (error) {
    throw new SettingsError('DATABASE_URL: is no URL; write mariadb://user:password@host:3306/database', {
      cause: error,
    });
  }
  if (name === '')
    throw new SettingsError('DATABASE_URL: names no database; write mariadb://user:password@host:3306/database');
  return name;
}

/** The fault in words that an operator can act on. The driver's error code leads, since ORM errors wrap it. */
function connectFault(error: unknown): string {
  for (let fault = error; fault instanceof Error; fault = fault.cause ?? (fault as { previous?: unknown }).previous) {
    const code = (fault as { code?: unknown }).code;
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT' || code === 'EHOSTUNREACH') {
      return `the server does not answer (${code}); is it running, and are host and port right?`;
    }
    if (code === 'HANDSHAKE_NO_SSL_SUPPORT') return 'the server has no TLS, which the URL asks for';
    if (code === 'HANDSHAKE_SSL_ERROR') return `no TLS with the server: ${fault.message}`;
    if (code === 'ER_ACCESS_DENIED_ERROR' || code === 'ER_DBACCESS_DENIED_ERROR') return 'user or password refused';
    if (code === 'ER_BAD_DB_ERROR')
      return 'no such database; create it first (CREATE DATABASE … CHARACTER SET utf8mb4)';
  }
  return describeError(error);
}

function commonConfig(options: OpenOptions, dialect: Dialect) {
  return {
    entities: [...options.entities],
    extensions: [Migrator],
    migrations: {
      path: migrationsFolder(dialect),
      glob: 'Migration*.ts',
      snapshotName: '.snapshot',
      snapshotOnMigrate: false,
      disableForeignKeys: false,
    },
    // A name that is misspelt would be made as a new, empty database.
    ensureDatabase: false,
    // The library would write to standard output.
    logger: () => undefined,
    // With batched updates two concurrent flushes of versioned entities both succeed: a lost update.
    useBatchUpdates: false,
    ...(options.onStatement ? { onQuery: (sql: string) => (options.onStatement?.(sql), sql) } : {}),
  };
}

function wrap(orm: MikroORM, dialect: Dialect): Database {
  return {
    dialect,
    orm,
    em: () => orm.em.fork(),
    ping: async () => void (await orm.em.fork().execute('select 1')),
    migrate: async () => {
      if (dialect === 'mysql') await migrateMySql(orm, migrationsFolder(dialect));
      else await orm.migrator.up();
    },
    close: async () => orm.close(true),
  };
}
