import superjson from 'superjson';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { toCamelCase } from './snake-case.ts';
import { type Field, type Procedure, procedures, toCall, withValue } from './test-inputs.ts';
import { dumpTables, makeOwner, type Owner, validInputs } from './test-people.ts';
import { startTestServer, type TestServer } from './test-server.ts';

const LONG = 'x'.repeat(5_000);
/** Ten megabytes, more than a body may have but where a file is taken. */
const HUGE_BYTES = 10 * 1024 * 1024;

/** What text of no kind may hold: it could not be stored alike on every database, or read by every client. */
const UNPRINTABLE = ['a\u0000b', '\u0001', 'a\ud800b', '\udc00', LONG];
const NO_MONEY = [
  '10000000000',
  '1e5',
  'NaN',
  '-0',
  '-0.00',
  '+1',
  '01',
  '1.',
  '.5',
  '1,5',
  '0x10',
  'Infinity',
  '',
  '1_0',
  '١٢',
  '9'.repeat(80),
];
const NO_DATE = [
  '2026-02-30',
  '2025-02-29',
  '2026-13-01',
  '0000-00-00',
  '2026-2-3',
  '20260203',
  '2026-02-03T00:00:00Z',
  '1899-12-31',
  '2200-01-01',
  '+002026-02-03',
  'today',
  '',
];

const BAD_TEXT: Record<Field['kind'], readonly string[]> = {
  money: [...NO_MONEY, ...UNPRINTABLE],
  date: [...NO_DATE, ...UNPRINTABLE],
  month: ['2026-00', '2026-13', '26-01', '2026-1', '2200-01', '2026-02-03', '', ...UNPRINTABLE],
  instant: [
    '2026-02-30T00:00:00Z',
    '2026-02-03',
    '2026-02-03T25:00:00Z',
    '2026-02-03T00:00:00',
    '1767225600',
    'now',
    '',
    ...UNPRINTABLE,
  ],
  currency: ['XXX', 'XAU', 'DEM', 'BTC', 'eur', 'EU', 'EURO', '', ...UNPRINTABLE],
  id: ['', 'a b', '../x', "' or 1=1 -- ", 'é', '%', 'x'.repeat(65), ...UNPRINTABLE],
  text: UNPRINTABLE,
  number: [
    'five',
    '1e1',
    '+5',
    ' 5 ',
    '1e3',
    '0x10',
    '5.5',
    'NaN',
    'Infinity',
    '-1',
    '0',
    '1e999',
    '99999999999999999999',
  ],
  boolean: ['yes', 'on', '1', '2', 'TRUE!', ''],
  enum: ['nonsense', '__proto__', 'constructor', 'toString', '', ...UNPRINTABLE],
};
const WRONG_TYPES: Record<'text' | 'number' | 'boolean', readonly unknown[]> = {
  text: [5, 0.1, true, {}, [], ['EUR'], { length: 1 }],
  number: ['5', true, {}, [], null, 0.5, 1e21, -1],
  boolean: ['true', 1, 0, {}, [], null],
};

/** Of how many days there may be none. */
const MAY_BE_ZERO = new Set(['max_age_days']);

/** A password is hashed and never stored or shown: it may be any text. The cursors of sync and staking are read behind the fakes of this server. */
function isOpaque({ procedure }: Procedure, { path }: Field): boolean {
  const name = path.at(-1) ?? '';
  return /password/.test(name) || (name === 'cursor' && /^(sync|staking)\./.test(procedure));
}

/** A bank file may be as long as that, and have no row that could be imported. */
function isFile({ procedure }: Procedure, { path }: Field): boolean {
  return procedure === 'imports.create' && path.join('.') === 'text';
}

/** What a field is sent. Text alone fits into a path or query, and no half of a pair. */
function hostileValues(procedure: Procedure, field: Field): unknown[] {
  const { method, pathParameters } = procedure;
  const { kind, path, isNullable } = field;
  if (isOpaque(procedure, field)) return method === 'GET' ? [] : WRONG_TYPES.text.slice();
  const isText = method === 'GET' || pathParameters.includes(path.join('.'));
  const texts = BAD_TEXT[kind].filter(
    (text) =>
      text.isWellFormed() && (text !== '' || method === 'GET') && !(text === '0' && MAY_BE_ZERO.has(path.join('.'))),
  );
  if (isText) return pathParameters.includes(path.join('.')) ? texts.filter((text) => text !== '') : texts;
  if (kind === 'number' || kind === 'boolean')
    return WRONG_TYPES[kind].filter((value) => value !== null || !isNullable);
  const bad = isFile(procedure, field) ? BAD_TEXT[kind].filter((text) => text !== LONG) : BAD_TEXT[kind];
  return [...bad, ...WRONG_TYPES.text, ...(isNullable ? [] : [null])];
}

/** What JavaScript has and JSON has not. The SDK sends it with a note of what it is. */
const NO_JSON = [Number.NaN, Number.POSITIVE_INFINITY, -0, new Set(['x']), new Map([['x', 1]])];

/** An input as tRPC takes it: in camelCase, and every undefined left out. */
function camelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCase);
  if (Object.getPrototypeOf(value ?? 0) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value as object).map(([name, item]) => [toCamelCase(name), camelCase(item)] as const),
  );
}

describe('whatever is sent in a field, it is refused by its name, and nothing is written', () => {
  let server: TestServer;
  let owner: Owner;
  beforeAll(async () => {
    // However long it takes, no use of the session is written meanwhile.
    const startedAtMs = systemClock.now();
    server = await startTestServer({ rateLimitScale: 100_000, clock: { ...systemClock, now: () => startedAtMs } });
    owner = await makeOwner(server, 'admin');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const all = procedures();

  test.each(all)('$procedure', async (procedure) => {
    const before = await dumpTables(server);
    const valid = validInputs(owner)[procedure.procedure] ?? {};
    const wrong: string[] = [];
    const send = async (path: readonly string[], value: unknown, status = 400) => {
      const call = toCall(procedure, withValue(valid, path, value));
      const answer = await server.rest(call.method, call.path, {
        token: owner.token,
        ...(call.body ? { body: call.body } : {}),
      });
      const names = answer.body?.error?.details.map((detail) => detail.path) ?? [];
      const isRight = answer.status === status && (status !== 400 || names.includes(path.join('.')));
      if (!isRight)
        wrong.push(`${path.join('.')} = ${JSON.stringify(value).slice(0, 60)}: ${answer.status} ${names.join()}`);
    };
    for (const field of procedure.fields) {
      for (const value of hostileValues(procedure, field)) await send(field.path, value);
    }
    for (const path of procedure.objects) {
      for (const name of [
        'unknown_field',
        '__proto__',
        'constructor',
        'prototype',
        'hasOwnProperty',
        'userId',
        'user_id',
      ]) {
        if (procedure.method === 'GET' && path.length > 0) continue;
        if (procedure.fields.some((field) => field.path.join('.') === [...path, name].join('.'))) continue;
        await send([...path, name], procedure.method === 'GET' ? 'x' : { x: 1 });
      }
    }
    if (procedure.method !== 'GET') {
      for (const path of procedure.objects.filter(({ length }) => length > 0))
        for (const value of ['x', 5, true, []]) await send(path, value);
      for (const path of procedure.lists) for (const value of ['x', 5, true, {}]) await send(path, value);
    }
    // Where a file is taken, so much is read, and refused for the field that there is not.
    const isTaken = procedure.bodyBytesMax > HUGE_BYTES;
    if (isTaken) await send(['unknown_field'], 'x'.repeat(HUGE_BYTES));
    if (procedure.method !== 'GET')
      await send(['name'], 'x'.repeat(isTaken ? procedure.bodyBytesMax : HUGE_BYTES), 413);
    expect(wrong).toEqual([]);
    expect(await dumpTables(server)).toEqual(before);
  });

  test.each(all.filter(({ type }) => type !== 'subscription'))(
    '$procedure, over tRPC, where no JSON is sent',
    async (procedure) => {
      const before = await dumpTables(server);
      const valid = validInputs(owner)[procedure.procedure] ?? {};
      for (const { path } of procedure.fields) {
        for (const value of NO_JSON) {
          const input = JSON.stringify(superjson.serialize(camelCase(withValue(valid, path, value))));
          const url = `${server.url}/trpc/${procedure.procedure}`;
          const headers = { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' };
          const answer =
            procedure.type === 'query'
              ? await fetch(`${url}?input=${encodeURIComponent(input)}`, { headers })
              : await fetch(url, { method: 'POST', headers, body: input });
          const { error } = (await answer.json()) as { error?: { json: { data: { details: { path: string }[] } } } };
          const name = path.map(toCamelCase).join('.');
          expect([name, answer.status, error?.json.data.details.map((detail) => detail.path)]).toEqual([
            name,
            400,
            [name],
          ]);
        }
      }
      expect(await dumpTables(server)).toEqual(before);
    },
  );
});
