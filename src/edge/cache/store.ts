/**
 * What is kept, and how it is found, thrown out and purged. Memory is counted in bytes, fields and keys included; what is
 * on its way in counts as well.
 */
import { type EvictionPolicy, S3Fifo } from "./eviction.ts";
import { variantKey } from "./key.ts";
import type { Stored } from "./stored.ts";

/** Every variant of one address, by the lists of names that its answers vary on; the newest list first. */
type Resource = {
  lists: { readonly names: readonly string[]; readonly variants: Map<string, Stored> }[];
  count: number;
};

export type PurgeTarget =
  | { readonly tags: readonly string[] }
  /** Of `cacheKey`. */
  | { readonly keys: readonly string[] }
  /** Looks at every key there is. */
  | { readonly test: (key: string) => boolean };

type Purge = { readonly target: PurgeTarget; readonly isSoft: boolean };

/** Different Vary fields that one address may answer with. */
const listsMax = 4;
/** Purges remembered for answers that are on their way. Beyond it, such an answer counts as purged. */
const purgesMax = 4096;

export class Store {
  readonly #bytesMax: number;
  readonly #variantsMax: number;
  readonly #policy: EvictionPolicy;
  readonly #resources = new Map<string, Resource>();
  readonly #byTag = new Map<string, Set<Stored>>();
  /** Purges since `#purgesFrom`, oldest first. */
  #purges: Purge[] = [];
  #purgesFrom = 0;
  #bytes = 0;
  #bytesComing = 0;
  #objects = 0;
  evictions = 0;

  constructor(options: { readonly bytesMax: number; readonly variantsMax: number }) {
    this.#bytesMax = options.bytesMax;
    this.#variantsMax = options.variantsMax;
    this.#policy = new S3Fifo(options.bytesMax);
  }

  get bytes(): number {
    return this.#bytes + this.#bytesComing;
  }

  get objects(): number {
    return this.#objects;
  }

  /** Whether anything is kept for this address, and by which request fields it is told apart. */
  variesOn(key: string): readonly (readonly string[])[] | undefined {
    return this.#resources.get(key)?.lists.map(({ names }) => names);
  }

  find(key: string, headers: Headers): Stored | undefined {
    const resource = this.#resources.get(key);
    if (resource === undefined) return undefined;
    for (const { names, variants } of resource.lists) {
      const stored = variants.get(names.length === 0 ? "" : variantKey(names, headers));
      if (stored !== undefined) return stored;
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.#resources.has(key);
  }

  /** Takes the place of whatever has its key and variant. False: too large for this store. */
  put(stored: Stored): boolean {
    if (stored.bytes > this.#bytesMax) return false;
    let resource = this.#resources.get(stored.key);
    if (resource === undefined) {
      resource = { lists: [], count: 0 };
      this.#resources.set(stored.key, resource);
    }
    const id = stored.vary.join(",");
    let list = resource.lists.find(({ names }) => names.join(",") === id);
    if (list === undefined) list = { names: stored.vary, variants: new Map() };
    else resource.lists.splice(resource.lists.indexOf(list), 1);
    resource.lists.unshift(list);
    const before = list.variants.get(stored.variant);
    if (before !== undefined) this.#forget(before);
    // The last removal may have taken the resource with it.
    this.#resources.set(stored.key, resource);
    if (!resource.lists.includes(list)) resource.lists.unshift(list);
    list.variants.set(stored.variant, stored);
    resource.count += 1;
    this.#objects += 1;
    this.#bytes += stored.bytes;
    this.#policy.add(stored);
    for (const tag of stored.tags) {
      const tagged = this.#byTag.get(tag);
      if (tagged === undefined) this.#byTag.set(tag, new Set([stored]));
      else tagged.add(stored);
    }
    while (resource.lists.length > listsMax) {
      for (const old of resource.lists.at(-1)?.variants.values() ?? []) this.#forget(old);
    }
    while (resource.count > this.#variantsMax) {
      const oldest = resource.lists.at(-1)?.variants.values().next().value;
      if (oldest === undefined) break;
      this.#forget(oldest);
    }
    this.#makeRoom();
    return true;
  }

  /** More bytes for an object that is kept already: a compressed form of it. False: it is not kept any more. */
  grow(stored: Stored, bytes: number): boolean {
    if (!this.isKept(stored)) return false;
    this.#policy.grow(stored, bytes);
    this.#bytes += bytes;
    this.#makeRoom();
    return true;
  }

  isKept(stored: Stored): boolean {
    return (
      this.#resources.get(stored.key)?.lists.some(({ variants }) => variants.get(stored.variant) === stored) ?? false
    );
  }

  remove(stored: Stored): void {
    if (this.isKept(stored)) this.#forget(stored);
  }

  /** Memory for a body that is coming in; half of all at most. */
  reserve(bytes: number): boolean {
    if (this.#bytesComing + bytes > this.#bytesMax / 2) return false;
    this.#bytesComing += bytes;
    this.#makeRoom();
    return true;
  }

  release(bytes: number): void {
    this.#bytesComing -= bytes;
  }

  #makeRoom(): void {
    while (this.#bytes > 0 && this.bytes > this.#bytesMax) {
      const victim = this.#policy.evict();
      if (victim === undefined) return;
      this.#forget(victim as Stored);
      this.evictions += 1;
    }
  }

  #forget(stored: Stored): void {
    const resource = this.#resources.get(stored.key);
    const list = resource?.lists.find(({ variants }) => variants.get(stored.variant) === stored);
    if (resource === undefined || list === undefined) return;
    list.variants.delete(stored.variant);
    resource.count -= 1;
    if (list.variants.size === 0) resource.lists.splice(resource.lists.indexOf(list), 1);
    if (resource.lists.length === 0) this.#resources.delete(stored.key);
    this.#policy.remove(stored);
    this.#objects -= 1;
    this.#bytes -= stored.bytes;
    for (const tag of stored.tags) {
      const tagged = this.#byTag.get(tag);
      tagged?.delete(stored);
      if (tagged?.size === 0) this.#byTag.delete(tag);
    }
  }

  /** How many purges there have been. An answer notes it when it is asked for. */
  get purgeCount(): number {
    return this.#purgesFrom + this.#purges.length;
  }

  /**
   * What purges since `since` make of an answer that was on its way meanwhile. Tags that are not known yet may be any: an
   * answer without its head counts as purged by every purge of tags.
   */
  purgedSince(since: number, key: string, tags: readonly string[] | undefined): "no" | "soft" | "hard" {
    if (since === this.purgeCount) return "no";
    if (since < this.#purgesFrom) return "hard";
    let found: "no" | "soft" = "no";
    for (const { target, isSoft } of this.#purges.slice(since - this.#purgesFrom)) {
      if (!concerns(target, key, tags)) continue;
      if (!isSoft) return "hard";
      found = "soft";
    }
    return found;
  }

  /** How many objects it met. Soft: they stay, no longer fresh. */
  purge(target: PurgeTarget, isSoft: boolean, nowMs: number): number {
    this.#purges.push({ target, isSoft });
    if (this.#purges.length > purgesMax) {
      const dropped = purgesMax / 2;
      this.#purges = this.#purges.slice(dropped);
      this.#purgesFrom += dropped;
    }
    const met = this.#matching(target);
    for (const stored of met) {
      if (!isSoft) this.#forget(stored);
      else if (stored.freshUntilMs > nowMs) {
        stored.freshUntilMs = nowMs;
        stored.refreshAtMs = nowMs;
        for (const form of stored.forms.values()) if (typeof form === "object" && form !== null) form.head = undefined;
        stored.plain.head = undefined;
      }
    }
    return met.length;
  }

  #matching(target: PurgeTarget): Stored[] {
    const met: Stored[] = [];
    const all = (resource: Resource) => {
      for (const { variants } of resource.lists) for (const stored of variants.values()) met.push(stored);
    };
    if ("tags" in target) return [...new Set(target.tags.flatMap((tag) => [...(this.#byTag.get(tag) ?? [])]))];
    if ("keys" in target) {
      for (const key of target.keys) {
        const resource = this.#resources.get(key);
        if (resource !== undefined) all(resource);
      }
    } else {
      for (const [key, resource] of this.#resources) if (target.test(key)) all(resource);
    }
    return met;
  }
}

function concerns(target: PurgeTarget, key: string, tags: readonly string[] | undefined): boolean {
  if ("tags" in target) return tags === undefined || target.tags.some((tag) => tags.includes(tag));
  return "keys" in target ? target.keys.includes(key) : target.test(key);
}
