import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { hasMariaDb, startMariaDb } from '../../e2e/support/mariadb.ts';

export type DatabaseKind = 'MariaDB' | 'SQLite';

export type BenchDatabases = {
  kinds: readonly DatabaseKind[];
  /** The URL of a new, empty database. */
  create(kind: DatabaseKind): Promise<string>;
  /** The CPU time that the server of that kind has used so far, in milliseconds; 0 where there is none. */
  serverCpuMs(kind: DatabaseKind): Promise<number>;
  stop(): Promise<void>;
};

/** A MariaDB server and a folder of SQLite files of this run alone. Without mariadbd only SQLite is measured, which is said. */
export async function startDatabases(): Promise<BenchDatabases> {
  const folder = await mkdtemp(join(tmpdir(), 'finverse-bench-'));
  const server = hasMariaDb() ? await startMariaDb() : null;
  let files = 0;
  return {
    kinds: server ? ['MariaDB', 'SQLite'] : ['SQLite'],
    create: async (kind) =>
      kind === 'MariaDB' && server ? server.createDatabase() : `sqlite:${join(folder, `${++files}.sqlite`)}`,
    serverCpuMs: async (kind) =>
      kind === 'MariaDB' && server ? cpuOf((await server.sql('select @@pid_file')).trim()) : 0,
    stop: async () => {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Linux: user and system time of the process whose id is in the file, in clock ticks of 10 ms. */
async function cpuOf(pidFile: string): Promise<number> {
  const pid = (await readFile(pidFile, 'utf8')).trim();
  const [, , , , , , , , , , , user, system] =
    (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  return (Number(user) + Number(system)) * 10;
}

/** A connection of the bare driver, with the durability that the server's own has. */
export type BareConnection = {
  dialect: 'mysql' | 'sqlite';
  run(sql: string, values?: readonly unknown[]): Promise<unknown>;
  rows<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
};

export async function connectBare(url: string): Promise<BareConnection> {
  if (!url.startsWith('sqlite:')) {
    const connection = await createConnection(url.replace(/^mariadb:/, 'mysql:'));
    return {
      dialect: 'mysql',
      run: (sql, values) => connection.query(sql, values as unknown[]),
      rows: async <Row>(sql: string, values?: readonly unknown[]) =>
        (await connection.query(sql, values as unknown[]))[0] as Row[],
      close: () => connection.end(),
    };
  }
  const database = new SqliteDatabase(sqliteFile(url));
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  const statements = new Map<string, SqliteDatabase.Statement>();
  const prepared = (sql: string) => {
    const statement = statements.get(sql) ?? database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    dialect: 'sqlite',
    run: async (sql, values = []) => prepared(sql).run(...values),
    rows: async <Row>(sql: string, values: readonly unknown[] = []) => prepared(sql).all(...values) as Row[],
    close: async () => void database.close(),
  };
}

export function sqliteFile(url: string): string {
  return url.slice('sqlite:'.length);
}
