import Database from 'better-sqlite3';
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely';

/** Compiled statements that are kept: inserts with parameters, which have few texts. Values that are written into a statement make it one of its own. */
const CACHED_STATEMENTS_MAX = 64;
const BOUND_INSERT = /^insert into \w+ \([\w, ]+\) values \(\?/;

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
      if (!BOUND_INSERT.test(sql)) return exactStatement(connection.prepare(sql));
      const statement = statements.get(sql) ?? exactStatement(connection.prepare(sql));
      // The one that was not used for longest goes first.
      statements.delete(sql);
      const oldest = statements.size >= CACHED_STATEMENTS_MAX ? statements.keys().next().value : undefined;
      if (oldest !== undefined) statements.delete(oldest);
      statements.set(sql, statement);
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
