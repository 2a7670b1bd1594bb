import { loginInput, sessionOut, userOut, emptyInput } from '@finverse/shared';
import { z } from 'zod';
import { router } from '../../trpc/init.ts';
import { authedProcedure, publicProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['auth'] };

/** Sign-in, sign-out, and who one is. */
export const authRouter = router({
  login: publicProcedure
    .meta({
      rate: 'login',
      route: {
        ...route,
        method: 'POST',
        path: '/auth/login',
        summary: 'Sign in',
        description:
          'Answers a token for `Authorization: Bearer`, and sets a session cookie for browsers. Ten tries a minute for each address and each account.',
      },
    })
    .input(loginInput)
    .output(sessionOut)
    .mutation(async ({ ctx, input }) => {
      ctx.limiter.take('loginAccount', input.email);
      const session = await ctx.services.auth.login(input);
      ctx.setCookie(ctx.services.auth.sessionCookie(session.token));
      return session;
    }),

  logout: authedProcedure
    .meta({ route: { ...route, method: 'POST', path: '/auth/logout', summary: 'Sign out: end this session' } })
    .input(emptyInput)
    .output(z.object({}))
    .mutation(async ({ ctx }) => {
      if (ctx.sessionToken !== null) await ctx.services.auth.logout(ctx.sessionToken);
      ctx.setCookie(ctx.services.auth.blankCookie());
      return {};
    }),

  me: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/auth/me', summary: 'The signed-in person' } })
    .input(emptyInput)
    .output(userOut)
    .query(({ ctx }) => ctx.services.auth.me(ctx.caller.userId)),
});
