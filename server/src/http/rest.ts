import { OpenAPIHandler } from '@orpc/openapi/node';
import { toORPCRouter } from '@orpc/trpc';
import type { AnyRouter } from '@trpc/server';
import type { Request, RequestHandler } from 'express';
import { AppError, invariant } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { reportError, toAppError } from '../trpc/errors.ts';
import type { Context } from '../trpc/context.ts';
import { countCall } from '../trpc/procedures.ts';
import { STREAM_KEEP_ALIVE_MS } from '../trpc/limits.ts';
import { errorHeaders, restErrorBody } from './error-response.ts';
import type { LargeBodies } from './large-body.ts';
import type { ContextFactory } from './request-context.ts';
import { requestState } from './request-state.ts';
import { readRestBody, refuseQueryBesideBody, refuseShadowedParameters } from './rest-body.ts';
import { isEventStream, restEvents, STREAM_HEADERS } from './rest-events.ts';
import { matchRoute, type RestRoute, restRoutes } from './rest-routes.ts';
import { camelCaseInput, RestAnswer } from './snake-case.ts';

/** Where the REST API stands. */
export const REST_PREFIX = '/api/v1';

type RestOptions = { router: AnyRouter; createContext: ContextFactory; bodies: LargeBodies; logger: Logger };

/** The router as REST: procedures with a route, in snake_case. To be mounted at {@link REST_PREFIX}, where unmatched paths fall through. */
export function serveRest({ router, createContext, bodies, logger }: RestOptions): RequestHandler[] {
  const routes = restRoutes(router);
  const matched = new WeakMap<Request, RestRoute>();
  const contexts = new WeakMap<Request, Context>();
  const routeOf = (request: Request) => known(matched, request);
  const handler = createHandler(router, routes, logger);

  const match: RequestHandler = (request, response, next) => {
    const { route, methods } = matchRoute(routes, request.method, request.path);
    if (route) {
      matched.set(request, route);
      // oRPC knows GET alone; Node itself sends no body in answer to what came as HEAD.
      if (request.method === 'HEAD') request.method = route.method;
      requestState(request).route = REST_PREFIX + route.path;
      next();
    } else if (methods.length > 0) {
      response.setHeader('Allow', methods.join(', '));
      throw new AppError('METHOD_NOT_ALLOWED', `This path takes ${methods.join(', ')}.`);
    } else {
      next('router');
    }
  };
  // Before anything of the request is read, so that what is refused has been counted too.
  const count: RequestHandler = async (request, response, next) => {
    const context = await createContext(request, response, 1);
    countCall(context, routeOf(request).rateClass);
    contexts.set(request, { ...context, isCounted: true });
    next();
  };
  const readQuery: RequestHandler = (request, _response, next) => {
    const queryKeys = Object.keys(request.query);
    refuseShadowedParameters(routeOf(request), queryKeys);
    refuseQueryBesideBody(routeOf(request), queryKeys);
    next();
  };
  const admitLarge: RequestHandler = async (request, response, next) => {
    const context = async () => known(contexts, request);
    if (await bodies.admit({ request, response }, routeOf(request).bodyBytesMax, context)) next();
  };
  const handle: RequestHandler = async (request, response) => {
    const context = known(contexts, request);
    const { matched: isHandled } = await handler.handle(request, response, { prefix: REST_PREFIX, context });
    if (!isHandled) throw new AppError('NOT_FOUND', 'There is nothing here.');
  };
  return [match, count, readQuery, admitLarge, ...readRestBody(routeOf), handle];
}

/** What an earlier layer has found out about a request. */
function known<Value>(values: WeakMap<Request, Value>, request: Request): Value {
  const value = values.get(request);
  invariant(value !== undefined, 'the request was matched and counted');
  return value;
}

function createHandler(router: AnyRouter, routes: RestRoute[], logger: Logger): OpenAPIHandler<Context> {
  const routesByProcedure = new Map(routes.map((route) => [route.procedure, route]));
  return new OpenAPIHandler<Context>(toORPCRouter(router), {
    // Without this every procedure is exposed, under a path that is made up from its name.
    filter: ({ path }) => routesByProcedure.has(path.join('.')),
    eventIteratorKeepAliveInterval: STREAM_KEEP_ALIVE_MS - 1_000,
    interceptors: [
      async ({ context, next }) => {
        try {
          const result = await next();
          if (result.matched && isEventStream(result.response.body))
            Object.assign(result.response.headers, STREAM_HEADERS);
          return result;
        } catch (thrown) {
          const error = toAppError(thrown);
          reportError(logger, error, { requestId: context.requestId });
          return {
            matched: true,
            response: {
              status: error.httpStatus,
              headers: errorHeaders(error),
              body: restErrorBody(error, context.requestId),
            },
          };
        }
      },
    ],
    clientInterceptors: [
      async ({ input, path, context, next, ...rest }) => {
        const route = routesByProcedure.get(path.join('.'));
        invariant(route, 'only procedures with a route are exposed');
        const camelInput = camelCaseInput(input);
        const output: unknown = await next({
          ...rest,
          path,
          context,
          // Bodies are JSON and say what they mean; only the text of a query has to be read as numbers and booleans.
          input: route.method === 'GET' ? route.coerceQuery(camelInput) : camelInput,
        });
        if (isEventStream(output)) return restEvents(output, { logger, requestId: context.requestId });
        return typeof output === 'object' && output !== null ? new RestAnswer(output) : output;
      },
    ],
  });
}
