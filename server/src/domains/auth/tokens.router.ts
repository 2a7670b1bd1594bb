import { doneOut, emptyInput, idOnlyInput, newTokenOut, tokenInput, tokensOut } from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { sessionProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['auth'] };

/** One's own API tokens. None of them manages tokens. */
export const tokensRouter = router({
  list: sessionProcedure
    .meta({
      route: { ...route, method: 'GET', path: '/auth/tokens', summary: 'One’s own API tokens, the newest first' },
    })
    .input(emptyInput)
    .output(tokensOut)
    .query(async ({ ctx }) => ({ items: await ctx.services.auth.tokens.list(ctx.caller.userId), nextCursor: null })),

  create: sessionProcedure
    .meta({
      rate: 'credential',
      route: {
        ...route,
        method: 'POST',
        path: '/auth/tokens',
        summary: 'Make an API token for curl and scripts',
        description:
          'Sent as `Authorization: Bearer fv_…`. What reads a domain takes the scope `<domain>:read`, what changes it `<domain>:write`, and what shows or changes the data of another domain that one’s as well; the documentation of each route names its scope.',
      },
    })
    .input(tokenInput)
    .output(newTokenOut)
    .mutation(({ ctx, input }) => ctx.services.auth.tokens.create(ctx.caller.userId, input, ctx)),

  revoke: sessionProcedure
    .meta({ route: { ...route, method: 'DELETE', path: '/auth/tokens/{id}', summary: 'Revoke an API token' } })
    .input(idOnlyInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.auth.tokens.revoke(ctx.caller.userId, input.id, ctx);
      return {};
    }),
});
