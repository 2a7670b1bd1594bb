import { formatScaled, parseMoney } from '@finverse/shared';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { addDays, convertUnits, findConversion, type Rate, toConversionOut, toRateBook } from './rates.rules.ts';
import { convertTotals } from './rates.totals.ts';

const rate = (pair: string, date: string, text: string, fields: Partial<Rate> = {}): Rate => {
  const [base = '', quote = ''] = pair.split('/');
  return { base, quote, date, rate: text, source: 'manual', scope: 'own', ...fields };
};
const find = (rates: Rate[], from: string, to: string, date: string, maxAgeDays = 7) =>
  findConversion(toRateBook(rates), { from, to, date, maxAgeDays });

test('the newest rate at or before the day counts, and only within the stated number of days', () => {
  const rates = [
    rate('EUR/USD', '2026-02-27', '1.1'),
    rate('EUR/USD', '2026-02-20', '1.2'),
    rate('EUR/USD', '2026-03-02', '9'),
  ];
  expect(find(rates, 'EUR', 'USD', '2026-03-01')?.legs[0]?.rate.date).toBe('2026-02-27');
  expect(find(rates, 'EUR', 'USD', '2026-02-27')?.legs[0]?.rate.date).toBe('2026-02-27');
  expect(find(rates, 'EUR', 'USD', '2026-02-26')?.legs[0]?.rate.date).toBe('2026-02-20');
  expect(find(rates, 'EUR', 'USD', '2026-02-19')).toBeNull();
  expect(find([rates[1] as Rate], 'EUR', 'USD', '2026-02-27', 7)?.kind).toBe('direct');
  expect(find([rates[1] as Rate], 'EUR', 'USD', '2026-02-28', 7)).toBeNull();
  expect(find(rates, 'EUR', 'USD', '2026-02-28', 0)).toBeNull();
});

test('of one day one’s own rate goes before the one for all; a newer one for all goes before an older own', () => {
  const own = rate('EUR/USD', '2026-02-02', '1.1');
  const all = rate('EUR/USD', '2026-02-02', '1.2', { scope: 'all' });
  expect(find([all, own], 'EUR', 'USD', '2026-02-03')?.legs[0]?.rate.rate).toBe('1.1');
  expect(find([{ ...all, date: '2026-02-03' }, own], 'EUR', 'USD', '2026-02-03')?.legs[0]?.rate.rate).toBe('1.2');
});

test('of one day one’s own goes before the one for all, whichever way round each was entered', () => {
  const all = rate('EUR/USD', '2026-02-02', '1.1', { scope: 'all' });
  const own = rate('USD/EUR', '2026-02-02', '0.5');
  for (const [from, to, kind] of [
    ['EUR', 'USD', 'inverse'],
    ['USD', 'EUR', 'direct'],
  ] as const) {
    const found = find([all, own], from, to, '2026-02-03');
    expect(found && toConversionOut(found)).toMatchObject({ kind, rates: [{ rate: '0.5', scope: 'own' }] });
  }
  expect(find([{ ...all, date: '2026-02-03' }, own], 'EUR', 'USD', '2026-02-03')?.legs[0]?.rate.rate).toBe('1.1');
  expect(find([rate('EUR/USD', '2026-02-02', '2'), own], 'EUR', 'USD', '2026-02-03')?.kind).toBe('direct');
  expect(find([all, { ...own, scope: 'all' }], 'USD', 'EUR', '2026-02-03')?.kind).toBe('direct');
});

test('an inverse rate is divided by, a cross goes over a third currency, and each names its rates', () => {
  const rates = [rate('EUR/USD', '2026-02-02', '1.25'), rate('EUR/GBP', '2026-02-01', '0.8')];
  const inverse = find(rates, 'USD', 'EUR', '2026-02-03');
  expect(inverse && convertUnits(parseMoney('10'), inverse)).toBe(parseMoney('8'));
  const cross = find(rates, 'USD', 'GBP', '2026-02-03');
  expect(cross && toConversionOut(cross)).toEqual({
    from: 'USD',
    to: 'GBP',
    kind: 'cross',
    rate: '0.640000000000',
    rates: [
      { ...rates[0], isInverse: true },
      { ...rates[1], isInverse: false },
    ],
  });
});

test('a straight rate goes before a cross, and of several crosses the one whose older rate is the newest', () => {
  const rates = [
    rate('EUR/USD', '2026-02-02', '2'),
    rate('EUR/GBP', '2026-01-31', '1'),
    rate('CHF/USD', '2026-02-01', '3'),
    rate('CHF/GBP', '2026-02-01', '1'),
  ];
  expect(find(rates, 'GBP', 'USD', '2026-02-03')?.legs.map((leg) => leg.rate.base)).toEqual(['CHF', 'CHF']);
  expect(find([...rates, rate('USD/GBP', '2026-01-29', '7')], 'GBP', 'USD', '2026-02-03')?.kind).toBe('inverse');
});

test('only currencies that both lead to are tried as the third one, however many others there are rates of', () => {
  const codes = Array.from({ length: 150 }, (_, index) => `C${String(index).padStart(2, '0')}`);
  // All of them lead to all others, and one to USD; nothing but EUR to GBP.
  const rates = codes.flatMap((base, index) =>
    codes.slice(index + 1).map((quote) => rate(`${base}/${quote}`, '2026-02-02', '2')),
  );
  const book = toRateBook([...rates, rate('C07/USD', '2026-02-02', '3'), rate('GBP/EUR', '2026-02-02', '4')]);
  const lookups = vi.spyOn(book.pairs as Map<string, Rate[]>, 'get');
  const between = (from: string, to: string) =>
    findConversion(book, { from, to, date: '2026-02-03', maxAgeDays: 7 })?.legs.map((leg) => leg.rate.rate);
  expect(between('USD', 'C50')).toEqual(['3', '2']);
  expect(between('C50', 'USD')).toEqual(['2', '3']);
  expect(between('EUR', 'USD')).toBeUndefined();
  expect(between('C50', 'EUR')).toBeUndefined();
  expect(lookups.mock.calls.length).toBeLessThan(50);
});

test('a conversion is exact and rounded once, half to even: never off by more than half a unit of 10^-8', () => {
  const units = fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n });
  const rateUnits = fc.bigInt({ min: 1n, max: 10n ** 22n - 1n });
  fc.assert(
    fc.property(units, rateUnits, rateUnits, (amount, first, second) => {
      const rates = [
        rate('EUR/USD', '2026-02-02', formatScaled(first, 12)),
        rate('EUR/GBP', '2026-02-02', formatScaled(second, 12)),
      ];
      const cross = find(rates, 'USD', 'GBP', '2026-02-02');
      if (!cross) throw new Error('there is a way');
      // converted / amount = second / first, so twice the error is at most `first`.
      const converted = convertUnits(amount, cross);
      const error = 2n * (converted * first - amount * second);
      expect(error <= first && error >= -first).toBe(true);
      if (error === first || error === -first) expect(converted % 2n).toBe(0n);
    }),
  );
});

test('what floats get wrong is right here', () => {
  const book = [rate('EUR/USD', '2026-02-02', '1.005')];
  const conversion = find(book, 'EUR', 'USD', '2026-02-02');
  expect(conversion && convertUnits(parseMoney('9999999999.12345678'), conversion)).toBe(1004999999911907406n);
  const half = find([rate('EUR/USD', '2026-02-02', '0.5')], 'EUR', 'USD', '2026-02-02');
  expect(half && [1n, 3n, -1n, -3n].map((units) => convertUnits(units, half))).toEqual([0n, 2n, 0n, -2n]);
});

test('totals without a rate are left out by name, and are in no sum', () => {
  const totals = [
    { currency: 'EUR', assets: '10.00000000', liabilities: '1.00000000' },
    { currency: 'JPY', assets: '5000.00000000', liabilities: '0.00000000' },
    { currency: 'USD', assets: '12.50000000', liabilities: '2.50000000' },
  ];
  const book = toRateBook([rate('EUR/USD', '2026-02-02', '1.25'), rate('EUR/JPY', '2026-01-01', '160')]);
  expect(convertTotals(book, totals, { currency: 'EUR', date: '2026-02-03', maxAgeDays: 7 })).toMatchObject({
    assets: '20.00000000',
    liabilities: '3.00000000',
    netWorth: '17.00000000',
    leftOut: ['JPY'],
    conversions: [{ from: 'USD', kind: 'inverse', rates: [{ date: '2026-02-02' }] }],
  });
  expect(convertTotals(book, totals, { currency: 'EUR', date: '2026-02-03', maxAgeDays: 33 }).leftOut).toEqual([]);
});

test('days are counted by the calendar, over leap days and changes of summer time', () => {
  expect(addDays('2024-03-01', -1)).toBe('2024-02-29');
  expect(addDays('2026-03-30', -2)).toBe('2026-03-28');
  expect(addDays('2025-12-31', 1)).toBe('2026-01-01');
});
