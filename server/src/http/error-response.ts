import type { ErrorRequestHandler, Response } from 'express';
import superjson from 'superjson';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { reportError, toAppError, toErrorShape } from '../trpc/errors.ts';
import { requestState } from './request-state.ts';
import { RestKeyError, snakeCasePath } from './snake-case.ts';

/** The one shape of a REST error. */
export function restErrorBody(error: AppError, requestId: string) {
  const isTranslated = error instanceof RestKeyError;
  const details = error.details.map(({ path, message }) => ({
    path: isTranslated ? path : snakeCasePath(path),
    message,
  }));
  return { error: { code: error.code, message: error.message, request_id: requestId, details } };
}

/** The headers that go with an error. */
export function errorHeaders(error: AppError): Record<string, string> {
  const headers: Record<string, string> = {};
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds);
  if (error.code === 'UNAUTHENTICATED') headers['www-authenticate'] = 'Bearer';
  return headers;
}

/** Answers whatever the layers before tRPC and oRPC threw, in the shape that the path's clients read. */
export function answerErrors(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown: unknown, request, response, _next) => {
    const { id } = requestState(request);
    const error = requestFault(thrown) ?? toAppError(thrown);
    reportError(logger, error, { requestId: id });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const isTrpc = request.originalUrl.startsWith('/trpc');
    sendJson(
      response,
      error,
      isTrpc ? { error: superjson.serialize(toErrorShape(error, id)) } : restErrorBody(error, id),
    );
  };
}

function sendJson(response: Response, error: AppError, body: unknown): void {
  for (const [name, value] of Object.entries(errorHeaders(error))) response.setHeader(name, value);
  // A file may have said already how long it is to be kept.
  response.setHeader('Cache-Control', 'no-store');
  response.status(error.httpStatus).json(body);
}

/** What Express's own parts refuse: a body, which is told apart by its documented `type`, or a range and the like of a file. */
function requestFault(thrown: unknown): AppError | undefined {
  // What is refused while a body is read is one of our own errors, to which Express has added a status.
  if (!(thrown instanceof Error) || thrown instanceof AppError) return undefined;
  const { type, status } = thrown as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large')
    return new AppError('PAYLOAD_TOO_LARGE', 'The body is larger than this procedure takes.', { cause: thrown });
  if (status === 415)
    return new AppError('UNSUPPORTED_MEDIA_TYPE', 'The body must be plain UTF-8 JSON.', { cause: thrown });
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new AppError('VALIDATION_FAILED', 'The request could not be read.', { cause: thrown });
  return undefined;
}
