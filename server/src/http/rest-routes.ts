import { JsonSchemaCoercer } from '@orpc/json-schema';
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4';
import type { AnyRouter, ProcedureType } from '@trpc/server';
import { z } from 'zod';
import { invariant } from '../kernel/errors.ts';
import type { Access, ProcedureMeta } from '../trpc/init.ts';
import { NO_SCOPE, scopesOf } from '../trpc/scopes.ts';
import { BODY_BYTES_MAX, type RateClass } from '../trpc/limits.ts';
import { rateClassOf } from '../trpc/procedures.ts';
import { bodyLimitsOf } from './body-limits.ts';

/** A procedure as REST sees it. */
export type RestRoute = {
  /** The procedure's path: `sync.status`. */
  procedure: string;
  method: string;
  /** Whether it answers events, for as long as somebody reads them. */
  isStream: boolean;
  /** Whether a call with an `Idempotency-Key` is done once. */
  isKeyed: boolean;
  /** `/staking/positions/{id}` */
  path: string;
  access: Access;
  /** What an API token needs for it: a scope, nothing (null), or there is none that is enough. */
  scopes: ReturnType<typeof scopesOf>;
  /** What a call of it counts as. */
  rateClass: RateClass;
  /** The largest body it takes. */
  bodyBytesMax: number;
  pathParameters: string[];
  /** Fields that the input cannot do without, in camelCase. */
  requiredFields: string[];
  /** Reads the text of query parameters as the numbers and booleans that the input wants; what does not fit stays text, for zod to refuse. */
  coerceQuery: (query: unknown) => unknown;
};

/** Knows types alone, no limits: with `integer` the coercer would read `0x10` as a number. */
const schemaConverter = new ZodToJsonSchemaConverter();
const coercer = new JsonSchemaCoercer();

type ProcedureDefinition = { meta?: ProcedureMeta; inputs: unknown[]; type: ProcedureType };

/** Every procedure of the router that has a REST route. */
export function restRoutes(router: AnyRouter): RestRoute[] {
  const procedures = router._def.procedures as Record<string, { _def: ProcedureDefinition }>;
  const bodyLimits = bodyLimitsOf(router);
  const routes = Object.entries(procedures).flatMap(([procedure, { _def }]): RestRoute[] => {
    const { method, path } = _def.meta?.route ?? {};
    if (method === undefined || path === undefined) return [];
    const input = _def.inputs.at(-1);
    invariant(input instanceof z.ZodType, `${procedure} has a zod input`);
    const access = _def.meta?.access ?? 'public';
    return [
      {
        procedure,
        method,
        isStream: _def.type === 'subscription',
        // What is done outside of the database is not; control of sync may be repeated by its nature.
        isKeyed: _def.type === 'mutation' && access !== 'syncControl',
        path,
        access,
        scopes: scopesOf({ path: procedure, type: _def.type, access, scopes: _def.meta?.scopes }),
        rateClass: rateClassOf(_def.type, _def.meta),
        bodyBytesMax: bodyLimits.get(procedure) ?? BODY_BYTES_MAX,
        pathParameters: [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name),
        requiredFields: requiredFieldsOf(input),
        coerceQuery: queryCoercion(input),
      },
    ];
  });
  // A path that is spelt out goes before one that a parameter would match as well: /accounts/summary is no account.
  return routes.toSorted((a, b) => a.pathParameters.length - b.pathParameters.length);
}

/** What the documentation says of API tokens; nothing where anyone may call. */
export function tokenNote({ access, scopes }: Pick<RestRoute, 'access' | 'scopes'>): string {
  if (access === 'public') return '';
  if (scopes === NO_SCOPE) return 'Takes a session; an API token is refused.';
  if (scopes.length === 0) return 'An API token needs no scope.';
  const names = scopes.map((scope) => `\`${scope}\``);
  return names.length === 1
    ? `An API token needs the scope ${names[0]}.`
    : `An API token needs the scopes ${names.slice(0, -1).join(', ')} and ${names.at(-1)}.`;
}

/** The route of a request, or the methods that its path has. HEAD is answered wherever a GET comes to an end (RFC 9110, 9.3.2). */
export function matchRoute(
  routes: RestRoute[],
  method: string,
  path: string,
): { route?: RestRoute | undefined; methods: string[] } {
  const matching = routes.filter((route) => patternOf(route.path).test(path));
  const takes = (route: RestRoute) => (route.method === 'GET' && !route.isStream ? ['GET', 'HEAD'] : [route.method]);
  return {
    route: matching.find((route) => takes(route).includes(method)),
    methods: [...new Set(matching.flatMap(takes))],
  };
}

const patterns = new Map<string, RegExp>();

function patternOf(path: string): RegExp {
  const known = patterns.get(path);
  if (known) return known;
  const pattern = new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}/?$`);
  patterns.set(path, pattern);
  return pattern;
}

function requiredFieldsOf(input: z.ZodType): string[] {
  const result = input.safeParse({});
  const issues = result.success ? [] : result.error.issues;
  return issues.flatMap((issue) => (issue.path.length === 1 ? [String(issue.path[0])] : []));
}

/** A number or boolean as JSON writes it. The coercer goes by JavaScript, which reads ` 5 `, `+5`, `1e2` and `-0` as numbers, and by forms, which say `on`. */
const PLAIN_SCALAR = /^(?:-?[1-9]\d*(?:\.\d+)?|0(?:\.\d+)?|-0\.0*[1-9]\d*|true|false)$/i;

function queryCoercion(input: z.ZodType): (query: unknown) => unknown {
  const [, schema] = schemaConverter.convert(input, { strategy: 'input' });
  return (query) => {
    const coerced: unknown = coercer.coerce(schema, query);
    if (!isRecord(query) || !isRecord(coerced)) return coerced;
    const entries = Object.entries(coerced).map(([name, value]) => {
      const text = query[name];
      return [name, typeof text === 'string' && !PLAIN_SCALAR.test(text) ? text : value];
    });
    return Object.fromEntries(entries) as unknown;
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
