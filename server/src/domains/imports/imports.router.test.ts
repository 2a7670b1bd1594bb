import { expect, test } from 'vitest';
import { importsRouter } from './imports.router.ts';

test('what looks into a file is rated as what reads a whole ledger, not as a small write', () => {
  const { create, update, preview } = importsRouter._def.procedures;
  for (const procedure of [create, update, preview]) expect(procedure._def.meta).toMatchObject({ rate: 'check' });
});
