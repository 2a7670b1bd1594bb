import { z } from 'zod';
import { tombstoneOut } from './accounts.ts';
import { idInput, instantOut, pageInput, pageOf } from './common.ts';
import { currencySchema } from './currency.ts';
import {
  amountInput,
  clearedState,
  dateInput,
  dateOut,
  instantInput,
  isDateRange,
  moneyOut,
  monthInput,
  monthOut,
  nameInput,
  NO_DATE_RANGE,
  partInput,
  textInput,
} from './ledger.ts';
import { parseMoney } from './money.ts';
import { rateInput } from './rates.ts';

/** `opening` is an account's opening balance: it is changed through the account. */
export const transactionKind = z.enum(['income', 'expense', 'transfer', 'opening']);
export type TransactionKind = z.infer<typeof transactionKind>;

export const SPLITS_MAX = 50;
export const TAGS_MAX = 20;
export const ATTACHMENTS_MAX = 10;
/** Operations of one bulk call. */
export const BULK_MAX = 100;

/** A link to something that is kept elsewhere. */
const attachment = z.strictObject({
  name: nameInput(200),
  url: textInput(2000).pipe(z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' })),
});
export type Attachment = z.infer<typeof attachment>;

export const tagInput = nameInput(50).refine((text) => !text.includes(','), 'must not contain a comma');

export const sourceInput = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be a name: lower-case letters, digits, dots, hyphens and underscores');

const splitInput = z.strictObject({
  amount: partInput,
  categoryId: idInput.nullable().default(null),
  note: textInput(200).default(''),
});

const transferInput = z.strictObject({
  toAccountId: idInput,
  toAmount: amountInput.optional().meta({
    description: 'What arrives; needed, or a rate, where the currencies differ. Beside a rate it must be the rounding',
  }),
  rate: rateInput.optional().meta({
    description:
      'Units of the receiving currency for one of the sending; what arrives is rounded half to even to the minor unit of ISO 4217',
  }),
});

const fields = {
  kind: z.enum(['income', 'expense', 'transfer']),
  accountId: idInput,
  amount: amountInput,
  currency: currencySchema.meta({ description: "The account's; another one is refused" }),
  occurredOn: dateInput,
  description: textInput(200),
  payee: textInput(200),
  note: textInput(2000),
  categoryId: idInput.nullable(),
  tags: z
    .array(tagInput)
    .max(TAGS_MAX)
    .transform((tags) => [...new Set(tags)]),
  splits: z.array(splitInput).max(SPLITS_MAX).meta({
    description:
      'Parts of the amount, which they must sum up to. One below zero takes away: a discount, a deposit that came back',
  }),
  transfer: transferInput.nullable(),
  attachments: z.array(attachment).max(ATTACHMENTS_MAX),
};

/** Amounts are positive; the kind gives the sign. */
export const transactionCreateInput = z.strictObject({
  kind: fields.kind,
  accountId: fields.accountId,
  amount: fields.amount,
  currency: fields.currency.optional(),
  occurredOn: fields.occurredOn,
  description: fields.description.default(''),
  payee: fields.payee.default(''),
  note: fields.note.default(''),
  categoryId: fields.categoryId.default(null),
  tags: fields.tags.default([]),
  splits: fields.splits.default([]),
  transfer: fields.transfer.default(null),
  attachments: fields.attachments.default([]),
  source: sourceInput.default('manual').meta({ description: 'Where it came from' }),
  externalId: nameInput(200)
    .nullable()
    .default(null)
    .meta({ description: 'What the source calls it; unique within the source' }),
});
export type TransactionCreate = z.infer<typeof transactionCreateInput>;

/** What is left out stays as it is. Source and external id never change. */
export const transactionUpdateInput = z.strictObject({
  id: idInput,
  kind: fields.kind.optional().meta({
    description:
      'What another kind has no place for is given up by name, or refused: of a transfer transfer as null; for a transfer a category as null, splits as []',
  }),
  accountId: fields.accountId.optional(),
  amount: fields.amount.optional().meta({
    description:
      'Beside a transfer that stays: within a currency as much arrives; by a rate it is reckoned anew; into another currency without a rate transfer is needed, with what arrives',
  }),
  currency: fields.currency.optional(),
  occurredOn: fields.occurredOn.optional(),
  description: fields.description.optional(),
  payee: fields.payee.optional(),
  note: fields.note.optional(),
  categoryId: fields.categoryId
    .optional()
    .meta({ description: 'Refused beside splits, those that stay too: splits as [] gives them up' }),
  tags: fields.tags.optional(),
  splits: fields.splits.optional(),
  transfer: fields.transfer.optional(),
  attachments: fields.attachments.optional(),
});
export type TransactionUpdate = z.infer<typeof transactionUpdateInput>;

export const transactionOut = z.object({
  id: z.string(),
  kind: transactionKind,
  accountId: z.string(),
  amount: moneyOut.meta({ description: 'Positive; the kind gives the sign. An opening balance may be negative' }),
  currency: z.string(),
  occurredOn: dateOut,
  description: z.string(),
  payee: z.string(),
  note: z.string(),
  categoryId: z.string().nullable().meta({ description: 'Null where there is none, and where there are splits' }),
  tags: z.array(z.string()),
  splits: z.array(z.object({ amount: moneyOut, categoryId: z.string().nullable(), note: z.string() })),
  transfer: z
    .object({
      toAccountId: z.string(),
      toAmount: moneyOut,
      toCurrency: z.string(),
      rate: z.string().meta({ description: 'Units of the receiving currency for one of the sending' }),
      toCleared: clearedState.meta({ description: 'On the account that it goes to' }),
    })
    .nullable(),
  attachments: z.array(z.object({ name: z.string(), url: z.string() })),
  source: z.string(),
  externalId: z.string().nullable(),
  cleared: clearedState.meta({
    description: 'On its account: a reconciled entry keeps amount, date, account and kind',
  }),
  createdAt: instantOut,
  updatedAt: instantOut,
});
export type TransactionOut = z.infer<typeof transactionOut>;

export const transactionIdInput = z.strictObject({ id: idInput });

export const transactionsInput = z
  .strictObject({
    ...pageInput.shape,
    accountId: idInput.optional(),
    categoryId: idInput.optional().meta({ description: 'This category and all below it' }),
    isUncategorized: z.boolean().optional().meta({ description: 'True: only income and expenses without a category' }),
    tag: nameInput(50).optional().meta({ description: 'As it is written: another case is another tag' }),
    kind: transactionKind.optional(),
    currency: currencySchema.optional().meta({
      description: 'Of a transfer on that account, where one is given; else on either that it is on',
    }),
    from: dateInput.optional(),
    to: dateInput.optional(),
    amountMin: amountInput.optional().meta({
      description:
        'Of a transfer what leaves, or what arrives: on that account, where one is given, in that currency, where one is given. Of a split the whole amount, whatever its parts',
    }),
    amountMax: amountInput.optional().meta({ description: 'Of the same amount as the least one' }),
    text: nameInput(100).optional().meta({
      description: 'In description, payee, note or the note of a split, whatever the case',
    }),
    source: sourceInput.optional(),
    importId: idInput
      .optional()
      .meta({ description: 'Those that this import has made and that are still there, whatever became of them since' }),
    cleared: clearedState
      .optional()
      .meta({ description: 'On that account, where one is given; else on any that it is on' }),
    updatedSince: instantInput.optional().meta({
      description:
        'Only what changed at or after that instant, oldest change first, with tombstones of what was deleted. Goes with `limit` and `cursor` alone: with a filter, what changes so that it no longer passes would be missed',
    }),
  })
  .refine(isDateRange, NO_DATE_RANGE)
  .refine(
    ({ amountMin, amountMax }) =>
      amountMin === undefined || amountMax === undefined || parseMoney(amountMin) <= parseMoney(amountMax),
    { path: ['amountMax'], error: 'must not be below the least amount' },
  );
export type TransactionsQuery = z.infer<typeof transactionsInput>;

/** Newest date first; with updatedSince the oldest change first. */
export const transactionsOut = pageOf(transactionOut).extend({
  nextCursor: z.string().nullable().meta({
    description:
      'Null at the end alone: a page that has looked at many transactions may be short, even empty, before it',
  }),
  deleted: z.array(tombstoneOut).meta({ description: 'Where changes are asked for: what was deleted since' }),
});
export type TransactionsOut = z.infer<typeof transactionsOut>;

export const monthlyTotalsInput = z.strictObject({
  ...pageInput.shape,
  from: monthInput,
  to: monthInput,
  currency: currencySchema.optional(),
  kind: z.enum(['income', 'expense']).optional(),
});
export type MonthlyTotalsQuery = z.infer<typeof monthlyTotalsInput>;

/** Kept with every change, so that reading them costs months times categories, and not transactions. */
export const monthlyTotalsOut = pageOf(
  z.object({
    month: monthOut,
    currency: z.string(),
    kind: z.enum(['income', 'expense']).meta({
      description:
        "The transactions', whatever the category's: what a category of expenses has cost is its `expense` less its `income`, the refunds",
    }),
    categoryId: z.string().nullable(),
    total: moneyOut.meta({
      description:
        'Below zero where parts of splits took away more than there was; transfers and opening balances are in none',
    }),
    count: z.number().int().meta({ description: 'Entries: a split counts for each of its parts' }),
  }),
);
export type MonthlyTotalsOut = z.infer<typeof monthlyTotalsOut>;

/** All of it happens, or nothing. */
export const transactionBulkInput = z
  .strictObject({
    create: z.array(transactionCreateInput).max(BULK_MAX).default([]),
    update: z.array(transactionUpdateInput).max(BULK_MAX).default([]),
    delete: z.array(idInput).max(BULK_MAX).default([]),
  })
  .refine(({ create, update, delete: removed }) => create.length + update.length + removed.length <= BULK_MAX, {
    error: `must hold at most ${BULK_MAX} operations in all`,
  });
export type TransactionBulk = z.infer<typeof transactionBulkInput>;

export const transactionBulkOut = z.object({
  created: z.array(transactionOut),
  updated: z.array(transactionOut),
  deleted: z.array(z.string()),
});
export type TransactionBulkOut = z.infer<typeof transactionBulkOut>;
