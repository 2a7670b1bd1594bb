import { expect, test } from 'vitest';
import { fieldWords } from './field-words.ts';

test.each([
  ['amount', 'amount'],
  ['categoryId', 'category'],
  ['transfer.toAccountId', 'transfer to account'],
  ['externalId', 'external id'],
  ['splits.0.categoryId', 'splits 1 category'],
])('%s is said as %s', (path, words) => {
  expect(fieldWords(path)).toBe(words);
});
