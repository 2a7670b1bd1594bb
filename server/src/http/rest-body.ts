import type { Request, RequestHandler } from 'express';
import { AppError } from '../kernel/errors.ts';
import { isTextWithinBounds, outOfBounds } from '../trpc/limits.ts';
import { hasBody, isJson, readText, requireUtf8Charset } from './body.ts';
import { repeatedName } from './repeated-names.ts';
import type { RestRoute } from './rest-routes.ts';
import { RestKeyError, toSnakeCase } from './snake-case.ts';

/** The route that a request was matched to. */
export type RouteOf = (request: Request) => RestRoute;

/**
 * Reads the body of a REST request into `request.body`: an object, empty where there is no body. What is no JSON object is refused, naming the fields that
 * the route needs.
 */
export function readRestBody(routeOf: RouteOf): RequestHandler[] {
  return [requireJson(routeOf), readText((request) => routeOf(request).bodyBytesMax), parseObject(routeOf)];
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
    requireUtf8Charset(request);
    next();
  };
}

function parseObject(routeOf: RouteOf): RequestHandler {
  return (request, _response, next) => {
    const route = routeOf(request);
    const body = parseJson(request.body as string | undefined, route);
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw noJson(route, 'must be a field of a JSON object');
    request.body = body;
    refuseShadowedParameters(route, Object.keys(body));
    next();
  };
}

function parseJson(text: string | undefined, route: RestRoute): unknown {
  if (text === undefined || text === '') return {};
  if (!isTextWithinBounds(text)) throw outOfBounds();
  const repeated = repeatedName(text);
  if (repeated !== null) throw new RestKeyError([{ path: repeated, message: 'stands twice' }]);
  try {
    return JSON.parse(text);
  } catch {
    throw noJson(route, 'could not be read: the body is not valid JSON');
  }
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
