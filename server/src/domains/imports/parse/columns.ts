import { type ImportField, importFields, type ImportFormat, type ImportSettings, isPrintable } from '@finverse/shared';
import { EXCHANGE_FIELDS, isExchangeHeader } from '../../exports/index.ts';
import { COLUMN_NAMES, columnName, currencyOfName } from './column-names.ts';

export type Columns = ImportSettings['columns'];

export const NO_COLUMNS = Object.fromEntries(importFields.map((field) => [field, null])) as Columns;

/**
 * The columns that a header names, as far as they can be told; `fitColumns` holds them against what stands in them. Of those that differ in their currency
 * alone, the one in the account's.
 */
export function guessColumns(header: readonly string[], accountCurrency: string | null = null): Columns {
  const columns = { ...NO_COLUMNS };
  if (isExchangeHeader(header)) return { ...columns, ...EXCHANGE_FIELDS };
  const plain = header.map(columnName);
  const taken = new Set<number>();
  for (const field of importFields) {
    for (const name of COLUMN_NAMES[field] ?? []) {
      const found = [...plain.keys()].filter((place) => plain[place] === name && !taken.has(place));
      const currencies = found.map((place) => currencyOfName(header[place] ?? ''));
      const index =
        found[Math.max(0, currencies.indexOf(currencies.includes(accountCurrency) ? accountCurrency : null))];
      if (index === undefined) continue;
      taken.add(index);
      columns[field] = referenceTo(header, index);
      break;
    }
  }
  return columns;
}

/** How a column is named in settings: by its header where that is its alone, otherwise by its place. */
function referenceTo(header: readonly string[], index: number): string {
  const name = header[index] ?? '';
  const isUnique =
    name.trim() !== '' && name.length <= 200 && isPrintable(name) && header.indexOf(name) === header.lastIndexOf(name);
  return isUnique && !/^#\d/.test(name) ? name : `#${index + 1}`;
}

/** The place of each column that the settings name. @returns the fields whose column is not there as well */
export function placeColumns(
  columns: Columns,
  header: readonly string[] | null,
  width: number,
): { places: Partial<Record<ImportField, number>>; missing: ImportField[] } {
  const places: Partial<Record<ImportField, number>> = {};
  const missing: ImportField[] = [];
  for (const field of importFields) {
    const reference = columns[field];
    if (reference === null) continue;
    const place = /^#([1-9]\d{0,3})$/.exec(reference);
    const index = place ? Number(place[1]) - 1 : indexOfOnly(header ?? [], reference);
    if (index >= 0 && index < width) places[field] = index;
    else missing.push(field);
  }
  return { places, missing };
}

/** The columns that an import cannot do without and that are not known, as details of a refusal. */
export function missingColumns({
  format,
  settings,
}: {
  format: ImportFormat;
  settings: ImportSettings;
}): { path: string; message: string }[] {
  if (format !== 'csv') return [];
  const { date, amount, debit, credit } = settings.columns;
  const missing: { path: string; message: string }[] = [];
  if (date === null) missing.push({ path: 'settings.columns.date', message: 'Which column is the date is not known.' });
  if (amount === null && debit === null && credit === null)
    missing.push({ path: 'settings.columns.amount', message: 'Which column is the amount is not known.' });
  return missing;
}

/** The place of a name that no other column has: which of two is meant nobody can tell. */
function indexOfOnly(header: readonly string[], name: string): number {
  const index = header.indexOf(name);
  return index === header.lastIndexOf(name) ? index : -1;
}
