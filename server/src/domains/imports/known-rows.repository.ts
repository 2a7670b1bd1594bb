import type { SqlEntityManager } from '@mikro-orm/sql';
import { type Dialect, fetchRows, inList, LOOK_UP, moneyFromSql, readBy } from '../../db/index.ts';
import type { TransactionRecord, Units } from '../ledger/index.ts';

// The transactions of a ledger that rows of a file are, were or may be.

type Row = Record<string, unknown>;

/** Those of the content hashes that a source has transactions of already, each with its transaction's id. */
export async function findHashes(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, source, hashes }: { userId: string; source: string; hashes: readonly string[] },
): Promise<Map<string, string>> {
  if (hashes.length === 0) return new Map();
  const list = inList(dialect, hashes);
  const rows = await em.execute<Row[]>(
    `select id, content_hash from transactions where user_id = ? and source = ? and content_hash in (${list.sql})`,
    [userId, source, ...list.values],
  );
  return new Map(rows.map((row) => [row['content_hash'] as string, row['id'] as string]));
}

/** Those of the keys of rows (external ids, content hashes) at a source whose transactions the person has deleted. */
export async function findDeletedKeys(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, source, rowKeys }: { userId: string; source: string; rowKeys: readonly string[] },
): Promise<Set<string>> {
  if (rowKeys.length === 0) return new Set();
  const list = inList(dialect, rowKeys);
  const rows = await em.execute<Row[]>(
    `select row_key from ledger_tombstones where user_id = ? and source = ? and row_key in (${list.sql})`,
    [userId, source, ...list.values],
  );
  return new Set(rows.map((row) => row['row_key'] as string));
}

/** What a transaction is known again by: its booking as {@link bookingOf} gives it for a draft. */
export type Booking = { id: string; accountId: string; booking: readonly string[] };

/** The transactions of a person that have one of the external ids at that source, or one of the ids, each by what was asked for. */
export async function findBookings(
  em: SqlEntityManager,
  dialect: Dialect,
  by: { userId: string; source: string; externalIds: readonly string[] } | { userId: string; ids: readonly string[] },
): Promise<Map<string, Booking>> {
  const [column, keys, from] =
    'ids' in by ? (['id', by.ids, null] as const) : (['external_id', by.externalIds, by.source] as const);
  if (keys.length === 0) return new Map();
  const list = inList(dialect, keys);
  const rows = await em.execute<Row[]>(
    `select ${column} as found_by, id, kind, account_id, occurred_on, amount, to_account_id from transactions
     where user_id = ?${from === null ? '' : ' and source = ?'} and ${column} in (${list.sql})`,
    [by.userId, ...(from === null ? [] : [from]), ...list.values],
  );
  return new Map(
    rows.map((row) => {
      const accountId = row['account_id'] as string;
      const amount = String(moneyFromSql(dialect, row['amount']));
      const parts = [row['kind'], accountId, row['occurred_on'], amount, row['to_account_id'] ?? ''] as string[];
      return [row['found_by'] as string, { id: row['id'] as string, accountId, booking: parts }];
    }),
  );
}

/** A transaction of the ledger that a row may be. `key`: its external id or content hash at its source. */
export type Candidate = Pick<TransactionRecord, 'id' | 'kind' | 'accountId' | 'amount' | 'occurredOn' | 'source'> & {
  key: string | null;
  transfer: { toAccountId: string; toAmount: Units } | null;
};

const CANDIDATE_COLUMNS = `t.id, t.kind, t.account_id, t.amount, t.to_account_id, t.to_amount, t.occurred_on, t.source,
            coalesce(t.external_id, t.content_hash) as row_key`;

function candidateOf(dialect: Dialect, row: Row): Candidate {
  const toAccountId = row['to_account_id'] as string | null;
  const toAmount = moneyFromSql(dialect, row['to_amount']);
  return {
    id: row['id'] as string,
    kind: row['kind'] as TransactionRecord['kind'],
    accountId: row['account_id'] as string,
    amount: moneyFromSql(dialect, row['amount']),
    transfer: toAccountId === null ? null : { toAccountId, toAmount },
    occurredOn: row['occurred_on'] as string,
    source: row['source'] as string,
    key: row['row_key'] as string | null,
  };
}

/** The transactions of a person that one of the keys (external ids, content hashes) is of at that source, by their keys. */
export async function findByKeys(
  em: SqlEntityManager,
  dialect: Dialect,
  { userId, source, keys }: { userId: string; source: string; keys: readonly string[] },
): Promise<Map<string, Candidate>> {
  if (keys.length === 0) return new Map();
  const list = inList(dialect, keys);
  const found = new Map<string, Candidate>();
  for (const column of ['content_hash', 'external_id']) {
    const rows = await fetchRows<Row>(
      em,
      `select ${CANDIDATE_COLUMNS}, t.${column} as found_by from transactions t
       where t.user_id = ? and t.source = ? and t.${column} in (${list.sql})`,
      [userId, source, ...list.values],
    );
    for (const row of rows) found.set(row['found_by'] as string, candidateOf(dialect, row));
  }
  return found;
}

const ACCOUNT_INDEX = 'entries_account_id_occurred_on_transaction_id_line_index';

/** A person's transactions on one of the accounts in a range of dates (YYYY-MM-DD, both included), each once: those of the first `limit` entries. */
export async function findCandidates(
  em: SqlEntityManager,
  dialect: Dialect,
  query: { userId: string; accountIds: readonly string[]; from: string; to: string; limit: number },
): Promise<{ candidates: Candidate[]; isWhole: boolean }> {
  const accounts = inList(dialect, query.accountIds);
  const rows = await fetchRows<Row>(
    em,
    `select ${CANDIDATE_COLUMNS}
     from (select transaction_id from ${readBy(dialect, 'entries', ACCOUNT_INDEX)}
           where account_id in (${accounts.sql}) and occurred_on between ? and ? limit ?) as near_by
     ${LOOK_UP[dialect]} transactions t on t.id = near_by.transaction_id
     where t.user_id = ?`,
    [...accounts.values, query.from, query.to, query.limit, query.userId],
  );
  const candidates = new Map(rows.map((row) => [row['id'] as string, candidateOf(dialect, row)]));
  return { candidates: [...candidates.values()], isWhole: rows.length < query.limit };
}
