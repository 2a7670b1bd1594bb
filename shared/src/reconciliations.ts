import { z } from 'zod';
import { idInput, instantOut, pageInput, pageOf } from './common.ts';
import { clearedState, dateInput, dateOut, moneyOut, signedAmountInput, textInput } from './ledger.ts';
import { transactionKind, transactionOut } from './transactions.ts';

/** Transactions that one call ticks off by their ids. */
export const CLEARED_AT_ONCE_MAX = 500;
/** Transactions that one reconciliation holds: they are locked together. Of a longer history an earlier statement goes first. */
export const RECONCILIATION_TRANSACTIONS_MAX = 20_000;

const reconciliationStatus = z.enum(['open', 'finished']);

const fields = {
  statementDate: dateInput.meta({
    description: 'Up to when the statement goes: not before that of the newest finished reconciliation of the account',
  }),
  statementBalance: signedAmountInput.meta({
    description: 'The closing balance as the statement has it; below zero where the account is overdrawn or a debt',
  }),
};

export const reconciliationStartInput = z.strictObject({
  accountId: idInput,
  statementDate: fields.statementDate,
  statementBalance: fields.statementBalance,
});
export type ReconciliationStart = z.infer<typeof reconciliationStartInput>;

/** What is left out stays as it is. */
export const reconciliationUpdateInput = z.strictObject({
  id: idInput,
  statementDate: fields.statementDate.optional(),
  statementBalance: fields.statementBalance.optional(),
});
export type ReconciliationUpdate = z.infer<typeof reconciliationUpdateInput>;

export const reconciliationIdInput = z.strictObject({ id: idInput });

export const reconciliationOut = z.object({
  id: z.string(),
  accountId: z.string(),
  currency: z.string(),
  status: reconciliationStatus,
  statementDate: dateOut,
  statementBalance: moneyOut,
  openingBalance: moneyOut.meta({
    description: 'What the finished reconciliations before it have locked: the closing balance of the statement before',
  }),
  clearedBalance: moneyOut.meta({ description: 'The opening balance and all that is cleared in this reconciliation' }),
  difference: moneyOut.meta({ description: 'Statement minus cleared balance; zero is what finishing asks for' }),
  clearedCount: z.number().int().meta({ description: 'Transactions that are cleared in it; a split is one' }),
  unclearedCount: z.number().int().nullable().meta({
    description: 'Transactions up to the statement date that are in no reconciliation; null once it is finished',
  }),
  unclearedTotal: moneyOut.nullable().meta({
    description: 'What those sum up to: cleared balance and this make the balance of the account on the statement date',
  }),
  adjustmentTransactionId: z
    .string()
    .nullable()
    .meta({ description: 'The transaction that finishing made for a difference' }),
  startedAt: instantOut,
  finishedAt: instantOut.nullable(),
  updatedAt: instantOut,
});
export type ReconciliationOut = z.infer<typeof reconciliationOut>;

export const reconciliationsInput = z.strictObject({
  ...pageInput.shape,
  accountId: idInput.optional(),
  status: reconciliationStatus.optional(),
});
export type ReconciliationsQuery = z.infer<typeof reconciliationsInput>;

/** The newest first. */
export const reconciliationsOut = pageOf(reconciliationOut);
export type ReconciliationsOut = z.infer<typeof reconciliationsOut>;

export const reconciliationEntriesInput = z.strictObject({
  ...pageInput.shape,
  id: idInput,
  cleared: clearedState.optional(),
});
export type ReconciliationEntriesQuery = z.infer<typeof reconciliationEntriesInput>;

/** The newest date first. Of an open reconciliation what may be cleared in it and what is; of a finished one what it has locked. */
export const reconciliationEntriesOut = pageOf(
  z.object({
    transactionId: z.string(),
    kind: transactionKind,
    occurredOn: dateOut,
    description: z.string(),
    payee: z.string(),
    note: z.string(),
    categoryId: z.string().nullable(),
    amount: moneyOut.meta({ description: 'Signed: what it did to this account, all parts of a split together' }),
    currency: z.string().meta({ description: 'Of the account' }),
    cleared: clearedState,
  }),
);
export type ReconciliationEntriesOut = z.infer<typeof reconciliationEntriesOut>;

export const reconciliationClearInput = z.strictObject({
  id: idInput,
  transactionIds: z.array(idInput).min(1).max(CLEARED_AT_ONCE_MAX),
});
export type ReconciliationClear = z.infer<typeof reconciliationClearInput>;

export const reconciliationClearAllInput = z.strictObject({
  id: idInput,
  upTo: dateInput.optional().meta({ description: 'The statement date unless it says otherwise' }),
});
export type ReconciliationClearAll = z.infer<typeof reconciliationClearAllInput>;

export const reconciliationFinishInput = z.strictObject({
  id: idInput,
  adjustment: z
    .strictObject({
      categoryId: idInput.nullable().default(null),
      note: textInput(2000).default(''),
    })
    .optional()
    .meta({ description: 'Makes a transaction of the statement date for what difference there is' }),
});
export type ReconciliationFinish = z.infer<typeof reconciliationFinishInput>;

export const reconciliationFinishOut = z.object({
  reconciliation: reconciliationOut,
  adjustment: transactionOut
    .nullable()
    .meta({ description: 'The transaction that was made; null where none was needed' }),
});
export type ReconciliationFinishOut = z.infer<typeof reconciliationFinishOut>;
