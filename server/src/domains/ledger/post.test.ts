import { expect, test } from 'vitest';
import { transact } from '../../db/index.ts';
import { describeDrivers } from '../../db/test-databases.ts';
import { findAccounts } from './account-store.ts';
import { openLedger } from './ledger.lock.ts';
import type { TransactionRecord } from './ledger.types.ts';
import { post } from './post.ts';
import { accountFields, draft, ledgerOn } from './test-ledger.ts';
import { findTransactions } from './transaction-store.ts';

describeDrivers(['sqlite'], (databases) => {
  test('what no caller may hand in is never written: wrong sums, signs, ways, currencies, and another transaction in its place', async () => {
    const database = await databases.openMigrated();
    const ledger = ledgerOn(database);
    const userId = await ledger.person();
    const account = async (currency: string) =>
      ledger.accounts.create(ledger.commit, userId, accountFields({ name: currency, currency }));
    const [euros, dollars] = [await account('EUR'), await account('USD')];
    const money = { accountId: euros.id, amount: '10', occurredOn: '2026-02-03' };
    const made = await ledger.transactions.create(ledger.commit, userId, draft({ kind: 'expense', ...money }));
    const write = (fields: Partial<TransactionRecord>) =>
      transact(database, async (em) => {
        const { dialect } = database;
        const open = await openLedger(em, dialect, { userId, nowMs: 0 });
        const before = (await findTransactions(em, dialect, userId, [made.id])).get(made.id) as TransactionRecord;
        const accounts = await findAccounts(em, dialect, userId, [euros.id, dollars.id]);
        await post(em, open, [{ before, after: { ...before, ...fields } }], accounts);
      });
    const part = { amount: 1n, categoryId: null, note: '' };
    const transfer = { toAccountId: dollars.id, toAmount: 1n, toCurrency: 'USD', rate: null };
    const broken: [Partial<TransactionRecord>, string][] = [
      [{ splits: [part] }, 'splits sum up'],
      [{ amount: 0n }, 'an amount is positive'],
      [{ amount: -1n }, 'an amount is positive'],
      [{ transfer }, 'a transfer, and nothing else'],
      [{ kind: 'transfer', transfer: { ...transfer, toCurrency: 'EUR' } }, 'the currency of its account'],
      [{ accountId: dollars.id }, 'the currency of its account'],
      [{ accountId: 'acc_none' }, 'the currency of its account'],
      [{ id: 'txn_other' }, 'a change is of one transaction'],
    ];
    for (const [fields, message] of broken) await expect(write(fields)).rejects.toThrow(message);
    expect(await ledger.transactions.get(userId, made.id)).toEqual(made);
    await write({ kind: 'transfer', transfer });
    expect(await ledger.accounts.get(userId, dollars.id)).toMatchObject({ balance: '0.00000001' });
  });
});
