import { MONEY_PRECISION, MONEY_SCALE } from '@finverse/shared';
import { ANY_MARKS, type Marks, marksOf } from './currency-marks.ts';

export type DecimalSeparator = '.' | ',';

/** Digits with a fraction, in groups of three (or, with commas, as in India) by one mark throughout, or in none. A group never follows a lone zero, and a
 * mark for the fraction never stands without one: the dash of `12.-` is no minus. */
const NUMBER = {
  '.': /^[1-9]\d{0,2}([,' ])\d{3}(?:\1\d{3})*(?:\.\d+)?$|^[1-9]\d?(?:,\d{2})*,\d{3}(?:\.\d+)?$|^\d*\.?\d+$/,
  ',': /^[1-9]\d{0,2}([.' ])\d{3}(?:\1\d{3})*(?:,\d+)?$|^\d*,?\d+$/,
} as const;
const PLAIN = /^-?\d{1,10}(?:\.\d{1,8})?$/;
/** The longest text that is looked at: the digits of money, grouped, with what may stand beside them. */
const CHARACTERS_MAX = 60;

/** Why a text is no amount. */
export class AmountError extends Error {
  override name = 'AmountError';
}

type Reading = {
  /** The currency of the amount, whose code and signs may stand beside it; null where none may. */
  currency: string | null;
  /** Whether what is spent stands above zero. What says CR or DR itself is not turned round. */
  isInverted?: boolean;
};

/**
 * An amount as a bank writes it, in units of 10^-8: grouped or not, with the currency's code or sign, a sign before or behind, in parentheses for below zero,
 * or with CR (above) or DR (below) behind it.
 *
 * @throws AmountError where it is no number in that notation, where anything else stands beside it (another currency, a word), or where it has more
 * digits than money has; nothing is rounded, and nothing is left out
 */
export function parseAmount(
  text: string,
  separator: DecimalSeparator,
  { currency, isInverted = false }: Reading,
): bigint {
  if (separator === '.' && PLAIN.test(text)) return isInverted ? -plainUnits(text) : plainUnits(text);
  const { number, sign, isSaid } = withoutSigns(text, currency === null ? null : marksOf(currency));
  if (!NUMBER[separator].test(number)) {
    const what = `is no number such as ${separator === '.' ? '1,234.56' : '1.234,56'}`;
    const beside = currency === null ? 'nothing' : `only ${currency} or its sign`;
    throw new AmountError(/[\p{L}\p{Sc}]/u.test(number) ? `${what}: ${beside} may stand beside it` : what);
  }
  const [whole = '', fraction = ''] = number.split(separator);
  const digits = whole.replace(/[^\d]/g, '').replace(/^0+(?=\d)/, '');
  const significant = fraction.replace(/0+$/, '');
  if (significant.length > MONEY_SCALE)
    throw new AmountError(`must have at most ${MONEY_SCALE} digits after the point`);
  if (digits.length > MONEY_PRECISION - MONEY_SCALE)
    throw new AmountError(`must have at most ${MONEY_PRECISION - MONEY_SCALE} digits before the point`);
  const units = BigInt((digits || '0') + significant.padEnd(MONEY_SCALE, '0'));
  const isBelow = isInverted && !isSaid ? sign !== '-' : sign === '-';
  return isBelow ? -units : units;
}

/** The number between its signs, and what they say. `isSaid`: CR or DR says it. */
function withoutSigns(text: string, marks: Marks | null): { number: string; sign: '' | '+' | '-'; isSaid: boolean } {
  const plain = plainText(text);
  const said = /(?<!\p{L})(CR|DR)\.?$/iu.exec(plain);
  let rest = withoutMarks(said ? plain.slice(0, said.index).trim() : plain, marks);
  let sign: '' | '+' | '-' = '';
  if (rest.startsWith('(') && rest.endsWith(')')) [sign, rest] = ['-', rest.slice(1, -1)];
  else if (/^[+-]/.test(rest)) [sign, rest] = [rest.startsWith('-') ? '-' : '+', rest.slice(1)];
  else if (/[+-]$/.test(rest)) [sign, rest] = [rest.endsWith('-') ? '-' : '+', rest.slice(0, -1)];
  if (said && sign !== '') throw new AmountError('has a sign and CR or DR');
  if (said) sign = said[1]?.toUpperCase() === 'CR' ? '+' : '-';
  return { number: withoutMarks(rest.trim(), marks), sign, isSaid: said !== null };
}

/** Spaces, minus signs and apostrophes of every kind as the plain ones, without marks of writing direction. */
function plainText(text: string): string {
  if (text.length > CHARACTERS_MAX) throw new AmountError(`must have at most ${CHARACTERS_MAX} characters`);
  return text
    .replace(/[\u200e\u200f\u061c]/g, '')
    .replace(/[\s\u00a0\u2009\u202f]/g, ' ')
    .replace(/[\u2212\u2010\u2011\u2013]/g, '-')
    .replaceAll('’', "'")
    .trim();
}

function withoutMarks(text: string, marks: Marks | null): string {
  return marks === null ? text : text.replace(marks.before, '').replace(marks.behind, '');
}

function plainUnits(text: string): bigint {
  const point = text.indexOf('.');
  if (point < 0) return BigInt(text) * 100_000_000n;
  const fraction = text.slice(point + 1);
  return BigInt(text.slice(0, point) + fraction.padEnd(MONEY_SCALE, '0'));
}

/** What a text says that would be an amount in some currency and notation; null for one that would not. For finding columns, never for a figure. */
export function glanceAtAmount(text: string): { isBelowZero: boolean; isZero: boolean; hasFraction: boolean } | null {
  if (!/\d/.test(text)) return null;
  try {
    const { sign, number } = withoutSigns(text, ANY_MARKS);
    if (!NUMBER['.'].test(number) && !NUMBER[','].test(number)) return null;
    return { isBelowZero: sign === '-', isZero: !/[1-9]/.test(number), hasFraction: /[.,]\d{1,2}$/.test(number) };
  } catch (error) {
    if (error instanceof AmountError) return null;
    throw error;
  }
}

/**
 * Which of the two separates the fraction in these amounts: the one that stands last where both stand, behind a lone zero or more than three digits, or before
 * anything but three digits. `isTold`: whether any of the amounts says so; `isAmbiguous`: whether any would be another one if it were the other, such as the
 * `example`.
 *
 * Where every amount has one and the same mark before three digits, it groups thousands if one of them has more digits behind it than `fractionDigits` of the
 * currency (null: not known). If zeros alone would be too many, as in `12.340`, a bank may have padded a fraction; of a currency that has none, nobody does.
 */
export function detectDecimalSeparator(
  texts: readonly string[],
  fractionDigits: number | null,
): {
  separator: DecimalSeparator;
  isTold: boolean;
  isAmbiguous: boolean;
  example: string | null;
} {
  let [points, commas] = [0, 0];
  /** What may be read in two ways, with the three digits behind its mark. */
  const open: Record<DecimalSeparator, { text: string; digits: string }[]> = { '.': [], ',': [] };
  for (const text of texts) {
    // What stands beside the number may have a point of its own, such as `Rs. 500`.
    const number = /(?:(?<!\p{L})[.,])?\d[\d.,]*/u.exec(text.replace(/[\s\u00a0\u2009\u202f'’]/g, ''))?.[0] ?? '';
    const last = Math.max(number.lastIndexOf('.'), number.lastIndexOf(','));
    if (last < 0) continue;
    const mark = number[last] === '.' ? '.' : ',';
    const other = mark === '.' ? ',' : '.';
    const isRepeated = number.indexOf(mark) !== last;
    if (isRepeated) [points, commas] = mark === '.' ? [points, commas + 1] : [points + 1, commas];
    else if (number.includes(other) || number.length - last - 1 !== 3 || last > 3 || /^0?[.,]/.test(number))
      [points, commas] = mark === '.' ? [points + 1, commas] : [points, commas + 1];
    else open[mark].push({ text, digits: number.slice(last + 1) });
  }
  const isTold = points > 0 || commas > 0;
  const example = isTold ? null : ((open['.'][0] ?? open[','][0])?.text ?? null);
  // Beside whole yen an amount without a mark says nothing; beside cents it may be what has none.
  const openCount = fractionDigits === 0 ? open['.'].length + open[','].length : texts.length;
  const grouping = (['.', ','] as const).find((mark) => open[mark].length === openCount);
  if (example !== null && grouping && fractionDigits !== null && fractionDigits < 3) {
    const isPadded = open[grouping].every(({ digits }) => !/[1-9]/.test(digits.slice(fractionDigits)));
    if (isPadded && fractionDigits > 0) return { separator: grouping, isTold, isAmbiguous: true, example };
    return { separator: grouping === '.' ? ',' : '.', isTold, isAmbiguous: false, example: null };
  }
  return { separator: commas > points ? ',' : '.', isTold, isAmbiguous: example !== null, example };
}
