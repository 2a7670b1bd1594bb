import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { StreamRegistry } from '../trpc/streams.ts';
import { requestState } from './request-state.ts';

/** Adds the process's own metrics and the number of open streams to the registry. */
export function registerProcessMetrics(registry: Registry, streams: StreamRegistry): void {
  // A process that makes two apps over one registry (tests do) must not register them twice.
  if (registry.getSingleMetric('finverse_live_streams')) return;
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'finverse_live_streams',
    help: 'Open live streams',
    registers: [registry],
    collect() {
      this.set(streams.openCount);
    },
  });
}

/** Measures every request but streams, by route template and status. */
export function measureRequests(registry: Registry, clock: Clock): RequestHandler {
  const name = 'finverse_http_request_duration_seconds';
  const known = registry.getSingleMetric(name) as Histogram<'method' | 'route' | 'status'> | undefined;
  const histogram =
    known ??
    new Histogram({
      name,
      help: 'Duration of HTTP requests, streams excepted',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    });
  return (request, response, next) => {
    const method = methodLabel(request.method);
    response.once('close', () => {
      if (String(response.getHeader('content-type')).startsWith('text/event-stream')) return;
      const { route, startedAtMs } = requestState(request);
      const seconds = (clock.monotonic() - startedAtMs) / 1000;
      histogram.observe({ method, route, status: String(response.statusCode) }, seconds);
    });
    next();
  };
}

/** GET /metrics in Prometheus' text format, for those whom `mayRead` lets. */
export function serveMetrics(
  registry: Registry,
  mayRead: (request: Parameters<RequestHandler>[0]) => Promise<boolean>,
): RequestHandler {
  return async (request, response) => {
    requestState(request).route = '/metrics';
    if (!(await mayRead(request)))
      throw new AppError(
        'FORBIDDEN',
        'Metrics are for an admin, or, where no PUBLIC_URL is set, for the machine itself.',
      );
    response.type(registry.contentType).send(await registry.metrics());
  };
}

/** Clients may send any method name; only the usual ones become labels. */
function methodLabel(method: string): string {
  return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method) ? method : 'other';
}
