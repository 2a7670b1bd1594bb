import { defineEntity, p } from '@mikro-orm/core';
import { dateColumn, epochMsColumn, idColumn, moneyColumn } from '../../db/index.ts';
import { AccountSchema } from '../ledger/index.ts';
import { UserSchema } from '../users/index.ts';

/** An account compared with one statement of its bank. Which transactions are in it, these say themselves. */
export const ReconciliationSchema = defineEntity({
  name: 'Reconciliation',
  tableName: 'reconciliations',
  indexes: [{ properties: ['user', 'id'] }, { properties: ['account', 'id'] }],
  properties: {
    id: idColumn().primary(),
    user: () => p.manyToOne(UserSchema).deleteRule('cascade'),
    /** An account is deleted only when nothing is on it, and then its reconciliations say nothing. */
    account: () => p.manyToOne(AccountSchema).deleteRule('cascade'),
    statementDate: dateColumn(),
    statementBalance: moneyColumn(),
    openingBalance: moneyColumn(),
    /** No transaction in it is older: what sums it up reads the account's entries from here. */
    earliestOn: dateColumn().nullable(),
    /** Transactions in it when it was finished; 0 before. */
    transactionCount: p.integer(),
    adjustmentTransactionId: idColumn().nullable(),
    finishedAt: epochMsColumn().nullable(),
    createdAt: epochMsColumn(),
    updatedAt: epochMsColumn(),
  },
});

export const reconciliationEntities = [ReconciliationSchema];
