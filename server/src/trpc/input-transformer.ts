import superjson from 'superjson';
import { AppError, invalidField } from '../kernel/errors.ts';
import {
  ANNOTATED_TEXT_LENGTH_MAX,
  ANNOTATION_PATH_LENGTH_MAX,
  ANNOTATIONS_MAX,
  isWithinBounds,
  outOfBounds,
} from './limits.ts';

/** What an input may be annotated with. Numbers that JSON does not have, sets, maps, regular expressions, classes and errors are not part of the API. */
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
 * @throws AppError VALIDATION_FAILED for any other annotation than Date, bigint and undefined, for too many, for one of anything but short text, and for JSON that
 * nests too deep.
 */
function guardPayload(payload: unknown): Payload {
  if (!isRecord(payload)) throw refused('the input must be superjson: {"json": …}');
  if (!isWithinBounds(payload['json'])) throw outOfBounds();
  const meta = payload['meta'];
  if (meta === undefined) return { json: payload['json'] } as Payload;
  if (!isRecord(meta)) throw refused('meta must be an object');
  if (countLeaves(meta['referentialEqualities']) > ANNOTATIONS_MAX) throw refused('too many referential equalities');
  const values = meta['values'];
  if (values === undefined) return { json: payload['json'] } as Payload;
  const annotations: [string | null, unknown][] = Array.isArray(values)
    ? [[null, values]]
    : isRecord(values)
      ? Object.entries(values)
      : [[null, undefined]];
  if (annotations.length > ANNOTATIONS_MAX) throw refused('too many annotations');
  for (const [path, annotation] of annotations) {
    const type: unknown = Array.isArray(annotation) && annotation.length === 1 ? annotation[0] : undefined;
    if (!ANNOTATION_TYPES.has(type)) throw refusedValue(path, type);
    guardAnnotated(payload['json'], path, type);
  }
  return { json: payload['json'], meta: { values, v: meta['v'] === 1 ? 1 : 0 } } as Payload;
}

/**
 * BigInt() reads a megabyte of digits in seconds, and each step of a path costs as well. Names of fields have no backslash, so that a path is read here as superjson
 * reads it, in either of its versions.
 *
 * @param path null for the whole input
 */
function guardAnnotated(json: unknown, path: string | null, type: unknown): void {
  if (path !== null && (path.length > ANNOTATION_PATH_LENGTH_MAX || NO_FIELD.test(path)))
    throw refused('an annotation names no field', fieldOf(path));
  const value = path === null ? json : valueAt(json, path);
  const isPlain = value === undefined || value === null;
  if (!isPlain && (typeof value !== 'string' || value.length > ANNOTATED_TEXT_LENGTH_MAX))
    throw refused(`what is annotated must be text of at most ${ANNOTATED_TEXT_LENGTH_MAX} characters`, fieldOf(path));
  if (type === 'bigint' && !(typeof value === 'string' && /^-?\d+$/.test(value)))
    throw invalidField(fieldOf(path), 'must be a whole number');
}

/** What superjson itself refuses to walk, and escapes. */
const NO_FIELD = /\\|(?:^|\.)(?:__proto__|prototype|constructor)(?:\.|$)/;

function fieldOf(path: string | null): string {
  return (path ?? '').slice(0, ANNOTATION_PATH_LENGTH_MAX);
}

/** A value of JavaScript that is no input. A number is annotated only where JSON has none for it. */
function refusedValue(path: string | null, type: unknown): AppError {
  return invalidField(
    fieldOf(path),
    type === 'number'
      ? 'must be a number that JSON can hold: not NaN, Infinity or a negative zero'
      : 'must be JSON, a Date, a bigint or undefined',
  );
}

function valueAt(json: unknown, path: string): unknown {
  let value = json;
  for (const step of path.split('.')) {
    if (Array.isArray(value)) value = value[Number(step)];
    else value = isRecord(value) ? value[step] : undefined;
  }
  return value;
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

function refused(reason: string, path = ''): AppError {
  return new AppError('VALIDATION_FAILED', `The request was refused: ${reason}.`, {
    details: [{ path, message: reason }],
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
