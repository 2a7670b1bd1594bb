import {
  accountCreateInput,
  accountIdInput,
  accountOut,
  accountsInput,
  accountsOut,
  accountSummaryInput,
  accountSummaryOut,
  accountUpdateInput,
  moveEntriesInput,
  moveEntriesOut,
  netWorthInput,
  netWorthOut,
  statementInput,
  statementOut,
} from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['accounts'] };

/** Accounts and what is on them. */
export const accountsRouter = router({
  list: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/accounts', summary: 'Accounts, by type and currency' } })
    .input(accountsInput)
    .output(accountsOut)
    .query(({ ctx, input }) => ctx.services.accounts.list(ctx.caller.userId, input)),

  summary: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'GET',
        path: '/accounts/summary',
        summary: 'Balances by type and currency',
        description:
          'Of all accounts: hidden ones count, and archived ones while their balance is not zero. Amounts in different currencies are never added, but for `converted`, which names the rates and their dates.',
      },
    })
    .input(accountSummaryInput)
    .output(accountSummaryOut)
    .query(({ ctx, input }) => ctx.services.accounts.summary(ctx.caller.userId, input)),

  netWorth: authedProcedure
    .meta({
      rate: 'check',
      route: {
        ...route,
        method: 'GET',
        path: '/accounts/net-worth',
        summary: 'Net worth at the end of each month',
        description:
          'Of all accounts, also of those that are hidden or archived today: their entries stay in the months that they are of. Amounts in different currencies are never added, but for `converted`, which names the rates and their dates. At most 600 months, and 10,000 totals of a month in a currency.',
      },
    })
    .input(netWorthInput)
    .output(netWorthOut)
    .query(({ ctx, input }) => ctx.services.accounts.netWorth(ctx.caller.userId, input)),

  get: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/accounts/{id}', summary: 'One account' } })
    .input(accountIdInput)
    .output(accountOut)
    .query(({ ctx, input }) => ctx.services.accounts.get(ctx.caller.userId, input.id)),

  statement: authedProcedure
    .meta({
      scopes: ['transactions:read'],
      route: {
        ...route,
        method: 'GET',
        path: '/accounts/{id}/statement',
        summary: 'The entries of an account, newest first, each with the balance after it',
        description: 'A hidden or archived account has its statement like any other.',
      },
    })
    .input(statementInput)
    .output(statementOut)
    .query(({ ctx, input }) => ctx.services.accounts.statement(ctx.caller.userId, input)),

  create: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/accounts',
        summary: 'Open an account',
        description: 'A person has at most 1,000, archived and hidden ones too.',
      },
    })
    .input(accountCreateInput)
    .output(accountOut)
    .mutation(({ ctx, input }) => ctx.services.accounts.create(ctx.commit, ctx.caller.userId, input)),

  update: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'PATCH',
        path: '/accounts/{id}',
        summary: 'Change an account',
        description: 'What is left out stays as it is. Type and currency never change.',
      },
    })
    .input(accountUpdateInput)
    .output(accountOut)
    .mutation(({ ctx, input }) => ctx.services.accounts.update(ctx.commit, ctx.caller.userId, input)),

  archive: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/accounts/{id}/archive',
        summary: 'Archive an account: it keeps its entries, and no money moves on it',
      },
    })
    .input(accountIdInput)
    .output(accountOut)
    .mutation(({ ctx, input }) =>
      ctx.services.accounts.setArchived(ctx.commit, ctx.caller.userId, { ...input, isArchived: true }),
    ),

  restore: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/accounts/{id}/restore',
        summary: 'Take an account out of the archive',
      },
    })
    .input(accountIdInput)
    .output(accountOut)
    .mutation(({ ctx, input }) =>
      ctx.services.accounts.setArchived(ctx.commit, ctx.caller.userId, { ...input, isArchived: false }),
    ),

  moveEntries: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/accounts/{id}/move-entries',
        summary: 'Move all entries to another account of the same currency',
        description:
          'The opening balance moves as well. Where both accounts have one they become one, and must be of the same day: set `opened_on` of either first. Imports know the rows of the old account again on the new one: a statement that overlaps an earlier one adds nothing twice, whichever of the two it is imported into.',
      },
    })
    .input(moveEntriesInput)
    .output(moveEntriesOut)
    .mutation(({ ctx, input }) => ctx.services.accounts.moveEntries(ctx.commit, ctx.caller.userId, input)),

  delete: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'DELETE',
        path: '/accounts/{id}',
        summary: 'Delete an account without entries',
        description: 'One that has entries is archived instead, or its entries are moved first.',
      },
    })
    .input(accountIdInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.accounts.remove(ctx.commit, ctx.caller.userId, input.id);
      return {};
    }),
});
