import type { SqlEntityManager } from '@mikro-orm/sql';
import { CompiledQuery, type QueryResult } from 'kysely';

/** What a statement is given for a placeholder. */
export type SqlValue = string | number | bigint | boolean | null;

/**
 * The rows of a statement, in the caller's transaction where there is one. For what is asked with every request: values are bound instead of written into the text, so
 * that SQLite compiles a text once, and no layer of the ORM lies between. Values and columns are as the database has them.
 */
export async function fetchRows<Row>(em: SqlEntityManager, sql: string, values: readonly SqlValue[]): Promise<Row[]> {
  const { rows } = await executeBound(em, sql, values);
  return rows as Row[];
}

/** Runs a statement that answers nothing, as {@link fetchRows} does. */
export async function runSql(em: SqlEntityManager, sql: string, values: readonly SqlValue[]): Promise<void> {
  await executeBound(em, sql, values);
}

async function executeBound(
  em: SqlEntityManager,
  sql: string,
  values: readonly SqlValue[],
): Promise<QueryResult<unknown>> {
  em.config.get('onQuery')(sql, values);
  try {
    return await em.getKysely().executeQuery(CompiledQuery.raw(sql, values.map(toParameter)));
  } catch (error) {
    throw em
      .getPlatform()
      .getExceptionConverter()
      .convertException(error as Error);
  }
}

/**
 * The values, the last one again and again until their number is a power of two. For `in` and `or` over lists of any length, which mean the same then: there
 * are few texts of the statement, and each is prepared once.
 */
export function padded<Value>(values: readonly Value[]): Value[] {
  const last = values.at(-1);
  if (last === undefined) return [];
  const length = 2 ** Math.ceil(Math.log2(values.length));
  return [...values, ...Array.from({ length: length - values.length }, () => last)];
}

/** better-sqlite3 takes no booleans. */
function toParameter(value: SqlValue): SqlValue {
  return typeof value === 'boolean' ? Number(value) : value;
}
