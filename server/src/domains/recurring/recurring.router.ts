import {
  recurringCreateInput,
  recurringDatesInput,
  recurringDatesOut,
  recurringIdInput,
  recurringListInput,
  recurringListOut,
  recurringOut,
  recurringResumeInput,
  recurringSkipInput,
  recurringUpdateInput,
} from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['recurring'] };

/** Transactions that come again and again. */
export const recurringRouter = router({
  list: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/recurring', summary: 'All recurring transactions' } })
    .input(recurringListInput)
    .output(recurringListOut)
    .query(({ ctx, input }) => ctx.services.recurring.list(ctx.caller.userId, input)),

  get: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/recurring/{id}', summary: 'One recurring transaction' } })
    .input(recurringIdInput)
    .output(recurringOut)
    .query(({ ctx, input }) => ctx.services.recurring.get(ctx.caller.userId, input.id)),

  dates: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/recurring/{id}/dates', summary: 'Its next dates' } })
    .input(recurringDatesInput)
    .output(recurringDatesOut)
    .query(({ ctx, input }) => ctx.services.recurring.dates(ctx.caller.userId, input)),

  create: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/recurring',
        summary: 'Let a transaction come again and again',
        description:
          'Each is made within a minute of the beginning of its day, once; also those of days that the server was down.',
      },
    })
    .input(recurringCreateInput)
    .output(recurringOut)
    .mutation(({ ctx, input }) => ctx.services.recurring.create(ctx.commit, ctx.caller.userId, input)),

  update: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'PATCH',
        path: '/recurring/{id}',
        summary: 'Change what is made from now on',
        description:
          'What is made already stays. A new rule begins with its first date from today on, which is `starts_on` then; what was due before and is not made yet still is. The count is that of all rules together. One that was finished goes on with its first date from today on.',
      },
    })
    .input(recurringUpdateInput)
    .output(recurringOut)
    .mutation(({ ctx, input }) => ctx.services.recurring.update(ctx.commit, ctx.caller.userId, input)),

  pause: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/recurring/{id}/pause',
        summary: 'Make nothing until resumed',
        description: 'What is due up to this day and is not made yet stays due, and is made once it is resumed.',
      },
    })
    .input(recurringIdInput)
    .output(recurringOut)
    .mutation(({ ctx, input }) => ctx.services.recurring.pause(ctx.commit, ctx.caller.userId, input.id)),

  resume: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: { ...route, method: 'POST', path: '/recurring/{id}/resume', summary: 'Go on after a pause' },
    })
    .input(recurringResumeInput)
    .output(recurringOut)
    .mutation(({ ctx, input }) => ctx.services.recurring.resume(ctx.commit, ctx.caller.userId, input)),

  skip: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/recurring/{id}/skip',
        summary: 'Leave one date out',
        description: 'Of the next ten years; of a template that is still to begin, of its first ten.',
      },
    })
    .input(recurringSkipInput)
    .output(recurringOut)
    .mutation(({ ctx, input }) => ctx.services.recurring.skip(ctx.commit, ctx.caller.userId, input)),

  unskip: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: { ...route, method: 'POST', path: '/recurring/{id}/unskip', summary: 'Take a skipped date back in' },
    })
    .input(recurringSkipInput)
    .output(recurringOut)
    .mutation(({ ctx, input }) => ctx.services.recurring.unskip(ctx.commit, ctx.caller.userId, input)),

  delete: authedProcedure
    .meta({
      route: { ...route, method: 'DELETE', path: '/recurring/{id}', summary: 'End it; what it has made stays' },
    })
    .input(recurringIdInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.recurring.remove(ctx.commit, ctx.caller.userId, input.id);
      return {};
    }),
});
