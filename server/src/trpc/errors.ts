import { errorCodes, type ErrorCode, type ErrorDetail } from '@finverse/shared';
import { ORPCError } from '@orpc/server';
import { TRPCError } from '@trpc/server';
import { TRPC_ERROR_CODES_BY_KEY, type TRPC_ERROR_CODE_KEY } from '@trpc/server/rpc';
import { ZodError } from 'zod';
import { isUnavailable } from '../db/index.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { currentRequestId } from './request-scope.ts';
import { validationDetails } from './validation-details.ts';

/** What an SDK user finds on a failed call: `error.data`. */
export type ErrorData = { code: ErrorCode; httpStatus: number; requestId: string; details: ErrorDetail[] };

/** The errors of tRPC and oRPC themselves, with a message that says no more than it must. */
const FRAMEWORK_ERRORS: Record<string, [ErrorCode, string]> = {
  PARSE_ERROR: ['VALIDATION_FAILED', 'The request is not valid JSON.'],
  BAD_REQUEST: ['VALIDATION_FAILED', 'The request is malformed.'],
  UNAUTHORIZED: ['UNAUTHENTICATED', 'Sign in first.'],
  FORBIDDEN: ['FORBIDDEN', 'Not allowed.'],
  NOT_FOUND: ['NOT_FOUND', 'There is no such procedure.'],
  METHOD_NOT_SUPPORTED: ['METHOD_NOT_ALLOWED', 'Queries and subscriptions are called with GET, mutations with POST.'],
  CONFLICT: ['CONFLICT', 'The request conflicts with the current state.'],
  PAYLOAD_TOO_LARGE: ['PAYLOAD_TOO_LARGE', 'The body is too large.'],
  UNSUPPORTED_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'The body must be JSON, with Content-Type: application/json.'],
  TOO_MANY_REQUESTS: ['RATE_LIMITED', 'Too many requests; try again later.'],
};

/**
 * Anything that was thrown as an error that may leave the server. What is not one of our errors, a refused input or a fault that the framework names
 * becomes STORAGE_UNAVAILABLE where database or disk cannot be used at the moment, otherwise INTERNAL, with the original as its `cause`, for the log alone.
 */
export function toAppError(thrown: unknown): AppError {
  let error = thrown;
  let wrapper: Wrapper | undefined;
  // Only the framework's wrappers are peeled off: an AppError deeper in another error's cause was already handled there.
  for (let depth = 0; depth < 5 && isWrapper(error); depth += 1) {
    if (error.cause instanceof ZodError && error.code === 'BAD_REQUEST') return refusedInput(error.cause);
    wrapper = error;
    error = error.cause;
  }
  if (error instanceof AppError) return error;
  if (isUnavailable(error)) return storageUnavailable(thrown);
  return (wrapper && frameworkError(wrapper)) ?? internalError(thrown);
}

/** VALIDATION_FAILED with one detail for each bad field. */
export function refusedInput(error: ZodError): AppError {
  return new AppError('VALIDATION_FAILED', 'The input was refused; see details.', {
    details: validationDetails(error),
  });
}

/** How long who finds the database away is asked to wait. */
const RETRY_AFTER_SECONDS = 2;

type Wrapper = Error & { code: string; cause?: unknown };

function isWrapper(error: unknown): error is Wrapper {
  return error instanceof TRPCError || error instanceof ORPCError;
}

function internalError(cause: unknown): AppError {
  return new AppError('INTERNAL', 'Something went wrong on our side. The request id finds it in the log.', { cause });
}

function storageUnavailable(cause: unknown): AppError {
  const message =
    'Database or disk cannot be used at the moment. Try again, and what changes something with the same Idempotency-Key.';
  return new AppError('STORAGE_UNAVAILABLE', message, { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** A message without a cause is tRPC's own text; with one it may quote the cause, which stays inside. */
function frameworkError(error: Wrapper): AppError | undefined {
  const known = FRAMEWORK_ERRORS[error.code];
  if (!known) return undefined;
  const [code, message] = known;
  if (error.code !== 'BAD_REQUEST') return new AppError(code, message, { cause: error });
  if (error.cause instanceof SyntaxError) return new AppError(code, 'The request is not valid JSON.', { cause: error });
  return new AppError(code, error.cause ? message : `The request is malformed: ${error.message}.`, { cause: error });
}

/** Writes what is our fault to the log, with its cause, and what database or disk refuse as a warning; what is the caller's only at debug level. */
export function reportError(
  logger: Logger,
  error: AppError,
  where: { requestId: string; procedure?: string | undefined },
): void {
  if (error.code === 'INTERNAL') logger.error({ ...where, err: error.cause ?? error }, 'request failed');
  else if (error.code === 'STORAGE_UNAVAILABLE')
    logger.warn({ ...where, err: error.cause }, 'request failed: database or disk cannot be used');
  else logger.debug({ ...where, code: error.code, err: error }, 'request refused');
}

const RPC_KEYS: Record<number, TRPC_ERROR_CODE_KEY> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_SUPPORTED',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
  503: 'SERVICE_UNAVAILABLE',
};

/** tRPC's error shape for one of ours. The JSON-RPC number tells tRPC's clients whether to reconnect a subscription: they do after 5xx alone. */
export function toErrorShape(error: AppError, requestId: string) {
  const data: ErrorData = { code: error.code, httpStatus: errorCodes[error.code], requestId, details: error.details };
  return {
    message: error.message,
    code: TRPC_ERROR_CODES_BY_KEY[RPC_KEYS[error.httpStatus] ?? 'INTERNAL_SERVER_ERROR'],
    data,
  };
}

/** tRPC's error formatter: every error that tRPC answers goes through it, also those from before there is a context. */
export function formatError({ error, ctx }: { error: TRPCError; ctx?: { requestId: string } | undefined }) {
  return toErrorShape(toAppError(error), ctx?.requestId ?? currentRequestId());
}
