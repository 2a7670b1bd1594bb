import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { AppError } from '../kernel/errors.ts';

/** Where requests may come from. `publicOrigin` is the origin of PUBLIC_URL. */
export type OriginPolicy = { embedded: boolean; publicOrigin: string | null };

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]']);
const LOOPBACK_ADDRESS = /^(?:::1|(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i;
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'];
const SAFE_METHODS = new Set(['GET', 'HEAD']);
/** `none`: the person typed the address or used a bookmark. `same-site` is not enough: it is any other port of localhost. */
const OWN_FETCH_SITES = new Set<unknown>([undefined, 'same-origin', 'none']);

/**
 * Refuses what a web page of another origin may have caused: in embedded mode every request with a foreign Host (DNS rebinding), in every mode a request
 * that may change state with a foreign Origin or Sec-Fetch-Site.
 */
export function refuseForeignOrigins(policy: OriginPolicy): RequestHandler {
  return (request, _response, next) => {
    if (policy.embedded && !isOwnHost(request, policy)) {
      throw new AppError(
        'ORIGIN_REFUSED',
        'This server answers only under localhost, 127.0.0.1 or [::1] and its own port, or PUBLIC_URL.',
      );
    }
    if (!SAFE_METHODS.has(request.method) && !isOwnOrigin(request, policy)) {
      throw new AppError('ORIGIN_REFUSED', 'Requests that change state must come from the same origin.');
    }
    next();
  };
}

/**
 * True for a person at this machine who uses no web page of another origin: embedded mode, a loopback socket without a proxy in between, a loopback Host
 * with our port, and no foreign Origin or Sec-Fetch-Site, on reads as well.
 */
export function isLocalOperator(request: IncomingMessage, policy: OriginPolicy): boolean {
  return policy.embedded && isDirectLoopback(request) && isLoopbackHost(request) && isOwnOrigin(request, policy);
}

/** True where the socket's other end is this machine and no header says that somebody else stands behind it. */
export function isDirectLoopback(request: IncomingMessage): boolean {
  return (
    LOOPBACK_ADDRESS.test(request.socket.remoteAddress ?? '') &&
    PROXY_HEADERS.every((name) => request.headers[name] === undefined)
  );
}

function isOwnHost(request: IncomingMessage, policy: OriginPolicy): boolean {
  if (isLoopbackHost(request)) return true;
  return policy.publicOrigin !== null && new URL(policy.publicOrigin).host === request.headers.host;
}

/** True where the Host is this machine, by the port that the socket has itself, whatever port the server was given. */
export function isLoopbackHost(request: IncomingMessage): boolean {
  const match = /^(.*?)(?::(\d{1,5}))?$/.exec(request.headers.host?.toLowerCase() ?? '');
  const [, name = '', port = '80'] = match ?? [];
  return LOOPBACK_NAMES.has(name) && Number(port) === request.socket.localPort;
}

function isOwnOrigin(request: IncomingMessage, policy: OriginPolicy): boolean {
  const { origin, host } = request.headers;
  if (origin !== undefined && origin === policy.publicOrigin) return true;
  if (!OWN_FETCH_SITES.has(request.headers['sec-fetch-site'])) return false;
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
}
