import { defineEntity, p } from '@mikro-orm/core';
import {
  currencyColumn,
  dateColumn,
  epochMsColumn,
  idColumn,
  longTextColumn,
  moneyColumn,
  monthColumn,
} from '../../db/index.ts';
import { UserSchema } from '../users/index.ts';

/** Whose it is. With the person goes everything of theirs. Every table has an index that begins with it: one of its own would only cost writes. */
const owner = () => p.manyToOne(UserSchema).deleteRule('cascade').index(false);

/** Accounts, categories and entries are named by id alone: the person's lock keeps them true, and `integrity.check` reports what is not. */
const reference = idColumn;

/** One row for each person who has a ledger. Every change of it begins by locking this row, so they come one after the other. */
export const LedgerSchema = defineEntity({
  name: 'Ledger',
  tableName: 'ledgers',
  properties: {
    user: () => p.manyToOne(UserSchema).deleteRule('cascade').primary(),
    /** The time of the newest change; it grows with every one, so that "changed since" misses nothing. */
    changedAt: epochMsColumn(),
  },
});

/** An account; `balance` is the sum of its entries. */
export const AccountSchema = defineEntity({
  name: 'Account',
  tableName: 'accounts',
  indexes: [{ properties: ['user', 'id'] }, { properties: ['user', 'updatedAt', 'id'] }],
  properties: {
    id: idColumn().primary(),
    user: owner,
    name: p.string().length(100),
    type: p.string().length(16),
    currency: currencyColumn(),
    balance: moneyColumn(),
    creditLimit: moneyColumn().nullable(),
    openingTransactionId: reference().nullable(),
    icon: p.string().length(40).nullable(),
    color: p.string().length(7).nullable(),
    note: p.string().length(1000),
    isHidden: p.boolean(),
    archivedAt: epochMsColumn().nullable(),
    createdAt: epochMsColumn(),
    updatedAt: epochMsColumn(),
  },
});

/**
 * Says that all entries of an account were moved to another: imports know a row of the one by rows of the other. Neither need be there any more. What was moved
 * on is kept with each account that it was on.
 */
export const AccountMoveSchema = defineEntity({
  name: 'AccountMove',
  tableName: 'account_moves',
  properties: {
    user: () => p.manyToOne(UserSchema).deleteRule('cascade').primary(),
    toAccountId: reference().primary(),
    fromAccountId: reference().primary(),
    movedAt: epochMsColumn(),
  },
});

/** What an income or expense is for. `parentId` names another one of the person, or none. */
export const CategorySchema = defineEntity({
  name: 'Category',
  tableName: 'categories',
  indexes: [{ properties: ['user', 'id'] }],
  properties: {
    id: idColumn().primary(),
    user: owner,
    parentId: reference().nullable(),
    name: p.string().length(100),
    kind: p.string().length(8),
    icon: p.string().length(40).nullable(),
    color: p.string().length(7).nullable(),
    systemKey: p.string().length(40).nullable(),
    archivedAt: epochMsColumn().nullable(),
    createdAt: epochMsColumn(),
    updatedAt: epochMsColumn(),
  },
});

/** What a person sees as one: an income, an expense, a transfer, an opening balance. Its entries say what it does to accounts. */
export const TransactionSchema = defineEntity({
  name: 'Transaction',
  tableName: 'transactions',
  indexes: [
    { properties: ['user', 'occurredOn', 'id'] },
    { properties: ['user', 'updatedAt', 'id'] },
    { properties: ['user', 'source', 'contentHash'] },
  ],
  uniques: [{ properties: ['user', 'source', 'externalId'] }],
  properties: {
    id: idColumn().primary(),
    user: owner,
    kind: p.string().length(10),
    accountId: reference(),
    toAccountId: reference().nullable(),
    amount: moneyColumn(),
    currency: currencyColumn(),
    toAmount: moneyColumn().nullable(),
    toCurrency: currencyColumn().nullable(),
    rate: p.string().length(30).nullable(),
    occurredOn: dateColumn(),
    description: p.string().length(200),
    payee: p.string().length(200),
    note: p.string().length(2000),
    /** Description, payee, note and the notes of its parts as they are searched: lower case, composed. */
    searchText: longTextColumn(),
    categoryId: reference().nullable(),
    isSplit: p.boolean(),
    /** JSON lists. Twenty tags of fifty characters, of which JSON may write every one as two. */
    tags: p.string().length(2500),
    /** A JSON list: ten of 2,200 characters, of three bytes each in some scripts. */
    attachments: longTextColumn(),
    source: p.string().length(40),
    externalId: p.string().length(200).nullable(),
    /** For imports without ids: a hash of what makes the row the same one. */
    contentHash: p.string().length(64).nullable(),
    /** Null: uncleared on its account; else `cleared` or `reconciled`, and in which reconciliation. */
    clearedState: p.string().length(10).nullable(),
    reconciliationId: reference().nullable(),
    /** The same on the account that a transfer goes to. */
    toClearedState: p.string().length(10).nullable(),
    toReconciliationId: reference().nullable(),
    createdAt: epochMsColumn(),
    updatedAt: epochMsColumn(),
  },
});

/** What a transaction does to an account. */
export const EntrySchema = defineEntity({
  name: 'Entry',
  tableName: 'entries',
  indexes: [
    { properties: ['accountId', 'occurredOn', 'transaction', 'line'] },
    { properties: ['user', 'categoryId', 'occurredOn', 'transaction'] },
  ],
  properties: {
    transaction: () => p.manyToOne(TransactionSchema).deleteRule('cascade').index(false).primary(),
    line: p.smallint().primary(),
    user: owner,
    accountId: reference(),
    /** Signed. */
    amount: moneyColumn(),
    currency: currencyColumn(),
    categoryId: reference().nullable(),
    note: p.string().length(200),
    /** The transaction's own, repeated for the indexes. */
    kind: p.string().length(10),
    occurredOn: dateColumn(),
  },
});

/** Tags, for finding transactions by them. */
export const TransactionTagSchema = defineEntity({
  name: 'TransactionTag',
  tableName: 'transaction_tags',
  indexes: [{ properties: ['user', 'tag', 'occurredOn', 'transaction'] }],
  properties: {
    transaction: () => p.manyToOne(TransactionSchema).deleteRule('cascade').index(false).primary(),
    tag: p.string().length(50).primary(),
    user: owner,
    occurredOn: dateColumn(),
  },
});

/** What was deleted, for clients that keep a copy, and for imports, which do not bring it back. */
export const TombstoneSchema = defineEntity({
  name: 'Tombstone',
  tableName: 'ledger_tombstones',
  indexes: [{ properties: ['user', 'kind', 'deletedAt', 'id'] }, { properties: ['user', 'source', 'rowKey'] }],
  properties: {
    id: idColumn().primary(),
    user: owner,
    kind: p.string().length(12),
    deletedAt: epochMsColumn(),
    /** Of a transaction that a person has deleted: where it came from, and what its row is known again by there, its external id or its content hash. */
    source: p.string().length(40).nullable(),
    rowKey: p.string().length(200).nullable(),
  },
});

/** What the entries of a month do to an account: balances of any date are a sum over months. */
export const AccountMonthSchema = defineEntity({
  name: 'AccountMonth',
  tableName: 'account_months',
  indexes: [{ properties: ['user', 'month'] }],
  properties: {
    accountId: reference().primary(),
    month: monthColumn().primary(),
    user: owner,
    total: moneyColumn(),
    count: p.integer(),
  },
});

/** Income and expenses of a month by currency and category: what analytics, budgets and the dashboard read. What a part of a split takes away is subtracted. */
export const MonthlyTotalSchema = defineEntity({
  name: 'MonthlyTotal',
  tableName: 'monthly_totals',
  properties: {
    user: () => p.manyToOne(UserSchema).deleteRule('cascade').primary(),
    month: monthColumn().primary(),
    currency: currencyColumn().primary(),
    kind: p.string().length(10).primary(),
    /** Empty for none: a part of a key cannot be null. */
    categoryId: reference().primary(),
    total: moneyColumn(),
    count: p.integer(),
  },
});

export const ledgerEntities = [
  LedgerSchema,
  AccountSchema,
  AccountMoveSchema,
  CategorySchema,
  TransactionSchema,
  EntrySchema,
  TransactionTagSchema,
  TombstoneSchema,
  AccountMonthSchema,
  MonthlyTotalSchema,
];
