import {
  bothFactorsInput,
  doneOut,
  emptyInput,
  recoveryCodesOut,
  totpBeginInput,
  totpBeginOut,
  totpCodeInput,
  totpStatusOut,
} from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { ownSecretProcedure, sessionProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['auth'] };

/** One's own second factor. */
export const totpRouter = router({
  status: sessionProcedure
    .meta({ route: { ...route, method: 'GET', path: '/auth/totp', summary: 'Whether login takes a second factor' } })
    .input(emptyInput)
    .output(totpStatusOut)
    .query(({ ctx }) => ctx.services.auth.totp.status(ctx.caller.userId)),

  begin: ownSecretProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/auth/totp/begin',
        summary: 'Begin a second factor: a secret for an authenticator app',
        description: 'Nothing changes until a code of it is sent to `/auth/totp/confirm`.',
      },
    })
    .input(totpBeginInput)
    .output(totpBeginOut)
    .mutation(({ ctx, input }) => ctx.services.auth.totp.begin(ctx.caller.userId, input.password, ctx)),

  confirm: sessionProcedure
    .meta({
      rate: 'credential',
      route: {
        ...route,
        method: 'POST',
        path: '/auth/totp/confirm',
        summary: 'Switch the second factor on with a first code',
        description: 'Answers ten recovery codes, once. Each stands in for the app one time.',
      },
    })
    .input(totpCodeInput)
    .output(recoveryCodesOut)
    .mutation(({ ctx, input }) => ctx.services.auth.totp.confirm(ctx.caller.userId, input.code, ctx)),

  renewRecoveryCodes: ownSecretProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/auth/totp/recovery-codes',
        summary: 'Ten new recovery codes in place of the old ones',
      },
    })
    .input(bothFactorsInput)
    .output(recoveryCodesOut)
    .mutation(({ ctx, input }) => ctx.services.auth.totp.renewRecoveryCodes(ctx.caller.userId, input, ctx)),

  disable: ownSecretProcedure
    .meta({
      route: { ...route, method: 'POST', path: '/auth/totp/disable', summary: 'Switch the second factor off' },
    })
    .input(bothFactorsInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.auth.totp.disable(ctx.caller.userId, input, ctx);
      return {};
    }),
});
