import type { CategoryKind } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { type CategoryTree, treeOf } from '../categories/index.ts';
import { escapedPath } from '../exports/index.ts';
import { findTransactions, listAccounts, listCategories, type Units } from '../ledger/index.ts';
import { readRules, type ReadyRules } from '../rules/index.ts';

/** What the names in a file may mean, and what files its rows: the accounts, categories and rules of a person, as they were when the reading began. */
export type Book = {
  /** By name and by id; null where several have the name. */
  accounts: ReadonlyMap<string, string | null>;
  /** By path, name and id. */
  categories: ReadonlyMap<string, readonly { id: string; kind: CategoryKind }[]>;
  openings: ReadonlyMap<string, { amount: Units; occurredOn: string }>;
  /** The ids of accounts and categories that were there and not archived. */
  usableIds: ReadonlySet<string>;
  rules: ReadyRules;
};

export async function readBook(em: SqlEntityManager, dialect: Dialect, userId: string): Promise<Book> {
  const accounts = await listAccounts(em, dialect, userId);
  const byName = new Map<string, string | null>();
  for (const { id, name } of accounts) byName.set(name, byName.has(name) ? null : id);
  for (const { id } of accounts) byName.set(id, id);
  const openingIds = accounts.flatMap(({ openingTransactionId }) => openingTransactionId ?? []);
  const openings = await findTransactions(em, dialect, userId, openingIds);
  const tree = treeOf(await listCategories(em, userId));
  const usable = [...accounts, ...tree.values()].filter(({ archivedAtMs }) => archivedAtMs === null);
  return {
    accounts: byName,
    categories: categoriesByText(tree),
    openings: new Map([...openings.values()].map((opening) => [opening.accountId, opening])),
    usableIds: new Set(usable.map(({ id }) => id)),
    rules: await readRules(em, userId),
  };
}

function categoriesByText(tree: CategoryTree): Book['categories'] {
  const found = new Map<string, { id: string; kind: CategoryKind }[]>();
  const add = (text: string, category: { id: string; kind: CategoryKind }) => {
    const known = found.get(text) ?? [];
    if (!known.some(({ id }) => id === category.id)) found.set(text, [...known, category]);
  };
  for (const { id, kind, name, archivedAtMs } of tree.values()) {
    const category = { id, kind };
    add(id, category);
    if (archivedAtMs !== null) continue;
    add(escapedPath(tree, id), category);
    add(name, category);
  }
  return found;
}
