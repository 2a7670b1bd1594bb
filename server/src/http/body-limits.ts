import type { AnyRouter } from '@trpc/server';
import { z } from 'zod';
import { invariant } from '../kernel/errors.ts';
import type { Access, ProcedureMeta } from '../trpc/init.ts';
import { BODY_BYTES_MAX, MIDDLE_BODY_BYTES_MAX } from '../trpc/limits.ts';
import { toSnakeCase } from './snake-case.ts';

type Definition = { type: string; meta?: ProcedureMeta; inputs: unknown[] };

/** What superjson puts around an input. */
export const WRAPPER_BYTES = 1024;

/** Who is known before the body is read. */
const SIGNED_IN = new Set<Access>(['user', 'session', 'admin']);

/**
 * The largest body of each procedure, by its path. It follows from the schema: where a legal input may be larger than the usual body, and only who is signed in
 * may send one, the middle size. What takes a file says so itself (`meta.bodyBytesMax`).
 */
export function bodyLimitsOf(router: AnyRouter): Map<string, number> {
  const procedures = router._def.procedures as Record<string, { _def: Definition }>;
  return new Map(Object.entries(procedures).map(([path, { _def }]) => [path, bodyBytesMaxOf(_def)]));
}

function bodyBytesMaxOf({ type, meta, inputs }: Definition): number {
  if (meta?.bodyBytesMax !== undefined) return meta.bodyBytesMax;
  if (type !== 'mutation' || !SIGNED_IN.has(meta?.access ?? 'public')) return BODY_BYTES_MAX;
  return largestInputBytes(inputs.at(-1)) + WRAPPER_BYTES > BODY_BYTES_MAX ? MIDDLE_BODY_BYTES_MAX : BODY_BYTES_MAX;
}

type JsonSchema = {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  maxItems?: number;
  maxLength?: number;
};

/** A UTF-16 code unit in UTF-8; as an escape it would take more. */
const BYTES_PER_UNIT_MAX = 3;
/** Of a number, boolean or null. */
const SCALAR_BYTES_MAX = 24;

/** How many bytes of UTF-8 the largest input is that a schema lets through, as JSON with names in snake_case. Infinite where it has no limit. */
export function largestInputBytes(input: unknown): number {
  invariant(input instanceof z.ZodType, 'a procedure has a zod input');
  return bytesOf(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema);
}

function bytesOf(schema: JsonSchema): number {
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices) return Math.max(...choices.map(bytesOf));
  const values = schema.const === undefined ? schema.enum : [schema.const];
  if (values) return Math.max(...values.map((value) => JSON.stringify(value).length));
  switch (schema.type) {
    case 'string':
      return 2 + BYTES_PER_UNIT_MAX * (schema.maxLength ?? Infinity);
    case 'array':
      return 2 + (schema.maxItems ?? Infinity) * (1 + bytesOf(schema.items ?? {}));
    case 'object':
      return Object.entries(schema.properties ?? {}).reduce(
        (sum, [name, property]) => sum + toSnakeCase(name).length + 4 + bytesOf(property),
        2,
      );
    default:
      return schema.type === undefined ? Infinity : SCALAR_BYTES_MAX;
  }
}
