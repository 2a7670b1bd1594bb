import { z } from 'zod';
import { tombstoneOut } from './accounts.ts';
import { idInput, instantOut, pageInput, pageOf } from './common.ts';
import { colorInput, iconInput, instantInput, nameInput } from './ledger.ts';

/**
 * The side that a category belongs to and is offered for; one below another belongs to its side. It does not bind transactions: an income in a category of
 * expenses is a refund, an expense in one of incomes a reversal.
 */
export const categoryKind = z.enum(['income', 'expense', 'both']);
export type CategoryKind = z.infer<typeof categoryKind>;

/** Levels of the hierarchy. */
export const CATEGORY_DEPTH_MAX = 4;
/** Categories of one person. */
export const CATEGORIES_MAX = 1000;
export const CATEGORY_BULK_MAX = 100;

export const categoryOut = z.object({
  id: z.string(),
  parentId: z.string().nullable(),
  name: z.string(),
  kind: categoryKind.meta({
    description:
      'The side that it belongs to. An income under `expense` is a refund, an expense under `income` a reversal',
  }),
  icon: z.string().nullable(),
  color: z.string().nullable(),
  depth: z.number().int().meta({ description: '1 at the top' }),
  path: z.string().meta({ description: 'The names from the top down, joined by " / "' }),
  isSystem: z.boolean().meta({ description: 'One of the set that every person starts with' }),
  archivedAt: instantOut.nullable(),
  createdAt: instantOut,
  updatedAt: instantOut,
});
export type CategoryOut = z.infer<typeof categoryOut>;

const fields = {
  name: nameInput(100),
  kind: categoryKind,
  parentId: idInput.nullable(),
  icon: iconInput.nullable(),
  color: colorInput.nullable(),
};

export const categoryCreateInput = z.strictObject({
  name: fields.name,
  kind: fields.kind.optional().meta({ description: 'That of the category above it by default; `both` at the top' }),
  parentId: fields.parentId.default(null),
  icon: fields.icon.default(null),
  color: fields.color.default(null),
});
export type CategoryCreate = z.infer<typeof categoryCreateInput>;

export const categoryBulkInput = z.strictObject({ items: z.array(categoryCreateInput).min(1).max(CATEGORY_BULK_MAX) });

/** What is left out stays as it is. */
export const categoryUpdateInput = z.strictObject({
  id: idInput,
  name: fields.name.optional(),
  kind: fields.kind.optional(),
  parentId: fields.parentId.optional(),
  icon: fields.icon.optional(),
  color: fields.color.optional(),
});
export type CategoryUpdate = z.infer<typeof categoryUpdateInput>;

export const categoryIdInput = z.strictObject({ id: idInput });

export const categoriesInput = z.strictObject({
  kind: categoryKind
    .optional()
    .meta({ description: 'Those of that side, to be offered for it; `both` are there in every case' }),
  includeArchived: z.boolean().default(false),
  updatedSince: instantInput.optional().meta({
    description:
      'Only what changed at or after that instant, oldest change first, archived ones and tombstones included. What is below a category that is renamed, moved or merged changes with it, by its path. `kind` does not go with it',
  }),
  limit: z
    .number()
    .int()
    .min(1)
    .max(CATEGORIES_MAX)
    .optional()
    .meta({
      description: `Changes of one page, ${CATEGORIES_MAX} by default. With \`updatedSince\` alone: otherwise all categories are one answer, since a page of the tree would lack parents`,
    }),
  cursor: pageInput.shape.cursor.meta({
    description: 'With `updatedSince` alone: the `nextCursor` of the page before',
  }),
});
export type CategoriesQuery = z.infer<typeof categoriesInput>;

/** All of them, in the order of the tree: a parent before its children, siblings by name. With `updatedSince` the oldest change first, page by page. */
export const categoriesOut = pageOf(categoryOut).extend({
  deleted: z.array(tombstoneOut).meta({ description: 'With `updatedSince`: what was deleted since' }),
});
export type CategoriesOut = z.infer<typeof categoriesOut>;

export const categoryDeleteInput = z.strictObject({
  id: idInput,
  moveTo: idInput.nullable().optional().meta({
    description:
      'Where its transactions go, and what rules and recurring transactions name instead; null for none. Needed where it has any',
  }),
});
export type CategoryDelete = z.infer<typeof categoryDeleteInput>;

export const categoryMergeInput = z.strictObject({ id: idInput, intoId: idInput });
export const categoryMergeOut = z.object({ into: categoryOut, movedEntries: z.number().int() });
export type CategoryMergeOut = z.infer<typeof categoryMergeOut>;
