import { doneOut, emptyInput, idOnlyInput, sessionsEndedOut, sessionsOut } from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { sessionProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['auth'] };

/** One's own sessions. */
export const sessionsRouter = router({
  list: sessionProcedure
    .meta({
      route: { ...route, method: 'GET', path: '/auth/sessions', summary: 'One’s own sessions, the newest first' },
    })
    .input(emptyInput)
    .output(sessionsOut)
    .query(async ({ ctx }) => ({
      items: await ctx.services.auth.sessions.list(ctx.caller.userId, ctx.sessionToken),
      nextCursor: null,
    })),

  end: sessionProcedure
    .meta({
      route: { ...route, method: 'DELETE', path: '/auth/sessions/{id}', summary: 'End one of one’s other sessions' },
    })
    .input(idOnlyInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.auth.sessions.end(ctx.caller.userId, input.id, ctx);
      return {};
    }),

  endOthers: sessionProcedure
    .meta({ route: { ...route, method: 'DELETE', path: '/auth/sessions', summary: 'End all of one’s other sessions' } })
    .input(emptyInput)
    .output(sessionsEndedOut)
    .mutation(async ({ ctx }) => ({ ended: await ctx.services.auth.sessions.endOthers(ctx.caller.userId, ctx) })),
});
