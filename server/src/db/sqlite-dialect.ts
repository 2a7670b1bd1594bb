import Database from 'better-sqlite3';
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';

/** Compiled statements that are kept: those with bound values and short ones such as `commit`. The others come once, each with its own values in its text. */
const CACHED_STATEMENTS_MAX = 128;
const SHORT_STATEMENT = 24;

/** As the library writes it. */
const ROLLBACK = 'rollback';

/**
 * SQLite whose 64-bit integers arrive exact: those a JS number holds stay numbers, larger ones become bigint. Without it a scaled amount above 2^53
 * would be rounded silently.
 *
 * A commit is on disk when it returns (`synchronous = FULL`), as it is on MySQL.
 */
export function exactSqliteDialect(file: string): SqliteDialect {
  return new SqliteDialect({ database: async () => openExact(file) });
}

function openExact(file: string): SqliteDatabase {
  const connection = new Database(file);
  connection.pragma('journal_mode = WAL');
  connection.pragma('synchronous = FULL');
  connection.pragma('busy_timeout = 5000');
  // Pages of 4 KB. The default of 1,000 makes nearly every commit of a back-fill move the log into the file.
  connection.pragma('wal_autocheckpoint = 8000');
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => connection.close(),
    prepare: (sql) => {
      if (sql === ROLLBACK) return rollbackOf(connection);
      if (!sql.includes('?') && sql.length > SHORT_STATEMENT) return exactStatement(connection.prepare(sql));
      const statement = statements.get(sql) ?? exactStatement(connection.prepare(sql));
      // The one that was longest unused goes first: the order of the Map is that of last use.
      statements.delete(sql);
      statements.set(sql, statement);
      if (statements.size > CACHED_STATEMENTS_MAX) statements.delete(statements.keys().next().value as string);
      return statement;
    },
  };
}

/**
 * Rolls back where there is something to roll back: after a full disk SQLite has done so by itself (https://www.sqlite.org/lang_transaction.html, 3), and refuses. The
 * library does not give back a connection whose rollback fails, and there is no other one.
 */
function rollbackOf(connection: Database.Database): SqliteStatement {
  const run = () => {
    if (connection.inTransaction) connection.exec(ROLLBACK);
    return { changes: 0, lastInsertRowid: 0 };
  };
  return { reader: false, all: () => [], run, iterate: () => [].values() };
}

function exactStatement(statement: Database.Statement): SqliteStatement {
  if (statement.reader) statement.safeIntegers(true);
  const narrow = narrowerOf(statement.reader ? statement.columns() : []);
  return {
    reader: statement.reader,
    all: (parameters) => {
      const rows = statement.all(...parameters) as Record<string, unknown>[];
      for (const row of rows) narrow(row);
      return rows;
    },
    run: (parameters) => statement.run(...parameters),
    *iterate(parameters) {
      for (const row of statement.iterate(...parameters)) {
        narrow(row as Record<string, unknown>);
        yield row;
      }
    },
  };
}

/**
 * Makes numbers of the integers that a number holds. A column declared as text is passed by: SQLite makes text of an integer that is written there
 * (https://www.sqlite.org/datatype3.html, 3.1 and 3.2). Of a row of `transactions` these are most.
 */
function narrowerOf(columns: readonly Database.ColumnDefinition[]): (row: Record<string, unknown>) => void {
  const names = columns.filter(({ type }) => !hasTextAffinity(type)).map(({ name }) => name);
  return (row) => {
    for (const name of names) {
      const value = row[name];
      if (typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER)
        row[name] = Number(value);
    }
  };
}

function hasTextAffinity(declaredType: string | null): boolean {
  return declaredType !== null && /CHAR|CLOB|TEXT/i.test(declaredType) && !/INT/i.test(declaredType);
}
