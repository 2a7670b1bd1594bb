import { z } from 'zod';
import { formatMoney, MoneyFormatError, parseMoney } from './money.ts';

/** No text of a person needs them: control characters, but for tabs and line breaks, and halves of surrogate pairs. */
// oxlint-disable-next-line no-control-regex -- they are what is refused
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Whether a text holds nothing that could not be stored and read alike everywhere. */
export function isPrintable(text: string): boolean {
  return !UNPRINTABLE.test(text) && text.isWellFormed();
}

/** Text of up to `max` characters as it is, white space around it included. Empty is allowed. */
export function exactTextInput(max: number) {
  return z.string().max(max).refine(isPrintable, 'must be text without control characters');
}

/** Text of up to `max` characters, without the white space around it. Empty is allowed. */
export function textInput(max: number) {
  return z.string().max(max).trim().refine(isPrintable, 'must be text without control characters');
}

/** A name: text of one to `max` characters. */
export function nameInput(max: number) {
  return textInput(max).refine((text) => text.length > 0, 'must not be empty');
}

function money(accepts: (units: bigint) => string | null) {
  return z
    .string()
    .max(64)
    .transform((text, context) => {
      try {
        const units = parseMoney(text);
        const refusal = accepts(units);
        if (refusal === null) return formatMoney(units);
        context.addIssue({ code: 'custom', message: refusal });
      } catch (error) {
        if (!(error instanceof MoneyFormatError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
      }
      return z.NEVER;
    });
}

/** An amount above zero, of up to ten digits before the point and eight after it; more are refused, never rounded. */
export const amountInput = money((units) => (units > 0n ? null : 'must be above zero')).meta({
  description: 'Decimal text above zero, at most eight digits after the point',
  examples: ['12.50'],
});

/** A part of an amount: of either sign, not zero. */
export const partInput = money((units) => (units === 0n ? 'must not be zero' : null)).meta({
  description: 'Decimal text, not zero, at most eight digits after the point; below zero it takes away',
  examples: ['12.50', '-2.00'],
});

/** An amount of either sign, or zero. */
export const signedAmountInput = money(() => null).meta({
  description: 'Decimal text, at most eight digits after the point',
  examples: ['-12.50'],
});

/** An amount of zero or more. */
export const limitInput = money((units) => (units >= 0n ? null : 'must not be negative')).meta({
  description: 'Decimal text, zero or more, at most eight digits after the point',
  examples: ['1000.00'],
});

/** Money in an answer: decimal text with eight digits after the point. */
export const moneyOut = z
  .string()
  .regex(/^-?\d+\.\d{8}$/)
  .meta({ description: 'Decimal text with eight digits after the point' });

const FIRST_YEAR = 1900;
const LAST_YEAR = 2199;

/** A calendar date that exists. */
export const dateInput = z
  .string()
  .max(10)
  .pipe(z.iso.date({ error: 'must be a date of the calendar, such as 2026-02-28', abort: true }))
  .refine((date) => Number(date.slice(0, 4)) >= FIRST_YEAR && Number(date.slice(0, 4)) <= LAST_YEAR, {
    error: `must lie between ${FIRST_YEAR} and ${LAST_YEAR}`,
  })
  .meta({ description: 'A calendar date', examples: ['2026-02-28'] });

/** A range of dates of which either end may be left out. One that ends before it begins holds nothing, and is nobody's question. */
export function isDateRange({ from, to }: { from?: string | undefined; to?: string | undefined }): boolean {
  return from === undefined || to === undefined || from <= to;
}

/** What {@link isDateRange} refuses a query with. */
export const NO_DATE_RANGE = { path: ['to'], error: 'must not lie before from' };

/** Whether a bank statement shows an entry: not known, ticked off in an open reconciliation, or locked by a finished one. */
export const clearedState = z.enum(['uncleared', 'cleared', 'reconciled']);
export type ClearedState = z.infer<typeof clearedState>;

export const dateOut = z.iso.date();

/** A month of the calendar. */
export const monthInput = z
  .string()
  .max(7)
  .regex(/^(19|20|21)\d{2}-(0[1-9]|1[0-2])$/, 'must be a month, such as 2026-02')
  .meta({ description: 'A month', examples: ['2026-02'] });

export const monthOut = z.string().regex(/^\d{4}-\d{2}$/);

/** An instant in an input: ISO 8601 with an offset or Z. */
export const instantInput = z
  .string()
  .max(40)
  .pipe(z.iso.datetime({ offset: true, error: 'must be an instant of ISO 8601, such as 2026-02-28T12:00:00.000Z' }));

/** A colour for a frontend, as #rrggbb. */
export const colorInput = z
  .string()
  .max(7)
  .regex(/^#[0-9a-fA-F]{6}$/, 'must be a colour such as #1e88e5')
  .toLowerCase();

/** The name of an icon; what it looks like is the frontend's business. */
export const iconInput = z
  .string()
  .max(40)
  .regex(/^[a-z0-9][a-z0-9-]*$/, 'must be the name of an icon: lower-case letters, digits and hyphens');
