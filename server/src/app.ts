import express, { type Express, type Request } from 'express';
import type { Registry } from 'prom-client';
import { serveAccountPages } from './http/account-pages.ts';
import { logAccess } from './http/access-log.ts';
import { serveDocs } from './http/docs.ts';
import { answerErrors } from './http/error-response.ts';
import { serveHealth } from './http/health.ts';
import { measureRequests, registerProcessMetrics, serveMetrics } from './http/metrics.ts';
import { serveOpenApi } from './http/openapi.ts';
import { isDirectLoopback, isLoopbackHost, type OriginPolicy, refuseForeignOrigins } from './http/origin.ts';
import { isOwnProxy } from './http/remote-address.ts';
import { LargeBodies } from './http/large-body.ts';
import { createContextFactory } from './http/request-context.ts';
import { identifyRequest } from './http/request-state.ts';
import { REST_PREFIX, serveRest } from './http/rest.ts';
import { setSecurityHeaders } from './http/security-headers.ts';
import { serveTransfers } from './http/transfer.ts';
import { serveTrpc } from './http/trpc.ts';
import type { Database } from './db/index.ts';
import type { Clock } from './kernel/clock.ts';
import { AppError } from './kernel/errors.ts';
import type { Logger } from './kernel/logger.ts';
import { appRouter } from './router.ts';
import type { Services } from './trpc/context.ts';
import { createRateLimiter } from './trpc/rate-limiter.ts';
import { createStreamRegistry } from './trpc/streams.ts';

/** What the app is made of. */
export type AppDeps = {
  services: Services;
  database: Database;
  clock: Clock;
  logger: Logger;
  /** Gets the process's and the requests' metrics, beside whatever else is in it. */
  metrics: Registry;
  settings: {
    /** Nothing configured, everything local: the person at this machine may control sync. */
    embedded: boolean;
    /** How the outside calls the server. Outside embedded mode it also says that a proxy next to it, on a private address, may name the client's address. */
    publicUrl?: string | undefined;
    /** Instead of that one: the addresses and subnets of the proxies that may, however many stand in a row. */
    trustedProxies?: string[] | undefined;
    /** Multiplies every rate limit. */
    rateLimitScale: number;
    version: string;
    /** How often open streams are asked whether their sign-in lasts; twice a minute where nothing is said. */
    streamRecheckMs?: number | undefined;
    /** True where browsers come over https. */
    isSecureCookie: boolean;
  };
};

export type FinverseApp = {
  app: Express;
  /** From now on not ready, and every live stream ends so that its client reconnects elsewhere. Call it before closing the server. */
  beginShutdown(): void;
};

/** Puts the HTTP layers together. Opens nothing and listens to nothing. */
export function createApp({ services, database, clock, logger, metrics, settings }: AppDeps): FinverseApp {
  const origins: OriginPolicy = {
    embedded: settings.embedded,
    publicOrigin: settings.publicUrl === undefined ? null : new URL(settings.publicUrl).origin,
  };
  const limiter = createRateLimiter({ clock, scale: settings.rateLimitScale });
  const streams = createStreamRegistry({ scale: settings.rateLimitScale, recheckMs: settings.streamRecheckMs });
  const createContext = createContextFactory({ services, database, clock, limiter, streams, origins });
  const bodies = new LargeBodies();
  let isShuttingDown = false;

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Only limits and logs look at the address that a proxy names; access looks at the socket.
  if (!settings.embedded) {
    app.set('trust proxy', settings.trustedProxies ?? (origins.publicOrigin === null ? false : isOwnProxy));
  }
  registerProcessMetrics(metrics, streams);

  app.use(identifyRequest(clock), logAccess(logger, clock), measureRequests(metrics, clock));
  app.use(setSecurityHeaders({ isHttps: settings.isSecureCookie }), refuseForeignOrigins(origins));
  app.use(serveHealth({ database, isShuttingDown: () => isShuttingDown, logger }));
  app.get('/metrics', serveMetrics(metrics, mayReadMetrics));
  app.use(serveAccountPages());
  app.get('/', (_request, response) => response.redirect(`${REST_PREFIX}/docs`));

  const rest = express.Router();
  rest.use(serveDocs());
  rest.get('/openapi.json', serveOpenApi(appRouter, settings.version));
  rest.use(serveTransfers(createContext));
  rest.use(serveRest({ router: appRouter, createContext, bodies, logger }));
  app.use(REST_PREFIX, rest);
  app.use('/trpc', serveTrpc({ router: appRouter, createContext, bodies, logger }));

  app.use(() => {
    throw new AppError('NOT_FOUND', 'There is nothing here.');
  });
  app.use(answerErrors(logger));

  // A proxy at this machine need not say that somebody stands behind it.
  const isBehindProxy = origins.publicOrigin !== null || settings.trustedProxies !== undefined;

  async function mayReadMetrics(request: Request): Promise<boolean> {
    if (!isBehindProxy && isDirectLoopback(request) && isLoopbackHost(request)) return true;
    const token = services.auth.readToken({ authorization: request.headers.authorization });
    const caller = token === null ? null : await services.auth.authenticate(token);
    return caller?.role === 'admin' && (caller.tokenScopes === null || caller.tokenScopes.includes('sync:read'));
  }

  return {
    app,
    beginShutdown() {
      isShuttingDown = true;
      streams.endAll();
    },
  };
}
