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
