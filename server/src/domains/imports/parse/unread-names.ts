// What banks call columns that are not read and that a warning speaks of, in lower case without accents.

/** Fees, which may or may not be part of the amount. */
export const FEES = new Set([
  'fee',
  'fees',
  'fee amount',
  'commission',
  'gebuhr',
  'gebuhren',
  'frais',
  'comision',
  'kosten',
]);
/** Amounts of which the fee is taken already. */
export const NETS = new Set(['net', 'netto']);
/** What says whether a row has been booked. */
export const STATES = new Set(['state', 'status', 'transaction status', 'estado', 'stato', 'statut']);
/** What banks write beside what is not booked yet, whatever the column is called. */
export const PENDING = new Set([
  'pending',
  'authorised',
  'authorized',
  'umsatz vorgemerkt',
  'vorgemerkt',
  'en attente',
  'a venir',
  'pendiente',
  'pendente',
  'in attesa',
  'in behandeling',
  'reserverad',
  'reservert',
  'reserveret',
]);
/** Columns that name the account of the file itself, and not that of the other party. */
export const ACCOUNTS = new Set([
  'account',
  'account name',
  'account number',
  'account type',
  'full account name',
  'bank account',
  'iban/bban',
  'auftragskonto',
  'konto',
  'kontonummer',
  'rekening',
  'rekeningnummer',
  'compte',
  'numero de compte',
  'accountnum',
  'cuenta',
  'conto',
  'rachunek',
  '#rachunek',
]);
/** Columns with the name of one party, where another one has that of the other. */
export const PARTIES = new Set([
  'zahlungspflichtige',
  'zahlungspflichtiger',
  'zahlungsempfanger',
  'auftraggeber',
  'empfanger',
  'absender',
  'sender',
  'recipient',
  'from',
  'to',
  'payer',
  'payer name',
  'payee name',
  'remitter',
  'source name',
  'destination name',
  'donneur d’ordre',
  "donneur d'ordre",
  'emetteur',
  'ordenante',
  'ordinante',
  'opdrachtgever',
  'avsandare',
  'mottagare',
  'nadawca',
  'odbiorca',
]);
