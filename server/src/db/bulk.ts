import type { SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery } from 'kysely';
import type { Dialect } from './orm.ts';

export type SqlValue = string | number | bigint | boolean | null;

/**
 * Rows of one INSERT. Few sizes, so that few statements are prepared; each a quarter of the one before, so that few are sent. 256 rows are as fast as
 * 1,000, and stay under the parameters that a statement may have (MySQL 65,535, SQLite 32,766) for any table here.
 */
const ROWS_PER_INSERT = [256, 64, 16, 4, 1];

type BulkInsert = {
  table: string;
  columns: readonly string[];
  rows: readonly (readonly SqlValue[])[];
  /** Where a unique key exists already: leave the row, or overwrite these columns. Without it a duplicate throws. */
  onDuplicate?: { key: readonly string[]; update: readonly string[] };
};

/** An insert that is ready to be sent. */
export type PreparedInsert = readonly { sql: string; parameters: readonly SqlValue[] }[];

/**
 * Inserts many rows with few statements, inside the caller's transaction. The rows are raw database values: a custom type must be converted before.
 * Table and column names are the code's own and are not escaped.
 */
export async function insertRows(em: SqlEntityManager, dialect: Dialect, insert: BulkInsert): Promise<void> {
  await runInsert(em, prepareInsert(dialect, insert));
}

/** Builds the statements of {@link insertRows} ahead of the transaction that sends them, while the database is busy with something else. */
export function prepareInsert(dialect: Dialect, insert: BulkInsert): PreparedInsert {
  const head = `insert into ${insert.table} (${insert.columns.join(', ')}) values `;
  const tuple = `(${insert.columns.map(() => '?').join(',')})`;
  const tail = insert.onDuplicate ? duplicateClause(dialect, insert.onDuplicate) : '';
  const statements: { sql: string; parameters: SqlValue[] }[] = [];
  let start = 0;
  for (const size of ROWS_PER_INSERT) {
    if (insert.rows.length - start < size) continue;
    const sql = `${head}${Array(size).fill(tuple).join(',')}${tail}`;
    for (; insert.rows.length - start >= size; start += size) {
      statements.push({ sql, parameters: insert.rows.slice(start, start + size).flatMap(toParameters) });
    }
  }
  return statements;
}

/** Sends a prepared insert, inside the caller's transaction. Its statements go with their parameters, and so are prepared only once for a connection. */
export async function runInsert(em: SqlEntityManager, statements: PreparedInsert): Promise<void> {
  const onQuery = em.config.get('onQuery');
  const kysely = em.getKysely();
  for (const { sql, parameters } of statements) {
    onQuery(sql, parameters);
    try {
      await kysely.executeQuery(CompiledQuery.raw(sql, parameters as SqlValue[]));
    } catch (error) {
      throw em
        .getPlatform()
        .getExceptionConverter()
        .convertException(error as Error);
    }
  }
}

/** SQLite knows no booleans. */
function toParameters(row: readonly SqlValue[]): readonly SqlValue[] {
  return row.some((value) => typeof value === 'boolean')
    ? row.map((value) => (typeof value === 'boolean' ? Number(value) : value))
    : row;
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
