import type { Dialect } from '../../db/index.ts';
import type { AccountType, Attachment, CategoryKind, TransactionKind } from '@finverse/shared';

/** A person's ledger, locked until the end of the transaction. */
export type Ledger = {
  dialect: Dialect;
  userId: string;
  /** The time of this change, later than that of every change before it: what "changed since" is asked by. */
  changedAtMs: number;
};

/** Amounts inside the server are whole units of 10^-8 of their currency. */
export type Units = bigint;

/** A part of an income or expense. Positive like its transaction's amount, or below zero where it takes away, as a discount does; never zero. */
export type Split = { amount: Units; categoryId: string | null; note: string };

/**
 * Says that a bank statement shows what a transaction does to an account: `cleared` in a reconciliation that is open, `reconciled` in one that is finished, which
 * locks it.
 */
export type Mark = { state: 'cleared' | 'reconciled'; reconciliationId: string };

/** The marks of a transaction: `own` on its account, `to` on the account that a transfer goes to. Null is uncleared. */
export type Marks = { own: Mark | null; to: Mark | null };

/** A transaction as it is kept. */
export type TransactionRecord = {
  id: string;
  kind: TransactionKind;
  accountId: string;
  /** Positive, except for an opening balance, which may have either sign. */
  amount: Units;
  currency: string;
  occurredOn: string;
  description: string;
  payee: string;
  note: string;
  /** Null where there are splits. */
  categoryId: string | null;
  tags: readonly string[];
  splits: readonly Split[];
  transfer: { toAccountId: string; toAmount: Units; toCurrency: string; rate: string | null } | null;
  attachments: readonly Attachment[];
  source: string;
  externalId: string | null;
  contentHash: string | null;
  marks: Marks;
  createdAtMs: number;
  updatedAtMs: number;
};

/** What a transaction does to one account. */
export type Entry = {
  line: number;
  accountId: string;
  amount: Units;
  currency: string;
  categoryId: string | null;
  note: string;
};

export type AccountRecord = {
  id: string;
  name: string;
  type: AccountType;
  currency: string;
  balance: Units;
  creditLimit: Units | null;
  openingTransactionId: string | null;
  icon: string | null;
  color: string | null;
  note: string;
  isHidden: boolean;
  archivedAtMs: number | null;
  createdAtMs: number;
  updatedAtMs: number;
};

export type CategoryRecord = {
  id: string;
  parentId: string | null;
  name: string;
  kind: CategoryKind;
  icon: string | null;
  color: string | null;
  /** What the starting set calls it; null for one that the person made. */
  systemKey: string | null;
  archivedAtMs: number | null;
  createdAtMs: number;
  updatedAtMs: number;
};

/** A transaction that comes, goes or changes. */
export type Change = { before: TransactionRecord | null; after: TransactionRecord | null };
