/**
 * Which object goes when memory is short: S3-FIFO (Yang et al., SOSP '23). Newcomers wait in a small queue, a tenth of the
 * memory; those that are asked for again move on to the main queue, the others leave and are remembered for a while by a
 * hash, so that one that comes back goes to the main queue at once. A hit writes one number; a crawler's walk passes through
 * the small queue. Why this one, with figures: docs/decisions/2026-11-23-cache-eviction.md.
 */

/** What an object carries to be in a policy's lists. */
export type Evictable = {
  bytes: number;
  /** Raised by every hit, to `usesMax` at most. */
  uses: number;
  /** Names it among those that have left. */
  readonly hash: number;
  queue: Queue | undefined;
  newer: Evictable | undefined;
  older: Evictable | undefined;
};

export interface EvictionPolicy {
  add(object: Evictable): void;
  /** Takes out one that is no longer wanted; nothing when it is out already. */
  remove(object: Evictable): void;
  /** It became larger where it is. */
  grow(object: Evictable, bytes: number): void;
  /** Takes out the next to go; undefined when there is none. */
  evict(): Evictable | undefined;
}

export const usesMax = 3;
const smallShare = 0.1;
/** As many who left are remembered as objects of this size fit. */
const ghostForBytes = 8192;
const ghostsMin = 128;
const ghostsMax = 1 << 18;

/** FNV-1a, 32 bits: cheap, and a rare collision only gives a newcomer a better place. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** First in, first out, with removal from anywhere. */
class Queue {
  newest: Evictable | undefined;
  oldest: Evictable | undefined;
  bytes = 0;
  length = 0;

  push(object: Evictable): void {
    object.queue = this;
    object.older = this.newest;
    object.newer = undefined;
    if (this.newest === undefined) this.oldest = object;
    else this.newest.newer = object;
    this.newest = object;
    this.bytes += object.bytes;
    this.length += 1;
  }

  remove(object: Evictable): void {
    if (object.newer === undefined) this.newest = object.older;
    else object.newer.older = object.older;
    if (object.older === undefined) this.oldest = object.newer;
    else object.older.newer = object.newer;
    object.newer = undefined;
    object.older = undefined;
    object.queue = undefined;
    this.bytes -= object.bytes;
    this.length -= 1;
  }
}

export class S3Fifo implements EvictionPolicy {
  readonly #small = new Queue();
  readonly #main = new Queue();
  readonly #smallMax: number;
  readonly #ghosts = new Set<number>();
  /** The same in the order they left, round and round. */
  readonly #leavers: Uint32Array;
  #leaver = 0;

  constructor(bytesMax: number) {
    this.#smallMax = bytesMax * smallShare;
    this.#leavers = new Uint32Array(Math.min(ghostsMax, Math.max(ghostsMin, Math.ceil(bytesMax / ghostForBytes))));
  }

  add(object: Evictable): void {
    object.uses = 0;
    if (this.#ghosts.delete(object.hash)) this.#main.push(object);
    else this.#small.push(object);
  }

  remove(object: Evictable): void {
    object.queue?.remove(object);
  }

  grow(object: Evictable, bytes: number): void {
    object.bytes += bytes;
    if (object.queue !== undefined) object.queue.bytes += bytes;
  }

  /** Ends: each turn takes one out, or moves it on, or lowers its uses. */
  evict(): Evictable | undefined {
    for (;;) {
      const isSmall =
        this.#small.oldest !== undefined && (this.#small.bytes > this.#smallMax || this.#main.oldest === undefined);
      const queue = isSmall ? this.#small : this.#main;
      const object = queue.oldest;
      if (object === undefined) return undefined;
      queue.remove(object);
      if (isSmall) {
        if (object.uses === 0) {
          this.#remember(object.hash);
          return object;
        }
        object.uses = 0;
      } else if (object.uses === 0) return object;
      else object.uses -= 1;
      this.#main.push(object);
    }
  }

  #remember(hash: number): void {
    this.#ghosts.delete(this.#leavers[this.#leaver] ?? 0);
    this.#leavers[this.#leaver] = hash;
    this.#leaver = (this.#leaver + 1) % this.#leavers.length;
    this.#ghosts.add(hash);
  }
}
