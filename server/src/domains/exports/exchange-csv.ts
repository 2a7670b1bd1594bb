import type { ImportField } from '@finverse/shared';

/**
 * The columns of our own CSV. An import knows them by their header and reads back what an export wrote. `id` is what makes a row the same one again;
 * `source` and `external_id` are for other programs.
 */
export const EXCHANGE_COLUMNS = [
  'id',
  'date',
  'kind',
  'account',
  'amount',
  'currency',
  'payee',
  'description',
  'note',
  'category',
  'tags',
  'splits',
  'to_account',
  'to_amount',
  'to_currency',
  'rate',
  'attachments',
  'source',
  'external_id',
] as const;

/** Which column of ours is which field of an import. */
export const EXCHANGE_FIELDS = {
  externalId: 'id',
  date: 'date',
  kind: 'kind',
  account: 'account',
  amount: 'amount',
  currency: 'currency',
  payee: 'payee',
  description: 'description',
  note: 'note',
  category: 'category',
  tags: 'tags',
  splits: 'splits',
  toAccount: 'to_account',
  toAmount: 'to_amount',
  rate: 'rate',
  attachments: 'attachments',
} as const satisfies Partial<Record<ImportField, (typeof EXCHANGE_COLUMNS)[number]>>;

/** True for the header row of an export of ours. */
export function isExchangeHeader(cells: readonly string[]): boolean {
  return cells.length === EXCHANGE_COLUMNS.length && EXCHANGE_COLUMNS.every((name, index) => cells[index] === name);
}

/**
 * Where a spreadsheet would begin to run a formula: at the beginning of a cell, and behind what begins another one where it splits at semicolons, tabs or lines
 * and takes no notice of our quotes. Behind any spaces, quotes and apostrophes; full-width signs are taken for their plain ones.
 */
const FORMULA = /(?<=^|[;\t\r\n])[ "']*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/g;

/** A text that no spreadsheet takes for a formula: an apostrophe goes before each one that might be. {@link restoreCell} takes them away again. */
export function neutralizeCell(text: string): string {
  return text.replaceAll(FORMULA, (start) => `'${start}`);
}

/** The text as it was before an export put apostrophes into it. */
export function restoreCell(cell: string): string {
  return cell.replaceAll(FORMULA, (start) => (start.startsWith("'") ? start.slice(1) : start));
}

/** One row of CSV (RFC 4180), with its line end. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(quoteCell).join(',')}\r\n`;
}

function quoteCell(cell: string): string {
  // A leading or trailing space is quoted, because many programs would take it away.
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
