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
    'data operacji',
    '#data operacji',
    'data transakcji',
    'datum zauctovani',
    'datum provedeni',
    'bokforingsdatum',
    'dato',
    'дата',
    'дата операции',
    '取引日',
    '日付',
    '交易时间',
    '交易日期',
  ],
  amount: [
    'amount',
    'transaction amount',
    'betrag',
    'umsatz',
    'importe',
    'montant',
    'importo',
    'bedrag',
    'belopp',
    'valor',
    'kwota',
    '#kwota',
    'castka',
    'сумма',
    'value',
    '金额',
    '金额(元)',
    // What is left of a gross amount when its fee is taken is what moves the balance.
    'net',
    'netto',
    'gross',
    'brutto',
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
    'outflow',
    'withdrawal amount',
    'withdrawal amt',
    'withdrawal amt.',
    'uttag',
    '支払い金額',
    '出金',
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
    'inflow',
    'deposit amount',
    'deposit amt',
    'deposit amt.',
    'insattningar',
    '預かり金額',
    '入金',
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
    '收/支',
  ],
  currency: [
    'currency',
    'waluta',
    'mena',
    'валюта',
    'wahrung',
    'waehrung',
    'devise',
    'moneda',
    'valuta',
    'munt',
    'ccy',
  ],
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
    'auftraggeber/empfaenger',
    'empfanger',
    'empfaenger',
    'zahlungsempfanger',
    'zahlungsempfaenger',
    'name zahlungsbeteiligter',
    'beneficiaire',
    'beneficiario',
    'naam tegenpartij',
    'tegenpartij',
    'naam/omschrijving',
    'nazev protiuctu',
    '交易对方',
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
    // With what a bank of Brazil calls a balance in it.
    'historico',
    'transaction remarks',
    'avisierungstext',
    'opis operacji',
    '#opis operacji',
    'opis transakcji',
    'описание',
    '摘要内容',
    '商品',
    '商品说明',
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
 * The name of a column as {@link COLUMN_NAMES} has it: a plain one without spaces around a stroke, a currency, and the ending of a gender, as in
 * `Auftraggeber / Empfänger`, `Betrag (€)`, `Umsatz in EUR`, `Zahlungsempfänger*in`.
 */
export function columnName(name: string): string {
  return plainName(withoutCurrency(name).rest)
    .replace(/ ?\/ ?/g, '/')
    .replace(/[*:](?:in|r)(?!\p{L})/gu, '')
    .trim();
}

/**
 * The currency that a header names: in brackets or at its end, as in `Amount (USD)`, `Betrag (€)`, `Umsatz in EUR` or `Débit euros`; null where it names none,
 * or a sign that several have.
 */
export function currencyOfName(name: string): string | null {
  return withoutCurrency(name).currency;
}

/** A currency in a name: a sign in brackets, or a code in brackets or behind the rest. */
const CURRENCY = /[([](?<sign>\p{Sc})[)\]]|[([](?<inside>\p{L}{3,5})[)\]]|\s(?:in\s)?(?<behind>\p{L}{3,5})$/iu;
/** What is no word of a language in lower case either, as some codes are. */
const CODES_IN_ANY_CASE = /^(?:eur|usd|gbp)$/i;

function withoutCurrency(name: string): { rest: string; currency: string | null } {
  const found = CURRENCY.exec(name.trim());
  if (!found) return { rest: name, currency: null };
  const { sign, inside, behind } = found.groups ?? {};
  const currency = sign === undefined ? currencyOfWord(inside ?? behind ?? '') : currencyOfSign(sign);
  if (sign === undefined && currency === null) return { rest: name, currency };
  const rest = name.trim().replace(found[0], () => '');
  // Where all letters are large any word may look like a code, as in `AMOUNT ALL`.
  const isAnyWord =
    behind !== undefined && !/\p{Ll}/u.test(rest) && !/\sin\s/i.test(found[0]) && !CODES_IN_ANY_CASE.test(behind);
  return isAnyWord ? { rest: name, currency: null } : { rest, currency };
}

function currencyOfWord(word: string): string | null {
  if (/^euros?$/i.test(word)) return 'EUR';
  const code = CODES_IN_ANY_CASE.test(word) ? word.toUpperCase() : word;
  return currencyCodes.has(code) ? code : null;
}
