import type { Request, Response } from 'express';
import type { Context, Services } from '../trpc/context.ts';
import type { RateLimiter } from '../trpc/rate-limiter.ts';
import type { StreamRegistry } from '../trpc/streams.ts';
import { isLocalOperator, type OriginPolicy } from './origin.ts';
import { rateAddress } from './remote-address.ts';
import { requestState } from './request-state.ts';

/** Makes what the procedures are given from an HTTP request; tRPC and REST share it, so that neither knows more of a caller than the other. */
export type ContextFactory = (request: Request, response: Response, batchSize: number) => Promise<Context>;

type ContextParts = { services: Services; limiter: RateLimiter; streams: StreamRegistry; origins: OriginPolicy };

export function createContextFactory({ services, limiter, streams, origins }: ContextParts): ContextFactory {
  return async (request, response, batchSize) => {
    const { authorization, cookie } = request.headers;
    const token = services.auth.readToken({ authorization, cookie });
    const caller = token === null ? null : await services.auth.authenticate(token);
    return {
      requestId: requestState(request).id,
      caller,
      sessionToken: caller ? token : null,
      isLocalOperator: isLocalOperator(request, origins),
      remoteAddress: rateAddress(request.ip),
      batchSize,
      services,
      limiter,
      streams,
      setCookie: (header) => void response.appendHeader('Set-Cookie', header),
    };
  };
}
