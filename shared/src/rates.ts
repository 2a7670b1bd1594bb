import { z } from 'zod';
import { idInput, instantOut, pageInput, pageOf } from './common.ts';
import { currencySchema } from './currency.ts';
import { dateInput, dateOut, isDateRange, moneyOut, nameInput, NO_DATE_RANGE, signedAmountInput } from './ledger.ts';

/** Digits after the point of an exchange rate. */
export const RATE_SCALE = 12;
/** How old a rate may be, in days, where nobody says otherwise: over a long week-end there are none. */
export const RATE_AGE_DAYS_DEFAULT = 7;
export const RATE_AGE_DAYS_MAX = 366;
/** Rates of one person, and of those for all. */
export const RATES_MAX = 1_000_000;
/** Characters of an imported file. The whole history of the ECB has eight million. */
export const RATES_FILE_CHARS_MAX = 12_000_000;

/** Up to ten digits before the point and twelve after it, above zero. */
export const rateInput = z
  .string()
  .max(30)
  .regex(
    /^(0|[1-9]\d{0,9})(\.\d{1,12})?$/,
    'must be a plain decimal number such as 1.0825, of at most 12 digits after the point',
  )
  .refine((text) => /[1-9]/.test(text), 'must be above zero');

/** Whose a rate is: one's own, or an admin's for everybody. */
export const rateScope = z.enum(['own', 'all']);
export type RateScope = z.infer<typeof rateScope>;

export const rateOut = z.object({
  id: z.string(),
  scope: rateScope,
  base: z.string(),
  quote: z.string(),
  date: dateOut,
  rate: z.string().meta({ description: 'Units of the quote for one of the base' }),
  source: z.string().meta({ description: '`manual`, `csv` or `ecb`' }),
  updatedAt: instantOut,
});
export type RateOut = z.infer<typeof rateOut>;

export const ratesInput = z
  .strictObject({
    ...pageInput.shape,
    scope: rateScope.optional(),
    base: currencySchema.optional(),
    quote: currencySchema.optional(),
    from: dateInput.optional(),
    to: dateInput.optional(),
  })
  .refine(isDateRange, NO_DATE_RANGE);
export type RatesQuery = z.infer<typeof ratesInput>;

/** Newest date first. */
export const ratesOut = pageOf(rateOut);
export type RatesOut = z.infer<typeof ratesOut>;

/** A rate that is there already for these currencies and that day is replaced. */
export const rateSetInput = z
  .strictObject({ base: currencySchema, quote: currencySchema, date: dateInput, rate: rateInput })
  .refine(({ base, quote }) => base !== quote, { error: 'must be another currency than the base', path: ['quote'] });
export type RateSet = z.infer<typeof rateSetInput>;

export const rateIdInput = z.strictObject({ id: idInput });

export const ratesImportInput = z.strictObject({
  format: z.enum(['csv', 'ecb']).meta({
    description:
      '`csv`: a header, then one rate a line (`date,base,quote,rate`), or a table as the ECB has it (`Date,USD,JPY,…`). `ecb`: the XML of the ECB, one day or its history',
  }),
  base: currencySchema.default('EUR').meta({ description: 'Of a CSV table without a column for it' }),
  content: nameInput(RATES_FILE_CHARS_MAX),
});
export type RatesImport = z.infer<typeof ratesImportInput>;

export const ratesImportOut = z.object({
  imported: z.number().int().meta({ description: 'Rates that were written, new ones and replaced ones' }),
  from: dateOut,
  to: dateOut,
  skipped: z
    .array(z.object({ currency: z.string(), rates: z.number().int() }))
    .meta({ description: 'Columns of currencies that no account can have, such as those before the euro' }),
});
export type RatesImportOut = z.infer<typeof ratesImportOut>;

/** How many days older than the day that is asked for a rate may be. */
export const maxAgeDaysInput = z
  .number()
  .int()
  .min(0)
  .max(RATE_AGE_DAYS_MAX)
  .default(RATE_AGE_DAYS_DEFAULT)
  .meta({ description: 'How many days older than the day a rate may be' });

export const rateConvertInput = z.strictObject({
  amount: signedAmountInput,
  from: currencySchema,
  to: currencySchema.optional().meta({ description: 'The base currency of the profile by default' }),
  date: dateInput.optional().meta({ description: 'The day of the rate; today by default' }),
  maxAgeDays: maxAgeDaysInput,
});
export type RateConvert = z.infer<typeof rateConvertInput>;

/** A rate that a conversion went by. */
export const rateUsedOut = z.object({
  base: z.string(),
  quote: z.string(),
  date: dateOut,
  rate: z.string(),
  isInverse: z.boolean().meta({ description: 'True where it was divided by instead of multiplied with' }),
  scope: rateScope,
  source: z.string(),
});

const conversionOut = z.object({
  from: z.string(),
  to: z.string(),
  kind: z
    .enum(['same', 'direct', 'inverse', 'cross'])
    .meta({ description: '`cross`: over a third currency, by two rates' }),
  rate: z.string().meta({ description: 'Units of `to` for one of `from`, rounded half to even to twelve digits' }),
  rates: z.array(rateUsedOut),
});
export type ConversionOut = z.infer<typeof conversionOut>;

/** The amount by the exact rates, rounded once, half to even, to eight digits. */
export const rateConvertOut = conversionOut.extend({ amount: moneyOut, converted: moneyOut, date: dateOut });
export type RateConvertOut = z.infer<typeof rateConvertOut>;

/** Totals of several currencies in one, by the rates of a day. */
export const convertedTotalOut = z.object({
  currency: z.string(),
  date: dateOut.meta({ description: 'The day whose rates were asked for' }),
  assets: moneyOut,
  liabilities: moneyOut,
  netWorth: moneyOut,
  leftOut: z.array(z.string()).meta({
    description: 'Currencies that are not in the sums: no rate of that day, or of the `maxAgeDays` before it',
  }),
  conversions: z.array(conversionOut),
});
export type ConvertedTotalOut = z.infer<typeof convertedTotalOut>;
