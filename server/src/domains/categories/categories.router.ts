import {
  categoriesInput,
  categoriesOut,
  categoryBulkInput,
  categoryCreateInput,
  categoryDeleteInput,
  categoryIdInput,
  categoryMergeInput,
  categoryMergeOut,
  categoryOut,
  categoryUpdateInput,
  type Scope,
} from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['categories'] };
/** Whatever names a category that goes is changed with it. */
const REFILING_SCOPES: readonly Scope[] = ['transactions:write', 'rules:write', 'recurring:write'];

/** Categories of incomes and expenses. */
export const categoriesRouter = router({
  list: authedProcedure
    .meta({
      route: { ...route, method: 'GET', path: '/categories', summary: 'All categories, in the order of the tree' },
    })
    .input(categoriesInput)
    .output(categoriesOut)
    .query(({ ctx, input }) => ctx.services.categories.list(ctx.caller.userId, input)),

  get: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/categories/{id}', summary: 'One category' } })
    .input(categoryIdInput)
    .output(categoryOut)
    .query(({ ctx, input }) => ctx.services.categories.get(ctx.caller.userId, input.id)),

  create: authedProcedure
    .meta({ route: { ...route, method: 'POST', path: '/categories', summary: 'Make a category' } })
    .input(categoryCreateInput)
    .output(categoryOut)
    .mutation(({ ctx, input }) => ctx.services.categories.create(ctx.commit, ctx.caller.userId, input)),

  createMany: authedProcedure
    .meta({ route: { ...route, method: 'POST', path: '/categories/bulk', summary: 'Make many categories, or none' } })
    .input(categoryBulkInput)
    .output(z.object({ items: z.array(categoryOut) }))
    .mutation(async ({ ctx, input }) => ({
      items: await ctx.services.categories.createMany(ctx.commit, ctx.caller.userId, input.items),
    })),

  update: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'PATCH',
        path: '/categories/{id}',
        summary: 'Change or move a category',
        description: 'What is left out stays as it is. A category cannot come to stand below itself.',
      },
    })
    .input(categoryUpdateInput)
    .output(categoryOut)
    .mutation(({ ctx, input }) => ctx.services.categories.update(ctx.commit, ctx.caller.userId, input)),

  archive: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/categories/{id}/archive',
        summary: 'Archive a category and all below it',
      },
    })
    .input(categoryIdInput)
    .output(categoryOut)
    .mutation(({ ctx, input }) =>
      ctx.services.categories.setArchived(ctx.commit, ctx.caller.userId, { ...input, isArchived: true }),
    ),

  restore: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/categories/{id}/restore',
        summary: 'Take a category, what it is below, and all below it out of the archive',
      },
    })
    .input(categoryIdInput)
    .output(categoryOut)
    .mutation(({ ctx, input }) =>
      ctx.services.categories.setArchived(ctx.commit, ctx.caller.userId, { ...input, isArchived: false }),
    ),

  merge: authedProcedure
    .meta({
      scopes: REFILING_SCOPES,
      route: {
        ...route,
        method: 'POST',
        path: '/categories/{id}/merge',
        summary: 'Merge a category into another: what is filed under it, and what is below it, goes there',
      },
    })
    .input(categoryMergeInput)
    .output(categoryMergeOut)
    .mutation(({ ctx, input }) => ctx.services.categories.merge(ctx.commit, ctx.caller.userId, input)),

  delete: authedProcedure
    .meta({
      scopes: REFILING_SCOPES,
      route: {
        ...route,
        method: 'DELETE',
        path: '/categories/{id}',
        summary: 'Delete a category',
        description:
          'Where transactions are filed under it, `move_to` says where they go: another category, or null for none.',
      },
    })
    .input(categoryDeleteInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.categories.remove(ctx.commit, ctx.caller.userId, input);
      return {};
    }),
});
