import { TRPCClientError, type Operation, type TRPCLink } from '@trpc/client';
import { observable } from '@trpc/server/observable';
import type { RequestHeaders } from './headers.ts';
import { InvalidOption } from './options.ts';
import type { AppRouter } from './types.ts';

/** What the server takes as a key. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Gives each mutation a key under which the server does it once. A caller that sends a mutation again after an answer was lost passes the key of the first
 * try, as `context.idempotencyKey`: a text, or a number, which is sent as its text. Without one (undefined, null) each call is one of its own. Any other key is
 * INVALID_OPTIONS: left out, it would let a second try be done a second time.
 *
 * @example await finverse.transactions.create.mutate(input, { context: { idempotencyKey: draft.id } })
 */
export const idempotencyKeys: TRPCLink<AppRouter> =
  () =>
  ({ op, next }) => {
    if (op.type !== 'mutation') return next(op);
    const key = keyOf(op.context['idempotencyKey']);
    if (key === null) {
      const fault = noKey('context.idempotencyKey');
      return observable((observer) => observer.error(TRPCClientError.from(fault)));
    }
    return next({ ...op, context: { ...op.context, idempotencyKey: key } });
  };

/** The headers of a call, with the key of a mutation. */
export function idempotencyHeaders(headers: RequestHeaders) {
  return async ({ op }: { op: Operation }): Promise<Record<string, string>> => {
    const key = op.context['idempotencyKey'];
    return { ...(await headers()), ...(typeof key === 'string' ? { 'idempotency-key': key } : {}) };
  };
}

/** What is thrown for what is no key, by the name of the option. */
export function noKey(name: string): InvalidOption {
  return new InvalidOption(`${name} must be a number, or 1 to 255 printable ASCII characters without spaces.`);
}

/** The key to send, a new one where there is none; null for what is no key. */
export function keyOf(given: unknown): string | null {
  if (given === undefined || given === null) return randomKey();
  const text = typeof given === 'number' && Number.isFinite(given) ? String(given) : given;
  return typeof text === 'string' && KEY.test(text) ? text : null;
}

/** 128 random bits. `crypto.randomUUID` is missing on pages that did not come over https. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
