import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  camelCaseInput,
  RestKeyError,
  snakeCaseOutput,
  snakeCasePath,
  snakeCasePaths,
  toCamelCase,
  toSnakeCase,
} from './snake-case.ts';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const snakeKey = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join('_'));
const camelKey = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,12}$/);

/** Any JSON value with keys of the given kind. */
function jsonWith(key: fc.Arbitrary<string>): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    ),
  })).value;
}

test('snake_case to camelCase and back gives the same key, and the other way round', () => {
  fc.assert(
    fc.property(snakeKey, (key) => {
      expect(toSnakeCase(toCamelCase(key))).toBe(key);
    }),
  );
  fc.assert(
    fc.property(camelKey, (key) => {
      expect(toCamelCase(toSnakeCase(key))).toBe(key);
    }),
  );
});

test('two different keys never become one', () => {
  fc.assert(
    fc.property(snakeKey, snakeKey, (a, b) => {
      expect(toCamelCase(a) === toCamelCase(b)).toBe(a === b);
    }),
  );
  fc.assert(
    fc.property(camelKey, camelKey, (a, b) => {
      expect(toSnakeCase(a) === toSnakeCase(b)).toBe(a === b);
    }),
  );
});

test('a name longer than any field has is refused by its beginning, and not translated', () => {
  const name = 'aB'.repeat(200);
  const refused = { path: `x.${name.slice(0, 198)}`, message: 'unknown field' };
  expect(() => camelCaseInput({ x: { [name]: 1 } })).toThrow(expect.objectContaining({ details: [refused] }));
});

test('the name of a field that an answer holds is that of REST', () => {
  const fault = { line: 2, field: 'externalId', message: 'is double' };
  expect(snakeCaseOutput({ faults: [fault] })).toEqual({ faults: [{ ...fault, field: 'external_id' }] });
});

test('any JSON in and out again is what it was, values untouched', () => {
  fc.assert(
    fc.property(jsonWith(snakeKey), (json) => {
      expect(snakeCaseOutput(camelCaseInput(json))).toEqual(json);
    }),
  );
});

test('whatever the keys of an input are, it is translated or refused by name, and no prototype changes', () => {
  fc.assert(
    fc.property(jsonWith(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'userAddress'))), (json) => {
      try {
        camelCaseInput(JSON.parse(JSON.stringify(json)));
      } catch (error) {
        expect(error).toBeInstanceOf(RestKeyError);
        expect((error as RestKeyError).details.length).toBeGreaterThan(0);
      }
      expect(({} as { x?: unknown }).x).toBeUndefined();
    }),
  );
});

test('dates pass as they are, bigints become text', () => {
  const at = new Date(0);
  expect(snakeCaseOutput({ createdAt: at, amountRaw: 5n })).toEqual({ created_at: at, amount_raw: '5' });
});

test('the path of a detail is translated step by step', () => {
  expect(snakeCasePath('splits.0.categoryId')).toBe('splits.0.category_id');
});

test('in a document, names of fields change and nothing else does', () => {
  const translated = snakeCasePaths({
    '/accounts/{accountId}': {
      get: {
        operationId: 'accounts_get',
        parameters: [
          { name: 'accountId', in: 'path', schema: { type: 'string' } },
          { name: 'X-Thing', in: 'header', schema: { type: 'string' } },
        ],
        responses: {
          200: {
            description: 'leave thisAlone',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: {
                    nextCursor: { type: 'string', enum: ['camelValue'] },
                    properties: { anyOf: [{ properties: { innerKey: {} }, required: ['innerKey'] }] },
                  },
                  required: ['nextCursor'],
                  examples: [{ nextCursor: 'camelValue' }],
                },
              },
            },
          },
        },
      },
    },
  });
  expect(translated).toEqual({
    '/accounts/{account_id}': {
      get: {
        operationId: 'accounts_get',
        parameters: [
          { name: 'account_id', in: 'path', schema: { type: 'string' } },
          { name: 'X-Thing', in: 'header', schema: { type: 'string' } },
        ],
        responses: {
          200: {
            description: 'leave thisAlone',
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: {
                    next_cursor: { type: 'string', enum: ['camelValue'] },
                    properties: { anyOf: [{ properties: { inner_key: {} }, required: ['inner_key'] }] },
                  },
                  required: ['next_cursor'],
                  examples: [{ next_cursor: 'camelValue' }],
                },
              },
            },
          },
        },
      },
    },
  });
});
