import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from './orm.ts';
import { runSql, type SqlValue } from './statement.ts';

/** Rows of one INSERT: enough to be fast, few enough for MySQL's default packet of 16 MB. */
const ROWS_PER_INSERT = 1000;

/** Rows of one INSERT on SQLite: few sizes, so that few statements are compiled, and under its 32,766 parameters for any table here. */
const SQLITE_ROWS_PER_INSERT = [500, 50, 5, 1];

type BulkInsert = {
  table: string;
  columns: readonly string[];
  rows: readonly (readonly SqlValue[])[];
  /** Where a unique key exists already: leave the row, or overwrite these columns. Without it a duplicate throws. */
  onDuplicate?: { key: readonly string[]; update: readonly string[] };
};

/** An insert that is ready to be sent: its statements, with their parameters on SQLite. */
export type PreparedInsert = { statements: readonly { sql: string; parameters: readonly SqlValue[] }[] };

/**
 * Inserts many rows with few statements, inside the caller's transaction. The rows are raw database values: a custom type must be converted before.
 * Table and column names are the code's own and are not escaped.
 */
export async function insertRows(em: SqlEntityManager, dialect: Dialect, insert: BulkInsert): Promise<void> {
  await runInsert(em, dialect, prepareInsert(dialect, insert));
}

/**
 * Builds the statements of {@link insertRows} ahead of the transaction that sends them, while the database is busy with something else. MySQL gets literals;
 * SQLite gets parameters, so that a statement is compiled once.
 */
export function prepareInsert(dialect: Dialect, insert: BulkInsert): PreparedInsert {
  const toStatement = dialect === 'mysql' ? literalInsert : boundInsert;
  return { statements: [...chunkRows(dialect, insert.rows)].map((rows) => toStatement(insert, rows)) };
}

/** Sends a prepared insert, inside the caller's transaction. */
export async function runInsert(em: SqlEntityManager, dialect: Dialect, { statements }: PreparedInsert): Promise<void> {
  for (const { sql, parameters } of statements) {
    if (dialect === 'mysql') await em.execute(sql, [], 'run');
    else await runSql(em, sql, parameters);
  }
}

function* chunkRows(dialect: Dialect, rows: BulkInsert['rows']): Generator<BulkInsert['rows']> {
  for (let start = 0; start < rows.length;) {
    const left = rows.length - start;
    const size =
      dialect === 'mysql' ? ROWS_PER_INSERT : (SQLITE_ROWS_PER_INSERT.find((rowCount) => rowCount <= left) ?? 1);
    yield rows.slice(start, start + size);
    start += size;
  }
}

function literalInsert(insert: BulkInsert, rows: BulkInsert['rows']) {
  const tuples = rows.map((row) => `(${row.map(toLiteral).join(',')})`);
  return { sql: `${insertHead(insert)}${tuples.join(',')}${insertTail('mysql', insert)}`, parameters: [] };
}

/** Characters that stand for themselves in any SQL mode: most of what is inserted in bulk is hex, decimals and ids. */
const PLAIN = /^[\w.:-]*$/;

/** A string as its bytes: nothing to escape, whatever the SQL mode, and no driver to load for it. */
function toHexLiteral(value: string): string {
  return `_utf8mb4 x'${Buffer.from(value).toString('hex')}'`;
}

function toLiteral(value: SqlValue): string {
  if (typeof value === 'string') return PLAIN.test(value) ? `'${value}'` : toHexLiteral(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  return String(value);
}

function boundInsert(insert: BulkInsert, rows: BulkInsert['rows']) {
  const tuple = `(${insert.columns.map(() => '?').join(',')})`;
  return {
    sql: `${insertHead(insert)}${Array(rows.length).fill(tuple).join(',')}${insertTail('sqlite', insert)}`,
    parameters: rows.flat(),
  };
}

function insertHead({ table, columns }: BulkInsert): string {
  return `insert into ${table} (${columns.join(', ')}) values `;
}

function insertTail(dialect: Dialect, { onDuplicate }: BulkInsert): string {
  return onDuplicate ? duplicateClause(dialect, onDuplicate) : '';
}

function duplicateClause(dialect: Dialect, { key, update }: NonNullable<BulkInsert['onDuplicate']>): string {
  if (dialect === 'mysql') {
    const first = key[0] as string;
    // `insert ignore` would swallow every other error as well; setting a key column to itself changes nothing.
    const assignments =
      update.length > 0 ? update.map((column) => `${column} = values(${column})`) : [`${first} = ${first}`];
    return ` on duplicate key update ${assignments.join(', ')}`;
  }
  const action =
    update.length > 0
      ? `do update set ${update.map((column) => `${column} = excluded.${column}`).join(', ')}`
      : 'do nothing';
  return ` on conflict (${key.join(', ')}) ${action}`;
}

/** What stands in the parentheses of `in (…)`, and its parameters. */
export type InList = { sql: string; values: SqlValue[] };

/**
 * A list for `in (…)`. SQLite gets it as one JSON text: a statement with each value in its own place is compiled anew for every list, and what is compiled
 * waits outside of the heap for a collector that does not see its size.
 */
export function inList(dialect: Dialect, values: readonly string[]): InList {
  if (dialect === 'sqlite') return { sql: 'select value from json_each(?)', values: [JSON.stringify(values)] };
  return { sql: values.map(() => '?').join(', '), values: [...values] };
}

/** The locking suffix of a SELECT: `for update` on MySQL; nothing on SQLite, whose one connection runs one transaction at a time. */
export function forUpdate(dialect: Dialect): string {
  return dialect === 'mysql' ? ' for update' : '';
}
