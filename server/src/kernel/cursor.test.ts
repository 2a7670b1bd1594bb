import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { AppError } from './errors.ts';

const refusal = (cursor: string, kinds: readonly ('string' | 'number')[]): unknown => {
  try {
    decodeCursor(cursor, kinds);
    return null;
  } catch (error) {
    return error;
  }
};

describe('cursors', () => {
  test('what was written is read again', () => {
    const part = fc.oneof(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      fc.integer(),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const kinds = parts.map((value) => (typeof value === 'string' ? 'string' : 'number'));
        expect(decodeCursor(encodeCursor(parts), kinds)).toEqual(parts);
      }),
    );
  });

  test('are opaque: letters, digits, - and _ alone, fit for a URL', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }), (parts) => {
        expect(encodeCursor(parts)).toMatch(/^[\w-]*$/);
      }),
    );
  });

  test('none is the beginning of the list', () => {
    expect(decodeCursor(undefined, ['number', 'string'])).toEqual([undefined, undefined]);
  });

  test('anything else is a refusal that names the field, never another error', () => {
    const encoded = fc.json().map((text) => Buffer.from(text).toString('base64url'));
    const hostile = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.base64String(), encoded);
    fc.assert(
      fc.property(hostile, (cursor) => {
        const error = refusal(cursor, ['number', 'string', 'number']);
        if (error === null) return;
        expect(error).toBeInstanceOf(AppError);
        expect(error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'cursor' }] });
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    '[]',
    '[1]',
    '["a"]',
    '["a",1]',
    '[1,"a",2]',
    '[1,null]',
    '[null,"a"]',
    '[true,"a"]',
    '[[1],"a"]',
    '[{},"a"]',
    '{"0":1,"1":"a","length":2}',
    '1',
    '"1,a"',
    'null',
    '',
    '[1,"a"',
    '[1e999,"a"]',
    '[-1e999,"a"]',
    '[1,"a\\u0000"]',
  ])('%s is no cursor of a list by number and text', (json) => {
    const error = refusal(Buffer.from(json).toString('base64url'), ['number', 'string']);
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'cursor' }] });
  });
});
