import { z } from 'zod';
import { idInput, instantOut, pageInput, pageOf } from './common.ts';
import { currencySchema } from './currency.ts';
import {
  clearedState,
  colorInput,
  dateInput,
  dateOut,
  iconInput,
  instantInput,
  isDateRange,
  limitInput,
  moneyOut,
  monthInput,
  monthOut,
  nameInput,
  NO_DATE_RANGE,
  signedAmountInput,
  textInput,
} from './ledger.ts';
import { convertedTotalOut, maxAgeDaysInput } from './rates.ts';

/** `credit` is what one owes: its balance may fall to minus its limit. */
export const accountType = z.enum(['wallet', 'saving', 'investment', 'goal', 'credit']);
export type AccountType = z.infer<typeof accountType>;

export const accountOut = z.object({
  id: z.string(),
  name: z.string(),
  type: accountType,
  currency: z.string(),
  balance: moneyOut.meta({ description: 'The sum of its entries' }),
  creditLimit: moneyOut
    .nullable()
    .meta({ description: 'How far below zero the balance may fall; only of type credit' }),
  availableCredit: moneyOut.nullable().meta({ description: 'Limit plus balance; only of type credit with a limit' }),
  openingBalance: moneyOut,
  openedOn: dateOut.nullable().meta({ description: 'The date of the opening balance; null where there is none' }),
  icon: z.string().nullable(),
  color: z.string().nullable(),
  note: z.string(),
  isHidden: z.boolean().meta({ description: 'Left out of lists where that is asked for; it counts in every total' }),
  archivedAt: instantOut
    .nullable()
    .meta({ description: 'No money moves on it since; what is on it counts in every total' }),
  createdAt: instantOut,
  updatedAt: instantOut,
});
export type AccountOut = z.infer<typeof accountOut>;

const fields = {
  name: nameInput(100),
  creditLimit: limitInput.nullable(),
  openingBalance: signedAmountInput,
  openedOn: dateInput,
  icon: iconInput.nullable(),
  color: colorInput.nullable(),
  note: textInput(1000),
  isHidden: z.boolean(),
};

/** Why `openedOn` is refused where there is no opening balance: it would be lost. */
export const OPENED_ON_ALONE = 'goes with an opening balance that is not zero';

/** Accounts of one person, archived and hidden ones too. */
export const ACCOUNTS_MAX = 1000;

export const accountCreateInput = z
  .strictObject({
    name: fields.name,
    type: accountType,
    currency: currencySchema,
    creditLimit: fields.creditLimit.default(null),
    openingBalance: fields.openingBalance.default('0.00000000'),
    openedOn: fields.openedOn.optional().meta({
      description:
        'The date of the opening balance, which must not be zero then; today by default, in the time zone of the profile',
    }),
    icon: fields.icon.default(null),
    color: fields.color.default(null),
    note: fields.note.default(''),
    isHidden: fields.isHidden.default(false),
  })
  .refine(({ openedOn, openingBalance }) => openedOn === undefined || /[1-9]/.test(openingBalance), {
    error: OPENED_ON_ALONE,
    path: ['openedOn'],
  });
export type AccountCreate = z.infer<typeof accountCreateInput>;

/** What is left out stays as it is. Type and currency never change. */
export const accountUpdateInput = z.strictObject({
  id: idInput,
  name: fields.name.optional(),
  creditLimit: fields.creditLimit.optional(),
  openingBalance: fields.openingBalance.optional(),
  openedOn: fields.openedOn.optional(),
  icon: fields.icon.optional(),
  color: fields.color.optional(),
  note: fields.note.optional(),
  isHidden: fields.isHidden.optional(),
});
export type AccountUpdate = z.infer<typeof accountUpdateInput>;

export const accountIdInput = z.strictObject({ id: idInput });

export const accountsInput = z.strictObject({
  ...pageInput.shape,
  type: accountType.optional(),
  currency: currencySchema.optional(),
  includeArchived: z.boolean().default(false),
  includeHidden: z.boolean().default(true),
  updatedSince: instantInput.optional().meta({
    description:
      'Only what changed at or after that instant, oldest change first, archived ones and tombstones included. `type` and `currency` do not go with it',
  }),
});
export type AccountsQuery = z.infer<typeof accountsInput>;

/** Something that was deleted, for clients that keep a copy. */
export const tombstoneOut = z.object({ id: z.string(), deletedAt: instantOut });

export const accountsOut = pageOf(accountOut).extend({
  deleted: z.array(tombstoneOut).meta({ description: 'Where changes are asked for: what was deleted since' }),
});
export type AccountsOut = z.infer<typeof accountsOut>;

export const moveEntriesInput = z.strictObject({ id: idInput, toAccountId: idInput });
export const moveEntriesOut = z.object({ movedEntries: z.number().int(), from: accountOut, to: accountOut });
export type MoveEntriesOut = z.infer<typeof moveEntriesOut>;

/** In what currency all totals are answered as one, and by rates of what age. */
const conversionInput = {
  currency: currencySchema
    .optional()
    .meta({ description: 'The currency of `converted`; the base currency of the profile by default' }),
  maxAgeDays: maxAgeDaysInput,
};

export const accountSummaryInput = z.strictObject(conversionInput).optional();

/** Balances by type and currency, of all accounts, hidden and archived ones too; amounts in different currencies are never added. */
export const accountSummaryOut = z.object({
  groups: z.array(
    z.object({
      type: accountType,
      currency: z.string(),
      balance: moneyOut,
      accounts: z
        .number()
        .int()
        .meta({ description: 'How many; hidden ones count, archived ones while their balance is not zero' }),
    }),
  ),
  totals: z.array(
    z.object({
      currency: z.string(),
      assets: moneyOut.meta({ description: 'The sum of the balances above zero' }),
      liabilities: moneyOut.meta({ description: 'The sum of the balances below zero, as a positive amount' }),
      netWorth: moneyOut,
    }),
  ),
  converted: convertedTotalOut.meta({ description: "The totals in one currency, by today's rates" }),
});
export type AccountSummaryOut = z.infer<typeof accountSummaryOut>;

export const NET_WORTH_MONTHS_MAX = 600;
/** Totals of one answer, one for each month and currency: fifty years of sixteen currencies, or five of all. */
export const NET_WORTH_TOTALS_MAX = 10_000;

export const netWorthInput = z.strictObject({ from: monthInput, to: monthInput, ...conversionInput });

/** At the end of each month, for each currency, of all accounts: also of those that are hidden or archived today. */
export const netWorthOut = z.object({
  points: z.array(
    z.object({
      month: monthOut,
      totals: z.array(z.object({ currency: z.string(), assets: moneyOut, liabilities: moneyOut, netWorth: moneyOut })),
      converted: convertedTotalOut.meta({
        description:
          "The totals in one currency, by the rates of the month's last day; of today in the month that runs",
      }),
    }),
  ),
});
export type NetWorthOut = z.infer<typeof netWorthOut>;

export const statementInput = z
  .strictObject({
    ...pageInput.shape,
    id: idInput,
    from: dateInput.optional(),
    to: dateInput.optional(),
  })
  .refine(isDateRange, NO_DATE_RANGE);
export type StatementQuery = z.infer<typeof statementInput>;

/** The entries of an account, newest first, each with the balance after it. */
export const statementOut = pageOf(
  z.object({
    transactionId: z.string(),
    kind: z.enum(['income', 'expense', 'transfer', 'opening']),
    occurredOn: dateOut,
    description: z.string(),
    payee: z.string(),
    categoryId: z.string().nullable(),
    otherAccountId: z.string().nullable().meta({ description: 'Of a transfer: where it came from or went to' }),
    note: z.string().meta({ description: 'Of the split, or else of the transaction' }),
    cleared: clearedState,
    amount: moneyOut.meta({ description: 'Signed: what it did to this account' }),
    currency: z.string().meta({ description: 'Of the account, and so of amount and balance' }),
    balance: moneyOut.meta({ description: 'The balance of the account after it' }),
  }),
);
export type StatementOut = z.infer<typeof statementOut>;
