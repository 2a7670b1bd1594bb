import type { Exporter } from './domains/users/index.ts';
import { AppError } from './kernel/errors.ts';
import type { LedgerServices } from './ledger-services.ts';

/** The most items of one kind in an export, which is one answer and held in memory. */
const EXPORTED_ITEMS_MAX = 200_000;

const PAGE = { limit: 200 };

/** What the ledger adds to the export of a person: the same that the lists answer. */
export function ledgerExporters(services: LedgerServices): Exporter[] {
  const { accounts, categories, transactions, rates, recurring, reconciliations, rules, imports } = services;
  const all = { ...PAGE, includeArchived: true, includeHidden: true };
  return [
    { name: 'accounts', read: (_em, userId) => readAll((cursor) => accounts.list(userId, { ...all, cursor })) },
    {
      name: 'categories',
      read: async (_em, userId) => (await categories.list(userId, { includeArchived: true })).items,
    },
    {
      name: 'transactions',
      read: (_em, userId) => readAll((cursor) => transactions.list(userId, { ...PAGE, cursor })),
    },
    {
      name: 'rates',
      read: (_em, userId) => readAll((cursor) => rates.list(userId, { ...PAGE, scope: 'own', cursor })),
    },
    { name: 'recurring', read: (_em, userId) => readAll((cursor) => recurring.list(userId, { ...PAGE, cursor })) },
    {
      name: 'reconciliations',
      read: (_em, userId) => readAll((cursor) => reconciliations.list(userId, { ...PAGE, cursor })),
    },
    { name: 'rules', read: async (_em, userId) => (await rules.list(userId)).items },
    { name: 'imports', read: (_em, userId) => readAll((cursor) => imports.list(userId, { ...PAGE, cursor })) },
    { name: 'import_sources', read: (_em, userId) => imports.remembered(userId) },
  ];
}

type Page = { items: object[]; nextCursor: string | null };

/** @throws AppError CONFLICT where there is more than one answer can hold */
async function readAll(read: (cursor: string | undefined) => Promise<Page>): Promise<object[]> {
  const items: object[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await read(cursor);
    for (const item of page.items) items.push(item);
    if (page.nextCursor === null) return items;
    if (items.length >= EXPORTED_ITEMS_MAX) {
      throw new AppError(
        'CONFLICT',
        `An export holds at most ${EXPORTED_ITEMS_MAX} transactions; read the lists page by page instead.`,
      );
    }
    cursor = page.nextCursor;
  }
}
