import { exportPiece, exportStreamInput } from '@finverse/shared';
import { tracked } from '@trpc/server';
import { router } from '../../trpc/init.ts';
import { ownLiveProcedure } from '../../trpc/procedures.ts';
import { EXPORT_SCOPES } from '../../trpc/scopes.ts';
import { trackedEvents } from '../../trpc/tracked-events.ts';
import type { ExportsApi } from './exports.port.ts';

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
    .subscription(async ({ ctx, input }) => {
      const { userId } = ctx.caller;
      // What cannot be exported is refused before a stream begins.
      await ctx.services.exports.check(userId, input);
      return eventsOf(ctx.services.exports.pieces(userId, { ...input, signal: ctx.streamSignal }));
    }),
});

async function* eventsOf(pieces: ReturnType<ExportsApi['pieces']>) {
  for await (const { id, piece } of pieces) yield tracked(id, piece);
}
