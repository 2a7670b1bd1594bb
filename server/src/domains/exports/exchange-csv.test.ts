import fc from 'fast-check';
import { expect, test } from 'vitest';
import { neutralizeCell, restoreCell } from './exchange-csv.ts';

const hostile = fc
  .array(fc.constantFrom('=1+1', '=', '+', '-', '@', '＝', "'", '"', ';', ',', '\t', '\r', '\n', ' ', 'x', '5'), {
    maxLength: 12,
  })
  .map((parts) => parts.join(''));

test('what is neutralised is restored, whatever stands in it', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      expect(restoreCell(neutralizeCell(text))).toBe(text);
    }),
    { numRuns: 20_000 },
  );
});

test('no part of a cell begins a formula, wherever a spreadsheet splits it', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      for (const part of neutralizeCell(text).split(/[;\t\r\n]/)) expect(part).not.toMatch(/^[ "]*[=+\-@＝＋－＠]/);
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ['=1+1', "'=1+1"],
  ['x;=HYPERLINK("http://e")', `x;'=HYPERLINK("http://e")`],
  ['note\n=1+1', "note\n'=1+1"],
  ['note\t"=1+1"', `note\t'"=1+1"`],
  ['a; -5', "a;' -5"],
  ['plain; text - and more', 'plain; text - and more'],
])('%j is written as %j', (text, written) => {
  expect(neutralizeCell(text)).toBe(written);
});
