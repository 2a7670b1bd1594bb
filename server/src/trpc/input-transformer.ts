import superjson from 'superjson';
import { AppError } from '../kernel/errors.ts';
import { ANNOTATIONS_MAX, isWithinBounds } from './limits.ts';

/** What an input may be annotated with. Sets, maps, regular expressions, classes and errors are not part of the API. */
const ANNOTATION_TYPES = new Set<unknown>(['Date', 'bigint', 'undefined']);

/**
 * superjson, guarded on the way in. Its `referentialEqualities` cost quadratic time and `set`, `map` and the like build what no procedure takes, all
 * before zod sees the input; so annotations are checked, and counted, before superjson walks them.
 */
export const inputTransformer = {
  input: {
    serialize: (value: unknown): unknown => superjson.serialize(value),
    deserialize: (payload: unknown): unknown => superjson.deserialize(guardPayload(payload)),
  },
  output: superjson,
};

type Payload = Parameters<typeof superjson.deserialize>[0];

/**
 * The payload without its referential equalities: JSON already holds the equal values in each place, so only shared identity is lost, which no input needs.
 *
 * @throws AppError VALIDATION_FAILED for any other annotation than Date, bigint and undefined, for too many, and for JSON that nests too deep.
 */
function guardPayload(payload: unknown): Payload {
  if (!isRecord(payload)) throw refused('the input must be superjson: {"json": …}');
  if (!isWithinBounds(payload['json'])) throw refused('the input nests too deep or holds too many values');
  const meta = payload['meta'];
  if (meta === undefined) return { json: payload['json'] } as Payload;
  if (!isRecord(meta)) throw refused('meta must be an object');
  if (countLeaves(meta['referentialEqualities']) > ANNOTATIONS_MAX) throw refused('too many referential equalities');
  const values = meta['values'];
  if (values === undefined) return { json: payload['json'] } as Payload;
  const annotations = Array.isArray(values) ? [values] : isRecord(values) ? Object.values(values) : [undefined];
  if (annotations.length > ANNOTATIONS_MAX) throw refused('too many annotations');
  for (const annotation of annotations) {
    if (!Array.isArray(annotation) || annotation.length !== 1 || !ANNOTATION_TYPES.has(annotation[0])) {
      throw refused('only Date, bigint and undefined may be annotated');
    }
  }
  return { json: payload['json'], meta: { values, v: meta['v'] === 1 ? 1 : 0 } } as Payload;
}

/** Counts the strings in the two-level structure of equalities; stops as soon as there are too many. */
function countLeaves(value: unknown): number {
  let count = 0;
  const queue = [value];
  while (queue.length > 0 && count <= ANNOTATIONS_MAX) {
    const node = queue.pop();
    if (typeof node === 'object' && node !== null) queue.push(...Object.values(node).slice(0, ANNOTATIONS_MAX + 1));
    if (node !== undefined) count += 1;
  }
  return count;
}

function refused(reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `The request was refused: ${reason}.`, {
    details: [{ path: '', message: reason }],
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
