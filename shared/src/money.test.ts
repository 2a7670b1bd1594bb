import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divideHalfEven, formatMoney, formatScaled, MoneyFormatError, parseMoney, tokenAmountText } from './money.ts';

const LIMIT = 10n ** 18n;
/** Units of 10^-8 that a ledger amount can hold. */
const units = fc.bigInt({ min: 1n - LIMIT, max: LIMIT - 1n });
const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });

/** The exact value of decimal text as a fraction over a power of ten. */
function toFraction(text: string): { numerator: bigint; denominator: bigint } {
  const [whole = '', fraction = ''] = text.split('.');
  return { numerator: BigInt(whole + fraction), denominator: 10n ** BigInt(fraction.length) };
}

describe('ledger amounts', () => {
  test('every amount survives being written and read', () => {
    fc.assert(
      fc.property(units, (amount) => {
        expect(parseMoney(formatMoney(amount))).toBe(amount);
      }),
    );
  });

  test('what is written has exactly eight digits after the point and no needless ones before it', () => {
    fc.assert(
      fc.property(units, (amount) => {
        expect(formatMoney(amount)).toMatch(/^-?(0|[1-9]\d{0,9})\.\d{8}$/);
      }),
    );
  });

  test('fewer digits after the point mean the same as zeros there', () => {
    fc.assert(
      fc.property(units, (amount) => {
        expect(parseMoney(formatMoney(amount).replace(/\.?0+$/, ''))).toBe(amount);
      }),
    );
  });

  test.each([
    ['0', 0n],
    ['12.5', 1_250_000_000n],
    ['-0.00000001', -1n],
    ['9999999999.99999999', LIMIT - 1n],
    ['-9999999999.99999999', 1n - LIMIT],
  ])('%s is %s units', (text, amount) => {
    expect(parseMoney(text)).toBe(amount);
  });

  test.each([
    '1e5',
    'NaN',
    'Infinity',
    '-0',
    '-0.00',
    '+1',
    '01',
    '-01',
    '00',
    '',
    ' ',
    ' 1',
    '1 ',
    '1\n',
    '.5',
    '5.',
    '-',
    '--1',
    '1.2.3',
    '1,5',
    '1_000',
    '0x10',
    '1n',
    '１',
    '١',
    'null',
  ])('%j is refused, not guessed at', (text) => {
    expect(() => parseMoney(text)).toThrow(MoneyFormatError);
  });

  test('digits that do not fit are refused, never rounded', () => {
    expect(() => parseMoney('0.123456789')).toThrow(/at most 8 digits after the point/);
    expect(() => parseMoney('0.100000000')).toThrow(/at most 8 digits after the point/);
    expect(() => parseMoney('10000000000')).toThrow(/at most 10 digits before the point/);
    expect(() => parseMoney('-10000000000')).toThrow(/at most 10 digits before the point/);
  });

  test('no text whatever is read as another value than it has', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^-?\d{0,12}(\.\d{0,10})?$/));
    fc.assert(
      fc.property(text, (candidate) => {
        let amount: bigint;
        try {
          amount = parseMoney(candidate);
        } catch (error) {
          expect(error).toBeInstanceOf(MoneyFormatError);
          return;
        }
        const { numerator, denominator } = toFraction(candidate);
        expect(amount * denominator).toBe(numerator * 100_000_000n);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(['9', '0.', '-', ' ', '1.1'])('ten megabytes of %j are refused at once', (piece) => {
    const text = piece.repeat(10_000_000 / piece.length);
    // Not the clock on the wall: that goes on while others have the processor.
    const before = process.cpuUsage();
    expect(() => parseMoney(text)).toThrow(MoneyFormatError);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000, 'milliseconds of work').toBeLessThan(100);
  });
});

describe('division rounding half to even', () => {
  test('answers the nearest whole number, and of two equally near ones the even one', () => {
    const dividend = fc.oneof(fc.bigInt({ min: -1000n, max: 1000n }), fc.bigInt());
    const divisor = fc.oneof(fc.bigInt({ min: 1n, max: 50n }), fc.bigInt({ min: 1n }));
    fc.assert(
      fc.property(dividend, divisor, (a, b) => {
        const rounded = divideHalfEven(a, b);
        // Naively, in exact rationals: twice the distance to a/b, as a numerator over b.
        const twiceDistance = (candidate: bigint) => {
          const difference = 2n * (candidate * b - a);
          return difference < 0n ? -difference : difference;
        };
        expect(twiceDistance(rounded) <= b).toBe(true);
        if (twiceDistance(rounded) === b) expect(rounded % 2n).toBe(0n);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    [5n, 2n, 2n],
    [7n, 2n, 4n],
    [-5n, 2n, -2n],
    [-7n, 2n, -4n],
    [1n, 2n, 0n],
    [-1n, 2n, 0n],
    [3n, 2n, 2n],
  ])('%s / %s is %s', (dividend, divisor, quotient) => {
    expect(divideHalfEven(dividend, divisor)).toBe(quotient);
  });

  test('a divisor that is not positive is refused', () => {
    expect(() => divideHalfEven(1n, 0n)).toThrow(RangeError);
    expect(() => divideHalfEven(1n, -1n)).toThrow(RangeError);
  });
});

describe('token amounts as text', () => {
  test('for any decimals the text is the amount rounded half to even at the eighth digit', () => {
    fc.assert(
      fc.property(uint256, fc.integer({ min: 0, max: 36 }), (amount, decimals) => {
        const text = tokenAmountText(amount, decimals);
        expect(text).toMatch(/^(0|[1-9]\d*)\.\d{8}$/);
        const { numerator } = toFraction(text);
        const scaled = amount * 10n ** 8n;
        const unit = 10n ** BigInt(decimals);
        const error = 2n * (numerator * unit - scaled);
        expect(error <= unit && error >= -unit).toBe(true);
        if (error === unit || error === -unit) expect(numerator % 2n).toBe(0n);
      }),
      { numRuns: 500 },
    );
  });

  test('with eight decimals or fewer nothing is rounded', () => {
    fc.assert(
      fc.property(uint256, fc.integer({ min: 0, max: 8 }), (amount, decimals) => {
        const exact = formatScaled(amount, decimals);
        const [whole = '', fraction = ''] = exact.split('.');
        expect(tokenAmountText(amount, decimals)).toBe(`${whole}.${fraction.padEnd(8, '0')}`);
      }),
    );
  });

  test.each([
    [1_500_000_000_000_000_000n, 18, '1.50000000'],
    [5_000_000_000n, 18, '0.00000000'],
    [15_000_000_000n, 18, '0.00000002'],
    [25_000_000_000n, 18, '0.00000002'],
    [1n, 0, '1.00000000'],
    [1n, 36, '0.00000000'],
    [2n ** 256n - 1n, 0, `${2n ** 256n - 1n}.00000000`],
  ])('%s base units of %s decimals are %s', (amount, decimals, text) => {
    expect(tokenAmountText(amount, decimals)).toBe(text);
  });
});
