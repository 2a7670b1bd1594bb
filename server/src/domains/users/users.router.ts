import {
  accountDeletionInput,
  doneOut,
  emailChangeInput,
  emptyInput,
  exportOut,
  mailCodeInput,
  passwordChangeInput,
  preferencesInput,
  preferencesOut,
  profileInput,
  userOut,
} from '@finverse/shared';
import { router } from '../../trpc/init.ts';
import { authedProcedure, ownSecretProcedure, sessionProcedure } from '../../trpc/procedures.ts';

const route = { tags: ['users'] };

/** A person's own data, and the keys to it. */
export const usersRouter = router({
  me: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/users/me', summary: 'One’s own profile' } })
    .input(emptyInput)
    .output(userOut)
    .query(({ ctx }) => ctx.services.users.me(ctx.caller.userId)),

  update: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'PATCH',
        path: '/users/me',
        summary: 'Change one’s own profile',
        description: 'What is left out stays; null empties.',
      },
    })
    .input(profileInput)
    .output(userOut)
    .mutation(({ ctx, input }) => ctx.services.users.update(ctx.caller.userId, input, ctx.commit)),

  preferences: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'GET',
        path: '/users/me/preferences',
        summary: 'What frontends keep for a person',
        description: 'At most 200 pairs of key and text, of 64 KB in all. The server reads none of them.',
      },
    })
    .input(emptyInput)
    .output(preferencesOut)
    .query(({ ctx }) => ctx.services.users.preferences(ctx.caller.userId)),

  setPreferences: authedProcedure
    .meta({
      route: {
        ...route,
        method: 'PATCH',
        path: '/users/me/preferences',
        summary: 'Set some preferences',
        description: 'Keys that are not named stay; a value of null removes its key. Answers all of them.',
      },
    })
    .input(preferencesInput)
    .output(preferencesOut)
    .mutation(({ ctx, input }) => ctx.services.users.setPreferences(ctx.caller.userId, input, ctx.commit)),

  changePassword: ownSecretProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/users/me/password',
        summary: 'Change one’s password',
        description: 'Ends the other sessions. API tokens stay.',
      },
    })
    .input(passwordChangeInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.auth.credentials.changePassword(ctx.caller.userId, input, ctx);
      return {};
    }),

  requestEmailChange: ownSecretProcedure
    .meta({
      route: {
        ...route,
        method: 'POST',
        path: '/users/me/email',
        summary: 'Mail a code to a new e-mail address',
        description: 'The address changes when the code is confirmed.',
      },
    })
    .input(emailChangeInput)
    .output(doneOut)
    .mutation(async ({ ctx, input }) => {
      ctx.limiter.take('mailAccount', `${input.email} ${ctx.remoteAddress}`);
      await ctx.services.auth.credentials.requestEmailChange(ctx.caller.userId, input, ctx);
      return {};
    }),

  confirmEmailChange: sessionProcedure
    .meta({
      rate: 'credential',
      route: {
        ...route,
        method: 'POST',
        path: '/users/me/email/confirm',
        summary: 'Move to the new e-mail address with the mailed code',
        description: 'Ends the other sessions, and tells the address that was.',
      },
    })
    .input(mailCodeInput)
    .output(userOut)
    .mutation(({ ctx, input }) => ctx.services.auth.credentials.confirmEmailChange(ctx.caller.userId, input.code, ctx)),

  export: sessionProcedure
    .meta({
      rate: 'credential',
      // Over REST `http/transfer.ts` streams it.
      route: {
        ...route,
        method: 'GET',
        path: '/users/me/export',
        summary: 'Everything that one owns, as JSON',
        description:
          'One at a time. Streamed: an export that is not whole is broken off, the connection ends before the JSON does. (Over tRPC it is one answer of at most 50,000 items.)',
      },
    })
    .input(emptyInput)
    .output(exportOut)
    .query(({ ctx }) => ctx.services.users.exportAll(ctx.caller.userId)),

  remove: ownSecretProcedure
    .meta({
      route: {
        ...route,
        method: 'DELETE',
        path: '/users/me',
        summary: 'Ask for the deletion of one’s account',
        description:
          'Takes the password, and a code where there is a second factor. In 30 days everything of the account goes. Until then signing in, or `/users/me/restore`, keeps it. Ends the other sessions; API tokens rest. A mail tells of it, one an hour at most.',
      },
    })
    .input(accountDeletionInput)
    .output(userOut)
    .mutation(({ ctx, input }) => ctx.services.auth.deletion.request(ctx.caller.userId, input, ctx)),

  restore: sessionProcedure
    .meta({
      rate: 'credential',
      route: { ...route, method: 'POST', path: '/users/me/restore', summary: 'Call off the deletion of one’s account' },
    })
    .input(emptyInput)
    .output(userOut)
    .mutation(({ ctx }) => ctx.services.auth.deletion.cancel(ctx.caller.userId, ctx)),
});
