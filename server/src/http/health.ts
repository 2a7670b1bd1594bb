import { setTimeout as delay } from 'node:timers/promises';
import express, { type Router } from 'express';
import type { Logger } from '../kernel/logger.ts';
import { requestState } from './request-state.ts';

/** A database that takes longer than this to answer is not ready to serve. */
const PING_TIMEOUT_MS = 2_000;

type HealthOptions = { database: { ping(): Promise<void> }; isShuttingDown: () => boolean; logger: Logger };

/**
 * `/health/live`: the process runs. `/health/ready`: it can serve; 503 while the database does not answer and from the moment it shuts down. Whether sync
 * keeps up is another question, answered by `/api/v1/sync/health`.
 */
export function serveHealth({ database, isShuttingDown, logger }: HealthOptions): Router {
  const health = express.Router();
  health.get('/health/live', (request, response) => {
    requestState(request).route = '/health/live';
    response.json({ status: 'live' });
  });
  health.get('/health/ready', async (request, response) => {
    requestState(request).route = '/health/ready';
    const checks = {
      database: (await answers(database, logger)) ? 'reachable' : 'unreachable',
      server: isShuttingDown() ? 'shutting_down' : 'accepting',
    };
    const isReady = checks.database === 'reachable' && checks.server === 'accepting';
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not_ready', checks });
  });
  return health;
}

async function answers(database: HealthOptions['database'], logger: Logger): Promise<boolean> {
  const timeout = new AbortController();
  try {
    await Promise.race([
      database.ping(),
      delay(PING_TIMEOUT_MS, undefined, { signal: timeout.signal, ref: false }).then(() => {
        throw new Error(`no answer within ${PING_TIMEOUT_MS} ms`);
      }),
    ]);
    return true;
  } catch (error) {
    logger.warn({ err: error }, 'the database does not answer');
    return false;
  } finally {
    timeout.abort();
  }
}
