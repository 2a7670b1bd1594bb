import superjson from 'superjson';
import { expect, test } from 'vitest';
import { inputTransformer } from './input-transformer.ts';
import { ANNOTATIONS_MAX, JSON_VALUES_MAX } from './limits.ts';

const read = (payload: unknown) => inputTransformer.input.deserialize(payload);

test('dates, bigints, undefined and plain JSON arrive as they were sent', () => {
  const at = new Date(86_400_000);
  const input = { at, nested: [{ amount: 5n }, { gone: undefined }], text: 'x', none: null };
  expect(read(superjson.serialize(input))).toEqual(input);
  expect(read(superjson.serialize(at))).toEqual(at);
  expect(read(superjson.serialize(undefined))).toBeUndefined();
});

test('one object in two places arrives twice', () => {
  const day = new Date(0);
  const payload = superjson.serialize({ from: day, to: day });
  expect(payload.meta?.referentialEqualities).toBeDefined();
  expect(read(payload)).toEqual({ from: day, to: day });
});

test('what would cost quadratic time is refused by its count', () => {
  const places = Array.from({ length: ANNOTATIONS_MAX + 1 }, (_, index) => `a.${index}`);
  expect(() => read({ json: {}, meta: { referentialEqualities: { a: places } } })).toThrow(/too many referential/);
  expect(() => read({ json: {}, meta: { referentialEqualities: [places, { b: places }] } })).toThrow(
    /too many referential/,
  );
  expect(() =>
    read({ json: {}, meta: { values: Object.fromEntries(places.map((place) => [place, ['Date']])) } }),
  ).toThrow(/too many annotations/);
});

test.each([
  ['NaN', Number.NaN, /JSON can hold/],
  ['Infinity', Number.POSITIVE_INFINITY, /JSON can hold/],
  ['a negative zero', -0, /JSON can hold/],
  ['a set', new Set(['x']), /must be JSON/],
  ['a map', new Map([['x', 1]]), /must be JSON/],
  ['a regular expression', /x/, /must be JSON/],
  ['an error', new Error('x'), /must be JSON/],
  ['a URL', new URL('https://e.example'), /must be JSON/],
])('%s in a field is refused by the name of the field', (_what, value, message) => {
  const named = (path: string) =>
    expect.objectContaining({
      code: 'VALIDATION_FAILED',
      details: [{ path, message: expect.stringMatching(message) as string }],
    }) as Error;
  expect(() => read(superjson.serialize({ limit: value }))).toThrow(named('limit'));
  expect(() => read(superjson.serialize({ splits: [{ amount: '1' }, { amount: value }] }))).toThrow(
    named('splits.1.amount'),
  );
  expect(() => read(superjson.serialize(value))).toThrow(named(''));
});

test.each([
  ['a bigint that is none', { x: '5.0' }, 'x', 'bigint'],
  ['a bigint of nothing', {}, 'x', 'bigint'],
  ['a prototype', {}, '__proto__.x', 'Date'],
  ['a constructor', {}, 'a.constructor', 'undefined'],
  ['a bigint of many digits', { x: '9'.repeat(81) }, 'x', 'bigint'],
  ['a bigint in a list', [{ x: '9'.repeat(81) }], '0.x', 'bigint'],
  ['a bigint in a list whose place is written otherwise', ['9'.repeat(81)], '', 'bigint'],
  ['a bigint of a list, which BigInt() reads as text', { x: ['9'.repeat(81)] }, 'x', 'bigint'],
  ['a long date', { x: '9'.repeat(81) }, 'x', 'Date'],
  ['a bigint behind an escape', { '\\': '9'.repeat(81) }, '\\\\', 'bigint'],
  ['a path of many steps', {}, 'a.'.repeat(101), 'Date'],
])('%s is refused before superjson reads it, with its place', (_what, json, path, type) => {
  const details = [{ path: path.slice(0, 200) }];
  for (const v of [undefined, 1]) {
    const payload = { json, meta: { values: { [path]: [type] }, v } };
    expect(() => read(payload)).toThrow(
      expect.objectContaining({ code: 'VALIDATION_FAILED', details: [expect.objectContaining(details[0]!)] }),
    );
  }
  expect(() => read({ json: '9'.repeat(81), meta: { values: [type] } })).toThrow(/at most 80 characters/);
});

test('a bigint of 78 digits, the largest of the chain, arrives', () => {
  const amount = 2n ** 256n - 1n;
  expect(read(superjson.serialize({ amounts: [amount] }))).toEqual({ amounts: [amount] });
});

test('more values than any input has are refused before anything walks them', () => {
  const list = Array.from({ length: JSON_VALUES_MAX }, () => 0);
  expect(() => read({ json: list })).toThrow(/too many values/);
  expect(read({ json: list.slice(1) })).toHaveLength(JSON_VALUES_MAX - 1);
});

test.each([
  null,
  5,
  'x',
  [],
  { json: 1, meta: [] },
  { json: 1, meta: { values: 5 } },
  { json: 1, meta: { values: { a: 'Date' } } },
  { json: 1, meta: { values: ['Date', { a: ['set'] }] } },
])('%j is refused', (payload) => {
  expect(() => read(payload)).toThrow(/refused/);
});
