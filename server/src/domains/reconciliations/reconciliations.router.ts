import {
  reconciliationClearAllInput,
  reconciliationClearInput,
  reconciliationEntriesInput,
  reconciliationEntriesOut,
  reconciliationFinishInput,
  reconciliationFinishOut,
  reconciliationIdInput,
  reconciliationOut,
  reconciliationsInput,
  reconciliationsOut,
  reconciliationStartInput,
  reconciliationUpdateInput,
} from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['reconciliations'] };

/** Accounts compared with the statements of their bank. */
export const reconciliationsRouter = router({
  list: authedProcedure
    .meta({
      route: { ...route, method: 'GET', path: '/reconciliations', summary: 'Reconciliations, the newest first' },
    })
    .input(reconciliationsInput)
    .output(reconciliationsOut)
    .query(({ ctx, input }) => ctx.services.reconciliations.list(ctx.caller.userId, input)),

  get: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'GET',
        path: '/reconciliations/{id}',
        summary: 'One reconciliation: the statement, what is cleared, and the difference',
      },
    })
    .input(reconciliationIdInput)
    .output(reconciliationOut)
    .query(({ ctx, input }) => ctx.services.reconciliations.get(ctx.caller.userId, input.id)),

  entries: authedProcedure
    .meta({
      scopes: ['transactions:read'],
      route: {
        ...route,
        method: 'GET',
        path: '/reconciliations/{id}/entries',
        summary: 'What may be cleared in a reconciliation and what is, newest first',
        description:
          'Of an open one all up to the statement date that no other has locked; of a finished one what it has locked. A page looks at 5,000 entries at most: it may be short or empty and have a cursor.',
      },
    })
    .input(reconciliationEntriesInput)
    .output(reconciliationEntriesOut)
    .query(({ ctx, input }) => ctx.services.reconciliations.entries(ctx.caller.userId, input)),

  start: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/reconciliations',
        summary: 'Begin to compare an account with a statement',
        description: 'An account has at most one that is open.',
      },
    })
    .input(reconciliationStartInput)
    .output(reconciliationOut)
    .mutation(({ ctx, input }) => ctx.services.reconciliations.start(ctx.commit, ctx.caller.userId, input)),

  update: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'PATCH',
        path: '/reconciliations/{id}',
        summary: 'Correct date or balance of the statement, while it is open',
      },
    })
    .input(reconciliationUpdateInput)
    .output(reconciliationOut)
    .mutation(({ ctx, input }) => ctx.services.reconciliations.update(ctx.commit, ctx.caller.userId, input)),

  clear: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/reconciliations/{id}/clear',
        summary: 'Tick off what the statement shows: all of these, or none',
        description:
          'Of a transfer this account’s side alone; of a split all parts. What is dated after the statement is refused.',
      },
    })
    .input(reconciliationClearInput)
    .output(reconciliationOut)
    .mutation(({ ctx, input }) => ctx.services.reconciliations.clear(ctx.commit, ctx.caller.userId, input)),

  clearAll: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/reconciliations/{id}/clear-all',
        summary: 'Tick off everything up to the statement date, or up to an earlier day',
      },
    })
    .input(reconciliationClearAllInput)
    .output(reconciliationOut)
    .mutation(({ ctx, input }) => ctx.services.reconciliations.clearAll(ctx.commit, ctx.caller.userId, input)),

  unclear: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/reconciliations/{id}/unclear',
        summary: 'Take ticks away: all of these, or none',
      },
    })
    .input(reconciliationClearInput)
    .output(reconciliationOut)
    .mutation(({ ctx, input }) => ctx.services.reconciliations.unclear(ctx.commit, ctx.caller.userId, input)),

  finish: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/reconciliations/{id}/finish',
        summary: 'Lock what is cleared, where it sums up to the statement',
        description:
          'A difference is refused (409), unless `adjustment` is given: then one transaction of the statement date makes up for it. Locked entries keep amount, date, account and kind.',
      },
    })
    .input(reconciliationFinishInput)
    .output(reconciliationFinishOut)
    .mutation(({ ctx, input }) => ctx.services.reconciliations.finish(ctx.commit, ctx.caller.userId, input)),

  reopen: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/reconciliations/{id}/reopen',
        summary: 'Unlock the newest finished reconciliation of an account',
        description:
          'Its entries are cleared again; an adjustment that it made stays, as a transaction like any other.',
      },
    })
    .input(reconciliationIdInput)
    .output(reconciliationOut)
    .mutation(({ ctx, input }) => ctx.services.reconciliations.reopen(ctx.commit, ctx.caller.userId, input.id)),

  cancel: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'DELETE',
        path: '/reconciliations/{id}',
        summary: 'Give up an open reconciliation, with its ticks',
      },
    })
    .input(reconciliationIdInput)
    .output(z.object({}))
    .mutation(async ({ ctx, input }) => {
      await ctx.services.reconciliations.cancel(ctx.commit, ctx.caller.userId, input.id);
      return {};
    }),
});
