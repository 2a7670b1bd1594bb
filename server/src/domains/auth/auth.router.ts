import {
  doneOut,
  emptyInput,
  loginInput,
  registerInput,
  registerOut,
  sessionOut,
  userOut,
  verifyEmailInput,
} from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { authedProcedure, publicProcedure, sessionProcedure } from '../../trpc/procedures.ts';
import { countWrongSecrets } from '../../trpc/wrong-secrets.ts';
import { passwordResetRouter } from './password-reset.router.ts';
import { sessionsRouter } from './sessions.router.ts';
import { tokensRouter } from './tokens.router.ts';
import { totpRouter } from './totp.router.ts';

const route = { tags: ['auth'] };

/** Registration, sign-in, sign-out, and who one is; below it sessions, API tokens and the second factor. */
export const authRouter = router({
  register: publicProcedure
    .meta({
      rate: 'login',
      route: {
        ...route,
        method: 'POST',
        path: '/auth/register',
        summary: 'Register',
        description:
          'Where registration is open, answers a session as login does. Otherwise answers `{verification_sent: true}`, alike for known and unknown addresses, and the code in the mail completes it at `/auth/verify-email`, together with the password, which counts from then on: nobody has proved yet whose address it is.',
      },
    })
    .input(registerInput)
    .output(registerOut)
    .mutation(async ({ ctx, input }) => {
      ctx.limiter.take('mailAccount', `${input.email} ${ctx.remoteAddress}`);
      const answer = await ctx.services.auth.registration.register(input, ctx);
      if ('token' in answer) ctx.setCookie(ctx.services.auth.sessionCookie(answer.token));
      return answer;
    }),

  verifyEmail: publicProcedure
    .meta({
      rate: 'login',
      route: {
        ...route,
        method: 'POST',
        path: '/auth/verify-email',
        summary: 'Complete a registration, or confirm an e-mail address, with the mailed code',
        description:
          'A registration takes `password` as well, which becomes the one of the account, so that only who reads the mail knows it; an account that is takes none. Does not sign in: `/auth/login` does, with that password.',
      },
    })
    .input(verifyEmailInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.auth.registration.verifyEmail(input, ctx);
      return {};
    }),

  requestVerification: sessionProcedure
    .meta({
      rate: 'credential',
      route: {
        ...route,
        method: 'POST',
        path: '/auth/verify-email/request',
        summary: 'Mail another code for one’s own e-mail address',
      },
    })
    .input(emptyInput)
    .output(doneOut)
    .mutation(async ({ ctx }) => {
      await ctx.services.auth.registration.requestVerification(ctx.caller.userId, ctx);
      return {};
    }),

  login: publicProcedure
    .meta({
      rate: 'login',
      route: {
        ...route,
        method: 'POST',
        path: '/auth/login',
        summary: 'Sign in',
        description:
          'Answers a token for `Authorization: Bearer`, and sets a session cookie for browsers. An account with a second factor needs `code` as well. Ends the session that the request came with. Ten tries a minute for each address; failed ones are counted for each account as well, and more tightly for each account and address.',
      },
    })
    .input(loginInput)
    .output(sessionOut)
    .mutation(async ({ ctx, input }) => {
      const tries = [
        ['loginPair', `${input.email} ${ctx.remoteAddress}`],
        ['loginAccount', input.email],
      ] as const;
      const session = await countWrongSecrets(ctx.limiter, tries, () => ctx.services.auth.login(input, ctx));
      ctx.setCookie(ctx.services.auth.sessionCookie(session.token));
      return session;
    }),

  logout: publicProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/auth/logout',
        summary: 'Sign out: end this session',
        description: 'Without a session there is nothing to do, and the answer is the same.',
      },
    })
    .input(emptyInput)
    .output(doneOut)
    .mutation(async ({ ctx }) => {
      await ctx.services.auth.logout(ctx);
      ctx.setCookie(ctx.services.auth.blankCookie());
      return {};
    }),

  me: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/auth/me', summary: 'The signed-in person' } })
    .input(emptyInput)
    .output(userOut)
    .query(({ ctx }) => ctx.services.users.me(ctx.caller.userId)),

  passwordReset: passwordResetRouter,
  sessions: sessionsRouter,
  tokens: tokensRouter,
  totp: totpRouter,
});
