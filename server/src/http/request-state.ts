import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import type { Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/errors.ts';
import { randomId } from '../kernel/random.ts';
import { withRequestId } from '../trpc/request-scope.ts';

/** What the layers of one request tell each other. */
export type RequestState = {
  id: string;
  startedAtMs: number;
  /** The route's template, never the path itself: it labels metrics, which must stay few. */
  route: string;
};

const SANE_REQUEST_ID = /^[\w.-]{1,64}$/;
const states = new WeakMap<IncomingMessage, RequestState>();

/** The state of a request that has passed {@link identifyRequest}. */
export function requestState(request: IncomingMessage): RequestState {
  const state = states.get(request);
  invariant(state, 'identifyRequest runs before everything else');
  return state;
}

/** Gives each request an id: the caller's X-Request-Id where it is sane, otherwise a new one; the answer carries it. */
export function identifyRequest(clock: Clock): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const id = given !== undefined && SANE_REQUEST_ID.test(given) ? given : randomId();
    states.set(request, { id, startedAtMs: clock.monotonic(), route: 'unmatched' });
    response.setHeader('X-Request-Id', id);
    withRequestId(id, next);
  };
}
