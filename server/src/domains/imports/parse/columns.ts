import { type ImportField, importFields, type ImportSettings, isPrintable } from '@finverse/shared';
import { EXCHANGE_FIELDS, isExchangeHeader } from '../../exports/index.ts';

export type Columns = ImportSettings['columns'];

export const NO_COLUMNS = Object.fromEntries(importFields.map((field) => [field, null])) as Columns;

/** What banks call their columns, in lower case without accents; the first one that a header has is taken. */
const NAMES: Partial<Record<ImportField, readonly string[]>> = {
  date: [
    'date',
    'booking date',
    'transaction date',
    'posting date',
    'posted date',
    'date posted',
    'completed date',
    'buchungstag',
    'buchungsdatum',
    'buchung',
    'datum',
    'fecha',
    'fecha operacion',
    'date operation',
    'date de comptabilisation',
    'data',
    'data operazione',
    'data contabile',
    'boekdatum',
    'transactiedatum',
    'bokforingsdag',
    'value date',
    'wertstellung',
    'valutadatum',
  ],
  amount: [
    'amount',
    'transaction amount',
    'betrag',
    'betrag (eur)',
    'umsatz',
    'importe',
    'montant',
    'importo',
    'bedrag',
    'bedrag (eur)',
    'belopp',
    'valor',
    'kwota',
    'amount (eur)',
    'amount (usd)',
    'amount (gbp)',
  ],
  debit: [
    'debit',
    'debit amount',
    'withdrawal',
    'withdrawals',
    'paid out',
    'money out',
    'soll',
    'debito',
    'cargo',
    'out',
  ],
  credit: ['credit', 'credit amount', 'deposit', 'deposits', 'paid in', 'money in', 'haben', 'credito', 'abono', 'in'],
  currency: ['currency', 'wahrung', 'waehrung', 'devise', 'moneda', 'valuta', 'munt', 'ccy'],
  payee: [
    'payee',
    'name',
    'counterparty',
    'counterparty name',
    'beneficiary',
    'merchant',
    'beguenstigter/zahlungspflichtiger',
    'begunstigter/zahlungspflichtiger',
    'auftraggeber/empfanger',
    'empfanger',
    'zahlungsempfanger',
    'name zahlungsbeteiligter',
    'beneficiaire',
    'beneficiario',
    'naam tegenpartij',
    'tegenpartij',
    'naam / omschrijving',
  ],
  description: [
    'description',
    'memo',
    'details',
    'reference',
    'narrative',
    'transaction description',
    'payment reference',
    'verwendungszweck',
    'buchungstext',
    'libelle',
    'concepto',
    'descrizione',
    'causale',
    'omschrijving',
    'mededelingen',
    'descricao',
    'tytul',
  ],
  note: ['note', 'notes', 'comment', 'notiz'],
  category: ['category', 'kategorie', 'categoria', 'categorie'],
  tags: ['tags', 'labels'],
  externalId: ['id', 'transaction id', 'external id', 'fitid', 'reference number', 'transaktions-id', 'unique id'],
};

/** The columns that a header names, as far as they can be told. */
export function guessColumns(header: readonly string[]): Columns {
  const columns = { ...NO_COLUMNS };
  if (isExchangeHeader(header)) return { ...columns, ...EXCHANGE_FIELDS };
  const plain = header.map(plainName);
  const taken = new Set<number>();
  for (const field of importFields) {
    for (const name of NAMES[field] ?? []) {
      const index = plain.findIndex((each, place) => each === name && !taken.has(place));
      if (index < 0) continue;
      taken.add(index);
      columns[field] = referenceTo(header, index);
      break;
    }
  }
  // A signed amount is the whole truth; a column for each direction is what there is without it.
  if (columns.amount !== null) return { ...columns, debit: null, credit: null };
  return columns;
}

function plainName(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .toLowerCase()
    .replace(/[_\s]+/g, ' ')
    .trim();
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
    const index = place ? Number(place[1]) - 1 : (header?.indexOf(reference) ?? -1);
    if (index >= 0 && index < width) places[field] = index;
    else missing.push(field);
  }
  return { places, missing };
}
