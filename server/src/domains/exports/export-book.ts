import type { SqlEntityManager } from '@mikro-orm/sql';
import type { Dialect } from '../../db/index.ts';
import { type CategoryTree, treeOf } from '../categories/index.ts';
import { escapedPaths } from './category-paths.ts';
import { type AccountRecord, listAccounts, listCategories, type TransactionRecord } from '../ledger/index.ts';

/** What the transactions of an export name. */
export type ExportBook = {
  accounts: ReadonlyMap<string, AccountRecord>;
  categories: CategoryTree;
  /** The paths of the categories by id; see {@link escapedPaths}. */
  paths: ReadonlyMap<string, string>;
};

/** How a format writes a ledger. */
export type ExportWriter = {
  head(book: ExportBook): string;
  /** `isFirst`: nothing was written of any transaction yet. */
  transactions(book: ExportBook, records: readonly TransactionRecord[], isFirst: boolean): string;
  tail(): string;
};

export async function readExportBook(em: SqlEntityManager, dialect: Dialect, userId: string): Promise<ExportBook> {
  const accounts = await listAccounts(em, dialect, userId);
  const categories = treeOf(await listCategories(em, userId));
  return {
    accounts: new Map(accounts.map((account) => [account.id, account])),
    categories,
    paths: escapedPaths(categories),
  };
}
