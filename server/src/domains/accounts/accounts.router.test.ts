import { expect, test } from 'vitest';
import { accountsRouter } from './accounts.router.ts';

test('net worth is rated as what reads a whole ledger', () => {
  expect(accountsRouter._def.procedures.netWorth._def.meta).toMatchObject({ rate: 'check' });
});
