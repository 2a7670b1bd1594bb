import { MONEY_PRECISION, MONEY_SCALE } from '@finverse/shared';

export type DecimalSeparator = '.' | ',';

/** What may stand beside the digits and says nothing of the amount: currency signs and codes, spaces, and marks of direction. */
const DECORATION = /[\s\u00a0\u202f\u200e\u200f$€£¥₹₽₺₩₪₫₴₦฿]|[A-Za-z]{3}\b|\b(?:Fr|kr|zł|Kč|Ft|lei)\.?/gu;
const GROUPED = {
  // The last group has three digits: otherwise `12,50` would be read as 1250.
  '.': /^\d{1,3}(?:(?:[,'’]\d{2,3})*[,'’]\d{3})?(?:\.\d*)?$|^\d*\.?\d+$|^\d+\.?$/,
  ',': /^\d{1,3}(?:(?:[.'’]\d{2,3})*[.'’]\d{3})?(?:,\d*)?$|^\d*,?\d+$|^\d+,?$/,
} as const;
const PLAIN = /^-?\d{1,10}(?:\.\d{1,8})?$/;

/** Why a text is no amount. */
export class AmountError extends Error {
  override name = 'AmountError';
}

/**
 * An amount as a bank writes it, in units of 10^-8: grouped or not, with a currency sign, a sign before or behind, or in parentheses for below zero.
 *
 * @throws AmountError where it is no number in that notation, or has more digits than money has; nothing is rounded
 */
export function parseAmount(text: string, separator: DecimalSeparator): bigint {
  if (separator === '.' && PLAIN.test(text)) return plainUnits(text);
  let rest = text.trim().replace(DECORATION, '').replaceAll('\u2212', '-');
  let isNegative = false;
  if (rest.startsWith('(') && rest.endsWith(')')) {
    isNegative = true;
    rest = rest.slice(1, -1);
  } else if (/^[+-]/.test(rest)) {
    isNegative = rest.startsWith('-');
    rest = rest.slice(1);
  } else if (/[+-]$/.test(rest)) {
    isNegative = rest.endsWith('-');
    rest = rest.slice(0, -1);
  }
  if (rest === '' || !GROUPED[separator].test(rest)) {
    throw new AmountError(`is no number such as ${separator === '.' ? '1,234.56' : '1.234,56'}`);
  }
  const [whole = '', fraction = ''] = rest.split(separator);
  const digits = whole.replace(/[^\d]/g, '').replace(/^0+(?=\d)/, '');
  const significant = fraction.replace(/0+$/, '');
  if (significant.length > MONEY_SCALE)
    throw new AmountError(`must have at most ${MONEY_SCALE} digits after the point`);
  if (digits.length > MONEY_PRECISION - MONEY_SCALE)
    throw new AmountError(`must have at most ${MONEY_PRECISION - MONEY_SCALE} digits before the point`);
  const units = BigInt((digits || '0') + significant.padEnd(MONEY_SCALE, '0'));
  return isNegative ? -units : units;
}

function plainUnits(text: string): bigint {
  const point = text.indexOf('.');
  if (point < 0) return BigInt(text) * 100_000_000n;
  const fraction = text.slice(point + 1);
  return BigInt(text.slice(0, point) + fraction.padEnd(MONEY_SCALE, '0'));
}

/** Which of the two separates the fraction in these amounts: the one that stands last where both stand, or before anything but three digits. */
export function detectDecimalSeparator(texts: readonly string[]): {
  separator: DecimalSeparator;
  isAmbiguous: boolean;
} {
  let [points, commas, open] = [0, 0, 0];
  for (const text of texts) {
    const last = Math.max(text.lastIndexOf('.'), text.lastIndexOf(','));
    if (last < 0) continue;
    const mark = text[last];
    const other = mark === '.' ? ',' : '.';
    const digitsAfter = /^\d*/.exec(text.slice(last + 1))?.[0].length ?? 0;
    const isRepeated = text.indexOf(mark as string) !== last;
    if (isRepeated) [points, commas] = mark === '.' ? [points, commas + 1] : [points + 1, commas];
    else if (text.includes(other) || digitsAfter !== 3)
      [points, commas] = mark === '.' ? [points + 1, commas] : [points, commas + 1];
    else open += 1;
  }
  return { separator: commas > points ? ',' : '.', isAmbiguous: points === 0 && commas === 0 && open > 0 };
}
