/** What the cache counts of itself, for whoever watches it: one set of numbers that each part of it adds to. */

export type Counts = {
  hits: number;
  staleHits: number;
  misses: number;
  revalidated: number;
  collapsed: number;
  passed: number;
  refreshes: number;
};

export type CacheStats = Readonly<Counts> & {
  readonly bytes: number;
  readonly bytesMax: number;
  readonly objects: number;
  readonly evictions: number;
  readonly compressed: number;
  readonly flights: number;
};

export const noCounts = (): Counts => ({
  hits: 0,
  staleHits: 0,
  misses: 0,
  revalidated: 0,
  collapsed: 0,
  passed: 0,
  refreshes: 0,
});
