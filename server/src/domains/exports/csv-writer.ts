import { formatMoney } from '@finverse/shared';
import type { TransactionRecord } from '../ledger/index.ts';
import { csvLine, EXCHANGE_COLUMNS, neutralizeCell } from './exchange-csv.ts';
import type { ExportBook, ExportWriter } from './export-book.ts';

/** CSV that an import reads back, and that no spreadsheet runs anything of. */
export const csvWriter: ExportWriter = {
  head: () => csvLine(EXCHANGE_COLUMNS),
  transactions: (book, records) => records.map((record) => csvLine(cellsOf(book, record))).join(''),
  tail: () => '',
};

function cellsOf({ accounts, paths }: ExportBook, record: TransactionRecord): string[] {
  const { transfer } = record;
  const category = (id: string | null) => (id === null ? '' : (paths.get(id) ?? ''));
  // A name that several accounts have would not lead back to this one.
  const account = (id: string) => {
    const { name = id } = accounts.get(id) ?? {};
    const isShared = [...accounts.values()].some((other) => other.id !== id && other.name === name);
    return isShared ? id : name;
  };
  const splits = record.splits.map(({ amount, categoryId, note }) => ({
    amount: formatMoney(amount),
    category: category(categoryId),
    note,
  }));
  const cells: Record<(typeof EXCHANGE_COLUMNS)[number], string> = {
    id: record.id,
    date: record.occurredOn,
    kind: record.kind,
    account: neutralizeCell(account(record.accountId)),
    amount: formatMoney(record.amount),
    currency: record.currency,
    payee: neutralizeCell(record.payee),
    description: neutralizeCell(record.description),
    note: neutralizeCell(record.note),
    category: neutralizeCell(category(record.categoryId)),
    tags: neutralizeCell(record.tags.join(',')),
    splits: splits.length > 0 ? neutralizeCell(JSON.stringify(splits)) : '',
    to_account: transfer ? neutralizeCell(account(transfer.toAccountId)) : '',
    to_amount: transfer ? formatMoney(transfer.toAmount) : '',
    to_currency: transfer?.toCurrency ?? '',
    rate: transfer?.rate ?? '',
    attachments: record.attachments.length > 0 ? neutralizeCell(JSON.stringify(record.attachments)) : '',
    source: neutralizeCell(record.source),
    external_id: neutralizeCell(record.externalId ?? ''),
  };
  return EXCHANGE_COLUMNS.map((name) => cells[name]);
}
