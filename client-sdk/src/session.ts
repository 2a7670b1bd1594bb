import type { TRPCLink } from '@trpc/client';
import { observable } from '@trpc/server/observable';
import type { AppRouter, Registration, Session } from './types.ts';

/** A token, or a function that is asked for one before each request; none where it answers null or undefined. */
export type TokenSource = string | (() => string | null | undefined | Promise<string | null | undefined>);

type SessionOptions = {
  token: TokenSource | undefined;
  onSession: ((session: Session | null) => void) | undefined;
};

/** What begins a session, where its answer holds one: registration does so only where the server lets anyone in at once. */
const BEGINNINGS = new Set(['auth.login', 'auth.register']);

/**
 * Keeps the token of the client's session. One that was given as a function is the caller's to keep; otherwise login and open registration replace it, in
 * memory alone, and logout forgets it.
 */
export function createSessionKeeper({ token: source, onSession }: SessionOptions) {
  let remembered = typeof source === 'string' ? source : null;

  const remember = (session: Session | null) => {
    remembered = session?.token ?? null;
    onSession?.(session);
  };

  const link: TRPCLink<AppRouter> =
    () =>
    ({ op, next }) => {
      if (!BEGINNINGS.has(op.path) && op.path !== 'auth.logout') return next(op);
      return observable((observer) =>
        next(op).subscribe({
          next(envelope) {
            if ('data' in envelope.result) {
              const answer = envelope.result.data as Registration | undefined;
              if (op.path === 'auth.logout') remember(null);
              else if (answer && 'token' in answer) remember(answer);
            }
            observer.next(envelope);
          },
          error: (error) => observer.error(error),
          complete: () => observer.complete(),
        }),
      );
    };

  return {
    link,
    token: async (): Promise<string | null> => (typeof source === 'function' ? ((await source()) ?? null) : remembered),
  };
}
