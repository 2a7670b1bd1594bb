import Database from 'better-sqlite3';
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';

/** Compiled statements that are kept, those with bound values: the others come once, each with its own values in its text. */
const CACHED_STATEMENTS_MAX = 128;

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
      if (!sql.includes('?')) return exactStatement(connection.prepare(sql));
      const statement = statements.get(sql) ?? exactStatement(connection.prepare(sql));
      // The one that was longest unused goes first: the order of the Map is that of last use.
      statements.delete(sql);
      statements.set(sql, statement);
      if (statements.size > CACHED_STATEMENTS_MAX) statements.delete(statements.keys().next().value as string);
      return statement;
    },
  };
}

function exactStatement(statement: Database.Statement): SqliteStatement {
  if (statement.reader) statement.safeIntegers(true);
  return {
    reader: statement.reader,
    all: (parameters) => statement.all(...parameters).map(narrowIntegers),
    run: (parameters) => statement.run(...parameters),
    *iterate(parameters) {
      for (const row of statement.iterate(...parameters)) yield narrowIntegers(row);
    },
  };
}

function narrowIntegers(row: unknown): unknown {
  const record = row as Record<string, unknown>;
  for (const column in record) {
    const value = record[column];
    if (typeof value === 'bigint' && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      record[column] = Number(value);
    }
  }
  return record;
}
