import { expect, test } from 'vitest';
import { appRouter } from '../router.ts';
import { openApiDocument } from './openapi.ts';
import { restRoutes } from './rest-routes.ts';
import { toCamelCase } from './snake-case.ts';
import { transferRoutes } from './transfer-docs.ts';

type Json = { [key: string]: unknown };
type Operation = {
  operationId: string;
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; schema: Json }[];
  requestBody?: Json;
  responses: Record<string, Json>;
  security: Json[];
};
type Document = {
  openapi: string;
  info: Json;
  servers: Json[];
  paths: Record<string, Record<string, Operation>>;
  components: Json;
};

const document = (await openApiDocument(appRouter, '1.2.3')) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);
const METHODS = new Set(['get', 'put', 'post', 'delete', 'patch']);

/** Every object in the document, with the keys that lead to it. */
function* walk(node: unknown, trail: string[] = []): Generator<{ node: Json; trail: string[] }> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield { node: node as Json, trail };
  for (const [key, child] of Object.entries(node)) yield* walk(child, [...trail, key]);
}

test('the document has what OpenAPI 3.1 asks for', () => {
  expect(document.openapi).toMatch(/^3\.1\.\d$/);
  expect(document.info).toMatchObject({ title: 'FinVerse', version: '1.2.3' });
  expect(document.servers).toEqual([{ url: '/api/v1' }]);
  expect(operations.every(({ path, method }) => path.startsWith('/') && METHODS.has(method))).toBe(true);
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operation } of operations) {
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{[^}]+\}/g) ?? []);
    expect(inPath.every(({ required }) => required)).toBe(true);
    expect(
      Object.values(operation.responses).every(
        (response) => '$ref' in response || typeof response['description'] === 'string',
      ),
    ).toBe(true);
  }
});

test('every reference leads somewhere', () => {
  for (const { node } of walk(document)) {
    const reference = node['$ref'];
    if (typeof reference !== 'string') continue;
    const target = reference
      .slice(2)
      .split('/')
      .reduce<unknown>((found, key) => (found as Json | undefined)?.[key], document);
    expect(target, reference).toBeTypeOf('object');
  }
});

test('every procedure is a route, and every route is documented with a summary, a tag and its errors', () => {
  const routes = restRoutes(appRouter);
  expect(routes.map(({ procedure }) => procedure).toSorted()).toEqual(
    Object.keys(appRouter._def.procedures).toSorted(),
  );
  expect(operations).toHaveLength(routes.length + transferRoutes.length);
  for (const { method, path } of [...routes, ...transferRoutes]) {
    const operation = document.paths[path]?.[method.toLowerCase()];
    expect(operation?.summary, path).toBeTruthy();
    expect(operation?.tags).toHaveLength(1);
    expect(operation?.responses).toMatchObject({
      '4XX': { $ref: '#/components/responses/Error' },
      '5XX': { $ref: '#/components/responses/Error' },
    });
  }
});

test('every mutation that is done once with an Idempotency-Key says so, and what a key may be', () => {
  const keyed = operations.filter(({ operation }) =>
    operation.parameters?.some((parameter) => parameter.in === 'header' && parameter.name === 'Idempotency-Key'),
  );
  const isKeyed = (method: string, path: string) => method !== 'get' && !path.startsWith('/sync/');
  expect(keyed.map(({ method, path }) => `${method} ${path}`)).toEqual(
    operations.flatMap(({ method, path }) => (isKeyed(method, path) ? [`${method} ${path}`] : [])),
  );
  const [header] = document.paths['/transactions']?.['post']?.parameters ?? [];
  expect(header).toMatchObject({ required: false, schema: { type: 'string' } });
  const pattern = new RegExp(header?.schema['pattern'] as string);
  expect(['a', '~'.repeat(255), '', 'a b', 'ü', 'x'.repeat(256)].map((key) => pattern.test(key))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('every name of a field is snake_case', () => {
  const names = operations.flatMap(({ operation }) =>
    (operation.parameters ?? []).filter((parameter) => parameter.in !== 'header').map(({ name }) => name),
  );
  for (const { node, trail } of walk(document)) {
    if (trail.at(-1) === 'properties' && trail.at(-2) !== 'properties') names.push(...Object.keys(node));
    if (Array.isArray(node['required'])) names.push(...(node['required'] as string[]));
    for (const example of (node['examples'] as unknown[] | undefined) ?? [])
      for (const { node: inner } of walk(example)) names.push(...Object.keys(inner));
  }
  expect(names).toContain('user_address');
  expect(names).toContain('next_cursor');
  expect(names.filter((name) => !/^[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*$/.test(name))).toEqual([]);
});

test('no description calls a field by a name that REST does not know', () => {
  const [texts, fields] = [new Set<string>(), new Set<string>()];
  for (const { node, trail } of walk(document)) {
    if (trail.at(-1) === 'properties') for (const name of Object.keys(node)) fields.add(toCamelCase(name));
    if (node['in'] === 'query') fields.add(toCamelCase(node['name'] as string));
    for (const text of [node['summary'], node['description']]) if (typeof text === 'string') texts.add(text);
  }
  expect(texts.size).toBeGreaterThan(200);
  expect([...fields]).toEqual(expect.arrayContaining(['updatedSince', 'possibleDuplicateOf']));
  const namesIn = (text: string) => (text.match(/\w+/g) ?? []).filter((word) => /[A-Z]/.test(word) && fields.has(word));
  expect([...texts].filter((text) => namesIn(text).length > 0)).toEqual([]);
});

test('no schema uses data as keys, which the translation would change', () => {
  const records = [...walk(document.paths)].filter(
    ({ node }) =>
      typeof node['additionalProperties'] === 'object' && Object.keys(node['additionalProperties'] as Json).length > 0,
  );
  expect(records.map(({ trail }) => trail.join('/'))).toEqual([]);
});

/** The JSON that a route answers. */
function answerOf({ operation }: { operation: Operation }): Json | undefined {
  return (operation.responses['200']?.['content'] as Record<string, Json> | undefined)?.['application/json']?.[
    'schema'
  ] as Json | undefined;
}

test('every list says where it goes on, so that one loop reads them all', () => {
  const lists = operations.flatMap((each) => {
    const properties = (answerOf(each)?.['properties'] ?? {}) as Json;
    return each.method === 'get' && 'items' in properties ? [{ path: each.path, properties }] : [];
  });
  expect(lists.map(({ path }) => path)).toEqual(expect.arrayContaining(['/transactions', '/categories', '/rules']));
  expect(lists.filter(({ properties }) => !('next_cursor' in properties)).map(({ path }) => path)).toEqual([]);
});

test('every amount of money that is answered has its currency beside it, or around it', () => {
  const bare: string[] = [];
  const look = (node: unknown, trail: string[], hasCurrency: boolean): void => {
    if (typeof node !== 'object' || node === null) return;
    const properties = ((node as Json)['properties'] ?? {}) as Record<string, Json>;
    const isTold = hasCurrency || 'currency' in properties || 'from' in properties;
    const isMoney = (name: string) => name === 'balance' || (name === 'amount' && !('amount_raw' in properties));
    if (!isTold && Object.keys(properties).some(isMoney)) bare.push(trail.join('/'));
    for (const [key, child] of Object.entries(node)) look(child, [...trail, key], isTold);
  };
  for (const each of operations) look(answerOf(each), [`${each.method} ${each.path}`], false);
  expect(bare).toEqual([]);
});

test('limits and formats are documented: of text, of numbers, in parameters, bodies and answers', () => {
  const limit = document.paths['/sync/runs']?.['get']?.parameters?.find(({ name }) => name === 'limit');
  expect(limit?.schema).toEqual({ type: 'integer', minimum: 1, maximum: 200, default: 50 });
  const schemas = [...walk(document.paths)];
  const propertyOf = (path: string, name: string) =>
    schemas.find(({ trail }) => trail[0] === path && trail.at(-1) === name && trail.at(-2) === 'properties')?.node;
  expect(propertyOf('/sync/user', 'user_address')).toMatchObject({ type: 'string', pattern: '^0x[0-9a-fA-F]{40}$' });
  expect(propertyOf('/auth/login', 'password')).toEqual({ type: 'string', minLength: 1, maxLength: 256 });
  expect(propertyOf('/auth/login', 'expires_at')).toEqual({ type: 'string', format: 'date-time' });
});

test('the live feed is documented as Server-Sent Events that take Last-Event-ID', () => {
  const live = document.paths['/sync/live']?.['get'];
  expect(live?.parameters?.map(({ name }) => name)).toEqual(['last_event_id', 'owner_address', 'Last-Event-ID']);
  expect(Object.keys((live?.responses['200']?.['content'] as Json | undefined) ?? {})).toEqual(['text/event-stream']);
  expect(JSON.stringify(live?.responses['200'])).toContain('"pending_reward_raw"');
});

test('every route that takes a sign-in says what an API token needs for it', () => {
  const noteOf = (path: string, method: string) => document.paths[path]?.[method]?.description ?? '';
  expect(noteOf('/users/me', 'patch')).toContain('An API token needs the scope `users:write`.');
  expect(noteOf('/sync/live', 'get')).toContain('An API token needs the scope `sync:read`.');
  expect(noteOf('/users/me', 'delete')).toContain('Takes a session; an API token is refused.');
  expect(noteOf('/auth/me', 'get')).toContain('An API token needs no scope.');
  expect(noteOf('/imports/upload', 'post')).toContain('An API token needs the scope `imports:write`.');
  expect(noteOf('/rules/apply', 'post')).toContain('needs the scopes `rules:write` and `transactions:write`.');
  const exported =
    'An API token needs the scopes `exports:read`, `accounts:read`, `categories:read` and `transactions:read`.';
  expect(noteOf('/exports/ledger.csv', 'get')).toContain(exported);
  expect(noteOf('/sync/health', 'get')).not.toContain('API token');
});

const PUBLIC = [
  'auth_register',
  'auth_verify_email',
  'auth_login',
  'auth_logout',
  'auth_password_reset_request',
  'auth_password_reset_confirm',
  'sync_health',
];

test('what anyone may call says so, everything else names both ways to sign in', () => {
  for (const { operation } of operations) {
    const isPublic = PUBLIC.includes(operation.operationId);
    expect(operation.security, operation.operationId).toEqual(isPublic ? [] : [{ bearer: [] }, { cookie: [] }]);
  }
});
