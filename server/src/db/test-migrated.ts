import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import type { MariaDb } from '../../../e2e/support/mariadb.ts';
import { entities } from '../entities.ts';
import { type Database, openDatabase } from './orm.ts';

// Test support: databases with every migration applied, without applying them for each test. The migrations run once in a process; what they made is copied.

const MIGRATIONS_TABLE = 'mikro_orm_migrations';

let sqliteImage: Promise<Buffer> | null = null;

/** Makes `file` a migrated SQLite database. */
export async function copyMigratedSqlite(file: string): Promise<void> {
  sqliteImage ??= migrateSqlite();
  writeFileSync(file, await sqliteImage);
}

async function migrateSqlite(): Promise<Buffer> {
  const file = join(tmpdir(), `finverse-test-migrated-${process.pid}.sqlite`);
  try {
    await migrate(`sqlite:${file}`);
    return readFileSync(file);
  } finally {
    rmSync(file, { force: true });
  }
}

let sqliteStatements: Promise<string[]> | null = null;

/** Brings the schema of an empty SQLite database up to date, also of one in memory. */
export async function fillMigratedSqlite(database: Database): Promise<void> {
  sqliteStatements ??= readSqliteStatements();
  const em = database.em();
  for (const statement of await sqliteStatements) await em.execute(statement, [], 'run');
}

async function readSqliteStatements(): Promise<string[]> {
  const database = await openDatabase({ url: 'sqlite::memory:', entities });
  await database.migrate();
  const em = database.em();
  const made = await em.execute<{ sql: string }[]>(
    `select sql from sqlite_master where sql is not null and name not like 'sqlite_%' order by type = 'index'`,
  );
  const names = await em.execute<{ name: string }[]>(`select name from ${MIGRATIONS_TABLE} order by id`);
  await database.close();
  return [
    ...made.map(({ sql }) => sql),
    ...names.map(({ name }) => `insert into ${MIGRATIONS_TABLE} (name) values ('${name}')`),
  ];
}

async function migrate(url: string): Promise<void> {
  const database = await openDatabase({ url, entities });
  await database.migrate();
  await database.close();
}

/** Migrated databases on one MariaDB server. Making the tables takes its time too, so a database that a test has used is emptied for the next one. */
export class MigratedDatabases {
  readonly #server: MariaDb;
  readonly #free: string[] = [];
  #template: Promise<Template> | null = null;

  constructor(server: MariaDb) {
    this.#server = server;
  }

  /** `mariadb://…` of a database that is migrated and empty. */
  async take(): Promise<string> {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    this.#template ??= makeTemplate(this.#server);
    const { connection, name, createTables } = await this.#template;
    const url = await this.#server.createDatabase();
    await connection.query(
      `use ${databaseOf(url)}; set foreign_key_checks = 0; ${createTables.join('; ')}; set foreign_key_checks = 1;
       insert into ${MIGRATIONS_TABLE} select * from ${name}.${MIGRATIONS_TABLE}`,
    );
    return url;
  }

  /** Empties a database that {@link take} answered. Nobody has it open any more. */
  async giveBack(url: string): Promise<void> {
    if (!this.#template) throw new Error('not one of these databases');
    const { connection, tables, numbered } = await this.#template;
    await connection.query(`use ${databaseOf(url)}`);
    const filled = await findFilled(connection, tables);
    if (filled.length > 0) {
      const empty = filled.map((table) => `${numbered.has(table) ? 'truncate' : 'delete from'} ${table}`);
      await connection.query(`set foreign_key_checks = 0; ${empty.join('; ')}; set foreign_key_checks = 1`);
    }
    this.#free.push(url);
  }
}

type Template = {
  connection: Connection;
  name: string;
  tables: string[];
  createTables: string[];
  /** Tables that number their rows. */
  numbered: ReadonlySet<string>;
};

async function makeTemplate(server: MariaDb): Promise<Template> {
  const url = await server.createDatabase();
  await migrate(url);
  const connection = await createConnection({ uri: url.replace(/^mariadb:/, 'mysql:'), multipleStatements: true });
  const [rows] = await connection.query<RowDataPacket[]>('show tables');
  const all = rows.map((row) => String(Object.values(row)[0]));
  const createTables: string[] = [];
  const numbered = new Set<string>();
  for (const table of all) {
    const [made] = await connection.query<RowDataPacket[]>(`show create table ${table}`);
    const createTable = String(made[0]?.['Create Table']);
    createTables.push(createTable);
    if (createTable.includes('AUTO_INCREMENT')) numbered.add(table);
  }
  const tables = all.filter((table) => table !== MIGRATIONS_TABLE);
  const filled = await findFilled(connection, tables);
  if (filled.length > 0) throw new Error(`migrations put rows into ${filled.join(', ')}, which a copy lacks`);
  return { connection, name: databaseOf(url), tables, createTables, numbered };
}

async function findFilled(connection: Connection, tables: readonly string[]): Promise<string[]> {
  const asked = tables.map((table) => `select '${table}' as name from dual where exists (select 1 from ${table})`);
  const [rows] = await connection.query<RowDataPacket[]>(asked.join(' union all '));
  return rows.map(({ name }) => String(name));
}

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
