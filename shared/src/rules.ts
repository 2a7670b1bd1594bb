import { z } from 'zod';
import { idInput, instantOut, wholeListOf } from './common.ts';
import { MoneyFormatError, parseMoney } from './money.ts';
import {
  amountInput,
  dateInput,
  dateOut,
  isDateRange,
  moneyOut,
  nameInput,
  NO_DATE_RANGE,
  textInput,
} from './ledger.ts';
import { sourceInput, tagInput, TAGS_MAX } from './transactions.ts';

/** Rules of one person. */
export const RULES_MAX = 500;
/** Transactions that one preview looks at; the next one goes on behind them. */
export const RULES_EXAMINED_MAX = 1000;
/** Conditions that one preview asks: with more than two hundred in all rules together it looks at fewer transactions. */
export const RULE_CHECKS_MAX = 200_000;

const textCondition = z.strictObject({
  field: z.enum(['payee', 'description', 'note']),
  op: z
    .enum(['contains', 'equals', 'starts_with'])
    .meta({ description: 'Whatever the case, but not the accents: cafe is not in Café' }),
  value: nameInput(200),
});
const amountCondition = z
  .strictObject({
    field: z.literal('amount'),
    min: amountInput.optional().meta({ description: 'As a number, whatever the currency' }),
    max: amountInput.optional().meta({ description: 'As a number, whatever the currency' }),
  })
  .refine(({ min, max }) => min !== undefined || max !== undefined, 'must have a min, a max or both')
  .refine(({ min, max }) => min === undefined || max === undefined || isInOrder(min, max), {
    path: ['max'],
    error: 'must not be below min',
  });

/** True for what is no amount as well: its own field says so. */
function isInOrder(min: string, max: string): boolean {
  try {
    return parseMoney(min) <= parseMoney(max);
  } catch (error) {
    if (error instanceof MoneyFormatError) return true;
    throw error;
  }
}

const accountCondition = z.strictObject({
  field: z.literal('account'),
  accountId: idInput.meta({ description: 'Of a transfer, either side' }),
});
const kindCondition = z.strictObject({ field: z.literal('kind'), kind: z.enum(['income', 'expense', 'transfer']) });
const sourceCondition = z.strictObject({ field: z.literal('source'), source: sourceInput });

const ruleCondition = z.discriminatedUnion('field', [
  textCondition,
  amountCondition,
  accountCondition,
  kindCondition,
  sourceCondition,
]);
export type RuleCondition = z.infer<typeof ruleCondition>;

const ruleActions = z
  .strictObject({
    categoryId: idInput
      .optional()
      .meta({ description: 'Not of transfers, nor of what is split; a condition on `kind` leaves refunds out' }),
    addTags: z.array(tagInput).min(1).max(TAGS_MAX).optional(),
    payee: nameInput(200).optional(),
    note: textInput(2000).optional(),
  })
  .refine((actions) => Object.values(actions).some((value) => value !== undefined), 'must do something');
export type RuleActions = z.infer<typeof ruleActions>;

const fields = {
  name: nameInput(100),
  conditions: z.array(ruleCondition).min(1).max(10).meta({ description: 'All of them must hold' }),
  actions: ruleActions,
  isStop: z.boolean().meta({ description: 'True: no later rule is asked where this one holds' }),
  isEnabled: z.boolean(),
};

export const ruleCreateInput = z.strictObject({
  name: fields.name,
  conditions: fields.conditions,
  actions: fields.actions,
  isStop: fields.isStop.default(false),
  isEnabled: fields.isEnabled.default(true),
});
export type RuleCreate = z.infer<typeof ruleCreateInput>;

/** What is left out stays as it is. */
export const ruleUpdateInput = z.strictObject({
  id: idInput,
  name: fields.name.optional(),
  conditions: fields.conditions.optional(),
  actions: fields.actions.optional(),
  isStop: fields.isStop.optional(),
  isEnabled: fields.isEnabled.optional(),
});
export type RuleUpdate = z.infer<typeof ruleUpdateInput>;

export const ruleOut = z.object({
  id: z.string(),
  position: z.number().int().meta({ description: 'Rules are asked in this order' }),
  name: z.string(),
  conditions: z.array(
    z.object({
      field: z.string(),
      op: z.string().optional(),
      value: z.string().optional(),
      min: moneyOut.optional(),
      max: moneyOut.optional(),
      accountId: z.string().optional(),
      kind: z.string().optional(),
      source: z.string().optional(),
    }),
  ),
  actions: z.object({
    categoryId: z.string().optional(),
    addTags: z.array(z.string()).optional(),
    payee: z.string().optional(),
    note: z.string().optional(),
  }),
  isStop: z.boolean(),
  isEnabled: z.boolean(),
  createdAt: instantOut,
  updatedAt: instantOut,
});
export type RuleOut = z.infer<typeof ruleOut>;

export const ruleIdInput = z.strictObject({ id: idInput });

/** All rules, in their order; there are at most five hundred. */
export const rulesOut = wholeListOf(ruleOut);
export type RulesOut = z.infer<typeof rulesOut>;

export const rulesOrderInput = z.strictObject({
  ids: z.array(idInput).max(RULES_MAX).meta({ description: 'Every rule, once, in the new order' }),
});

const selection = {
  from: dateInput.optional(),
  to: dateInput.optional(),
  accountId: idInput.optional(),
  isUncategorized: z.boolean().optional(),
  cursor: z.string().max(512).optional().meta({ description: 'The cursor that the preview before answered' }),
};

export const rulesPreviewInput = z.strictObject(selection).refine(isDateRange, NO_DATE_RANGE);
export type RulesPreview = z.infer<typeof rulesPreviewInput>;

const changeableOut = z.object({
  categoryId: z.string().nullable(),
  tags: z.array(z.string()),
  payee: z.string(),
  note: z.string(),
});

export const rulesPreviewOut = z.object({
  items: z.array(
    z.object({
      transactionId: z.string(),
      occurredOn: dateOut,
      ruleIds: z.array(z.string()).meta({ description: 'The rules that hold, in their order' }),
      before: changeableOut,
      after: changeableOut,
    }),
  ),
  examined: z.number().int(),
  token: z.string().meta({ description: 'Stands for exactly these changes: apply takes it' }),
  nextCursor: z
    .string()
    .nullable()
    .meta({ description: 'Where more transactions are to be looked at, also behind a page that found none' }),
});
export type RulesPreviewOut = z.infer<typeof rulesPreviewOut>;

const tokenInput = z
  .string()
  .max(64)
  .regex(/^[0-9a-f]{64}$/, 'must be the token of a preview');

export const rulesApplyInput = z.strictObject({ ...selection, token: tokenInput }).refine(isDateRange, NO_DATE_RANGE);
export type RulesApply = z.infer<typeof rulesApplyInput>;
export const rulesApplyOut = z.object({ changed: z.number().int() });
export type RulesApplyOut = z.infer<typeof rulesApplyOut>;
