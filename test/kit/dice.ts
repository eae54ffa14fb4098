/** Luck with a seed, for simulations: the same seed plays the same. */
export type Dice = {
  /** 0 to 1, 1 excluded. */
  next(): number;
  between(low: number, high: number): number;
  /** Evenly on a logarithmic scale. */
  logBetween(low: number, high: number): number;
  normal(): number;
  exponential(mean: number): number;
  poisson(mean: number): number;
  binomial(count: number, share: number): number;
  chance(share: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
};

/** Mulberry32 by Tommy Ettinger. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const between = (low: number, high: number): number => low + (high - low) * next();
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const poisson = (mean: number): number => {
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const end = Math.exp(-mean);
    let count = 0;
    for (let product = next(); product > end; product *= next()) count += 1;
    return count;
  };
  return {
    next,
    between,
    logBetween: (low, high) => Math.exp(between(Math.log(low), Math.log(high))),
    normal,
    exponential: (mean) => -Math.log(1 - next()) * mean,
    poisson,
    binomial(count, share) {
      const spread = count * share * (1 - share);
      if (spread > 30) return Math.min(count, Math.max(0, Math.round(count * share + Math.sqrt(spread) * normal())));
      let hits = 0;
      for (let at = 0; at < count; at++) if (next() < share) hits += 1;
      return hits;
    },
    chance: (share) => next() < share,
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
  };
}
