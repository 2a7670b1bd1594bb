import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from './orm.ts';
import { padded, runSql, type SqlValue } from './statement.ts';

/**
 * Rows of one INSERT. Few sizes, so that few statements are prepared; each a quarter of the one before, so that few are sent. 256 rows are as fast as
 * 1,000, and stay under the parameters that a statement may have (MySQL 65,535, SQLite 32,766) for any table here.
 */
const ROWS_PER_INSERT = [256, 64, 16, 4, 1] as const;

type BulkInsert = {
  table: string;
  columns: readonly string[];
  /** Raw database values: a custom type must be converted. Read as they are sent, so an iterator makes them meanwhile. */
  rows: Iterable<readonly SqlValue[]>;
  /** Where a unique key exists already: leave the row, or overwrite these columns. Without it a duplicate throws. */
  onDuplicate?: { key: readonly string[]; update: readonly string[] };
};

/**
 * Inserts many rows with few statements, inside the caller's transaction. Each statement goes with its parameters, so it is prepared once for a connection
 * and used again; the next is made while the database stores the one before, and no more than that is held.
 *
 * Table and column names are the code's own and are not escaped.
 */
export async function insertRows(em: SqlEntityManager, dialect: Dialect, insert: BulkInsert): Promise<void> {
  const statements = toStatements(dialect, insert);
  let { value: statement } = statements.next();
  while (statement) {
    const storing = runSql(em, statement.sql, statement.parameters);
    try {
      ({ value: statement } = statements.next());
    } finally {
      // Whatever happens, nothing is left under way on a transaction that the caller may end.
      await storing;
    }
  }
}

type Statement = { sql: string; parameters: SqlValue[] };

function* toStatements(dialect: Dialect, insert: BulkInsert): Generator<Statement, undefined> {
  const head = `insert into ${insert.table} (${insert.columns.join(', ')}) values `;
  const tuple = `(${insert.columns.map(() => '?').join(',')})`;
  const tail = insert.onDuplicate ? duplicateClause(dialect, insert.onDuplicate) : '';
  for (const rows of chunkRows(insert.rows)) {
    yield { sql: `${head}${Array(rows.length).fill(tuple).join(',')}${tail}`, parameters: toParameters(rows) };
  }
}

function* chunkRows(rows: BulkInsert['rows']): Generator<(readonly SqlValue[])[]> {
  const [most, ...smaller] = ROWS_PER_INSERT;
  let chunk: (readonly SqlValue[])[] = [];
  for (const row of rows) {
    if (chunk.push(row) < most) continue;
    yield chunk;
    chunk = [];
  }
  for (const size of smaller) while (chunk.length >= size) yield chunk.splice(0, size);
}

function toParameters(rows: readonly (readonly SqlValue[])[]): SqlValue[] {
  const parameters: SqlValue[] = [];
  for (const row of rows) {
    for (const value of row) parameters.push(value);
  }
  return parameters;
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
  const list = padded(values);
  return { sql: list.map(() => '?').join(', '), values: list };
}

/** The locking suffix of a SELECT: `for update` on MySQL; nothing on SQLite, whose one connection runs one transaction at a time. */
export function forUpdate(dialect: Dialect): string {
  return dialect === 'mysql' ? ' for update' : '';
}
