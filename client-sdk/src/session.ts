import type { TRPCLink } from '@trpc/client';
import { observable } from '@trpc/server/observable';
import type { AppRouter, Session } from './types.ts';

/** A token, or a function that is asked for one before each request; none where it answers null or undefined. */
export type TokenSource = string | (() => string | null | undefined | Promise<string | null | undefined>);

type SessionOptions = {
  token: TokenSource | undefined;
  onSession: ((session: Session | null) => void) | undefined;
};

/**
 * Keeps the token of the client's session. One that was given as a function is the caller's to keep; otherwise login replaces it, in memory alone, and
 * logout forgets it.
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
      if (op.path !== 'auth.login' && op.path !== 'auth.logout') return next(op);
      return observable((observer) =>
        next(op).subscribe({
          next(envelope) {
            if ('data' in envelope.result)
              remember(op.path === 'auth.login' ? (envelope.result.data as Session) : null);
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
