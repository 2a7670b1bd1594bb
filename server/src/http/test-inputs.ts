import type { z } from 'zod';
import { invariant } from '../kernel/errors.ts';
import { appRouter } from '../router.ts';
import { type RestRoute, restRoutes } from './rest-routes.ts';
import { toSnakeCase } from './snake-case.ts';

// Test support: every field that the router takes, found in its schemas, and how to send a value in it over REST. A new field is there by itself.

/** What a field holds, found out by what it accepts. */
type FieldKind = 'money' | 'date' | 'month' | 'instant' | 'currency' | 'id' | 'text' | 'number' | 'boolean' | 'enum';

export type Field = { path: readonly string[]; kind: FieldKind; isNullable: boolean; accepts(value: unknown): boolean };

export type Procedure = RestRoute & {
  type: 'query' | 'mutation' | 'subscription';
  fields: Field[];
  /** The paths of all objects: the input itself, and those within. */
  objects: (readonly string[])[];
  /** The paths of all lists. */
  lists: (readonly string[])[];
};

type Found = Pick<Procedure, 'fields' | 'objects' | 'lists'>;

/** All procedures with a REST route. */
export function procedures(): Procedure[] {
  const definitions = appRouter._def.procedures as unknown as Record<
    string,
    { _def: { type: Procedure['type']; inputs: z.ZodType[] } }
  >;
  return restRoutes(appRouter).map((route) => {
    const definition = definitions[route.procedure]?._def;
    invariant(definition, 'a route has a procedure');
    const found: Found = { fields: [], objects: [], lists: [] };
    walk(definition.inputs.at(-1) as z.ZodType, [], found);
    return { ...route, type: definition.type, ...found };
  });
}

type Definition = {
  type: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
  element?: z.ZodType;
  shape?: z.ZodRawShape;
  options?: z.ZodType[];
};

function walk(schema: z.ZodType, path: readonly string[], found: Found, outer: z.ZodType = schema): void {
  const definition = schema._zod.def as unknown as Definition;
  const inner = definition.innerType ?? definition.in;
  if (inner) return walk(inner, path, found, outer);
  if (definition.type === 'object') {
    found.objects.push(path);
    for (const [name, field] of Object.entries(definition.shape ?? {})) {
      walk(field as z.ZodType, [...path, toSnakeCase(name)], found);
    }
    return;
  }
  if (definition.type === 'array') {
    found.lists.push(path);
    const element = definition.element as z.ZodType;
    // Of one kind or another: the valid input has the first kind in the first place, and so on.
    const kinds = (element._zod.def as unknown as Definition).options ?? [element];
    for (const [index, kind] of kinds.entries()) walk(kind, [...path, String(index)], found);
    return;
  }
  const accepts = (value: unknown) => outer.safeParse(value).success;
  found.fields.push({ path, kind: kindOf(definition.type, accepts), isNullable: accepts(null), accepts });
}

const SAMPLES: [FieldKind, string][] = [
  ['money', '12.5'],
  ['date', '2026-02-28'],
  ['month', '2026-02'],
  ['instant', '2026-02-28T12:00:00Z'],
  ['currency', 'EUR'],
];

function kindOf(type: string, accepts: (value: unknown) => boolean): FieldKind {
  if (type === 'number' || type === 'boolean' || type === 'enum') return type;
  if (type === 'literal') return 'enum';
  invariant(type === 'string', `the walk knows no ${type}`);
  const isId = accepts('acc_1') && !accepts('a b') && !accepts('a.b');
  const isAnything = accepts('abc') || accepts('Some text');
  const special = isAnything ? undefined : SAMPLES.find(([, sample]) => accepts(sample));
  return special?.[0] ?? (isId ? 'id' : 'text');
}

type Json = Record<string, unknown>;

/** The input with one value put in: objects and lists on the way to it are made where there are none. */
export function withValue(input: Json, path: readonly string[], value: unknown): Json {
  const copy = structuredClone(input);
  let node = copy;
  path.forEach((step, index) => {
    if (index === path.length - 1) {
      Object.defineProperty(node, step, { value, enumerable: true, configurable: true, writable: true });
      return;
    }
    if (
      typeof node[step] !== 'object' ||
      node[step] === null ||
      (path[index + 1] === '0' && Array.isArray(node[step]) && node[step].length === 0)
    ) {
      node[step] = path[index + 1] === '0' ? [] : {};
    }
    node = node[step] as Json;
  });
  return copy;
}

/** Method, path and body of a call, as REST wants them. */
export function toCall(
  { method, path, pathParameters }: RestRoute,
  input: Json,
): { method: string; path: string; body?: Json } {
  const rest = { ...input };
  let filled = path;
  for (const name of pathParameters.map(toSnakeCase)) {
    filled = filled.replace(/\{[^}]+\}/, encodeURIComponent(textOf(rest[name] ?? 'none')));
    delete rest[name];
  }
  if (method !== 'GET') return { method, path: filled, body: rest };
  const query = new URLSearchParams(
    Object.entries(rest).map(([name, value]): [string, string] => [name, textOf(value)]),
  );
  return { method, path: query.size > 0 ? `${filled}?${query.toString()}` : filled };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
