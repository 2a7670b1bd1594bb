import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { AppError } from './errors.ts';

const refusal = (
  cursor: string,
  kinds: readonly ('string' | 'number')[],
  list: Parameters<typeof decodeCursor>[0] = 'rates',
): unknown => {
  try {
    decodeCursor(list, cursor, kinds);
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
        expect(decodeCursor('rates', encodeCursor('rates', parts), kinds)).toEqual(parts);
      }),
    );
  });

  test('are opaque: letters, digits, - and _ alone, fit for a URL', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }), (parts) => {
        expect(encodeCursor('rates', parts)).toMatch(/^[\w-]*$/);
      }),
    );
  });

  test('of another list are refused, though they look alike', () => {
    const place = ['2026-02-03', 'txn_1'];
    expect(decodeCursor('transactions', encodeCursor('transactions', place), ['string', 'string'])).toEqual(place);
    for (const other of ['rates', 'rules preview', 'reconciliation entries'] as const)
      expect(refusal(encodeCursor(other, place), ['string', 'string'], 'transactions')).toMatchObject({
        code: 'VALIDATION_FAILED',
        details: [{ path: 'cursor' }],
      });
    const nameless = Buffer.from(JSON.stringify(place)).toString('base64url');
    expect(refusal(nameless, ['string', 'string'], 'transactions')).not.toBeNull();
  });

  test('none is the beginning of the list', () => {
    expect(decodeCursor('rates', undefined, ['number', 'string'])).toEqual([undefined, undefined]);
  });

  test('anything else is a refusal that names the field, never another error', () => {
    const encoded = fc
      .oneof(
        fc.json(),
        fc.array(fc.jsonValue()).map((parts) => JSON.stringify(['rates', ...parts])),
      )
      .map((text) => Buffer.from(text).toString('base64url'));
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
    const named = json.replace(/^\[(?=.)/, '["rates",').replace('["rates",]', '["rates"]');
    const error = refusal(Buffer.from(named).toString('base64url'), ['number', 'string']);
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED', details: [{ path: 'cursor' }] });
  });
});
