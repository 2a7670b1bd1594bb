import { type TransactionOut, transactionUpdateInput } from '@finverse/shared';
import type { Database } from '../../db/index.ts';
import { draft, type Draft, ledgerOn } from '../ledger/test-ledger.ts';

// Test support: a person with accounts, and the calls that the tests repeat.

export type Bank = Awaited<ReturnType<typeof openBank>>;

/** A person with two accounts in euros, the first of which opened with 100 on 2026-01-01, and one in dollars. */
export async function openBank(database: Database) {
  const ledger = ledgerOn(database);
  const { commit, reconciliations, transactions } = ledger;
  const userId = await ledger.person();
  const account = async (name: string, currency = 'EUR', openingBalance = '0') => {
    const looks = { icon: null, color: null, note: '', isHidden: false };
    const fields = {
      name,
      type: 'wallet',
      currency,
      creditLimit: null,
      openingBalance,
      openedOn: '2026-01-01',
    } as const;
    return (await ledger.accounts.create(commit, userId, { ...fields, ...looks })).id;
  };
  const [giro, savings, dollars] = [
    await account('Giro', 'EUR', '100'),
    await account('Savings'),
    await account('USD', 'USD'),
  ];
  const listed = await transactions.list(userId, { limit: 1, accountId: giro });
  const openingId = listed.items[0]?.id ?? '';
  return {
    ledger,
    userId,
    giro,
    savings,
    dollars,
    /** The transaction of the first account's opening balance. */
    openingId,
    account,
    add: (fields: Partial<Draft> = {}): Promise<TransactionOut> =>
      transactions.create(
        commit,
        userId,
        draft({ kind: 'expense', accountId: giro, amount: '10', occurredOn: '2026-01-10', ...fields }),
      ),
    edit: (id: string, changes: object) =>
      transactions.update(commit, userId, transactionUpdateInput.parse({ id, ...changes })),
    remove: (id: string) => transactions.remove(commit, userId, id),
    transaction: (id: string) => transactions.get(userId, id),
    start: (statementBalance: string, statementDate = '2026-01-31', accountId = giro) =>
      reconciliations.start(commit, userId, { accountId, statementDate, statementBalance }),
    clear: (id: string, ...transactionIds: string[]) => reconciliations.clear(commit, userId, { id, transactionIds }),
    unclear: (id: string, ...transactionIds: string[]) =>
      reconciliations.unclear(commit, userId, { id, transactionIds }),
    clearAll: (id: string, upTo?: string) =>
      reconciliations.clearAll(commit, userId, { id, ...(upTo === undefined ? {} : { upTo }) }),
    finish: (id: string, adjustment?: { categoryId: string | null; note: string }) =>
      reconciliations.finish(commit, userId, { id, ...(adjustment ? { adjustment } : {}) }),
    reopen: (id: string) => reconciliations.reopen(commit, userId, id),
    cancel: (id: string) => reconciliations.cancel(commit, userId, id),
    get: (id: string) => reconciliations.get(userId, id),
    entries: async (id: string, query: object = {}) =>
      (await reconciliations.entries(userId, { id, limit: 200, ...query })).items,
    differences: async () => (await ledger.integrity.check(userId)).differences,
    /** Every row of the tables that a change could touch, as text. */
    dump: async () =>
      JSON.stringify(
        await Promise.all(
          ['transactions', 'entries', 'accounts', 'account_months', 'monthly_totals', 'reconciliations', 'ledgers'].map(
            (table) => database.em().execute(`select * from ${table} order by 1, 2`),
          ),
        ),
        (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
      ),
  };
}
