import type { SqlValue } from './statement.ts';
import type { Dialect } from './orm.ts';

/** A part of a WHERE clause, with its parameters. */
export type Condition = { sql: string; values: SqlValue[] };

/**
 * A table in a FROM clause, to be read by the index that is named and by no other. Without it MariaDB reads a page that lies far down the list from the top, and
 * an index without the order of the list, with everything in it to be sorted, where it takes a filter for a narrow one.
 */
export function readBy(dialect: Dialect, table: string, index: string): string {
  return dialect === 'mysql' ? `${table} force index (${index})` : `${table} indexed by ${index}`;
}

/** A join whose left side is read first, in its order, and the right side looked up for each of its rows: no planner turns the two round. */
export const LOOK_UP: Record<Dialect, string> = { mysql: 'straight_join', sqlite: 'cross join' };

/**
 * What lies on one side of a place in the order of an index: `<` and `>` of several columns, the first of them deciding first. In the words in which each
 * database enters the index at the very place, and reads nothing on the way to it.
 */
export function beside(
  dialect: Dialect,
  columns: readonly string[],
  comparison: '<' | '<=' | '>' | '>=',
  place: readonly SqlValue[],
): Condition {
  if (dialect === 'sqlite') {
    const places = columns.map(() => '?').join(', ');
    return { sql: `(${columns.join(', ')}) ${comparison} (${places})`, values: [...place] };
  }
  const [column = '', ...others] = columns;
  const [value = null, ...rest] = place;
  if (others.length === 0) return { sql: `${column} ${comparison} ?`, values: [value] };
  const inner = beside(dialect, others, comparison, rest);
  return {
    sql: `(${column} ${comparison.slice(0, 1)} ? or (${column} = ? and ${inner.sql}))`,
    values: [value, value, ...inner.values],
  };
}
