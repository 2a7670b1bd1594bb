import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repeatedName } from './repeated-names.ts';
import { dumpTables, makeOwner, type Owner, validInputs } from './test-people.ts';
import { startTestServer, type TestServer } from './test-server.ts';

test.each([
  ['{"amount":"5","amount":"500"}', 'amount'],
  ['{"a":1,"b":{"c":1,"d":[],"c":2}}', 'b.c'],
  ['{"splits":[{"amount":"1"},{"amount":"1","note":"","amount":"2"}]}', 'splits.1.amount'],
  ['{"amount":"5","am\\u006funt":"500"}', 'amount'],
  ['[[1,2],[{"x":0,"x":0}]]', '1.0.x'],
  ['{"":1,"":2}', ''],
  ['{"__proto__":1,"__proto__":2}', '__proto__'],
  ['{ "a" : "b" , "a" : "c" }', 'a'],
])('%s repeats %s', (json, path) => {
  expect(repeatedName(json)).toBe(path);
});

test('JSON whose names are all different repeats none, whatever its texts hold', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 0, max: 2 }), (json, indent) => {
      // One of the same names at one place is what JSON.stringify never writes.
      expect(repeatedName(JSON.stringify(JSON.parse(json), null, indent))).toBeNull();
    }),
  );
  expect(repeatedName('{"a":"{\\"a\\":1,\\"a\\":2}","b":["a","a"],"c":{"a":1}}')).toBeNull();
});

test('a name that is put in once more, anywhere, is found', () => {
  const object = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 });
  fc.assert(
    fc.property(object, fc.nat(), fc.array(fc.jsonValue()), (value, at, before) => {
      const names = Object.keys(value);
      const name = names[at % names.length] as string;
      const twice = `${JSON.stringify(value).slice(0, -1)},${JSON.stringify(name)}:null}`;
      expect(repeatedName(JSON.stringify([before, 'HERE']).replace('"HERE"', () => twice))).toBe(`1.${name}`);
    }),
  );
});

test.each(['', '{', '"', '{"a', '}}]', ',,"a","a"', '{"\\":1}', '{"\\x":1,"b":2}'])(
  '%j, which is no JSON, is left to the parser',
  (text) => {
    expect(repeatedName(text)).toBeNull();
  },
);

describe('of two values under one name none is taken', () => {
  let server: TestServer;
  let owner: Owner;
  beforeAll(async () => {
    server = await startTestServer();
    owner = await makeOwner(server, 'user');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** A body with the amount twice, of an expense that is right otherwise. */
  const twice = (amount: string) => {
    const valid = JSON.stringify({ ...validInputs(owner)['transactions.create'], amount: '5' });
    return `${valid.slice(0, -1)},"amount":"${amount}"}`;
  };

  test.each([
    ['/api/v1/transactions', (body: string) => body, 'amount'],
    ['/api/v1/transactions/bulk', (body: string) => `{"create":[${body}]}`, 'create.0.amount'],
    ['/trpc/transactions.create', (body: string) => `{"json":${body}}`, 'amount'],
    ['/trpc/transactions.bulk', (body: string) => `{"json":{"create":[${body}]}}`, 'create.0.amount'],
    ['/trpc/transactions.create?batch=1', (body: string) => `{"0":{"json":${body}}}`, 'amount'],
  ])('%s: 400 by its name, and nothing is written', async (path, wrap, name) => {
    const before = await dumpTables(server);
    const headers = { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' };
    for (const amount of ['500', '5']) {
      const body = wrap(twice(amount));
      const answer = await fetch(server.url + path, { method: 'POST', headers, body });
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain(`"details":[{"path":"${name}","message":"stands twice"}]`);
    }
    expect(await dumpTables(server)).toEqual(before);
  });
});
