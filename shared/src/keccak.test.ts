import { expect, test } from 'vitest';
import { keccak256OfShort } from './keccak.ts';

const counting = (length: number) => Uint8Array.from({ length }, (_, index) => index);

test('the digest is that of Keccak-256, not of SHA-3, up to the last byte that a block holds', () => {
  for (const [bytes, digest] of [
    [new Uint8Array(), 'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'],
    [new TextEncoder().encode('abc'), '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'],
    [counting(134), '861e165162f806cd361c4421a48f205820ddf4deb02db9f041f48e179ddada97'],
    [counting(135), 'cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62'],
  ] as const)
    expect(keccak256OfShort(bytes)).toBe(digest);
  expect(() => keccak256OfShort(counting(136))).toThrow(RangeError);
});
