import type { Units } from '../ledger/index.ts';

/** What a transaction does to one of its accounts. */
export type Side = { accountId: string; amount: Units };

/** Something on a day, counted in days from any one on. */
export type Dated = { day: number; sides: readonly Side[] };

/**
 * Pairs rows with transactions that have a side in common, at most `daysMax` days apart: all pairs of one day first, then all that are a day apart, and so on. So
 * no row and no transaction are left with others, or alone, that are nearer to each other; among those equally near as many are paired as can be, the
 * earlier ones first. A transaction is one row on each of its sides; a row with two sides (a transfer) is one transaction.
 *
 * @returns by row the id of its transaction
 */
export function pairNearest<Row extends Dated>(
  rows: readonly Row[],
  transactions: readonly (Dated & { id: string })[],
  daysMax: number,
): Map<Row, string> {
  const byPlace = new Map<string, string[]>();
  for (const { id, day, sides } of transactions)
    for (const side of sides) {
      const place = placeOf(side, day);
      const others = byPlace.get(place);
      if (others) others.push(id);
      else byPlace.set(place, [id]);
    }
  const taken = new Set<string>();
  const pairs = new Map<Row, string>();
  let left = rows.toSorted((one, other) => one.day - other.day);
  for (let days = 0; days <= daysMax; days += 1)
    left = left.filter((row) => {
      const id = takeAt(row, row.day - days) ?? (days > 0 ? takeAt(row, row.day + days) : null);
      if (id !== null) pairs.set(row, id);
      return id === null;
    });
  return pairs;

  function takeAt({ sides }: Row, day: number): string | null {
    for (const side of sides) {
      const found = byPlace.get(placeOf(side, day));
      for (let id = found?.pop(); id !== undefined; id = found?.pop()) {
        if (taken.has(keyOf(id, side))) continue;
        for (const each of sides) taken.add(keyOf(id, each));
        return id;
      }
    }
    return null;
  }
}

function placeOf({ accountId, amount }: Side, day: number): string {
  return `${accountId} ${amount} ${day}`;
}

/** A transaction on one of its accounts. */
export function keyOf(id: string, { accountId }: Side): string {
  return `${id} ${accountId}`;
}
