import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Ledger } from './ledger.types.ts';

/**
 * What names categories and accounts without being an entry: rules, recurring transactions. Their domains stand above those of categories and accounts, which are
 * handed these where the services are put together. All of it is done behind the person's lock and in the caller's transaction.
 */
export interface References {
  /** What one of them is called, and what several are. */
  readonly names: readonly [one: string, several: string];
  /** How many name the category. */
  countCategory(em: SqlEntityManager, userId: string, categoryId: string): Promise<number>;
  /** How many cannot do without the account. */
  countAccount(em: SqlEntityManager, userId: string, accountId: string): Promise<number>;
  /** Has them name another category instead, or none. */
  replaceCategory(em: SqlEntityManager, ledger: Ledger, change: { fromId: string; toId: string | null }): Promise<void>;
}

/** Such as `2 rules and 1 recurring transaction`; empty where there are none. */
export async function describeReferences(
  references: readonly References[],
  count: (each: References) => Promise<number>,
): Promise<string> {
  const parts: string[] = [];
  for (const each of references) {
    const number = await count(each);
    if (number > 0) parts.push(`${number} ${each.names[number === 1 ? 0 : 1]}`);
  }
  return parts.join(' and ');
}
