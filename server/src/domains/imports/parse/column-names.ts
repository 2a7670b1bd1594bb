import { currencyCodes, type ImportField } from '@finverse/shared';
import { currencyOfSign } from './currency-marks.ts';

/** What banks call their columns, in lower case without accents; the first one that a header has is taken. */
export const COLUMN_NAMES: Partial<Record<ImportField, readonly string[]>> = {
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
    'belastung',
    'lastschrift',
    'debit euros',
    'debito',
    'cargo',
    'out',
  ],
  credit: [
    'credit',
    'credit amount',
    'deposit',
    'deposits',
    'paid in',
    'money in',
    'haben',
    'gutschrift',
    'credit euros',
    'credito',
    'abono',
    'in',
  ],
  // Taken only where every cell says that money goes or comes.
  kind: [
    'kind',
    'type',
    'transaction type',
    'direction',
    'debit/credit',
    'credit/debit',
    'debit or credit',
    'credit or debit',
    'debit credit',
    'debit/credit indicator',
    'credit/debit indicator',
    'credit debit indicator',
    'dr/cr',
    'cr/dr',
    'd/c',
    'c/d',
    'af bij',
    'af/bij',
    'bij/af',
    'debet/credit',
    's/h',
    'soll/haben',
    'soll-/haben-kennung',
    'soll/haben-kennzeichen',
    'soll-haben-kennzeichen',
    'sens',
    'type operation',
    'cargo/abono',
    'debe/haber',
    'tipo',
    'tipo movimiento',
    'dare/avere',
    'segno',
    'sign',
  ],
  currency: ['currency', 'wahrung', 'waehrung', 'devise', 'moneda', 'valuta', 'munt', 'ccy'],
  payee: [
    'payee',
    'partner name',
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
    'naam/omschrijving',
  ],
  description: [
    'description',
    'memo',
    'details',
    'reference',
    'narrative',
    'narration',
    'particulars',
    'transaction description',
    'payment reference',
    'verwendungszweck',
    'buchungstext',
    'beschreibung',
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
  externalId: ['id', 'transaction id', 'external id', 'fitid', 'transaktions-id', 'unique id'],
};

/** A name or word as it is compared: in lower case, without accents, and with single spaces. */
export function plainName(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .toLowerCase()
    .replace(/[_\s]+/g, ' ')
    .trim();
}

/**
 * The name of a column as {@link COLUMN_NAMES} has it: a plain one without spaces around a stroke, a currency's code at its end or sign in brackets, and the ending
 * of a gender, as in `Auftraggeber / Empfänger`, `Betrag in EUR`, `Betrag (€)`, `Zahlungsempfänger*in`.
 */
export function columnName(name: string): string {
  const code = codeAtEnd(name);
  return plainName(code === null ? name : name.trim().slice(0, -code.length).replace(/ in $/, ''))
    .replace(/ ?\/ ?/g, '/')
    .replace(/[([]\p{Sc}[)\]]/gu, '')
    .replace(/[*:](?:in|r)(?!\p{L})/gu, '')
    .trim();
}

/** The currency that a header names, as in `Amount (USD)`, `Betrag in EUR`, `Belastung CHF` or `Betrag (€)`; null where it names none, or a sign that several have. */
export function currencyOfName(name: string): string | null {
  const sign = /[([](\p{Sc})[)\]]/u.exec(name)?.[1];
  if (sign !== undefined) return currencyOfSign(sign);
  const code = /[([]([A-Z]{3})[)\]]/.exec(name)?.[1];
  return code !== undefined && currencyCodes.has(code) ? code : codeAtEnd(name);
}

/** The code of a currency behind a name or `in`. Where all letters are large any word may look like one. */
function codeAtEnd(name: string): string | null {
  const code = /(?:\p{Ll}| in) ([A-Z]{3})$/u.exec(name.trim())?.[1];
  return code !== undefined && currencyCodes.has(code) ? code : null;
}
