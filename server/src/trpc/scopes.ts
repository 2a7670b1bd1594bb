import type { ProcedureType } from '@trpc/server';
import { AppError } from '../kernel/errors.ts';
import type { Access } from './init.ts';

/** Instead of a scope, where no API token is enough. */
export const NO_SCOPE = Symbol('no scope');

/** What a procedure says of itself that its scope follows from. */
type ScopedProcedure = { path: string; type: ProcedureType; access: Access };

/**
 * What an API token needs for a procedure: `transactions.create` is a mutation and needs `transactions:write`; queries and subscriptions need `…:read`.
 * Null where no scope is asked for; {@link NO_SCOPE} where no token is enough: sign-in and whatever takes a session alone.
 */
export function scopeOf({ path, type, access }: ScopedProcedure): string | null | typeof NO_SCOPE {
  if (path === 'auth.me') return null;
  const [domain = ''] = path.split('.', 1);
  if (domain === 'auth' || access === 'session') return NO_SCOPE;
  if (access === 'public') return null;
  return `${domain}:${type === 'mutation' ? 'write' : 'read'}`;
}

/** @throws AppError FORBIDDEN naming the scope that the token lacks. */
export function requireScope(procedure: ScopedProcedure, tokenScopes: readonly string[]): void {
  const scope = scopeOf(procedure);
  if (scope === NO_SCOPE) throw new AppError('FORBIDDEN', 'An API token may not do this; sign in with the password.');
  if (scope === null || tokenScopes.includes(scope)) return;
  throw new AppError('FORBIDDEN', `The API token lacks the scope ${scope}.`, {
    details: [{ path: '', message: `needs the scope ${scope}` }],
  });
}
