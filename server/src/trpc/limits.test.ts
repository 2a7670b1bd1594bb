import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTextWithinBounds, isWithinBounds, JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

test('the text of what is within the bounds is let through, in whatever wrapper', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: JSON_DEPTH_MAX + 2 }), (value) => {
      fc.pre(isWithinBounds(value));
      expect(isTextWithinBounds(JSON.stringify({ 0: { json: value } }, null, 1))).toBe(true);
    }),
  );
  const deepest = nested(JSON_DEPTH_MAX + 1);
  expect(isWithinBounds(JSON.parse(deepest))).toBe(true);
  expect(isTextWithinBounds(`{"0":{"json":${deepest}}}`)).toBe(true);
  const most = JSON.stringify(Array.from({ length: JSON_VALUES_MAX - 1 }, () => []));
  expect(isWithinBounds(JSON.parse(most))).toBe(true);
  expect(isTextWithinBounds(most)).toBe(true);
});

test.each([
  ['brackets', '['.repeat(200)],
  ['braces', '{"a":'.repeat(200)],
  ['brackets behind a text that ends with an escape', `["\\\\",${'['.repeat(200)}`],
  ['brackets behind a quote in a text', `["\\"",${'['.repeat(200)}`],
  ['lists beside each other', `[${'[],'.repeat(2 * JSON_VALUES_MAX)}`],
  ['fields of one name', `{${'"a":0,'.repeat(2 * JSON_VALUES_MAX + 1)}`],
])('%s are too many, also where the text never ends', (_what, text) => {
  expect(isTextWithinBounds(text)).toBe(false);
});

test('what stands in a text does not count', () => {
  expect(isTextWithinBounds(JSON.stringify({ text: '[{,"\\'.repeat(JSON_VALUES_MAX) }))).toBe(true);
});
