import type { Operation, TRPCLink } from '@trpc/client';
import type { RequestHeaders } from './headers.ts';
import type { AppRouter } from './types.ts';

/**
 * Gives each mutation a key under which the server does it once. A caller that sends a mutation again after an answer was lost passes the key of the first
 * try, as `context.idempotencyKey`; otherwise each call is one of its own.
 *
 * @example await finverse.transactions.create.mutate(input, { context: { idempotencyKey: draft.id } })
 */
export const idempotencyKeys: TRPCLink<AppRouter> =
  () =>
  ({ op, next }) => {
    if (op.type !== 'mutation') return next(op);
    return next({ ...op, context: { idempotencyKey: randomKey(), ...op.context } });
  };

/** The headers of a call, with the key of a mutation. */
export function idempotencyHeaders(headers: RequestHeaders) {
  return async ({ op }: { op: Operation }): Promise<Record<string, string>> => {
    const key = op.context['idempotencyKey'];
    return { ...(await headers()), ...(typeof key === 'string' ? { 'idempotency-key': key } : {}) };
  };
}

/** 128 random bits. `crypto.randomUUID` is missing on pages that did not come over https. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
