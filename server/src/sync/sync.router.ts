import {
  emptyInput,
  syncConflictsInput,
  syncConflictsOut,
  syncCycleOut,
  syncHealthOut,
  syncLiveEvent,
  syncLiveInput,
  syncRunsInput,
  syncRunsOut,
  syncStartInput,
  syncStatusOut,
  syncUserInput,
  syncUserOut,
} from '@finverse/shared';
import { tracked } from '@trpc/server';
import { router } from '../trpc/init.ts';
import { liveProcedure, publicProcedure, readerProcedure, syncControlProcedure } from '../trpc/procedures.ts';
import { trackedEvents } from '../trpc/tracked-events.ts';

const read = { method: 'GET', tags: ['sync'] } as const;
const control = { method: 'POST', tags: ['sync'] } as const;

/** The engine's state, its control, and the live feed. */
export const syncRouter = router({
  status: readerProcedure
    .meta({
      route: {
        ...read,
        path: '/sync/status',
        summary: 'State of the sync engine: vaults, cursors, lag, counters, last cycle',
      },
    })
    .input(emptyInput)
    .output(syncStatusOut)
    .query(({ ctx }) => ctx.services.sync.status()),

  health: publicProcedure
    .meta({
      route: {
        ...read,
        path: '/sync/health',
        summary: 'Whether sync keeps up',
        description:
          'For load balancers and monitors: 200 while healthy, otherwise 503 with code `SYNC_UNHEALTHY` and one detail for each reason.',
      },
    })
    .input(emptyInput)
    .output(syncHealthOut)
    .query(({ ctx }) => ctx.services.sync.health()),

  start: syncControlProcedure
    .meta({
      route: {
        ...control,
        path: '/sync/start',
        summary: 'Start sync',
        description:
          'Lasting: sync runs from now on, also after a restart. Starting what runs already changes only the interval.',
      },
    })
    .input(syncStartInput)
    .output(syncStatusOut)
    .mutation(({ ctx, input }) => ctx.services.sync.start({ intervalSeconds: input?.intervalSeconds })),

  stop: syncControlProcedure
    .meta({
      route: {
        ...control,
        path: '/sync/stop',
        summary: 'Stop sync',
        description: 'Lasting: finishes the work in hand, then rests, also after a restart.',
      },
    })
    .input(emptyInput)
    .output(syncStatusOut)
    .mutation(({ ctx }) => ctx.services.sync.stop()),

  user: syncControlProcedure
    .meta({
      route: {
        ...control,
        path: '/sync/user',
        summary: 'Catch up, then compare every position of one address with the contract',
        description:
          'When the chain cannot be read, nothing is changed and the answer is 503 with code `CHAIN_UNAVAILABLE`.',
      },
    })
    .input(syncUserInput)
    .output(syncUserOut)
    .mutation(({ ctx, input }) => ctx.services.sync.syncUser(input.userAddress)),

  runCycle: syncControlProcedure
    .meta({
      route: {
        ...control,
        path: '/sync/run-cycle',
        summary: 'Run a reconcile cycle now, or join the one that runs',
        description: 'A cycle that failed is answered with `outcome: failed` and its error.',
      },
    })
    .input(emptyInput)
    .output(syncCycleOut)
    .mutation(({ ctx }) => ctx.services.sync.runCycle()),

  runs: readerProcedure
    .meta({
      route: { ...read, path: '/sync/runs', summary: 'Runs of the last 30 days that changed something or failed' },
    })
    .input(syncRunsInput)
    .output(syncRunsOut)
    .query(({ ctx, input }) => ctx.services.sync.runs(input)),

  conflicts: readerProcedure
    .meta({ route: { ...read, path: '/sync/conflicts', summary: 'Audit trail: where the contract differed and won' } })
    .input(syncConflictsInput)
    .output(syncConflictsOut)
    .query(({ ctx, input }) => ctx.services.sync.conflicts(input)),

  live: liveProcedure
    .meta({
      route: {
        ...read,
        path: '/sync/live',
        summary: 'Live feed of applied facts, as Server-Sent Events',
        description:
          'Each event has an id. After a reconnect send the last one as `Last-Event-ID`, or as `last_event_id`, and nothing is missed or seen twice; an event of type `resync` says that it is too old. Comments keep a silent stream open.',
      },
    })
    .input(syncLiveInput)
    .output(trackedEvents(syncLiveEvent))
    .subscription(async function* ({ ctx, input }) {
      for await (const { id, event } of ctx.services.sync.live({ ...input, signal: ctx.streamSignal }))
        yield tracked(id, event);
    }),
});
