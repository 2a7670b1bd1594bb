import type { Attachment, AccountType, TransactionKind } from '@finverse/shared';
import { type Dialect, moneyFromSql, moneyToSql, type SqlValue } from '../../db/index.ts';
import { entriesOf, searchTextOf } from './ledger.rules.ts';
import type { AccountRecord, Mark, Split, TransactionRecord } from './ledger.types.ts';

/** A raw row of a table: to records and back. Lists and statements read many, past the entities. */
export type RawRow = Record<string, unknown>;

export const TRANSACTION_COLUMNS = [
  'id',
  'user_id',
  'source',
  'external_id',
  'content_hash',
  'created_at',
  'kind',
  'account_id',
  'to_account_id',
  'amount',
  'currency',
  'to_amount',
  'to_currency',
  'rate',
  'occurred_on',
  'description',
  'payee',
  'note',
  'search_text',
  'category_id',
  'is_split',
  'tags',
  'attachments',
  'cleared_state',
  'reconciliation_id',
  'to_cleared_state',
  'to_reconciliation_id',
  'updated_at',
] as const;

/** What an edit may change: the rest says which transaction it is. */
export const TRANSACTION_MUTABLE_COLUMNS = TRANSACTION_COLUMNS.slice(6);

export function toTransactionRow(dialect: Dialect, userId: string, record: TransactionRecord): SqlValue[] {
  const { transfer } = record;
  return [
    record.id,
    userId,
    record.source,
    record.externalId,
    record.contentHash,
    record.createdAtMs,
    record.kind,
    record.accountId,
    transfer?.toAccountId ?? null,
    moneyToSql(dialect, record.amount),
    record.currency,
    transfer ? moneyToSql(dialect, transfer.toAmount) : null,
    transfer?.toCurrency ?? null,
    transfer?.rate ?? null,
    record.occurredOn,
    record.description,
    record.payee,
    record.note,
    searchTextOf(record),
    record.categoryId,
    record.splits.length > 0 ? 1 : 0,
    JSON.stringify(record.tags),
    JSON.stringify(record.attachments),
    record.marks.own?.state ?? null,
    record.marks.own?.reconciliationId ?? null,
    record.marks.to?.state ?? null,
    record.marks.to?.reconciliationId ?? null,
    record.updatedAtMs,
  ];
}

/** `splits` are read apart, from the entries. */
export function fromTransactionRow(dialect: Dialect, row: RawRow, splits: readonly Split[]): TransactionRecord {
  const toAccountId = row['to_account_id'] as string | null;
  return {
    id: row['id'] as string,
    kind: row['kind'] as TransactionKind,
    accountId: row['account_id'] as string,
    amount: moneyFromSql(dialect, row['amount']),
    currency: row['currency'] as string,
    occurredOn: row['occurred_on'] as string,
    description: row['description'] as string,
    payee: row['payee'] as string,
    note: row['note'] as string,
    categoryId: row['category_id'] as string | null,
    tags: JSON.parse(row['tags'] as string) as string[],
    splits,
    transfer:
      toAccountId === null
        ? null
        : {
            toAccountId,
            toAmount: moneyFromSql(dialect, row['to_amount']),
            toCurrency: row['to_currency'] as string,
            rate: row['rate'] as string | null,
          },
    attachments: JSON.parse(row['attachments'] as string) as Attachment[],
    source: row['source'] as string,
    externalId: row['external_id'] as string | null,
    contentHash: row['content_hash'] as string | null,
    marks: {
      own: markOf(row['cleared_state'], row['reconciliation_id']),
      to: markOf(row['to_cleared_state'], row['to_reconciliation_id']),
    },
    createdAtMs: Number(row['created_at']),
    updatedAtMs: Number(row['updated_at']),
  };
}

function markOf(state: unknown, reconciliationId: unknown): Mark | null {
  return state === null ? null : { state: state as Mark['state'], reconciliationId: reconciliationId as string };
}

export const ENTRY_COLUMNS = [
  'transaction_id',
  'line',
  'user_id',
  'account_id',
  'amount',
  'currency',
  'category_id',
  'note',
  'kind',
  'occurred_on',
] as const;

export function toEntryRows(dialect: Dialect, userId: string, record: TransactionRecord): SqlValue[][] {
  return entriesOf(record).map(({ line, accountId, amount, currency, categoryId, note }) => [
    record.id,
    line,
    userId,
    accountId,
    moneyToSql(dialect, amount),
    currency,
    categoryId,
    note,
    record.kind,
    record.occurredOn,
  ]);
}

export const ACCOUNT_COLUMNS = [
  'id',
  'user_id',
  'type',
  'currency',
  'created_at',
  'name',
  'balance',
  'credit_limit',
  'opening_transaction_id',
  'icon',
  'color',
  'note',
  'is_hidden',
  'archived_at',
  'updated_at',
] as const;

/** Type and currency never change. */
export const ACCOUNT_MUTABLE_COLUMNS = ACCOUNT_COLUMNS.slice(5);

export function toAccountRow(dialect: Dialect, userId: string, record: AccountRecord): SqlValue[] {
  return [
    record.id,
    userId,
    record.type,
    record.currency,
    record.createdAtMs,
    record.name,
    moneyToSql(dialect, record.balance),
    record.creditLimit === null ? null : moneyToSql(dialect, record.creditLimit),
    record.openingTransactionId,
    record.icon,
    record.color,
    record.note,
    record.isHidden ? 1 : 0,
    record.archivedAtMs,
    record.updatedAtMs,
  ];
}

export function fromAccountRow(dialect: Dialect, row: RawRow): AccountRecord {
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    type: row['type'] as AccountType,
    currency: row['currency'] as string,
    balance: moneyFromSql(dialect, row['balance']),
    creditLimit: row['credit_limit'] === null ? null : moneyFromSql(dialect, row['credit_limit']),
    openingTransactionId: row['opening_transaction_id'] as string | null,
    icon: row['icon'] as string | null,
    color: row['color'] as string | null,
    note: row['note'] as string,
    isHidden: Boolean(row['is_hidden']),
    archivedAtMs: row['archived_at'] === null ? null : Number(row['archived_at']),
    createdAtMs: Number(row['created_at']),
    updatedAtMs: Number(row['updated_at']),
  };
}
