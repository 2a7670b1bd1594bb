import type { ErrorCode, ErrorDetail } from '@finverse/shared';
import { TRPCClientError, type TRPCLink } from '@trpc/client';
import { observable } from '@trpc/server/observable';
import { isObject, UnexpectedAnswer } from './answers.ts';
import { InvalidOption } from './options.ts';
import type { AppRouter } from './types.ts';

export type { ErrorCode, ErrorDetail };

/**
 * Faults that the client itself finds. `UNREACHABLE`: no answer came · `UNEXPECTED_ANSWER`: what answered is no FinVerse server, a proxy's error page for
 * one · `ABORTED`: the caller's signal ended the call · `INVALID_OPTIONS`: what the caller gave for the call, an idempotency key, token or header, cannot be sent, or
 * the function that was to give it threw; nothing was sent.
 */
export type ClientErrorCode = 'UNREACHABLE' | 'UNEXPECTED_ANSWER' | 'ABORTED' | 'INVALID_OPTIONS';

type Facts = {
  code: ErrorCode | ClientErrorCode;
  message: string;
  httpStatus: number | null;
  requestId: string | null;
  details: readonly ErrorDetail[];
};

const BRAND = Symbol.for('@finverse/client/error');

/**
 * What every failed call throws.
 *
 * @example
 * try {
 *   await finverse.staking.position.query({ id });
 * } catch (error) {
 *   if (isFinverseError(error) && error.code === 'NOT_FOUND') return null;
 *   throw error;
 * }
 */
export class FinverseError extends TRPCClientError<AppRouter> {
  override name = 'FinverseError';
  readonly code: ErrorCode | ClientErrorCode;
  /** The HTTP status that goes with the code; null where no answer came. */
  readonly httpStatus: number | null;
  /** Finds the call in the server's log; null where no server answered. */
  readonly requestId: string | null;
  /** The fields that were refused, each with the reason. */
  readonly details: readonly ErrorDetail[];
  /** How long to wait before the next try, where the server says so. */
  readonly retryAfterSeconds: number | null;

  constructor(facts: Facts, source: TRPCClientError<AppRouter>) {
    super(facts.message, {
      ...(source.shape ? { result: { error: source.shape } } : {}),
      ...(source.meta ? { meta: source.meta } : {}),
      cause: source.cause ?? source,
    });
    // TRPCClientError's constructor makes every instance one of its own class.
    Object.setPrototypeOf(this, FinverseError.prototype);
    Object.defineProperty(this, BRAND, { value: true });
    this.code = facts.code;
    this.httpStatus = facts.httpStatus;
    this.requestId = facts.requestId;
    this.details = facts.details;
    this.retryAfterSeconds = retryAfterOf(source);
  }
}

/** True for an error of this package, also where an application has loaded it twice, as ESM and as CommonJS. */
export function isFinverseError(error: unknown): error is FinverseError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/**
 * Turns whatever a call fails with into a {@link FinverseError}, and ends a query or mutation as soon as its signal aborts: tRPC itself waits for the answer of a
 * request that other calls share. A subscription ends by itself. `url` is the server's, for the message.
 */
export function finverseErrors(url: string): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      observable((observer) => {
        const { signal } = op;
        const fail = (error: TRPCClientError<AppRouter>) =>
          observer.error(toFinverseError(error, { url, isAborted: signal?.aborted === true }));
        const abort = () => fail(TRPCClientError.from(new Error('aborted', { cause: signal?.reason })));
        const isCall = op.type !== 'subscription';
        if (isCall && signal?.aborted) {
          abort();
          return undefined;
        }
        const sent = next(op).subscribe({
          next: (envelope) => observer.next(envelope),
          error: fail,
          complete: () => observer.complete(),
        });
        if (isCall) signal?.addEventListener('abort', abort, { once: true });
        return () => {
          signal?.removeEventListener('abort', abort);
          sent.unsubscribe();
        };
      });
}

type Call = { url: string; isAborted: boolean };

/** The error in the client's own terms; one that is so already stays. */
export function toFinverseError(error: TRPCClientError<AppRouter>, call: Call): FinverseError {
  return isFinverseError(error) ? error : new FinverseError(factsOf(error, call), error);
}

function factsOf(error: TRPCClientError<AppRouter>, { url, isAborted }: Call): Facts {
  const { message, data } = error;
  if (data) {
    const { code, httpStatus, requestId, details } = data;
    return { code, message, httpStatus, requestId, details };
  }
  const unknown = { requestId: null, details: [] };
  if (error.cause instanceof InvalidOption)
    return { ...unknown, code: 'INVALID_OPTIONS', message: error.cause.message, httpStatus: null };
  if (isAborted) return { ...unknown, code: 'ABORTED', message: 'The call was aborted.', httpStatus: null };
  const status = unexpectedStatusOf(error);
  if (status !== undefined) {
    const what = status === null ? 'an answer that cannot be read' : `an answer with HTTP status ${status}`;
    return {
      ...unknown,
      code: 'UNEXPECTED_ANSWER',
      message: `${url} gave ${what} that is not a FinVerse server's.`,
      httpStatus: status,
    };
  }
  return {
    ...unknown,
    code: 'UNREACHABLE',
    message: `${url} cannot be reached: ${reasonOf(error)}.`,
    httpStatus: null,
  };
}

/** The status of an answer that is none of ours, null for one whose status is not known, undefined where no answer came. */
function unexpectedStatusOf({ cause, meta }: TRPCClientError<AppRouter>): number | null | undefined {
  if (cause instanceof UnexpectedAnswer) return cause.status;
  const response = meta?.['response'];
  if (isObject(response)) return typeof response['status'] === 'number' ? response['status'] : null;
  return cause instanceof SyntaxError ? null : undefined;
}

/** Node hides the reason of a failed fetch in its cause. */
function reasonOf({ message, cause }: TRPCClientError<AppRouter>): string {
  const inner: unknown = cause?.cause;
  if (!isObject(inner)) return message;
  const code = inner['code'];
  return typeof code === 'string' ? `${message} (${code})` : message;
}

function retryAfterOf({ meta }: TRPCClientError<AppRouter>): number | null {
  const response = meta?.['response'];
  const text = isResponse(response) ? response.headers.get('retry-after') : null;
  const seconds = Number(text ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : null;
}

function isResponse(value: unknown): value is Response {
  return isObject(value) && value['headers'] instanceof Headers;
}
