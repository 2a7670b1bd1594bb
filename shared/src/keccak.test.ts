import fc from 'fast-check';
import { keccak256 } from 'viem';
import { expect, test } from 'vitest';
import { keccak256OfShort } from './keccak.ts';

test('the digest of any bytes is what viem says', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 135 }), (bytes) => {
      expect(`0x${keccak256OfShort(bytes)}`).toBe(keccak256(bytes));
    }),
  );
  expect(() => keccak256OfShort(new Uint8Array(136))).toThrow(RangeError);
});
