import { AppError } from './errors.ts';

type CursorPart = string | number;
type Parts<Kinds extends readonly ('string' | 'number')[]> = {
  [Index in keyof Kinds]: (Kinds[Index] extends 'string' ? string : number) | undefined;
};

/** The place in a list after which the next page begins, as opaque text. */
export function encodeCursor(parts: readonly CursorPart[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/**
 * Reads a cursor that {@link encodeCursor} made; all parts undefined where there is none.
 *
 * @throws AppError VALIDATION_FAILED naming `cursor` for anything else.
 */
export function decodeCursor<const Kinds extends readonly ('string' | 'number')[]>(
  cursor: string | undefined,
  kinds: Kinds,
): Parts<Kinds> {
  if (cursor === undefined) return kinds.map(() => undefined) as Parts<Kinds>;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const isOurs =
      Array.isArray(parts) && parts.length === kinds.length && kinds.every((kind, at) => isPart(parts[at], kind));
    if (isOurs) return parts as unknown as Parts<Kinds>;
  } catch {
    // Answered below, like every other cursor that is not ours.
  }
  throw new AppError('VALIDATION_FAILED', 'The cursor is not one of this list.', {
    details: [{ path: 'cursor', message: 'must be the cursor that the page before answered' }],
  });
}

/** JSON reads 1e999 as Infinity, which no database takes for a number; SQLite takes no text with a NUL in a statement. */
function isPart(value: unknown, kind: 'string' | 'number'): boolean {
  return kind === 'number' ? Number.isFinite(value) : typeof value === 'string' && !value.includes('\0');
}
