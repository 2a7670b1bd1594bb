import { exportPiece, exportStreamInput } from '@finverse/shared';
import { tracked } from '@trpc/server';
import { router } from '../../trpc/init.ts';
import { ownLiveProcedure } from '../../trpc/procedures.ts';
import { EXPORT_SCOPES } from '../../trpc/scopes.ts';
import { trackedEvents } from '../../trpc/tracked-events.ts';

/** The ledger for other programs. As one file it is downloaded from `/exports/ledger.csv`, `.json` or `.journal`. */
export const exportsRouter = router({
  stream: ownLiveProcedure
    .meta({
      scopes: EXPORT_SCOPES,
      route: {
        tags: ['exports'],
        method: 'GET',
        path: '/exports/stream',
        summary: 'The ledger as CSV, JSON or an hledger journal, in pieces, as Server-Sent Events',
        description:
          'All pieces, one after the other, are the file; after a reconnect with the same fields the next ones follow. It is only whole once a piece has come that says it is the last. As one file: `GET /exports/ledger.csv`, `.json` or `.journal`.',
      },
    })
    .input(exportStreamInput)
    .output(trackedEvents(exportPiece))
    .subscription(async function* ({ ctx, input }) {
      const query = { ...input, signal: ctx.streamSignal };
      for await (const { id, piece } of ctx.services.exports.pieces(ctx.caller.userId, query)) yield tracked(id, piece);
    }),
});
