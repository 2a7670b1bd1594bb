import type { AnyRouter } from '@trpc/server';
import type { Context } from '../trpc/context.ts';
import type { ProcedureMeta } from '../trpc/init.ts';
import { BODY_BYTES_MAX } from '../trpc/limits.ts';
import { callerKey, signedIn } from '../trpc/procedures.ts';

/**
 * Lets a large body be read: of a person who is signed in, so often a minute. Everybody else is refused before a byte of it is.
 *
 * @throws AppError UNAUTHENTICATED, RATE_LIMITED
 */
export function admitLargeBody(context: Context): void {
  signedIn(context);
  context.limiter.take('upload', `body of ${callerKey(context)}`);
}

/** The largest body of a tRPC call by its path, which names the procedure; a batch has the usual one. */
export function bodyBytesMaxOf(router: AnyRouter, path: string): number {
  const procedures = router._def.procedures as Record<string, { _def: { meta?: ProcedureMeta } } | undefined>;
  const name = path.replace(/^\//, '');
  return (Object.hasOwn(procedures, name) ? procedures[name]?._def.meta?.bodyBytesMax : undefined) ?? BODY_BYTES_MAX;
}
