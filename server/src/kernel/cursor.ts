import { AppError } from './errors.ts';

type CursorPart = string | number;
type Parts<Kinds extends readonly ('string' | 'number')[]> = {
  [Index in keyof Kinds]: (Kinds[Index] extends 'string' ? string : number) | undefined;
};

/** A list that is read page by page. Its name is in its cursors: the place of another list, which may look alike, would pass over rows in silence. */
export type ListName =
  | ('accounts' | 'statement' | 'transactions' | 'monthly totals' | 'rates' | 'recurring' | 'imports')
  | ('reconciliations' | 'reconciliation entries' | 'rules preview' | 'integrity')
  | ('positions' | 'staking logs' | 'staking conflicts' | 'sync runs')
  | `pieces of ${'csv' | 'json' | 'journal'}`
  | `changes of ${'account' | 'category' | 'transaction'}`;

/** The place in a list after which the next page begins, as opaque text. */
export function encodeCursor(list: ListName, parts: readonly CursorPart[]): string {
  return Buffer.from(JSON.stringify([list, ...parts])).toString('base64url');
}

/**
 * Reads a cursor that {@link encodeCursor} made for this list; all parts undefined where there is none.
 *
 * @throws AppError VALIDATION_FAILED naming `cursor` for anything else, cursors of other lists too.
 */
export function decodeCursor<const Kinds extends readonly ('string' | 'number')[]>(
  list: ListName,
  cursor: string | undefined,
  kinds: Kinds,
): Parts<Kinds> {
  const parts = placeIn(list, cursor, kinds);
  if (parts) return parts;
  throw new AppError('VALIDATION_FAILED', 'The cursor is not one of this list.', {
    details: [{ path: 'cursor', message: 'must be the cursor that the page before answered' }],
  });
}

/** As {@link decodeCursor}, with null for what is no place in this list. */
export function placeIn<const Kinds extends readonly ('string' | 'number')[]>(
  list: ListName,
  cursor: string | undefined,
  kinds: Kinds,
): Parts<Kinds> | null {
  if (cursor === undefined) return kinds.map(() => undefined) as Parts<Kinds>;
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const [name, ...parts] = Array.isArray(read) ? (read as unknown[]) : [];
    const isOurs = name === list && parts.length === kinds.length && kinds.every((kind, at) => isPart(parts[at], kind));
    return isOurs ? (parts as unknown as Parts<Kinds>) : null;
  } catch {
    return null;
  }
}

/** JSON reads 1e999 as Infinity, which no database takes for a number; SQLite takes no text with a NUL in a statement. */
function isPart(value: unknown, kind: 'string' | 'number'): boolean {
  return kind === 'number' ? Number.isFinite(value) : typeof value === 'string' && !value.includes('\0');
}
