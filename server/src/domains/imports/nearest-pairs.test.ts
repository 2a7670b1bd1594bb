import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Dated, pairNearest } from './nearest-pairs.ts';

const DAYS_MAX = 3;
const side = { accountId: 'giro', amount: 5n };
const on = (day: number): Dated => ({ day, sides: [side] });
const place = fc.integer({ min: 0, max: 12 });
const places = fc.array(place, { maxLength: 6 });

/** Pairs rows and transactions of one account and amount, and answers by row the place of its transaction, or null. */
function pair(rows: readonly number[], transactions: readonly number[]): (number | null)[] {
  const dated = rows.map(on);
  const pairs = pairNearest(
    dated,
    transactions.map((day, index) => ({ ...on(day), id: String(index) })),
    DAYS_MAX,
  );
  return dated.map((row) => {
    const id = pairs.get(row);
    return id === undefined ? null : Number(id);
  });
}

/** Every way to pair rows with transactions that are near enough. */
function everyPairing(rows: readonly number[], transactions: readonly number[]): (number | null)[][] {
  const [first, ...others] = rows;
  if (first === undefined) return [[]];
  const near = transactions.flatMap((day, index) => (Math.abs(day - first) <= DAYS_MAX ? [index] : []));
  return [null, ...near].flatMap((taken) =>
    everyPairing(
      others,
      transactions.map((day, index) => (index === taken ? Infinity : day)),
    ).map((rest) => [taken, ...rest]),
  );
}

function distances(pairs: readonly (number | null)[], rows: readonly number[], transactions: readonly number[]) {
  return pairs.map((index, row) =>
    index === null ? Infinity : Math.abs((transactions[index] ?? 0) - (rows[row] ?? 0)),
  );
}

test('no row and no transaction are left that are nearer to each other than to what they are paired with', () => {
  fc.assert(
    fc.property(places, places, (rows, transactions) => {
      const pairs = pair(rows, transactions);
      const taken = pairs.filter((index) => index !== null);
      expect(new Set(taken).size).toBe(taken.length);
      const ofRow = distances(pairs, rows, transactions);
      for (const [row, day] of rows.entries())
        for (const [index, other] of transactions.entries()) {
          const days = Math.abs(other - day);
          if (days > DAYS_MAX) continue;
          const holder = pairs.indexOf(index);
          const ofTransaction = holder < 0 ? Infinity : (ofRow[holder] ?? Infinity);
          expect(days < (ofRow[row] ?? Infinity) && days < ofTransaction).toBe(false);
        }
    }),
    { numRuns: 2000 },
  );
});

test('as many as can be are paired on one day, and then as many as can be a day apart', () => {
  fc.assert(
    fc.property(fc.array(place, { maxLength: 4 }), fc.array(place, { maxLength: 4 }), (rows, transactions) => {
      const counts = (pairs: readonly (number | null)[]) => {
        const days = distances(pairs, rows, transactions);
        return [0, 1].map((each) => days.filter((other) => other === each).length);
      };
      const best = everyPairing(rows, transactions)
        .map(counts)
        .reduce((top, next) =>
          (next[0] ?? 0) * 10 + (next[1] ?? 0) > (top[0] ?? 0) * 10 + (top[1] ?? 0) ? next : top,
        );
      expect(counts(pair(rows, transactions))).toEqual(best);
    }),
    { numRuns: 1000 },
  );
});

test('a row takes no neighbour of a nearer row, wherever it stands in the file', () => {
  expect(pair([4, 6], [6, 2])).toEqual([1, 0]);
  expect(pair([6, 4], [6, 2])).toEqual([0, 1]);
  expect(pair([5, 6], [6])).toEqual([null, 0]);
});

test('a transfer is one row on each side, and a row with two sides is one transfer', () => {
  const [out, into] = [side, { accountId: 'save', amount: -5n }];
  const transfer = { id: 'transfer', day: 1, sides: [out, into] };
  const rows = [out, into, out].map((each) => ({ day: 1, sides: [each] }));
  expect([...pairNearest(rows, [transfer], DAYS_MAX).keys()]).toEqual(rows.slice(0, 2));
  const both = { day: 1, sides: [out, into] };
  expect([...pairNearest([both, ...rows], [transfer], DAYS_MAX)]).toEqual([[both, 'transfer']]);
});
