/** Digits after the point of every ledger amount: DECIMAL(18,8). */
export const MONEY_SCALE = 8;
/** Digits in all of every ledger amount: DECIMAL(18,8). */
export const MONEY_PRECISION = 18;

const MONEY_UNIT = 10n ** BigInt(MONEY_SCALE);
const MONEY_LIMIT = 10n ** BigInt(MONEY_PRECISION);
const DECIMAL_PATTERN = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?$/;

/** A decimal string that is not a number, or has more digits than it may have. */
export class MoneyFormatError extends Error {
  override name = 'MoneyFormatError';
}

/**
 * Parses a decimal string into whole units of 10^-8. Digits that do not fit are refused, never rounded.
 *
 * @throws MoneyFormatError when the text is no plain decimal (`1e5`, `NaN`, `+1`, `01`, `-0` are none), has more than eight digits after the
 * point or more than ten before it.
 * @example parseMoney('12.5') // 1250000000n
 */
export function parseMoney(text: string): bigint {
  const match = text.length <= 64 ? DECIMAL_PATTERN.exec(text) : null;
  if (!match) throw new MoneyFormatError('must be a plain decimal number such as 12.50');
  const [, sign = '', whole = '0', fraction = ''] = match;
  if (fraction.length > MONEY_SCALE)
    throw new MoneyFormatError(`must have at most ${MONEY_SCALE} digits after the point`);
  const units = BigInt(whole) * MONEY_UNIT + BigInt(fraction.padEnd(MONEY_SCALE, '0'));
  if (units >= MONEY_LIMIT)
    throw new MoneyFormatError(`must have at most ${MONEY_PRECISION - MONEY_SCALE} digits before the point`);
  if (sign === '-' && units === 0n) throw new MoneyFormatError('must not be a negative zero');
  return sign === '-' ? -units : units;
}

/** Writes units of 10^-8 as a decimal string with exactly eight digits after the point. */
export function formatMoney(units: bigint): string {
  return formatScaled(units, MONEY_SCALE);
}

/** Writes `units` of 10^-scale as a decimal string with exactly `scale` digits after the point. */
export function formatScaled(units: bigint, scale: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const sign = units < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/**
 * A token amount in base units as decimal text with eight digits after the point, for showing beside money.
 * Banker's rounding (half to even, IEEE 754-2019 §4.3.1 roundTiesToEven) where the token has more digits; the exact figure is the base units.
 *
 * @example tokenAmountText(1500000000000000000n, 18) // '1.50000000'
 */
export function tokenAmountText(baseUnits: bigint, decimals: number): string {
  if (decimals <= MONEY_SCALE) return formatMoney(baseUnits * 10n ** BigInt(MONEY_SCALE - decimals));
  return formatMoney(divideHalfEven(baseUnits, 10n ** BigInt(decimals - MONEY_SCALE)));
}

/** Integer division rounding half to even. `divisor` must be positive. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  if (divisor <= 0n) throw new RangeError('divisor must be positive');
  const negative = dividend < 0n;
  const magnitude = negative ? -dividend : dividend;
  const quotient = magnitude / divisor;
  const twiceRemainder = (magnitude % divisor) * 2n;
  const roundUp = twiceRemainder > divisor || (twiceRemainder === divisor && quotient % 2n === 1n);
  const rounded = roundUp ? quotient + 1n : quotient;
  return negative ? -rounded : rounded;
}
