import { OpenAPIGenerator } from '@orpc/openapi';
import { toORPCRouter } from '@orpc/trpc';
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4';
import type { AnyRouter } from '@trpc/server';
import { errorCodes } from '@finverse/shared';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { invariant } from '../kernel/errors.ts';
import { IDEMPOTENCY_KEY } from './request-context.ts';
import { requestState } from './request-state.ts';
import { type RestRoute, restRoutes, tokenNote } from './rest-routes.ts';
import { snakeCasePaths } from './snake-case.ts';
import { transferRoutes } from './transfer-docs.ts';

type Operation = {
  operationId: string;
  description?: string;
  parameters?: object[];
  responses?: Record<string, unknown>;
  [key: string]: unknown;
};

const DESCRIPTION = `Bank-like accounts beside staking positions that are kept provably equal to the contracts they mirror.

Money is a decimal text with its currency, never a number. Mutations take an \`Idempotency-Key\`: the same key and body get the stored answer. Token amounts are exact base units as text (\`…_raw\`) beside a decimal with eight digits after the point. Times are ISO 8601, UTC, with milliseconds.
Lists answer \`{items, next_cursor}\`. Errors answer \`{error: {code, message, request_id, details}}\`; every answer carries \`X-Request-Id\`.`;

/** oRPC's own looks for formats and limits where zod 4.6 no longer keeps them, so those of text and numbers are zod's word. */
const schemaConverter = new ZodToJsonSchemaConverter({
  interceptors: [
    ({ schema, next }) => {
      const [isRequired, jsonSchema] = next();
      return schema instanceof z.ZodString || schema instanceof z.ZodStringFormat || schema instanceof z.ZodNumber
        ? [isRequired, { ...jsonSchema, ...constraintsOf(schema) }]
        : [isRequired, jsonSchema];
    },
  ],
});

/** The OpenAPI 3.1 document of every procedure that has a REST route, and of the files that go past the router. */
export async function openApiDocument(router: AnyRouter, version: string): Promise<object> {
  const routes = new Map(restRoutes(router).map((route) => [route.procedure, route]));
  const document = await new OpenAPIGenerator({ schemaConverters: [schemaConverter] }).generate(toORPCRouter(router), {
    filter: ({ path }) => routes.has(path.join('.')),
    info: { title: 'FinVerse', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/api/v1' }],
    tags: [
      { name: 'auth', description: 'Registration, sign-in, sessions, API tokens, second factor' },
      { name: 'users', description: 'One’s own profile, and the account itself' },
      { name: 'accounts', description: 'Accounts, what is on them, and what was on them when' },
      { name: 'categories', description: 'Categories of incomes and expenses: a tree' },
      { name: 'transactions', description: 'Incomes, expenses and transfers' },
      { name: 'recurring', description: 'Transactions that come again and again' },
      { name: 'reconciliations', description: 'Accounts compared with the statements of their bank' },
      { name: 'rules', description: 'What decides category, tags, payee and note' },
      { name: 'imports', description: 'Bank files that become transactions' },
      { name: 'exports', description: 'The ledger for other programs' },
      { name: 'rates', description: 'Exchange rates' },
      { name: 'integrity', description: 'Whether every kept figure is what the entries say' },
      { name: 'sync', description: 'The engine that keeps positions equal to the contracts' },
      { name: 'staking', description: 'Staking positions and the facts behind them' },
    ],
  });
  const paths = Object.fromEntries(
    Object.entries(document.paths ?? {}).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item as Record<string, Operation>).map(([method, operation]) => [
          method,
          finishOperation(operation, routes.get(operation.operationId)),
        ]),
      ),
    ]),
  );
  for (const { path, method, scopes, isKeyed, operation } of transferRoutes)
    paths[path] = { ...paths[path], [method]: finishOperation(operation, { access: 'user', scopes, isKeyed }) };
  return { ...document, paths: snakeCasePaths(paths), components: COMPONENTS };
}

/** GET /openapi.json. Made at the first request and kept. */
export function serveOpenApi(router: AnyRouter, version: string): RequestHandler {
  let document: Promise<object> | undefined;
  return async (request, response) => {
    requestState(request).route = '/api/v1/openapi.json';
    document ??= openApiDocument(router, version);
    response.json(await document);
  };
}

function finishOperation(
  operation: Operation,
  route: Pick<RestRoute, 'access' | 'scopes' | 'isKeyed'> | undefined,
): Operation {
  invariant(route, 'only procedures with a route are documented');
  const { access } = route;
  const description = [operation.description, tokenNote(route)].filter(Boolean).join('\n\n');
  const responses: Record<string, unknown> = { ...operation.responses, '4XX': ERROR_REFERENCE, '5XX': ERROR_REFERENCE };
  const isStream = JSON.stringify(operation.responses).includes('text/event-stream');
  const parameters = (operation.parameters ?? []).map(plainParameter);
  if (isStream) parameters.push(LAST_EVENT_ID);
  if (route.isKeyed) parameters.push(IDEMPOTENCY_KEY_HEADER);
  return {
    ...operation,
    operationId: operation.operationId.replaceAll('.', '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    ...(description === '' ? {} : { description }),
    ...(parameters.length > 0 ? { parameters } : {}),
    responses,
    security: access === 'public' ? [] : [{ bearer: [] }, { cookie: [] }],
    'x-access': access,
  };
}

/** What zod says of a schema. A format stands for the pattern that checks it, which nobody can read. */
function constraintsOf(schema: z.ZodType): object {
  const { $schema: _dialect, ...constraints } = z.toJSONSchema(schema, { io: 'input' });
  if (constraints.format !== undefined) delete constraints.pattern;
  return constraints;
}

/** oRPC allows empty values and reserved characters in every query parameter, which says nothing true of ours. */
function plainParameter(parameter: object): object {
  const { allowEmptyValue: _empty, allowReserved: _reserved, ...plain } = parameter as Record<string, unknown>;
  return plain;
}

const LAST_EVENT_ID = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description: 'The id of the last event that was seen; the stream goes on after it.',
};

const IDEMPOTENCY_KEY_HEADER = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', pattern: IDEMPOTENCY_KEY.source },
  description:
    'A name that the caller gives the request, 1 to 255 printable ASCII characters without spaces: sent again with the same body it is done once, and gets the stored answer.',
};

const ERROR_REFERENCE = { $ref: '#/components/responses/Error' };

const COMPONENTS = {
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer', description: 'The `token` that login answers, or an API token' },
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: '__Host-finverse_session',
      description: '`finverse_session` over plain http on loopback',
    },
  },
  responses: {
    Error: {
      description: 'What went wrong. `Retry-After` says when to try again, where that helps.',
      headers: { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds' } },
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  },
  schemas: {
    Error: {
      type: 'object',
      required: ['error'],
      properties: {
        error: {
          type: 'object',
          required: ['code', 'message', 'request_id', 'details'],
          properties: {
            code: { type: 'string', enum: Object.keys(errorCodes) },
            message: { type: 'string' },
            request_id: { type: 'string' },
            details: {
              type: 'array',
              items: {
                type: 'object',
                required: ['path', 'message'],
                properties: {
                  path: { type: 'string', description: 'The bad field, dotted' },
                  message: { type: 'string' },
                },
              },
            },
          },
        },
      },
    },
  },
};
