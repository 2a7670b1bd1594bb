import { AppError } from '../kernel/errors.ts';
import type { Access } from './init.ts';

/** No API token is enough. */
const NONE = Symbol('none');

/** What a procedure says of itself that its scope follows from. */
type ScopedProcedure = { path: string; type: 'query' | 'mutation' | 'subscription'; access: Access };

/**
 * What an API token needs for a procedure: `transactions.create` is a mutation and needs `transactions:write`; queries and subscriptions need `…:read`.
 * Null where no scope is asked for; `NONE` where no token is enough: sign-in and whatever takes a session alone.
 */
export function scopeOf({ path, type, access }: ScopedProcedure): string | null | typeof NONE {
  if (path === 'auth.me') return null;
  const [domain = ''] = path.split('.', 1);
  if (domain === 'auth' || access === 'session') return NONE;
  if (access === 'public') return null;
  return `${domain}:${type === 'mutation' ? 'write' : 'read'}`;
}

/** @throws AppError FORBIDDEN naming the scope that the token lacks. */
export function requireScope(procedure: ScopedProcedure, tokenScopes: readonly string[]): void {
  const scope = scopeOf(procedure);
  if (scope === NONE) throw new AppError('FORBIDDEN', 'An API token may not do this; sign in with the password.');
  if (scope === null || tokenScopes.includes(scope)) return;
  throw new AppError('FORBIDDEN', `The API token lacks the scope ${scope}.`, {
    details: [{ path: '', message: `needs the scope ${scope}` }],
  });
}
