import { z } from 'zod';

/** The active codes of ISO 4217 for money that people hold (its list one, without test codes, metals and bond units), as of 2026. */
const CODES =
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ' +
  'ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR ' +
  'LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD ' +
  'SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ' +
  'ZAR ZMW ZWG';

/** Every currency that an account can have. */
export const currencyCodes: ReadonlySet<string> = new Set(CODES.split(' '));

/** A currency: three capital letters of ISO 4217. */
export const currencySchema = z
  .string()
  .max(3)
  .refine((code) => currencyCodes.has(code), 'must be a currency code of ISO 4217, such as EUR')
  .meta({ description: 'ISO 4217, three capital letters', examples: ['EUR'] });

/** The minor units of ISO 4217 that are not hundredths: digits after the point. */
const MINOR_DIGITS = new Map([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0] as const),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3] as const),
]);

/**
 * Digits after the point of the amounts that a bank books in the currency, by ISO 4217. `Intl` is not asked: it answers how amounts are shown, which for a few
 * currencies is something else and differs between its versions.
 */
export function minorDigits(currency: string): number {
  return MINOR_DIGITS.get(currency) ?? 2;
}
