import type { ORPCMeta } from '@orpc/trpc';
import type { Scope } from '@finverse/shared';
import { initTRPC } from '@trpc/server';
import type { Context } from './context.ts';
import { formatError } from './errors.ts';
import { inputTransformer } from './input-transformer.ts';
import { STREAM_KEEP_ALIVE_MS, type RateClass } from './limits.ts';

/** Who may call a procedure; each has its builder in procedures.ts. */
export type Access = 'public' | 'reader' | 'user' | 'session' | 'admin' | 'syncControl';

/**
 * What a procedure says of itself: its REST route and documentation, who may call it, what it counts as, the largest body where that is not the usual one, and what an API
 * token needs beside the scope of the procedure's own domain: the scopes of those whose data it shows or changes.
 */
export type ProcedureMeta = ORPCMeta & {
  access?: Access;
  rate?: RateClass;
  bodyBytesMax?: number;
  scopes?: readonly Scope[];
};

const t = initTRPC
  .context<Context>()
  .meta<ProcedureMeta>()
  .create({
    transformer: inputTransformer,
    errorFormatter: formatError,
    isDev: false,
    sse: {
      ping: { enabled: true, intervalMs: STREAM_KEEP_ALIVE_MS },
      client: { reconnectAfterInactivityMs: 3 * STREAM_KEEP_ALIVE_MS },
    },
  });

export const { router, middleware } = t;

/** The bare builder. Only procedures.ts uses it, which puts the limits and the access check on everything. */
export const bareProcedure = t.procedure;
