import {
  emptyInput,
  ruleCreateInput,
  ruleIdInput,
  ruleOut,
  rulesApplyInput,
  rulesApplyOut,
  rulesOrderInput,
  rulesOut,
  rulesPreviewInput,
  rulesPreviewOut,
  ruleUpdateInput,
} from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['rules'] };

/** What is to be filed how. */
export const rulesRouter = router({
  list: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/rules', summary: 'All rules, in the order they are asked' } })
    .input(emptyInput)
    .output(rulesOut)
    .query(({ ctx }) => ctx.services.rules.list(ctx.caller.userId)),

  get: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/rules/{id}', summary: 'One rule' } })
    .input(ruleIdInput)
    .output(ruleOut)
    .query(({ ctx, input }) => ctx.services.rules.get(ctx.caller.userId, input.id)),

  create: authedProcedure
    .meta({ route: { ...route, method: 'POST', path: '/rules', summary: 'Make a rule, asked after all others' } })
    .input(ruleCreateInput)
    .output(ruleOut)
    .mutation(({ ctx, input }) => ctx.services.rules.create(ctx.commit, ctx.caller.userId, input)),

  update: authedProcedure
    .meta({ route: { ...route, method: 'PATCH', path: '/rules/{id}', summary: 'Change a rule' } })
    .input(ruleUpdateInput)
    .output(ruleOut)
    .mutation(({ ctx, input }) => ctx.services.rules.update(ctx.commit, ctx.caller.userId, input)),

  delete: authedProcedure
    .meta({ route: { ...route, method: 'DELETE', path: '/rules/{id}', summary: 'Delete a rule' } })
    .input(ruleIdInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.rules.remove(ctx.commit, ctx.caller.userId, input.id);
      return {};
    }),

  reorder: authedProcedure
    .meta({ route: { ...route, method: 'POST', path: '/rules/order', summary: 'Put the rules in another order' } })
    .input(rulesOrderInput)
    .output(rulesOut)
    .mutation(({ ctx, input }) => ctx.services.rules.reorder(ctx.commit, ctx.caller.userId, input.ids)),

  preview: authedProcedure
    .meta({
      scopes: ['transactions:read'],
      route: {
        ...route,
        method: 'GET',
        path: '/rules/preview',
        summary: 'What the rules would do to transactions that are there',
        description:
          'Looks at up to a thousand, fewer where there are more than 200 conditions, newest date first, and changes none.',
      },
    })
    .input(rulesPreviewInput)
    .output(rulesPreviewOut)
    .query(({ ctx, input }) => ctx.services.rules.preview(ctx.caller.userId, input)),

  run: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/rules/apply',
        summary: 'Do exactly what a preview said',
        description:
          'Takes what the preview took, and its token. Where that would be anything else by now, nothing is done (409).',
      },
    })
    .input(rulesApplyInput)
    .output(rulesApplyOut)
    .mutation(({ ctx, input }) => ctx.services.rules.apply(ctx.commit, ctx.caller.userId, input)),
});
