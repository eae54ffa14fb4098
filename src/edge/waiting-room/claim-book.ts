/**
 * Which places were claimed, as one edge sees it: the chunks that it has read, what it wants to write into them, and the store where all edges agree. A
 * place is noted as pending just before it is admitted, by compare-and-set, so of two edges that are shown the same ticket one admits it.
 *
 * A chunk is read when a place in it is first asked for; what is to be written waits here until the store has it, over any outage. What was admitted without
 * a note, because the store was gone, is looked up when it is written: so it is counted how often another edge had used the same place.
 *
 * When the store has lost something, nothing is noted until the other edges have written again what they know.
 */
import {
  admittedWord,
  chunkOf,
  chunkText,
  emptyChunk,
  isReleasedWord,
  type Place,
  pendingWord,
  placeIn,
  placeOf,
  raise,
  readChunk,
  releasedWord,
} from "./places.ts";
import type { LineStore } from "./ports.ts";

type Claim = { readonly place: number; readonly resolve: (outcome: ClaimOutcome) => void };
type Release = { readonly place: number; readonly resolve: (untilMs: number | undefined) => void };
/** "unreachable": the store did not answer. "busy": others were quicker too often, or too many ask at once. */
export type ClaimOutcome = "ours" | "unreachable" | "busy" | Place;

type Chunk = {
  readonly name: string;
  /** What is known: of the store, and what this edge has done. */
  readonly words: Uint32Array;
  /** The store's, as last read or written; undefined when it must be read again. */
  stored:
    | { readonly mark: string; readonly words: Uint32Array; readonly version: number; readonly server: string }
    | undefined;
  /** As it was seen last: another mark or server is a loss. */
  seen: { readonly mark: string; readonly server: string } | undefined;
  /** Something of it was lost: nothing is noted before, on the monotonic clock. */
  heldUntilMs: number;
  isRead: boolean;
  /** On the monotonic clock: when the store was asked for what it last said of all of it. */
  agreedMs: number;
  isLooking: boolean;
  /** Admitted without a note, and not known to be in the store yet: the word of each. */
  readonly unnoted: Map<number, number>;
  /** Something of `words` may not be in the store. */
  isAhead: boolean;
  claims: Claim[];
  releases: Release[];
  forgone: number[];
  work: Promise<void> | undefined;
};

const chunksMax = 4096;
/** Of one chunk: more are told that they could not be noted. */
const claimsMax = 2048;
const triesMax = 12;
/** After a loss: longer than it takes any edge that the store answers to notice it, and to write what it knows. */
const restoringMs = 5000;
/** Words from here on are admitted or released; below are free and pending ones, which are the store's to know. */
const settledWord = 2 ** 31;

export class ClaimBook {
  readonly #store: LineStore;
  readonly #name: string;
  readonly #owner: number;
  readonly #roomMs: () => number;
  readonly #monotonicMs: () => number;
  readonly #newMark: () => string;
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  /** Places that were admitted here without a note, and that another edge was found to have admitted as well. */
  usedTwice = 0;
  readonly #chunks = new Map<number, Chunk>();

  constructor(options: {
    readonly store: LineStore;
    readonly name: string;
    /** Tells this edge from the others: 0 to 4095. */
    readonly owner: number;
    readonly roomMs: () => number;
    readonly monotonicMs: () => number;
    readonly newMark: () => string;
  }) {
    this.#store = options.store;
    this.#name = options.name;
    this.#owner = options.owner;
    this.#roomMs = options.roomMs;
    this.#monotonicMs = options.monotonicMs;
    this.#newMark = options.newMark;
  }

  /** As far as is known here; undefined when its chunk was never read. */
  look(rank: number): Place | undefined {
    const chunk = this.#chunks.get(chunkOf(rank));
    const word = chunk?.words[placeIn(rank)] ?? 0;
    if (chunk === undefined || (!chunk.isRead && word < settledWord)) return undefined;
    return placeOf(word, this.#roomMs());
  }

  /** As `look`, of nothing else: every guarded request asks it. */
  isReleased(rank: number): boolean | undefined {
    const chunk = this.#chunks.get(chunkOf(rank));
    const word = chunk?.words[placeIn(rank)] ?? 0;
    return chunk === undefined || (!chunk.isRead && word < settledWord) ? undefined : isReleasedWord(word);
  }

  /** Has a place's chunk read, for a later look. */
  fetch(rank: number): void {
    const chunk = this.#chunk(rank);
    if (!chunk.isRead) this.#work(chunk);
  }

  /** Has a place's chunk read again, unless that was done since. Nobody who claims waits for it. */
  refresh(rank: number, sinceMs: number): void {
    const chunk = this.#chunk(rank);
    if (chunk.agreedMs >= sinceMs || chunk.isLooking) return;
    chunk.isLooking = true;
    const looked = (): void => {
      chunk.isLooking = false;
    };
    // One that fails is tried again with the next report.
    void this.#read(chunk).then(looked, looked);
  }

  /** Whether the store said, when it was asked at this moment or later, that no other edge has this place. */
  isFree(rank: number, sinceMs: number): boolean {
    const chunk = this.#chunks.get(chunkOf(rank));
    if (chunk === undefined || chunk.agreedMs < sinceMs) return false;
    const place = placeOf(chunk.words[placeIn(rank)] as number, this.#roomMs());
    return place.kind === "free" || this.#isOurs(place);
  }

  /** Notes that this edge is about to admit the place. "ours": nobody else will for the next seconds. */
  claim(rank: number): Promise<ClaimOutcome> {
    const chunk = this.#chunk(rank);
    if (chunk.claims.length >= claimsMax) return Promise.resolve("busy");
    return new Promise((resolve) => {
      chunk.claims.push({ place: placeIn(rank), resolve });
      this.#work(chunk);
    });
  }

  admit(rank: number, untilMs: number): void {
    this.#raise(rank, admittedWord(untilMs));
  }

  /** Without a note: the store is told when it is back. */
  admitUnnoted(rank: number, untilMs: number): void {
    this.#chunk(rank).unnoted.set(placeIn(rank), admittedWord(untilMs));
    this.admit(rank, untilMs);
  }

  /** It was noted, and has gone away: other edges may have it. */
  forgo(rank: number): void {
    const chunk = this.#chunk(rank);
    if (chunk.forgone.length >= claimsMax) return;
    chunk.forgone.push(placeIn(rank));
    this.#work(chunk);
  }

  /** Gives until when its session would have gone on, if it is this call that ends it. */
  release(rank: number): Promise<number | undefined> {
    const chunk = this.#chunk(rank);
    return new Promise((resolve) => {
      chunk.releases.push({ place: placeIn(rank), resolve });
      this.#work(chunk);
    });
  }

  /** What could not be written yet is tried again. */
  push(): void {
    for (const chunk of this.#chunks.values()) if (isBusy(chunk)) this.#work(chunk);
  }

  /** The store has lost something: all that is known here is written again. */
  restore(): void {
    this.#heldUntilMs = this.#monotonicMs() + restoringMs;
    for (const chunk of this.#chunks.values()) {
      chunk.stored = undefined;
      chunk.isAhead = true;
    }
    this.push();
  }

  /** Others have released more than could be told: chunks are read again when they are next asked for. */
  doubt(): void {
    for (const chunk of this.#chunks.values()) {
      chunk.stored = undefined;
      chunk.isRead = false;
    }
  }

  #raise(rank: number, word: number): void {
    const chunk = this.#chunk(rank);
    const place = placeIn(rank);
    if ((chunk.words[place] as number) >= word) return;
    chunk.words[place] = word;
    chunk.isAhead = true;
    this.#work(chunk);
  }

  #chunk(rank: number): Chunk {
    const index = chunkOf(rank);
    let chunk = this.#chunks.get(index);
    if (chunk !== undefined) return chunk;
    if (this.#chunks.size >= chunksMax) {
      for (const [other, old] of this.#chunks) {
        if (isBusy(old)) continue;
        this.#chunks.delete(other);
        break;
      }
    }
    chunk = {
      name: `${this.#name}/places/${index}`,
      words: emptyChunk(),
      stored: undefined,
      seen: undefined,
      heldUntilMs: Number.NEGATIVE_INFINITY,
      isRead: false,
      agreedMs: Number.NEGATIVE_INFINITY,
      isLooking: false,
      unnoted: new Map(),
      isAhead: false,
      claims: [],
      releases: [],
      forgone: [],
      work: undefined,
    };
    this.#chunks.set(index, chunk);
    return chunk;
  }

  #work(chunk: Chunk): void {
    // Begins after everything that was asked for in this turn.
    chunk.work ??= Promise.resolve()
      .then(() => this.#agree(chunk))
      .catch(() => refuse(chunk, "unreachable"))
      .finally(() => {
        chunk.work = undefined;
        if (chunk.claims.length > 0 || chunk.releases.length > 0) this.#work(chunk);
      });
  }

  async #agree(chunk: Chunk): Promise<void> {
    for (let tries = 0; tries < triesMax; tries++) {
      chunk.stored ??= await this.#read(chunk, tries > 0);
      const { stored } = chunk;
      const claims = chunk.claims.slice();
      const releases = chunk.releases.slice();
      const forgone = chunk.forgone.splice(0);
      this.#compare(chunk, stored.words);
      const told = [...chunk.unnoted.keys()];
      const words = stored.words.slice();
      for (const place of forgone) this.#forgo(words, place);
      raise(words, settledOf(chunk.words));
      const released = releases.map(({ place }) => this.#release(words, place));
      const isHeld = this.#monotonicMs() < Math.max(this.#heldUntilMs, chunk.heldUntilMs);
      const outcomes = claims.map(({ place }) => this.#claim(words, place, isHeld));
      chunk.isAhead = false;
      if (isSame(words, stored.words) || (await this.#write(chunk, stored, words))) {
        // What was admitted while this was under way stays.
        const settled = settledOf(chunk.words);
        chunk.words.set(words);
        raise(chunk.words, settled);
        chunk.isRead = true;
        for (const place of told) chunk.unnoted.delete(place);
        chunk.claims.splice(0, claims.length);
        chunk.releases.splice(0, releases.length);
        for (let at = 0; at < claims.length; at++) claims[at]?.resolve(outcomes[at] as ClaimOutcome);
        for (let at = 0; at < releases.length; at++) releases[at]?.resolve(released[at]);
        // The next who asks sees what others have written again.
        if (isHeld) chunk.stored = undefined;
        if (!isBusy(chunk)) return;
      } else {
        chunk.stored = undefined;
        chunk.isAhead = true;
      }
    }
    refuse(chunk, "busy");
  }

  /**
   * What the store says of places whose admission here it has not heard of: another edge is letting the same place in, or did, and that session goes on.
   * One that was only renewed at another edge meanwhile counts, too.
   */
  #compare(chunk: Chunk, stored: Uint32Array): void {
    const roomMs = this.#roomMs();
    for (const [place, word] of chunk.unnoted) {
      const theirs = stored[place] as number;
      if (theirs === word) continue;
      const seen = placeOf(theirs, roomMs);
      if (seen.kind === "free" || this.#isOurs(seen)) continue;
      if (seen.kind === "pending" || seen.untilMs > roomMs) this.usedTwice += 1;
      chunk.unnoted.delete(place);
    }
  }

  readonly #isOurs = (place: Place): boolean =>
    place.kind === "pending" && (place.owner === this.#owner || place.isLapsed);

  #claim(words: Uint32Array, at: number, isHeld: boolean): ClaimOutcome {
    const roomMs = this.#roomMs();
    const place = placeOf(words[at] as number, roomMs);
    if (place.kind !== "free" && !this.#isOurs(place)) return place;
    if (isHeld) return "busy";
    words[at] = pendingWord(this.#owner, roomMs);
    return "ours";
  }

  /** Kept in mind no further when it fails: the note lapses by itself. */
  #forgo(words: Uint32Array, at: number): void {
    const place = placeOf(words[at] as number, this.#roomMs());
    if (place.kind === "pending" && place.owner === this.#owner) words[at] = 0;
  }

  #release(words: Uint32Array, at: number): number | undefined {
    const roomMs = this.#roomMs();
    const place = placeOf(words[at] as number, roomMs);
    if (place.kind === "released") return undefined;
    words[at] = releasedWord(place.kind === "admitted" ? place.untilMs : roomMs);
    return place.kind === "admitted" ? place.untilMs : undefined;
  }

  async #read(chunk: Chunk, inTurn = false): Promise<NonNullable<Chunk["stored"]>> {
    const askedMs = this.#monotonicMs();
    const { value, version, server } = await this.#store.read(chunk.name, inTurn);
    const found = value === null ? undefined : readChunk(value);
    const words = found?.words ?? emptyChunk();
    const { seen } = chunk;
    if (seen !== undefined && (seen.mark !== found?.mark || seen.server !== server))
      chunk.heldUntilMs = this.#monotonicMs() + restoringMs;
    chunk.seen = found === undefined ? undefined : { mark: found.mark, server };
    raise(chunk.words, words);
    chunk.isRead = true;
    chunk.agreedMs = Math.max(chunk.agreedMs, askedMs);
    return { mark: found?.mark ?? this.#newMark(), words, version, server };
  }

  async #write(chunk: Chunk, stored: NonNullable<Chunk["stored"]>, words: Uint32Array): Promise<boolean> {
    const askedMs = this.#monotonicMs();
    let version: number | undefined;
    try {
      version = await this.#store.write(chunk.name, stored, chunkText({ mark: stored.mark, words }));
    } catch (error) {
      // Not known whether it was written.
      chunk.stored = undefined;
      chunk.isAhead = true;
      throw error;
    }
    if (version === undefined) return false;
    const { mark, server } = stored;
    chunk.stored = { mark, words, version, server };
    chunk.seen = { mark, server };
    chunk.agreedMs = Math.max(chunk.agreedMs, askedMs);
    return true;
  }
}

const isBusy = (chunk: Chunk): boolean => chunk.isAhead || chunk.claims.length > 0 || chunk.releases.length > 0;

/** Those who asked are told that it could not be noted; what was released and admitted stays to be written. */
function refuse(chunk: Chunk, why: "unreachable" | "busy"): void {
  chunk.isAhead = true;
  for (const { resolve } of chunk.claims.splice(0)) resolve(why);
  for (const { place, resolve } of chunk.releases.splice(0)) {
    const word = chunk.words[place] as number;
    chunk.words[place] = Math.max(word, word < settledWord ? releasedWord(0) : (word % 2 ** 30) + 3 * 2 ** 30);
    resolve(undefined);
  }
}

function settledOf(words: Uint32Array): Uint32Array {
  const settled = emptyChunk();
  for (let at = 0; at < words.length; at++) if ((words[at] as number) >= settledWord) settled[at] = words[at] as number;
  return settled;
}

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
