import { ORPCError, withEventMeta } from '@orpc/server';
import type { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { reportError, toAppError } from '../trpc/errors.ts';
import { restErrorBody } from './error-response.ts';
import { snakeCaseOutput } from './snake-case.ts';

/** Headers of a stream: no cache and no proxy may hold events back. */
export const STREAM_HEADERS = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };

/** True for what a subscription answers. */
export function isEventStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/**
 * The events of a subscription as REST sends them: the id in the `id` line alone, the data in snake_case, and a last event `error` with the usual error
 * body where the stream fails.
 */
export async function* restEvents(
  source: AsyncIterable<unknown>,
  { logger, requestId }: { logger: Logger; requestId: string },
): AsyncGenerator<unknown, void> {
  try {
    for await (const event of source) {
      // oRPC hands tracked events over as {id, data}.
      const { id, data } = event as { id: string; data: object };
      yield withEventMeta(snakeCaseOutput(data) as object, { id });
    }
  } catch (thrown) {
    const error = toAppError(thrown);
    reportError(logger, error, { requestId });
    throw new StreamError(error, requestId);
  }
}

/** An error whose JSON is our error body: oRPC writes an error's JSON as the data of the `error` event. */
class StreamError extends ORPCError<string, undefined> {
  readonly #body: ReturnType<typeof restErrorBody>;

  constructor(error: AppError, requestId: string) {
    super(error.code, { status: error.httpStatus, message: error.message });
    this.#body = restErrorBody(error, requestId);
  }

  override toJSON(): ReturnType<ORPCError<string, undefined>['toJSON']> {
    return this.#body as unknown as ReturnType<ORPCError<string, undefined>['toJSON']>;
  }
}
