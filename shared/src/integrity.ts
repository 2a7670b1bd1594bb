import { z } from 'zod';
import { emptyInput, idInput, instantOut, pageOf } from './common.ts';

/** Differences that one answer lists for a person; the command lists them all. */
export const DIFFERENCES_MAX = 1000;
/** People whose ledgers one call checks. */
export const INTEGRITY_PAGE_MAX = 50;

/**
 * What can differ. `balance`, `account_month` and `monthly_total` are kept sums; `split_sum`, `transfer_sum` and `opening_sum` compare a transaction with its
 * entries, `surplus_entries` their number; `entry_copy`, `entry_currency`, `transaction_currency` and `tag_copy` are what entries, transactions and tags repeat
 * of others; `opening_link` is an account that names another opening balance than it has; `reconciliation_sum` and `reconciliation_opening` compare a statement with the entries that its reconciliations lock, `cleared_mark` each mark with its reconciliation; the rest are rows that lack what they name.
 */
export const differenceKind = z.enum([
  'balance',
  'account_month',
  'monthly_total',
  'split_sum',
  'transfer_sum',
  'opening_sum',
  'entry_copy',
  'surplus_entries',
  'entry_currency',
  'transaction_currency',
  'opening_link',
  'tag_copy',
  'reconciliation_sum',
  'reconciliation_opening',
  'cleared_mark',
  'missing_entries',
  'unknown_account',
  'unknown_category',
]);
export type DifferenceKind = z.infer<typeof differenceKind>;

const differenceOut = z.object({
  kind: differenceKind,
  id: z.string().meta({ description: 'Which: an id, with month, currency and the like where a sum has them' }),
  kept: z.string().meta({ description: 'What is stored' }),
  recomputed: z.string().meta({ description: 'What the entries say' }),
});
export type Difference = z.infer<typeof differenceOut>;

const checkFields = {
  isSound: z.boolean().meta({ description: 'True where every kept figure is what the entries say' }),
  differences: z.array(differenceOut).max(DIFFERENCES_MAX),
  hasMore: z.boolean().meta({ description: `True where there are more than the ${DIFFERENCES_MAX} that are listed` }),
  checked: z.object({
    accounts: z.number().int(),
    transactions: z.number().int(),
    entries: z.number().int(),
  }),
};

export const integrityCheckInput = emptyInput;

/** A ledger as it was at one moment, recomputed from its entries. Nothing is repaired. */
export const integrityCheckOut = z.object({ checkedAt: instantOut, ...checkFields });
export type IntegrityCheckOut = z.infer<typeof integrityCheckOut>;

export const integrityCheckAllInput = z.strictObject({
  userId: idInput.optional().meta({ description: 'Only the ledger of this person' }),
  limit: z.number().int().min(1).max(INTEGRITY_PAGE_MAX).default(20),
  cursor: z.string().max(512).optional().meta({ description: 'The cursor that the page before answered' }),
});
export type IntegrityCheckAllQuery = z.infer<typeof integrityCheckAllInput>;

/** One item for each person, in the order of their ids. */
export const integrityCheckAllOut = pageOf(z.object({ userId: z.string(), checkedAt: instantOut, ...checkFields }));
export type IntegrityCheckAllOut = z.infer<typeof integrityCheckAllOut>;
