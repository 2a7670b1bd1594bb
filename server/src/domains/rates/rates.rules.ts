import { type ConversionOut, divideHalfEven, formatScaled, RATE_SCALE, type RateScope } from '@finverse/shared';

/** A rate as it is kept: units of the quote for one of the base. */
export type Rate = {
  base: string;
  quote: string;
  date: string;
  rate: string;
  source: string;
  scope: RateScope;
};

/** Rates by pair of currencies, the newest first, of one day one's own first; and of each currency those that a rate leads to. */
export type RateBook = {
  pairs: ReadonlyMap<string, readonly Rate[]>;
  neighbours: ReadonlyMap<string, ReadonlySet<string>>;
};

/** A way from one currency to another: an amount is multiplied by numerator and divided by denominator. */
export type Conversion = {
  from: string;
  to: string;
  kind: ConversionOut['kind'];
  legs: readonly Leg[];
  numerator: bigint;
  denominator: bigint;
};
type Leg = { rate: Rate; isInverse: boolean };

const RATE_UNIT = 10n ** BigInt(RATE_SCALE);

export function toRateBook(rates: readonly Rate[]): RateBook {
  const pairs = new Map<string, Rate[]>();
  const neighbours = new Map<string, Set<string>>();
  const addNeighbour = (from: string, to: string) => {
    const known = neighbours.get(from);
    if (known) known.add(to);
    else neighbours.set(from, new Set([to]));
  };
  for (const rate of rates) {
    const key = pairOf(rate.base, rate.quote);
    const known = pairs.get(key);
    if (known) known.push(rate);
    else pairs.set(key, [rate]);
    addNeighbour(rate.base, rate.quote);
    addNeighbour(rate.quote, rate.base);
  }
  for (const list of pairs.values()) list.sort(newestFirst);
  return { pairs, neighbours };
}

/** Negative where the first goes before the second: it is newer, or of the same day and one's own where the other is for all. */
function newestFirst(a: Rate, b: Rate): number {
  if (a.date !== b.date) return a.date < b.date ? 1 : -1;
  return a.scope === b.scope ? 0 : a.scope === 'own' ? -1 : 1;
}

function pairOf(base: string, quote: string): string {
  return `${base}/${quote}`;
}

/**
 * How to get from one currency to another on a day: by the newest rate at or before it that is at most so many days old, whichever way round it was entered,
 * or, where there is none, by two such rates over a third currency. Null where there is no way.
 */
export function findConversion(
  book: RateBook,
  { from, to, date, maxAgeDays }: { from: string; to: string; date: string; maxAgeDays: number },
): Conversion | null {
  if (from === to) return { from, to, kind: 'same', legs: [], numerator: 1n, denominator: 1n };
  const window = { since: addDays(date, -maxAgeDays), until: date };
  const straight = findLeg(book, { from, to, ...window });
  if (straight) return conversionOf(from, to, [straight]);
  let best: Leg[] | null = null;
  for (const over of sharedNeighbours(book, from, to)) {
    const first = findLeg(book, { from, to: over, ...window });
    const second = first && findLeg(book, { from: over, to, ...window });
    if (second && (!best || olderOf([first, second]) > olderOf(best))) best = [first, second];
  }
  return best && conversionOf(from, to, best);
}

/** The currencies that rates lead to from both, in the order of their codes, so that the same rates always give the same way. */
function sharedNeighbours({ neighbours }: RateBook, from: string, to: string): string[] {
  const [some, others] = [neighbours.get(from), neighbours.get(to)];
  if (!some || !others) return [];
  const [fewer, more] = some.size < others.size ? [some, others] : [others, some];
  return [...fewer].filter((currency) => more.has(currency)).toSorted();
}

/** The older date of the rates: a way is as good as its older half. */
function olderOf(legs: readonly Leg[]): string {
  return legs.map(({ rate }) => rate.date).reduce((a, b) => (a < b ? a : b));
}

type Way = { from: string; to: string; since: string; until: string };

/** Of the rate and its inverse the newer one; of one day one's own, and of two that are alike in this the rate itself. */
function findLeg(book: RateBook, { from, to, since, until }: Way): Leg | null {
  const direct = newestWithin(book.pairs.get(pairOf(from, to)), { since, until });
  const inverse = newestWithin(book.pairs.get(pairOf(to, from)), { since, until });
  if (direct && (!inverse || newestFirst(direct, inverse) <= 0)) return { rate: direct, isInverse: false };
  return inverse && { rate: inverse, isInverse: true };
}

function newestWithin(
  rates: readonly Rate[] | undefined,
  { since, until }: { since: string; until: string },
): Rate | null {
  if (!rates) return null;
  let [low, high] = [0, rates.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rates[middle]?.date ?? '') > until) low = middle + 1;
    else high = middle;
  }
  const found = rates[low];
  return found && found.date >= since ? found : null;
}

function conversionOf(from: string, to: string, legs: readonly Leg[]): Conversion {
  let [numerator, denominator] = [1n, 1n];
  for (const { rate, isInverse } of legs) {
    const units = rateUnits(rate.rate);
    numerator *= isInverse ? RATE_UNIT : units;
    denominator *= isInverse ? units : RATE_UNIT;
  }
  const kind = legs.length > 1 ? 'cross' : legs[0]?.isInverse ? 'inverse' : 'direct';
  return { from, to, kind, legs, numerator, denominator };
}

function rateUnits(rate: string): bigint {
  const [whole = '0', fraction = ''] = rate.split('.');
  return BigInt(whole + fraction.padEnd(RATE_SCALE, '0'));
}

/** An amount in units of 10^-8, by the exact rates, rounded once: half to even. */
export function convertUnits(units: bigint, { numerator, denominator }: Conversion): bigint {
  return divideHalfEven(units * numerator, denominator);
}

export function toConversionOut({ from, to, kind, legs, numerator, denominator }: Conversion): ConversionOut {
  return {
    from,
    to,
    kind,
    rate: formatScaled(divideHalfEven(numerator * RATE_UNIT, denominator), RATE_SCALE),
    rates: legs.map(({ rate, isInverse }) => ({ ...rate, isInverse })),
  };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** The calendar date so many days later, or earlier. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}
