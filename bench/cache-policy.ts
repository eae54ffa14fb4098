/**
 * Which eviction policy keeps most of a shop's day in memory: S3-FIFO (the one in
 * src/edge/cache/eviction.ts), SIEVE and LRU
 * on made traces, against the clairvoyant bound that knows every next use. Run: bin/bun bench/cache-policy.ts
 *
 * Traces: pages by popularity (Zipf), the same with crawlers that walk the whole catalogue, and a day on which what is
 * popular changes again and again. The same seed gives the same trace.
 */
import { type Evictable, S3Fifo, usesMax } from "#edge/cache/eviction.ts";

const requests = 600_000;
const objects = 60_000;

type Trace = { readonly name: string; readonly keys: Uint32Array; readonly sizes: Uint32Array };

/** Mulberry32. */
function luck(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function zipf(random: () => number, count: number, skew: number): () => number {
  const sums = new Float64Array(count);
  let total = 0;
  for (let rank = 0; rank < count; rank++) {
    total += 1 / (rank + 1) ** skew;
    sums[rank] = total;
  }
  return () => {
    const wanted = random() * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Pages and pictures: median 8 KB, a long tail, at most 1 MB. */
function sizesOf(random: () => number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(1_048_576, Math.max(200, Math.round(8192 * Math.exp(normal))));
  });
}

function traces(): Trace[] {
  const random = luck(7);
  const sizes = sizesOf(random, objects);
  const popular = zipf(random, objects, 0.9);
  const plain = Uint32Array.from({ length: requests }, popular);

  // A crawler's request comes after every second of a shopper's, in eight walks of the whole catalogue.
  let crawled = 0;
  const scanned = Uint32Array.from({ length: requests }, (_, at) => {
    if (at % 10 >= 4 || Math.floor(at / 75_000) % 2 === 0) return popular();
    crawled += 1;
    return (crawled * 7919) % objects;
  });

  // Every 30,000 requests other objects are the popular ones, as when a drop opens or a mail goes out.
  let shift = 0;
  const shifting = Uint32Array.from({ length: requests }, (_, at) => {
    if (at % 30_000 === 0) shift = Math.floor(random() * objects);
    return (popular() + shift) % objects;
  });
  return [
    { name: "zipf", keys: plain, sizes },
    { name: "zipf + crawlers", keys: scanned, sizes },
    { name: "shifting", keys: shifting, sizes },
  ];
}

/** Least recently used, as most caches have it. */
class Lru implements Policy {
  readonly #order = new Set<Numbered>();
  add(object: Numbered): void {
    this.#order.add(object);
  }
  used(object: Numbered): void {
    this.#order.delete(object);
    this.#order.add(object);
  }
  evict(): Numbered | undefined {
    const oldest = this.#order.values().next().value;
    if (oldest !== undefined) this.#order.delete(oldest);
    return oldest;
  }
}

/**
 * SIEVE (Zhang et al., NSDI '24): one list in the order of arrival, one bit per object that a hit sets, and a hand that walks
 * from old to new, clears the bits it meets and takes the first without one.
 */
class Sieve implements Policy {
  #newest: Numbered | undefined;
  #oldest: Numbered | undefined;
  #hand: Numbered | undefined;

  add(object: Numbered): void {
    object.uses = 0;
    object.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = object;
    else this.#newest.newer = object;
    this.#newest = object;
  }

  used(object: Numbered): void {
    object.uses = 1;
  }

  evict(): Numbered | undefined {
    let object = this.#hand ?? this.#oldest;
    while (object !== undefined && object.uses > 0) {
      object.uses = 0;
      object = (object.newer as Numbered | undefined) ?? this.#oldest;
    }
    if (object === undefined) return undefined;
    const newer = object.newer as Numbered | undefined;
    const older = object.older as Numbered | undefined;
    this.#hand = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    return object;
  }
}

/** The one in src. */
class Chosen implements Policy {
  readonly #policy: S3Fifo;
  constructor(bytesMax: number) {
    this.#policy = new S3Fifo(bytesMax);
  }
  add(object: Numbered): void {
    this.#policy.add(object);
  }
  used(object: Numbered): void {
    if (object.uses < usesMax) object.uses += 1;
  }
  evict(): Numbered | undefined {
    return this.#policy.evict() as Numbered | undefined;
  }
}

type Numbered = Evictable & { readonly id: number };

const numbered = (id: number, bytes: number): Numbered => ({
  id,
  bytes,
  uses: 0,
  hash: id,
  queue: undefined,
  newer: undefined,
  older: undefined,
});

type Policy = { add(object: Numbered): void; used(object: Numbered): void; evict(): Numbered | undefined };

const policies: Readonly<Record<string, (bytesMax: number) => Policy>> = {
  lru: () => new Lru(),
  sieve: () => new Sieve(),
  s3fifo: (bytesMax) => new Chosen(bytesMax),
};

type Outcome = { readonly hits: number; readonly bytes: number; readonly ns: number };

function run(trace: Trace, bytesMax: number, policy: Policy): Outcome {
  const kept = new Map<number, Numbered>();
  let used = 0;
  let hits = 0;
  let hitBytes = 0;
  let allBytes = 0;
  const startedAt = Bun.nanoseconds();
  for (const key of trace.keys) {
    const size = trace.sizes[key] ?? 0;
    allBytes += size;
    const found = kept.get(key);
    if (found !== undefined) {
      hits += 1;
      hitBytes += size;
      policy.used(found);
      continue;
    }
    if (size > bytesMax) continue;
    while (used + size > bytesMax) {
      const victim = policy.evict();
      if (victim === undefined) break;
      kept.delete(victim.id);
      used -= victim.bytes;
    }
    const object = numbered(key, size);
    policy.add(object);
    kept.set(key, object);
    used += size;
  }
  return {
    hits: hits / trace.keys.length,
    bytes: hitBytes / allBytes,
    ns: (Bun.nanoseconds() - startedAt) / trace.keys.length,
  };
}

/** Keeps what is used again soonest; an object that comes back later than all others is not taken at all. */
function clairvoyant(trace: Trace, bytesMax: number): Outcome {
  const count = trace.keys.length;
  const nextUse = new Uint32Array(count);
  const seen = new Map<number, number>();
  for (let at = count - 1; at >= 0; at--) {
    const key = trace.keys[at] ?? 0;
    nextUse[at] = seen.get(key) ?? count;
    seen.set(key, at);
  }
  // A heap of (next use, key), latest first; entries that are no longer true are passed over.
  const heap: [number, number][] = [];
  const push = (entry: [number, number]) => {
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent]?.[0] ?? 0) >= entry[0]) break;
      heap[at] = heap[parent] ?? entry;
      at = parent;
    }
    heap[at] = entry;
  };
  const pop = (): [number, number] | undefined => {
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1]?.[0] ?? -1) > (heap[child]?.[0] ?? -1)) child += 1;
      if ((heap[child]?.[0] ?? -1) <= last[0]) break;
      heap[at] = heap[child] ?? last;
      at = child;
    }
    heap[at] = last;
    return top;
  };
  const kept = new Map<number, number>();
  let used = 0;
  let hits = 0;
  let hitBytes = 0;
  let allBytes = 0;
  for (let at = 0; at < count; at++) {
    const key = trace.keys[at] ?? 0;
    const size = trace.sizes[key] ?? 0;
    const next = nextUse[at] ?? count;
    allBytes += size;
    if (kept.has(key)) {
      hits += 1;
      hitBytes += size;
    } else used += size;
    kept.set(key, next);
    push([next, key]);
    while (used > bytesMax) {
      const latest = pop();
      if (latest === undefined) break;
      if (kept.get(latest[1]) !== latest[0]) continue;
      kept.delete(latest[1]);
      used -= trace.sizes[latest[1]] ?? 0;
    }
  }
  return { hits: hits / count, bytes: hitBytes / allBytes, ns: 0 };
}

const percent = (share: number): string => (share * 100).toFixed(2);
const rows: Record<string, string | number>[] = [];
const summary: Record<string, Record<string, number>> = {};
for (const trace of traces()) {
  const total = trace.sizes.reduce((sum, size) => sum + size, 0);
  for (const share of [0.01, 0.05, 0.2]) {
    const bytesMax = Math.round(total * share);
    const row: Record<string, string | number> = { trace: trace.name, "memory %": share * 100 };
    const result: Record<string, number> = {};
    for (const [name, make] of Object.entries(policies)) {
      const outcome = run(trace, bytesMax, make(bytesMax));
      row[`${name} hits %`] = percent(outcome.hits);
      row[`${name} ns`] = Math.round(outcome.ns);
      result[name] = Number(percent(outcome.hits));
    }
    const bound = clairvoyant(trace, bytesMax);
    row["bound %"] = percent(bound.hits);
    result.bound = Number(percent(bound.hits));
    rows.push(row);
    summary[`${trace.name} ${share * 100}%`] = result;
  }
}
console.table(rows);
console.log(JSON.stringify({ bench: "cache-policy", requests, objects, hitsPercent: summary }));
