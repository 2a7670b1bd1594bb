import type { CategoryKind } from '@finverse/shared';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { type CategoryTree, treeOf } from '../categories/index.ts';
import { escapedPaths, withoutMarks } from '../exports/index.ts';
import { type CategoryRecord, findTransactions, listAccounts, listCategories, type Units } from '../ledger/index.ts';
import { readRules, type ReadyRules } from '../rules/index.ts';

/** What the names in a file may mean, and what files its rows: the accounts, categories and rules of a person, as they were when the reading began. */
export type Book = {
  /** By name and by id; null where several have the name. */
  accounts: ReadonlyMap<string, string | null>;
  /** What each account is in, by its id. */
  currencies: ReadonlyMap<string, string>;
  /** Those that a text may mean, the one that is meant before all others alone: by id, then by path, then by name; of several those of the row's kind. */
  categories: (text: string, kind: 'income' | 'expense') => readonly string[];
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
    currencies: new Map(accounts.map(({ id, currency }) => [id, currency])),
    categories: categoryFinder(tree),
    openings: new Map([...openings.values()].map((opening) => [opening.accountId, opening])),
    usableIds: new Set(usable.map(({ id }) => id)),
    rules: await readRules(em, userId),
  };
}

function categoryFinder(tree: CategoryTree): Book['categories'] {
  const paths = escapedPaths(tree);
  const byPath = new Map<string, CategoryRecord[]>();
  // A file may be older than the marks of its paths, or newer, and a person writes none.
  const byPlainPath = new Map<string, CategoryRecord[]>();
  const byName = new Map<string, CategoryRecord[]>();
  const add = (found: Map<string, CategoryRecord[]>, text: string, category: CategoryRecord) => {
    const known = found.get(text);
    if (known) known.push(category);
    else found.set(text, [category]);
  };
  for (const category of tree.values()) {
    if (category.archivedAtMs !== null) continue;
    const path = paths.get(category.id) ?? '';
    add(byPath, path, category);
    add(byPlainPath, withoutMarks(path), category);
    add(byName, category.name, category);
  }
  return (text, kind) => {
    const itself = tree.get(text);
    const atPath = byPlainPath.get(withoutMarks(text)) ?? [];
    const ofName = byName.get(text) ?? [];
    const isOf =
      (...kinds: CategoryKind[]) =>
      (category: CategoryRecord) =>
        kinds.includes(category.kind);
    const meanings = [
      itself ? [itself] : [],
      byPath.get(text) ?? [],
      atPath.filter(isOf(kind)),
      atPath.filter(isOf('both')),
      atPath,
      ofName.filter(isOf(kind, 'both')),
      ofName,
    ];
    return (meanings.find((found) => found.length > 0) ?? []).map(({ id }) => id);
  };
}
