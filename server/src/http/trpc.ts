import type { AnyRouter } from '@trpc/server';
import { createExpressMiddleware } from '@trpc/server/adapters/express';
import type { Request, RequestHandler } from 'express';
import { AppError, invalidField } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { reportError, toAppError } from '../trpc/errors.ts';
import { BATCH_SIZE_MAX, BODY_BYTES_MAX, isTextWithinBounds, outOfBounds } from '../trpc/limits.ts';
import { limitKey } from '../trpc/procedures.ts';
import { isJson, readText, requireUtf8Charset } from './body.ts';
import { bodyLimitsOf } from './body-limits.ts';
import type { LargeBodies } from './large-body.ts';
import { repeatedName } from './repeated-names.ts';
import type { ContextFactory } from './request-context.ts';
import { requestState } from './request-state.ts';

type TrpcOptions = { router: AnyRouter; createContext: ContextFactory; bodies: LargeBodies; logger: Logger };

/** The router at /trpc, for the SDK and any tRPC client. */
export function serveTrpc({ router, createContext, bodies, logger }: TrpcOptions): RequestHandler[] {
  return [
    requireJsonPost,
    ...admit({ router, createContext, bodies }),
    createExpressMiddleware({
      router,
      maxBatchSize: BATCH_SIZE_MAX,
      createContext: ({ req, res, info }) => {
        const [call] = info.calls;
        requestState(req).route = `/trpc/${info.isBatchCall ? 'batch' : call?.procedure ? call.path : 'unknown'}`;
        return createContext(req, res, info.calls.length);
      },
      onError: ({ error, path, req }) =>
        reportError(logger, toAppError(error), { requestId: requestState(req).id, procedure: path }),
      responseMeta: ({ errors }) => {
        const waits = errors.map((error) => toAppError(error).retryAfterSeconds ?? 0);
        const retryAfterSeconds = Math.max(0, ...waits);
        return retryAfterSeconds > 0 ? { headers: { 'retry-after': String(retryAfterSeconds) } } : {};
      },
    }),
  ];
}

/** Lets a body of the size in that the procedure takes, which the path names; a batch has the usual limit. */
function admit({ router, createContext, bodies }: Omit<TrpcOptions, 'logger'>): RequestHandler[] {
  const limits = bodyLimitsOf(router);
  const bytesMaxOf = (request: Request) => limits.get(request.path.slice(1)) ?? BODY_BYTES_MAX;
  return [
    async (request, response, next) => {
      const context = () => createContext(request, response, 1);
      if (await bodies.admit({ request, response }, bytesMaxOf(request), context)) next();
    },
    // tRPC's own limit leaves the connection hanging on a body that is too large; read here, a string is handed over as it is.
    readText(bytesMaxOf),
    async (request, response, next) => {
      const refusal = refusalOf(request.body as string | undefined);
      if (refusal !== null) {
        // tRPC, which counts what it refuses, does not see it.
        const context = await createContext(request, response, 1);
        context.limiter.take('write', limitKey(context));
        throw refusal;
      }
      next();
    },
  ];
}

/** What superjson and a batch put around the name of a field. */
const AROUND_INPUT = /^(?:\d+\.)?json\./;

/** Why a body is refused before it is parsed; null where it is not. */
function refusalOf(text: string | undefined): AppError | null {
  if (text === undefined) return null;
  if (!isTextWithinBounds(text)) return outOfBounds();
  const repeated = repeatedName(text);
  return repeated === null ? null : invalidField(repeated.replace(AROUND_INPUT, '').slice(0, 200), 'stands twice');
}

/** tRPC also takes forms, which a foreign page can post without asking first. */
const requireJsonPost: RequestHandler = (request, _response, next) => {
  requestState(request).route = '/trpc/unknown';
  if (request.method !== 'GET' && request.method !== 'POST') {
    throw new AppError('METHOD_NOT_ALLOWED', 'Queries and subscriptions are called with GET, mutations with POST.');
  }
  if (request.method === 'POST' && !isJson(request)) {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'Mutations take JSON, with Content-Type: application/json.');
  }
  requireUtf8Charset(request);
  next();
};
