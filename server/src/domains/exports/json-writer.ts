import { formatMoney } from '@finverse/shared';
import type { TransactionRecord } from '../ledger/index.ts';
import type { ExportWriter } from './export-book.ts';

/** One JSON document: accounts, categories and transactions, with a transaction on each line. */
export const jsonWriter: ExportWriter = {
  head: ({ accounts, categories }) => {
    const accountRows = [...accounts.values()].map((account) => ({
      id: account.id,
      name: account.name,
      type: account.type,
      currency: account.currency,
      balance: formatMoney(account.balance),
      credit_limit: account.creditLimit === null ? null : formatMoney(account.creditLimit),
      note: account.note,
      is_hidden: account.isHidden,
      is_archived: account.archivedAtMs !== null,
    }));
    const categoryRows = [...categories.values()].map(({ id, parentId, name, kind, archivedAtMs }) => ({
      id,
      parent_id: parentId,
      name,
      kind,
      is_archived: archivedAtMs !== null,
    }));
    return `{"format":"finverse-export-1",\n"accounts":${JSON.stringify(accountRows)},\n"categories":${JSON.stringify(categoryRows)},\n"transactions":[`;
  },
  transactions: (_book, records, isFirst) =>
    records.map((record, index) => `${isFirst && index === 0 ? '' : ','}\n${JSON.stringify(toJson(record))}`).join(''),
  tail: () => '\n]}\n',
};

function toJson(record: TransactionRecord): object {
  const { transfer } = record;
  return {
    id: record.id,
    kind: record.kind,
    account_id: record.accountId,
    amount: formatMoney(record.amount),
    currency: record.currency,
    occurred_on: record.occurredOn,
    description: record.description,
    payee: record.payee,
    note: record.note,
    category_id: record.categoryId,
    tags: record.tags,
    splits: record.splits.map(({ amount, categoryId, note }) => ({
      amount: formatMoney(amount),
      category_id: categoryId,
      note,
    })),
    transfer: transfer && {
      to_account_id: transfer.toAccountId,
      to_amount: formatMoney(transfer.toAmount),
      to_currency: transfer.toCurrency,
      rate: transfer.rate,
    },
    attachments: record.attachments,
    source: record.source,
    external_id: record.externalId,
  };
}
