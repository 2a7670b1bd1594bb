import { z } from 'zod';
import { idInput, instantOut, pageInput, pageOf, wholeListOf } from './common.ts';
import { dateInput, dateOut, moneyOut, nameInput } from './ledger.ts';
import { transactionCreateInput } from './transactions.ts';
import { timeZoneSchema } from './users.ts';

/** Templates of one person. */
export const RECURRING_MAX = 500;
/** How far back a template may begin: what lies before is made at once. */
export const RECURRING_BACK_DAYS_MAX = 366;
/** How far ahead of today, or of a start that is still to come, a date may be skipped: ten years. */
export const RECURRING_SKIP_DAYS_MAX = 3653;
export const RECURRING_COUNT_MAX = 1000;
/** Upcoming dates that one answer lists. */
export const RECURRING_DATES_MAX = 100;

const PART = [
  'INTERVAL=[1-9]\\d{0,2}',
  'BYDAY=(?:[+-]?[1-5])?(?:MO|TU|WE|TH|FR|SA|SU)(?:,(?:[+-]?[1-5])?(?:MO|TU|WE|TH|FR|SA|SU)){0,30}',
  'BYMONTHDAY=-?(?:[1-9]|[12]\\d|3[01])(?:,-?(?:[1-9]|[12]\\d|3[01])){0,30}',
  'BYMONTH=(?:[1-9]|1[0-2])(?:,(?:[1-9]|1[0-2])){0,11}',
  'BYSETPOS=-?(?:[1-9]|[1-9]\\d)(?:,-?(?:[1-9]|[1-9]\\d)){0,9}',
  'WKST=(?:MO|TU|WE|TH|FR|SA|SU)',
].join('|');
const RULE = new RegExp(`^FREQ=(?:DAILY|WEEKLY|MONTHLY|YEARLY)(?:;(?:${PART})){0,6}$`);

/** Whether the rule counts the weekdays of a year: `FREQ=YEARLY;BYDAY=-1MO` is the last Monday of a year. */
function isNumberedInYear(rule: string): boolean {
  return rule.startsWith('FREQ=YEARLY') && !rule.includes(';BYMONTH=') && /;BYDAY=(?:[^;]*,)?[+-]?\d/.test(rule);
}

const ruleInput = z
  .string()
  .max(300)
  .regex(
    RULE,
    'must be a rule of RFC 5545 such as FREQ=MONTHLY;BYMONTHDAY=1: FREQ first, then INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST; end and number have fields of their own',
  )
  .refine((rule) => {
    const names = rule.split(';').map((part) => part.split('=')[0]);
    return new Set(names).size === names.length;
  }, 'must name each part once')
  .refine(
    (rule) => !/^FREQ=DAILY.*;(?!INTERVAL)/.test(rule),
    'with FREQ=DAILY takes INTERVAL alone; use WEEKLY or MONTHLY',
  )
  .refine(
    (rule) => !/^FREQ=WEEKLY.*;BY(?!DAY=(?:MO|TU|WE|TH|FR|SA|SU|,)+(?:;|$))/.test(rule),
    'with FREQ=WEEKLY takes INTERVAL, BYDAY without numbers, and WKST',
  )
  .refine(
    (rule) => !isNumberedInYear(rule) || !/;BYMONTHDAY=|;BYDAY=(?:[^;]*,)?[A-Z]/.test(rule),
    'with FREQ=YEARLY and no BYMONTH takes BYDAY with numbers neither beside one without nor beside BYMONTHDAY',
  )
  .meta({
    description:
      'RRULE of RFC 5545, of calendar dates. A month without the day is passed over, so from the 31st FREQ=MONTHLY has seven dates a year: BYMONTHDAY=-1 is the last day of each, BYMONTHDAY=28,29,30;BYSETPOS=-1 the 30th or the last before it',
    examples: ['FREQ=MONTHLY;BYMONTHDAY=-1', 'FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1'],
  });

/** A transaction but for its date. */
export const recurringDraft = transactionCreateInput.omit({ occurredOn: true, source: true, externalId: true });
export type RecurringDraft = z.infer<typeof recurringDraft>;

const fields = {
  name: nameInput(100),
  draft: recurringDraft,
  rule: ruleInput,
  startsOn: dateInput.meta({ description: 'The first day that can be due; one in the past is caught up on' }),
  endsOn: dateInput.nullable().meta({ description: 'The last day that can be due' }),
  count: z
    .number()
    .int()
    .min(1)
    .max(RECURRING_COUNT_MAX)
    .nullable()
    .meta({ description: 'How often; skipped ones count, and those of earlier rules' }),
  timeZone: timeZoneSchema.meta({
    description: 'Where the day begins that something is due on',
    examples: ['Europe/Berlin'],
  }),
};

export const recurringCreateInput = z.strictObject({
  name: fields.name,
  draft: fields.draft,
  rule: fields.rule,
  startsOn: fields.startsOn,
  endsOn: fields.endsOn.default(null),
  count: fields.count.default(null),
  timeZone: fields.timeZone
    .optional()
    .meta({ description: 'Where the day begins that something is due on; that of the profile by default' }),
});
export type RecurringCreate = z.infer<typeof recurringCreateInput>;

/** What is left out stays as it is. A new rule begins today, or with its first date after; what was due before still is. */
export const recurringUpdateInput = z.strictObject({
  id: idInput,
  name: fields.name.optional(),
  draft: fields.draft.optional(),
  rule: fields.rule.optional(),
  endsOn: fields.endsOn.optional(),
  count: fields.count.optional(),
  timeZone: fields.timeZone.optional(),
});
export type RecurringUpdate = z.infer<typeof recurringUpdateInput>;

/**
 * `failed`: what is due could not be made, and is tried again until it can: every minute, after a quarter of an hour every quarter of an hour. `finished`: no
 * date is left; one that is paused meanwhile says so once it is resumed.
 */
export const recurringStatus = z.enum(['active', 'paused', 'failed', 'finished']);
export type RecurringStatus = z.infer<typeof recurringStatus>;

export const recurringOut = z.object({
  id: z.string(),
  name: z.string(),
  draft: z.object({
    kind: z.enum(['income', 'expense', 'transfer']),
    accountId: z.string(),
    amount: moneyOut,
    currency: z.string().optional(),
    description: z.string(),
    payee: z.string(),
    note: z.string(),
    categoryId: z.string().nullable(),
    tags: z.array(z.string()),
    splits: z.array(z.object({ amount: moneyOut, categoryId: z.string().nullable(), note: z.string() })),
    transfer: z
      .object({ toAccountId: z.string(), toAmount: moneyOut.optional(), rate: z.string().optional() })
      .nullable(),
    attachments: z.array(z.object({ name: z.string(), url: z.string() })),
  }),
  rule: z.string(),
  startsOn: dateOut.meta({
    description: 'Where the rule begins; a new one begins with its first date from that day on',
  }),
  endsOn: dateOut.nullable(),
  count: z.number().int().nullable(),
  timeZone: z.string(),
  status: recurringStatus,
  failure: z
    .object({ code: z.string(), message: z.string(), dueOn: dateOut, at: instantOut })
    .nullable()
    .meta({ description: 'Why what is due could not be made' }),
  nextOn: dateOut.nullable().meta({ description: 'The next day that something is due, or has been since' }),
  madeCount: z.number().int(),
  createdAt: instantOut,
  updatedAt: instantOut,
});
export type RecurringOut = z.infer<typeof recurringOut>;

export const recurringIdInput = z.strictObject({ id: idInput });
export const recurringListInput = pageInput;
export const recurringListOut = pageOf(recurringOut);
export type RecurringListOut = z.infer<typeof recurringListOut>;

export const recurringResumeInput = z.strictObject({
  id: idInput,
  catchUp: z.boolean().default(false).meta({
    description:
      'True: also make what was due during the pause. False: go on with today. What was due up to the day of the pause and is not made yet is made in either case; skip what shall not be',
  }),
});

export const recurringSkipInput = z.strictObject({ id: idInput, date: dateInput });

export const recurringDatesInput = z.strictObject({
  id: idInput,
  limit: z.number().int().min(1).max(RECURRING_DATES_MAX).default(10),
});

/** The next dates, whether paused or not. */
export const recurringDatesOut = wholeListOf(z.object({ date: dateOut, isSkipped: z.boolean() }));
export type RecurringDatesOut = z.infer<typeof recurringDatesOut>;
