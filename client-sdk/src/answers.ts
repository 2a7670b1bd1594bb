import { type getFetch, TRPCClientError } from '@trpc/client';
import superjson from 'superjson';
import type { AppRouter } from './types.ts';

/** An answer that no FinVerse server gives. Thrown where it is read; `finverseErrors` says it in the client's own terms. */
export class UnexpectedAnswer extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`unexpected answer with HTTP status ${status}`);
    this.status = status;
  }
}

/** `fetch`, refusing what is not JSON: tRPC would report a proxy's error page as a syntax error, without its status. */
export function fetchJson(fetch: typeof globalThis.fetch): ReturnType<typeof getFetch> {
  return async (url, init) => {
    const response = await fetch(url, init as RequestInit);
    if (!hasContentType(response, 'application/json')) throw new UnexpectedAnswer(response.status);
    return response;
  };
}

/** The error that an answer to a subscription holds, which is no event stream. */
export async function errorOfAnswer(response: Response): Promise<Error> {
  if (response.ok || !hasContentType(response, 'application/json')) return new UnexpectedAnswer(response.status);
  const body: unknown = await response.json().catch(() => null);
  const payload = isObject(body) ? body['error'] : null;
  if (!isObject(payload) || !('json' in payload)) return new UnexpectedAnswer(response.status);
  const error = superjson.deserialize(payload as { json: never });
  return TRPCClientError.from<AppRouter>({ error }, { meta: { response } });
}

/** The HTTP status behind an error; undefined where there was no answer. */
export function statusOf(error: Error): number | undefined {
  if (error instanceof UnexpectedAnswer) return error.status;
  return error instanceof TRPCClientError ? (error as TRPCClientError<AppRouter>).data?.httpStatus : undefined;
}

export function hasContentType(response: Response, type: string): boolean {
  return response.headers.get('content-type')?.toLowerCase().startsWith(type) === true;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
