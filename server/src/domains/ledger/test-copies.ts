import type { AccountOut, CategoryOut, TransactionOut } from '@finverse/shared';
import { expect } from 'vitest';
import type { TestLedger } from './test-ledger.ts';

// Test support of the model test: a client that keeps a copy of a ledger by asking for changes alone.

/** What a client has: rows by id, and the newest time of a change that it has seen. */
type Copy<Row> = { rows: Map<string, Row>; since: string };
export type Copies = { accounts: Copy<AccountOut>; categories: Copy<CategoryOut>; transactions: Copy<TransactionOut> };

type Copying = { ledger: TestLedger; userId: string; copies: Copies };

const emptyCopy = <Row>(): Copy<Row> => ({ rows: new Map(), since: '1970-01-01T00:00:00.000Z' });

export function emptyCopies(): Copies {
  return { accounts: emptyCopy(), categories: emptyCopy(), transactions: emptyCopy() };
}

type Page<Row> = { items: Row[]; deleted: { id: string; deletedAt: string }[]; nextCursor: string | null };
type Asked = { updatedSince: string; limit: number; cursor?: string };

/** Asks for all that has changed since the copy was last brought up to date, so many rows at a time. */
async function pull<Row extends { id: string; updatedAt: string }>(
  copy: Copy<Row>,
  limit: number,
  ask: (asked: Asked) => Promise<Page<Row>>,
): Promise<void> {
  let newest = copy.since;
  const see = (instant: string) => (newest = instant > newest ? instant : newest);
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await ask({ updatedSince: copy.since, limit, ...(cursor === undefined ? {} : { cursor }) });
    for (const row of page.items) {
      copy.rows.set(row.id, row);
      see(row.updatedAt);
    }
    for (const { id, deletedAt } of page.deleted) {
      copy.rows.delete(id);
      see(deletedAt);
    }
    cursor = page.nextCursor;
  }
  copy.since = newest;
}

const EVERYTHING = { includeArchived: true, includeHidden: true };

/** Brings the copies up to date. */
export async function pullAll({ ledger, userId, copies }: Copying, limit: number): Promise<void> {
  await pull(copies.accounts, limit, (asked) => ledger.accounts.list(userId, { ...EVERYTHING, ...asked }));
  await pull(copies.categories, limit, (asked) => ledger.categories.list(userId, { ...EVERYTHING, ...asked }));
  await pull(copies.transactions, limit, (asked) => ledger.transactions.list(userId, asked));
}

/** Brought up to date, a copy is what the whole lists are: nothing is missing, nothing too much, and every field is the same. */
export async function expectCopied(copying: Copying): Promise<void> {
  const { ledger, userId, copies } = copying;
  await pullAll(copying, 7);
  const whole = {
    accounts: await ledger.accounts.list(userId, { ...EVERYTHING, limit: 200 }),
    categories: await ledger.categories.list(userId, EVERYTHING),
    transactions: await ledger.transactions.list(userId, { limit: 200 }),
  };
  for (const name of ['accounts', 'categories', 'transactions'] as const) {
    const { items, nextCursor } = whole[name];
    expect(nextCursor, name).toBeNull();
    expect(copies[name].rows, name).toEqual(new Map(items.map((row) => [row.id, row])));
  }
}
