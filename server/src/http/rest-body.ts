import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import express from 'express';
import { AppError } from '../kernel/errors.ts';
import { hasBody, isJson } from './body.ts';
import type { RestRoute } from './rest-routes.ts';
import { RestKeyError, toSnakeCase } from './snake-case.ts';

/** The route that a request was matched to. */
export type RouteOf = (request: Request) => RestRoute;

/**
 * Reads the body of a REST request into `request.body`: an object, empty where there is no body. What is no JSON object is refused, naming the fields that
 * the route needs.
 */
export function readRestBody(routeOf: RouteOf): (RequestHandler | ErrorRequestHandler)[] {
  return [requireJson(routeOf), readJson(routeOf), nameFieldsOfBadJson(routeOf), requireObject(routeOf)];
}

/** One reader for each size that a route takes. */
function readJson(routeOf: RouteOf): RequestHandler {
  const readers = new Map<number, RequestHandler>();
  return (request, response, next) => {
    const limit = routeOf(request).bodyBytesMax;
    const reader = readers.get(limit) ?? express.json({ type: () => true, limit, inflate: false, strict: false });
    readers.set(limit, reader);
    reader(request, response, next);
  };
}

/**
 * Without a body there is no content type to ask for. A form (what `curl -d` sends without a header) or text is 400 with the fields that are missing from it;
 * where the route needs none, 415.
 */
function requireJson(routeOf: RouteOf): RequestHandler {
  return (request, _response, next) => {
    if (hasBody(request) && !isJson(request)) {
      if (routeOf(request).requiredFields.length > 0)
        throw noJson(routeOf(request), 'must be sent as JSON, with Content-Type: application/json');
      throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'The body must be JSON, with Content-Type: application/json.');
    }
    next();
  };
}

function nameFieldsOfBadJson(routeOf: RouteOf): ErrorRequestHandler {
  return (thrown: unknown, request, _response, next) => {
    const isBadJson = thrown instanceof Error && 'type' in thrown && thrown.type === 'entity.parse.failed';
    next(isBadJson ? noJson(routeOf(request), 'could not be read: the body is not valid JSON') : thrown);
  };
}

function requireObject(routeOf: RouteOf): RequestHandler {
  return (request, _response, next) => {
    const body: unknown = (request.body as unknown) ?? (hasBody(request) ? null : {});
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw noJson(routeOf(request), 'must be a field of a JSON object');
    request.body = body;
    refuseShadowedParameters(routeOf(request), Object.keys(body));
    next();
  };
}

/** A field of the same name would override what the path says. */
export function refuseShadowedParameters(route: RestRoute, keys: readonly string[]): void {
  const shadowed = route.pathParameters.filter((name) => keys.includes(toSnakeCase(name)) || keys.includes(name));
  if (shadowed.length === 0) return;
  throw new AppError('VALIDATION_FAILED', 'The input was refused; see details.', {
    details: shadowed.map((path) => ({ path, message: 'stands in the path already' })),
  });
}

/** A query would be ignored in silence where the input is the body: `POST /sync/start?interval_seconds=5` means something. */
export function refuseQueryBesideBody(route: RestRoute, keys: readonly string[]): void {
  if (route.method === 'GET' || keys.length === 0) return;
  throw new RestKeyError(keys.map((path) => ({ path, message: 'must be a field of the JSON body, not of the query' })));
}

function noJson(route: RestRoute, message: string): AppError {
  const details = route.requiredFields.map((path) => ({ path, message }));
  return new AppError('VALIDATION_FAILED', 'The body must be a JSON object.', {
    details: details.length > 0 ? details : [{ path: '', message: 'must be a JSON object' }],
  });
}
