import { readFileSync } from 'node:fs';
import { errorCodes } from '@finverse/shared';
import { expect, test } from 'vitest';

test('docs/failure-modes.md describes every error code with its HTTP status, and no other', () => {
  const page = readFileSync(new URL('../docs/failure-modes.md', import.meta.url), 'utf8');
  const described = [...page.matchAll(/^\| `([A-Z_]+)`\s+\| (\d{3})\s+\| .{20,}\|$/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  expect(Object.fromEntries(described)).toEqual(errorCodes);
});
