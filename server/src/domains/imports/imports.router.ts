import {
  importCommitInput,
  importCreateInput,
  importIdInput,
  importOut,
  importPreviewInput,
  importPreviewOut,
  importProgressInput,
  importsInput,
  importsOut,
  importUpdateInput,
} from '@finverse/shared';
import { tracked } from '@trpc/server';
import type { ImportsApi } from './imports.port.ts';
import { router } from '../../trpc/init.ts';
import { authedProcedure, ownLiveProcedure } from '../../trpc/procedures.ts';
import { trackedEvents } from '../../trpc/tracked-events.ts';

const route = { tags: ['imports'] };

/** Bank files that become transactions: create, look, correct, commit. */
export const importsRouter = router({
  list: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/imports', summary: 'Imports, newest first' } })
    .input(importsInput)
    .output(importsOut)
    .query(({ ctx, input }) => ctx.services.imports.list(ctx.caller.userId, input)),

  create: authedProcedure
    .meta({
      // It looks at the beginning of a file.
      rate: 'check',
      route: {
        ...route,
        method: 'POST',
        path: '/imports',
        summary: 'Prepare an import of a CSV or OFX file',
        description:
          'The file is `text` itself, or `file_id` of `POST /imports/upload`. Encoding, delimiter, columns, date and number format are detected, and what the source had the last time is remembered; `settings` says otherwise. Nothing is imported yet.',
      },
    })
    .input(importCreateInput)
    .output(importOut)
    .mutation(({ ctx, input }) => ctx.services.imports.create(ctx.commit, ctx.caller.userId, input)),

  status: authedProcedure
    .meta({ route: { ...route, method: 'GET', path: '/imports/{id}', summary: 'One import, and how far it is' } })
    .input(importIdInput)
    .output(importOut)
    .query(({ ctx, input }) => ctx.services.imports.status(ctx.caller.userId, input.id)),

  update: authedProcedure
    .meta({
      rate: 'check',
      route: {
        ...route,
        method: 'PATCH',
        path: '/imports/{id}',
        summary: 'Correct the settings of an import',
        description: 'With another encoding, delimiter or header what is not given is detected anew.',
      },
    })
    .input(importUpdateInput)
    .output(importOut)
    .mutation(({ ctx, input }) => ctx.services.imports.update(ctx.commit, ctx.caller.userId, input)),

  preview: authedProcedure
    .meta({
      rate: 'check',
      scopes: ['transactions:read'],
      route: {
        ...route,
        method: 'GET',
        path: '/imports/{id}/preview',
        summary: 'What an import would do',
        description:
          'The first rows as transactions, how many are new, there already (or deleted since) or at fault, and each fault with its line and field. A new row that the ledger may have by another way has the id of that transaction. Nothing is written.',
      },
    })
    .input(importPreviewInput)
    .output(importPreviewOut)
    .query(({ ctx, input }) => ctx.services.imports.preview(ctx.caller.userId, input)),

  commit: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/imports/{id}/commit',
        summary: 'Import it',
        description:
          'Answers at once; progress is in the status and its stream. In the end all of it is there, or, where it failed or was cancelled, nothing.',
      },
    })
    .input(importCommitInput)
    .output(importOut)
    .mutation(({ ctx, input }) => ctx.services.imports.commit(ctx.commit, ctx.caller.userId, input)),

  cancel: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/imports/{id}/cancel',
        summary: 'Cancel an import',
        description:
          'One that runs is taken back; of one that does not, the file is removed. One that is completed can be undone instead.',
      },
    })
    .input(importIdInput)
    .output(importOut)
    .mutation(({ ctx, input }) => ctx.services.imports.cancel(ctx.commit, ctx.caller.userId, input.id)),

  undo: authedProcedure
    .meta({
      scopes: ['transactions:write'],
      route: {
        ...route,
        method: 'POST',
        path: '/imports/{id}/undo',
        summary: 'Undo a completed import',
        description:
          'Everything that it made and that is still there goes, also what was edited, filed anew or moved to another account since. Answers at once; progress is in the status and its stream, and in the end it is `undone`. Refused as a whole where any of it is reconciled with a statement or on an archived account. Credit limits do not hold it up. The same file can be imported again; what you had deleted by hand stays deleted then, unless `restore_deleted` says otherwise. What the source has learned stays.',
      },
    })
    .input(importIdInput)
    .output(importOut)
    .mutation(({ ctx, input }) => ctx.services.imports.undo(ctx.commit, ctx.caller.userId, input.id)),

  progress: ownLiveProcedure
    .meta({
      route: {
        ...route,
        method: 'GET',
        path: '/imports/{id}/progress',
        summary: 'The import whenever it has changed, until it has ended, as Server-Sent Events',
      },
    })
    .input(importProgressInput)
    .output(trackedEvents(importOut))
    .subscription(async ({ ctx, input }) => {
      const { userId } = ctx.caller;
      // What there is not is refused before a stream begins.
      await ctx.services.imports.status(userId, input.id);
      return eventsOf(ctx.services.imports.progress(userId, { ...input, signal: ctx.streamSignal }));
    }),
});

async function* eventsOf(states: ReturnType<ImportsApi['progress']>) {
  for await (const { id, import: state } of states) yield tracked(id, state);
}
