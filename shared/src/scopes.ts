import { z } from 'zod';

/** The first parts of procedures' names that an API token may be let into. A domain that is not here takes no API token. */
export const scopeDomains = [
  'accounts',
  'categories',
  'transactions',
  'budgets',
  'goals',
  'staking',
  'analytics',
  'dashboard',
  'rates',
  'imports',
  'exports',
  'rules',
  'recurring',
  'reconciliations',
  'integrity',
  'users',
  'sync',
] as const;

type ScopeDomain = (typeof scopeDomains)[number];

/** What an API token may be allowed: `transactions:read` for what reads, `transactions:write` for what changes. */
export type Scope = `${ScopeDomain}:${'read' | 'write'}`;

const scopes = scopeDomains.flatMap((domain): Scope[] => [`${domain}:read`, `${domain}:write`]);

export const scopeSchema = z.enum(scopes, 'must be a scope such as transactions:read');
