import { integrityCheckAllInput, integrityCheckAllOut, integrityCheckInput, integrityCheckOut } from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { adminProcedure, authedProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['integrity'] };

/** Whether every kept figure is what the entries say. */
export const integrityRouter = router({
  check: authedProcedure
    .meta({
      rate: 'check',
      route: {
        ...route,
        method: 'GET',
        path: '/integrity',
        summary: "Recompute one's own balances and totals from the entries",
        description: 'Reports every difference, and repairs none.',
      },
    })
    .input(integrityCheckInput)
    .output(integrityCheckOut)
    .query(({ ctx }) => ctx.services.integrity.check(ctx.caller.userId)),

  checkAll: adminProcedure
    .meta({
      rate: 'check',
      route: {
        ...route,
        method: 'GET',
        path: '/integrity/all',
        summary: "Recompute everybody's balances and totals, or one person's",
      },
    })
    .input(integrityCheckAllInput)
    .output(integrityCheckAllOut)
    .query(({ ctx, input }) => ctx.services.integrity.checkAll(input)),
});
