import { expect, test } from 'vitest';
import { padded } from './statement.ts';

test('lists of every length make few texts, and hold what they held', () => {
  const lengths = new Set<number>();
  for (let length = 1; length <= 500; length += 1) {
    const values = Array.from({ length }, (_, index) => index);
    const list = padded(values);
    lengths.add(list.length);
    expect(new Set(list)).toEqual(new Set(values));
  }
  expect([...lengths]).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
  expect(padded([])).toEqual([]);
});
