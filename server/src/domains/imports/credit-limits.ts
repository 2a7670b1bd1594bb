import { formatMoney } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { type AccountRecord, entriesOf, findAccounts, type Units } from '../ledger/index.ts';
import type { Judged } from './judge-rows.ts';

/** Why an import may not take an account from one balance to another; null where it may. A limit that was broken before may stay so. */
export function creditFault(
  { name, creditLimit }: Pick<AccountRecord, 'name' | 'creditLimit'>,
  { before, after }: { before: Units; after: Units },
): string | null {
  if (creditLimit === null || after >= -creditLimit || after >= before) return null;
  return `The balance of “${name}” would be ${formatMoney(after)}, below its credit limit.`;
}

/** Adds what new rows do to each account. */
export function addMovements(movements: Map<string, Units>, judged: readonly Judged[]): void {
  for (const each of judged) {
    if (each.outcome !== 'new') continue;
    for (const { accountId, amount } of entriesOf(each.record))
      movements.set(accountId, (movements.get(accountId) ?? 0n) + amount);
  }
}

/** What is said of accounts whose credit limit these movements would break: an import that makes them fails at its end. */
export async function creditWarnings(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, movements }: { userId: string; movements: ReadonlyMap<string, Units> },
): Promise<string[]> {
  const accounts = await findAccounts(em, dialect, userId, [...movements.keys()]);
  return [...accounts.values()].flatMap((account) => {
    const { id, balance: before } = account;
    const fault = creditFault(account, { before, after: before + (movements.get(id) ?? 0n) });
    return fault === null ? [] : [`${fault} So the import would fail.`];
  });
}
