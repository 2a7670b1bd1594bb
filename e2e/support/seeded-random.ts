/** Chance that can be repeated: the same seed gives the same numbers. */
export type SeededRandom = {
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** True with that probability. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
};

/** The seed of this run: FINVERSE_SEED, or a new one. Printed, so that a failure can be run again. */
export function announceSeed(title: string): number {
  const seed = Number(process.env['FINVERSE_SEED'] ?? Date.now() % 2 ** 31);
  console.log(`${title}: FINVERSE_SEED=${seed} runs this again`);
  return seed;
}

/** Mulberry32, by Tommy Ettinger: small, fast, and good enough to choose moments. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number) => min + Math.floor(fraction() * (max - min + 1));
  return {
    integer,
    chance: (probability) => fraction() < probability,
    pick: (items) => {
      const item = items[integer(0, items.length - 1)];
      if (item === undefined) throw new RangeError('there is nothing to pick from');
      return item;
    },
  };
}
