import type { RequestHandler } from 'express';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { remoteAddress } from './remote-address.ts';
import { requestState } from './request-state.ts';

const PATH_LENGTH_MAX = 200;

/**
 * One log line for each request, when it is over. It holds no query, header or body: queries carry what people look for, and tRPC puts whole inputs
 * there.
 */
export function logAccess(logger: Logger, clock: Clock): RequestHandler {
  return (request, response, next) => {
    const { method } = request;
    const path = pathOf(request.originalUrl).slice(0, PATH_LENGTH_MAX);
    // Now: once the connection is gone nobody knows its other end.
    const address = remoteAddress(request);
    response.once('close', () => {
      const { id, startedAtMs, route } = requestState(request);
      const line = {
        requestId: id,
        method,
        path,
        route,
        status: response.statusCode,
        durationMs: Math.round((clock.monotonic() - startedAtMs) * 10) / 10,
        remoteAddress: address,
        ...(response.writableFinished ? {} : { isAborted: true }),
      };
      if (route.startsWith('/health') || route === '/metrics') logger.debug(line, 'request');
      else logger.info(line, 'request');
    });
    next();
  };
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}
