import { formatMoney, parseMoney } from '@finverse/shared';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countMonths, type MonthlyMove, netWorthByMonth, summarize, totalsOf } from './accounts.rules.ts';

const balance = fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n });
const anyAccount = fc.record({
  type: fc.constantFrom('wallet', 'credit'),
  currency: fc.constantFrom('EUR', 'USD', 'JPY'),
  balance,
});

test('of each currency what is had less what is owed is the sum of its balances, and no other currency counts', () => {
  fc.assert(
    fc.property(fc.array(anyAccount, { maxLength: 20 }), (accounts) => {
      const totals = totalsOf(accounts);
      expect(totals.map(({ currency }) => currency)).toEqual(
        [...new Set(accounts.map((each) => each.currency))].toSorted(),
      );
      for (const { currency, assets, liabilities, netWorth } of totals) {
        const own = accounts.filter((each) => each.currency === currency).map((each) => each.balance);
        const sum = (units: bigint[]) => formatMoney(units.reduce((total, each) => total + each, 0n));
        expect(netWorth).toBe(sum(own));
        expect(assets).toBe(sum(own.filter((each) => each > 0n)));
        expect(liabilities).toBe(sum(own.filter((each) => each < 0n).map((each) => -each)));
      }
      const { groups } = summarize(accounts);
      expect(groups.reduce((count, each) => count + each.accounts, 0)).toBe(accounts.length);
      expect(new Set(groups.map(({ type, currency }) => `${type} ${currency}`)).size).toBe(groups.length);
    }),
  );
});

test('the net worth at the end of a month is everything up to it, in whatever order the moves come', () => {
  const month = fc
    .record({ year: fc.integer({ min: 2024, max: 2026 }), month: fc.integer({ min: 1, max: 12 }) })
    .map((each) => `${each.year}-${String(each.month).padStart(2, '0')}`);
  // An account has one currency.
  const move = fc
    .record({ accountId: fc.constantFrom('a', 'b', 'c'), month, total: fc.bigInt({ min: -1000n, max: 1000n }) })
    .map((each): MonthlyMove => ({ ...each, currency: each.accountId === 'c' ? 'USD' : 'EUR' }));
  fc.assert(
    fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
      const { points } = netWorthByMonth(moves, { from: '2024-06', to: '2026-12' });
      expect(points).toHaveLength(31);
      for (const point of points) {
        const until = moves.filter((each) => each.month <= point.month);
        for (const { currency, netWorth } of point.totals) {
          const own = until.filter((each) => each.currency === currency);
          expect(parseMoney(netWorth)).toBe(own.reduce((sum, { total }) => sum + total, 0n));
        }
        expect(point.totals.map(({ currency }) => currency)).toEqual(
          [...new Set(until.map((each) => each.currency))].toSorted(),
        );
      }
    }),
  );
});

test('months are counted with both ends', () => {
  expect([
    countMonths('2026-02', '2026-02'),
    countMonths('2025-12', '2026-01'),
    countMonths('2026-02', '2026-01'),
  ]).toEqual([1, 2, 0]);
});
