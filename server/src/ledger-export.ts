import type { SqlEntityManager } from '@mikro-orm/sql';
import { fetchRows } from './db/index.ts';
import { skippedDatesExporter } from './domains/recurring/index.ts';
import type { Exporter } from './domains/users/index.ts';
import type { LedgerServices } from './ledger-services.ts';

const PAGE = { limit: 200 };

/** What the ledger adds to the export of a person: the same that the lists answer. */
export function ledgerExporters(services: LedgerServices): Exporter[] {
  const { accounts, categories, transactions, rates, recurring, reconciliations, rules, imports } = services;
  const all = { ...PAGE, includeArchived: true, includeHidden: true };
  return [
    paged('accounts', (userId, cursor) => accounts.list(userId, { ...all, cursor })),
    whole('categories', async (userId) => (await categories.list(userId, { includeArchived: true })).items),
    {
      ...paged('transactions', (userId, cursor) => transactions.list(userId, { ...PAGE, cursor })),
      count: counterOf('transactions'),
    },
    {
      ...paged('rates', (userId, cursor) => rates.list(userId, { ...PAGE, scope: 'own', cursor })),
      count: counterOf('exchange_rates'),
    },
    paged('recurring', (userId, cursor) => recurring.list(userId, { ...PAGE, cursor })),
    skippedDatesExporter,
    paged('reconciliations', (userId, cursor) => reconciliations.list(userId, { ...PAGE, cursor })),
    whole('rules', async (userId) => (await rules.list(userId)).items),
    paged('imports', (userId, cursor) => imports.list(userId, { ...PAGE, cursor })),
    whole('import_sources', (userId) => imports.remembered(userId)),
  ];
}

type Page = { items: object[]; nextCursor: string | null };

function paged(name: string, read: (userId: string, cursor: string | undefined) => Promise<Page>): Exporter {
  return {
    name,
    async *pages(_em, userId) {
      for (let cursor: string | undefined; ;) {
        const page = await read(userId, cursor);
        yield page.items;
        if (page.nextCursor === null) return;
        cursor = page.nextCursor;
      }
    },
  };
}

function whole(name: string, read: (userId: string) => Promise<object[]>): Exporter {
  return {
    name,
    async *pages(_em, userId) {
      yield await read(userId);
    },
  };
}

function counterOf(table: 'transactions' | 'exchange_rates'): NonNullable<Exporter['count']> {
  return async (em: SqlEntityManager, userId, max) => {
    const [row] = await fetchRows<{ count: unknown }>(
      em,
      `select count(*) as count from (select 1 from ${table} where user_id = ? limit ${max}) as some_rows`,
      [userId],
    );
    return Number(row?.count);
  };
}
