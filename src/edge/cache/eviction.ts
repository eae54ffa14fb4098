/**
 * Which object goes when memory is short. SIEVE (Zhang et al., NSDI '24): one list in the order of arrival, one bit per
 * object that a hit sets, and a hand that walks from old to new, clears the bits it meets and takes the first without one.
 * A hit writes one boolean; a scan passes through without pushing out what is used. Why this one, with figures:
 * docs/decisions/2026-11-23-cache-eviction.md.
 */

/** What an object carries to be in a policy's list. */
export type Evictable = {
  bytes: number;
  /** Set by every hit. */
  wasUsed: boolean;
  newer: Evictable | undefined;
  older: Evictable | undefined;
};

export interface EvictionPolicy {
  add(object: Evictable): void;
  remove(object: Evictable): void;
  /** The next to go, still in the list; undefined when there is none. */
  victim(): Evictable | undefined;
}

export class Sieve implements EvictionPolicy {
  #newest: Evictable | undefined;
  #oldest: Evictable | undefined;
  #hand: Evictable | undefined;

  add(object: Evictable): void {
    object.wasUsed = false;
    object.older = this.#newest;
    object.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = object;
    else this.#oldest = object;
    this.#newest = object;
  }

  remove(object: Evictable): void {
    if (this.#hand === object) this.#hand = object.newer;
    if (object.newer !== undefined) object.newer.older = object.older;
    else this.#newest = object.older;
    if (object.older !== undefined) object.older.newer = object.newer;
    else this.#oldest = object.newer;
    object.newer = undefined;
    object.older = undefined;
  }

  victim(): Evictable | undefined {
    let object = this.#hand ?? this.#oldest;
    while (object?.wasUsed) {
      object.wasUsed = false;
      object = object.newer ?? this.#oldest;
    }
    this.#hand = object;
    return object;
  }
}
