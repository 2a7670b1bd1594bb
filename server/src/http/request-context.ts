import type { Request, Response } from 'express';
import { type Database, transact, transactOnce } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { Turns } from '../kernel/turns.ts';
import type { Context, Services } from '../trpc/context.ts';
import { UNITS_WAITING_MAX } from '../trpc/limits.ts';
import type { RateLimiter } from '../trpc/rate-limiter.ts';
import type { StreamRegistry } from '../trpc/streams.ts';
import { isLocalOperator, type OriginPolicy } from './origin.ts';
import { rateAddress, remoteAddress } from './remote-address.ts';
import { requestState } from './request-state.ts';

/** Makes what the procedures are given from an HTTP request; tRPC and REST share it, so that neither knows more of a caller than the other. */
export type ContextFactory = (request: Request, response: Response, batchSize: number) => Promise<Context>;

type ContextParts = {
  services: Services;
  database: Database;
  clock: Clock;
  limiter: RateLimiter;
  streams: StreamRegistry;
  origins: OriginPolicy;
};

/** What an `Idempotency-Key` may be: printable ASCII without spaces, which every client and proxy carries unchanged. */
export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

export function createContextFactory(parts: ContextParts): ContextFactory {
  const { services, database, clock, limiter, streams, origins } = parts;
  const units = new Turns({ waitingMax: UNITS_WAITING_MAX });
  return async (request, response, batchSize) => {
    const { authorization, cookie } = request.headers;
    const token = services.auth.readToken({ authorization, cookie });
    const caller = token === null ? null : await services.auth.authenticate(token);
    const setCookie = (header: string) => void response.appendHeader('Set-Cookie', header);
    if (token !== null && authorization === undefined && caller?.isRenewed)
      setCookie(services.auth.sessionCookie(token));
    return {
      requestId: requestState(request).id,
      caller,
      isStillSignedIn: token !== null && caller ? () => services.auth.isSignedIn(token) : null,
      hasCredential: token !== null,
      sessionToken: caller?.tokenScopes === null ? token : null,
      userAgent: request.get('user-agent') ?? null,
      isLocalOperator: isLocalOperator(request, origins),
      remoteAddress: rateAddress(remoteAddress(request)),
      batchSize,
      isCounted: false,
      idempotencyKey: readIdempotencyKey(request),
      // A unit that waits for the caller's own ledger would hold one of the few connections that everybody shares.
      openUnit: (turn, keyed) => (work) => {
        const run = () =>
          keyed === null ? transact(database, work) : transactOnce(database, { ...keyed, nowMs: clock.now() }, work);
        return turn === null ? run() : units.run(turn, run);
      },
      services,
      limiter,
      streams,
      setCookie,
    };
  };
}

/** @throws AppError VALIDATION_FAILED naming the header */
function readIdempotencyKey(request: Request): string | null {
  const key = request.get('idempotency-key');
  if (key === undefined) return null;
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw new AppError('VALIDATION_FAILED', 'The Idempotency-Key header was refused; see details.', {
    details: [{ path: 'idempotencyKey', message: 'must be 1 to 255 printable ASCII characters without spaces' }],
  });
}
