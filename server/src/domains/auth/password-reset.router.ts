import { doneOut, passwordResetConfirmInput, passwordResetRequestInput } from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { publicProcedure } from '../../trpc/procedures.ts';

const route = { method: 'POST', tags: ['auth'] } as const;

/** A new password for who has forgotten theirs. */
export const passwordResetRouter = router({
  request: publicProcedure
    .meta({
      rate: 'login',
      route: {
        ...route,
        path: '/auth/password-reset/request',
        summary: 'Mail a code for a new password',
        description: 'Answers the same whether the address is known or not.',
      },
    })
    .input(passwordResetRequestInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      ctx.limiter.take('mailAccount', `${input.email} ${ctx.remoteAddress}`);
      await ctx.services.auth.credentials.requestPasswordReset(input.email, ctx);
      return {};
    }),

  confirm: publicProcedure
    .meta({
      rate: 'login',
      route: {
        ...route,
        path: '/auth/password-reset/confirm',
        summary: 'Set a new password with the mailed code',
        description: 'Ends every session and every API token of the account. Sign in with the new password afterwards.',
      },
    })
    .input(passwordResetConfirmInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.auth.credentials.confirmPasswordReset(input, ctx);
      return {};
    }),
});
