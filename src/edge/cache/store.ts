/**
 * What is kept, and how it is found, thrown out and purged. Memory is counted in bytes, fields and keys included; what is
 * on its way in counts as well.
 */
import type { Fields } from "../ports.ts";
import { type EvictionPolicy, S3Fifo } from "./eviction.ts";
import { variantKey } from "./key.ts";
import type { Stored } from "./stored.ts";

export type PurgeTarget =
  | { readonly tags: readonly string[] }
  /** Of `cacheKey`. */
  | { readonly keys: readonly string[] }
  /** Looks at every key there is. */
  | { readonly test: (key: string) => boolean };

type Purge = { readonly target: PurgeTarget; readonly isSoft: boolean };

/** Different Vary fields that one address may answer with. */
const listsMax = 4;
/** Purges remembered for answers that are on their way, and characters in them. Beyond it, such an answer counts as purged. */
const purgesMax = 4096;
const purgeCharactersMax = 1_000_000;

/** The answers of one address that varies, by the lists of names that they vary on; the newest list first. */
class Variants {
  readonly lists: { readonly names: readonly string[]; readonly byKey: Map<string, Stored> }[] = [];
  count = 0;

  *all(): Iterable<Stored> {
    for (const { byKey } of this.lists) yield* byKey.values();
  }

  find(headers: Fields): Stored | undefined {
    for (const { names, byKey } of this.lists) {
      const stored = byKey.get(variantKey(names, headers));
      if (stored !== undefined) return stored;
    }
    return undefined;
  }

  #listOf({ vary }: Stored) {
    const id = vary.join(",");
    return this.lists.find(({ names }) => names.join(",") === id);
  }

  same(stored: Stored): Stored | undefined {
    return this.#listOf(stored)?.byKey.get(stored.variant);
  }

  /** Nothing of the same variant is here any more. */
  add(stored: Stored): void {
    const list = this.#listOf(stored) ?? { names: stored.vary, byKey: new Map<string, Stored>() };
    const at = this.lists.indexOf(list);
    if (at >= 0) this.lists.splice(at, 1);
    this.lists.unshift(list);
    list.byKey.set(stored.variant, stored);
    this.count += 1;
  }

  remove(stored: Stored): void {
    const list = this.#listOf(stored);
    if (list === undefined || !list.byKey.delete(stored.variant)) return;
    this.count -= 1;
    if (list.byKey.size === 0) this.lists.splice(this.lists.indexOf(list), 1);
  }

  /** The first to go when there are too many. */
  oldest(): Stored | undefined {
    return this.lists.at(-1)?.byKey.values().next().value;
  }
}

export class Store {
  readonly #bytesMax: number;
  readonly #variantsMax: number;
  readonly #policy: EvictionPolicy;
  /** Most addresses do not vary: their one answer stands here itself. */
  readonly #resources = new Map<string, Stored | Variants>();
  readonly #byTag = new Map<string, Set<Stored>>();
  /** Purges since `#purgesFrom`, oldest first. */
  #purges: Purge[] = [];
  #purgesFrom = 0;
  #purgeCharacters = 0;
  #bytes = 0;
  #bytesComing = 0;
  #objects = 0;
  evictions = 0;
  /** Told of each that is kept no longer. */
  onForget: (stored: Stored) => void = () => {};

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

  find(key: string, headers: Fields): Stored | undefined {
    const found = this.#resources.get(key);
    return found instanceof Variants ? found.find(headers) : found;
  }

  has(key: string): boolean {
    return this.#resources.has(key);
  }

  /** The request fields that its newest answer was selected by. */
  variesOn(key: string): readonly string[] {
    const found = this.#resources.get(key);
    return found instanceof Variants ? (found.lists[0]?.names ?? []) : [];
  }

  isKept(stored: Stored): boolean {
    return this.#same(stored) === stored;
  }

  /** What stands in the place of this one; itself, when it is kept. */
  #same(stored: Stored): Stored | undefined {
    const found = this.#resources.get(stored.key);
    if (found instanceof Variants) return found.same(stored);
    return found !== undefined && stored.vary.length === 0 ? found : undefined;
  }

  /** Takes the place of whatever has its key and variant; one that is too large for this store is not taken. */
  put(stored: Stored): void {
    const before = this.#same(stored);
    if (before !== undefined) this.#forget(before);
    if (stored.bytes > this.#bytesMax) return;
    const found = this.#resources.get(stored.key);
    if (found instanceof Variants) found.add(stored);
    else if (found === undefined && stored.vary.length === 0) this.#resources.set(stored.key, stored);
    else {
      const variants = new Variants();
      if (found !== undefined) variants.add(found);
      variants.add(stored);
      this.#resources.set(stored.key, variants);
    }
    this.#objects += 1;
    this.#bytes += stored.bytes;
    this.#policy.add(stored);
    for (const tag of stored.tags) {
      const tagged = this.#byTag.get(tag);
      if (tagged === undefined) this.#byTag.set(tag, new Set([stored]));
      else tagged.add(stored);
    }
    this.#keepFew(stored.key);
    this.#makeRoom();
  }

  /** For an answer that was asked for when there had been `purges`: what was purged since is not kept, or not as fresh. */
  putUnlessPurged(stored: Stored, purges: number, nowMs: number): void {
    const purged = this.purgedSince(purges, stored.key, stored.tags);
    if (purged === "hard") return;
    if (purged === "soft") stored.freshUntilMs = Math.min(stored.freshUntilMs, nowMs);
    this.put(stored);
  }

  #keepFew(key: string): void {
    const found = this.#resources.get(key);
    if (!(found instanceof Variants)) return;
    while (found.count > this.#variantsMax || found.lists.length > listsMax) {
      const oldest = found.oldest();
      if (oldest === undefined) return;
      this.#forget(oldest);
    }
  }

  /** More bytes for an object that is kept already: a compressed form of it. False: it is not kept any more. */
  grow(stored: Stored, bytes: number): boolean {
    if (!this.isKept(stored)) return false;
    this.#policy.grow(stored, bytes);
    this.#bytes += bytes;
    this.#makeRoom();
    return true;
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
    while (this.bytes > this.#bytesMax) {
      const victim = this.#policy.evict();
      if (victim === undefined) return;
      this.#forget(victim as Stored);
      this.evictions += 1;
    }
  }

  /** One that is kept. */
  #forget(stored: Stored): void {
    const found = this.#resources.get(stored.key);
    if (found instanceof Variants) {
      found.remove(stored);
      if (found.count === 0) this.#resources.delete(stored.key);
    } else this.#resources.delete(stored.key);
    this.onForget(stored);
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
    for (let at = since - this.#purgesFrom; at < this.#purges.length; at++) {
      const purge = this.#purges[at];
      if (purge === undefined || !concerns(purge.target, key, tags)) continue;
      if (!purge.isSoft) return "hard";
      found = "soft";
    }
    return found;
  }

  /** How many objects it met. Soft: they stay, no longer fresh. */
  purge(target: PurgeTarget, isSoft: boolean, nowMs: number): number {
    this.#remember({ target, isSoft });
    const met = this.#matching(target);
    for (const stored of met) {
      if (!isSoft) this.#forget(stored);
      else if (stored.freshUntilMs > nowMs) {
        stored.freshUntilMs = nowMs;
        stored.refreshAtMs = nowMs;
      }
    }
    return met.length;
  }

  #remember(purge: Purge): void {
    this.#purges.push(purge);
    this.#purgeCharacters += charactersOf(purge.target);
    if (this.#purges.length <= purgesMax && this.#purgeCharacters <= purgeCharactersMax) return;
    // All but this one: to forget the half of them each time is not worth the bookkeeping.
    this.#purgesFrom += this.#purges.length - 1;
    this.#purges = [purge];
    this.#purgeCharacters = charactersOf(purge.target);
  }

  #matching(target: PurgeTarget): readonly Stored[] {
    if ("tags" in target) return [...new Set(target.tags.flatMap((tag) => [...(this.#byTag.get(tag) ?? [])]))];
    const met: Stored[] = [];
    const take = (found: Stored | Variants) => {
      if (found instanceof Variants) met.push(...found.all());
      else met.push(found);
    };
    if ("keys" in target) {
      for (const key of target.keys) {
        const found = this.#resources.get(key);
        if (found !== undefined) take(found);
      }
    } else {
      for (const [key, found] of this.#resources) if (target.test(key)) take(found);
    }
    return met;
  }
}

function charactersOf(target: PurgeTarget): number {
  const texts = "tags" in target ? target.tags : "keys" in target ? target.keys : [];
  return texts.reduce((sum, text) => sum + text.length, 64);
}

function concerns(target: PurgeTarget, key: string, tags: readonly string[] | undefined): boolean {
  if ("tags" in target) return tags === undefined || target.tags.some((tag) => tags.includes(tag));
  return "keys" in target ? target.keys.includes(key) : target.test(key);
}
