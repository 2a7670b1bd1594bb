/** The signs that stand for a currency beside an amount. A sign of several, such as the dollar's, is that of the account where its currency is one of them. */
const SIGNS: Readonly<Record<string, string>> = {
  $: 'USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP UYU DOP JMD TTD BBD BSD BZD BND FJD GYD LRD NAD SBD SRD XCD KYD BMD',
  '€': 'EUR',
  '£': 'GBP EGP FKP GIP LBP SHP SYP SSP',
  '¥': 'JPY CNY',
  '₹': 'INR',
  '₽': 'RUB',
  '₺': 'TRY',
  '₩': 'KRW KPW',
  '₪': 'ILS',
  '₫': 'VND',
  '₴': 'UAH',
  '₦': 'NGN',
  '฿': 'THB',
  '₱': 'PHP',
  '₡': 'CRC',
  '₲': 'PYG',
  '₸': 'KZT',
  '₵': 'GHS',
  '₼': 'AZN',
  '₾': 'GEL',
  US$: 'USD',
  C$: 'CAD',
  CA$: 'CAD',
  A$: 'AUD',
  AU$: 'AUD',
  NZ$: 'NZD',
  S$: 'SGD',
  HK$: 'HKD',
  NT$: 'TWD',
  R$: 'BRL',
  'S/': 'PEN',
  Fr: 'CHF',
  SFr: 'CHF',
  kr: 'SEK NOK DKK ISK',
  zł: 'PLN',
  Kč: 'CZK',
  Ft: 'HUF',
  lei: 'RON MDL',
  R: 'ZAR',
  Rs: 'INR PKR LKR NPR MUR',
  RM: 'MYR',
  Rp: 'IDR',
  元: 'CNY',
  円: 'JPY',
  원: 'KRW',
};

/** What may stand before an amount, and what behind it. */
export type Marks = { before: RegExp; behind: RegExp };

const known = new Map<string, Marks>();

/** What may stand before and behind an amount in this currency: its code and its signs, each with or without a space. */
export function marksOf(currency: string): Marks {
  const before = known.get(currency);
  if (before) return before;
  const signs = Object.keys(SIGNS).filter((sign) => SIGNS[sign]?.split(' ').includes(currency));
  const marks = marksFor([currency, ...signs]);
  known.set(currency, marks);
  return marks;
}

/** The currency of a sign that no other one has; null for any other text. */
export function currencyOfSign(sign: string): string | null {
  const currencies = SIGNS[sign]?.split(' ') ?? [];
  return currencies.length === 1 ? (currencies[0] ?? null) : null;
}

/** Those of any currency, for telling whether a column holds amounts at all. */
export const ANY_MARKS = marksFor(['[A-Za-z]{3}', ...Object.keys(SIGNS)]);

function marksFor(texts: readonly string[]): Marks {
  const any = texts
    .toSorted((one, other) => other.length - one.length)
    .map((text) => (text.startsWith('[') ? text : text.replaceAll('$', String.raw`\$`)))
    .join('|');
  return {
    before: new RegExp(`^(?:${any})\\.?(?!\\p{L}) *`, 'iu'),
    behind: new RegExp(` *(?<!\\p{L})(?:${any})\\.?$`, 'iu'),
  };
}
