import { type ConvertedTotalOut, formatMoney, parseMoney } from '@finverse/shared';
import { convertUnits, findConversion, type RateBook, toConversionOut } from './rates.rules.ts';

type Total = { currency: string; assets: string; liabilities: string };

/**
 * Totals of several currencies in one, by the rates of a day: each is converted and rounded by itself, then they are added. A currency without a rate of
 * that day, or of so many days before it, is left out, and named.
 */
export function convertTotals(
  book: RateBook,
  totals: readonly Total[],
  { currency, date, maxAgeDays }: { currency: string; date: string; maxAgeDays: number },
): ConvertedTotalOut {
  const conversions: ConvertedTotalOut['conversions'] = [];
  const leftOut: string[] = [];
  let [assets, liabilities] = [0n, 0n];
  for (const total of totals) {
    const conversion = findConversion(book, {
      from: total.currency,
      to: currency,
      date,
      maxAgeDays,
    });
    if (!conversion) {
      leftOut.push(total.currency);
      continue;
    }
    assets += convertUnits(unitsOf(total.assets), conversion);
    liabilities += convertUnits(unitsOf(total.liabilities), conversion);
    if (conversion.kind !== 'same') conversions.push(toConversionOut(conversion));
  }
  return {
    currency,
    date,
    assets: formatMoney(assets),
    liabilities: formatMoney(liabilities),
    netWorth: formatMoney(assets - liabilities),
    leftOut,
    conversions,
  };
}

/** A sum may have more digits than an amount. */
function unitsOf(text: string): bigint {
  const [whole = '0', fraction = ''] = text.split('.');
  return parseMoney(`0.${fraction || '0'}`) + BigInt(whole) * 10n ** 8n;
}
