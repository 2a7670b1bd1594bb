import type { Scope } from '@finverse/shared';
import type { ProcedureType } from '@trpc/server';
import { AppError } from '../kernel/errors.ts';
import type { Access } from './init.ts';

/** Instead of a scope, where no API token is enough. */
export const NO_SCOPE = Symbol('no scope');

/** What an export shows beside being one: all of these. */
export const EXPORT_SCOPES: readonly Scope[] = ['accounts:read', 'categories:read', 'transactions:read'];

/** What a procedure says of itself that its scopes follow from. */
type ScopedProcedure = { path: string; type: ProcedureType; access: Access; scopes?: readonly Scope[] | undefined };

/**
 * What an API token needs for a procedure: `transactions.create` is a mutation and needs `transactions:write`; queries and subscriptions need `…:read`. Where it
 * shows or changes what belongs to another domain, it names that domain's scope in its meta, and needs it as well. Empty where no scope is asked for;
 * {@link NO_SCOPE} where no token is enough: sign-in and whatever takes a session alone.
 */
export function scopesOf({ path, type, access, scopes = [] }: ScopedProcedure): readonly string[] | typeof NO_SCOPE {
  if (path === 'auth.me') return [];
  const [domain = ''] = path.split('.', 1);
  if (domain === 'auth' || access === 'session') return NO_SCOPE;
  if (access === 'public') return [];
  return [`${domain}:${type === 'mutation' ? 'write' : 'read'}`, ...scopes];
}

/** @throws AppError FORBIDDEN naming the scopes that the token lacks. */
export function requireScopes(procedure: ScopedProcedure, tokenScopes: readonly string[]): void {
  const scopes = scopesOf(procedure);
  if (scopes === NO_SCOPE) throw new AppError('FORBIDDEN', 'An API token may not do this; sign in with the password.');
  const missing = scopes.filter((scope) => !tokenScopes.includes(scope));
  if (missing.length === 0) return;
  throw new AppError(
    'FORBIDDEN',
    `The API token lacks the ${missing.length === 1 ? 'scope' : 'scopes'} ${missing.join(', ')}.`,
    { details: missing.map((scope) => ({ path: '', message: `needs the scope ${scope}` })) },
  );
}
