import {
  monthlyTotalsInput,
  monthlyTotalsOut,
  transactionBulkInput,
  transactionBulkOut,
  transactionCreateInput,
  transactionIdInput,
  transactionOut,
  transactionsInput,
  transactionsOut,
  transactionUpdateInput,
} from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['transactions'] };

/** Incomes, expenses and transfers. */
export const transactionsRouter = router({
  list: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'GET',
        path: '/transactions',
        summary: 'Search transactions',
        description:
          'Newest date first. A page may be short, even empty, and have a `next_cursor`: go on until it is null. With `updated_since` it lists changes instead, the oldest first, and takes no other filter.',
      },
    })
    .input(transactionsInput)
    .output(transactionsOut)
    .query(({ ctx, input }) => ctx.services.transactions.list(ctx.caller.userId, input)),

  monthlyTotals: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'GET',
        path: '/transactions/monthly-totals',
        summary: 'Income and expenses by month, currency and category',
      },
    })
    .input(monthlyTotalsInput)
    .output(monthlyTotalsOut)
    .query(({ ctx, input }) => ctx.services.transactions.monthlyTotals(ctx.caller.userId, input)),

  get: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/transactions/{id}', summary: 'One transaction' } })
    .input(transactionIdInput)
    .output(transactionOut)
    .query(({ ctx, input }) => ctx.services.transactions.get(ctx.caller.userId, input.id)),

  create: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/transactions',
        summary: 'Record an income, an expense or a transfer',
        description:
          'Amounts are positive; the kind gives the sign. Splits sum up to the amount; a part below zero takes away. A transfer to another currency says what arrives, or the rate.',
      },
    })
    .input(transactionCreateInput)
    .output(transactionOut)
    .mutation(({ ctx, input }) => ctx.services.transactions.create(ctx.commit, ctx.caller.userId, input)),

  bulk: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/transactions/bulk',
        summary: 'Create, edit and delete many at once: all of it, or nothing',
      },
    })
    .input(transactionBulkInput)
    .output(transactionBulkOut)
    .mutation(({ ctx, input }) => ctx.services.transactions.bulk(ctx.commit, ctx.caller.userId, input)),

  update: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'PATCH',
        path: '/transactions/{id}',
        summary: 'Edit a transaction',
        description:
          'What is left out stays as it is, unless it cannot go with what is given: a transfer has neither category nor splits.',
      },
    })
    .input(transactionUpdateInput)
    .output(transactionOut)
    .mutation(({ ctx, input }) => ctx.services.transactions.update(ctx.commit, ctx.caller.userId, input)),

  delete: authedProcedure
    .meta({ route: { ...route, method: 'DELETE', path: '/transactions/{id}', summary: 'Delete a transaction' } })
    .input(transactionIdInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.transactions.remove(ctx.commit, ctx.caller.userId, input.id);
      return {};
    }),
});
