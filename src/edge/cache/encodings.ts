/** Which compressed form a client takes, and making it: once for each object that is asked for again, off the hot path. */
import { copyOf } from "../routes.ts";
import { bodyOf, readWhole, sizeOf } from "./body.ts";
import type { Store } from "./store.ts";
import { bytesOf, type Coding, type Form, formsOf, type Stored } from "./stored.ts";

/** Best first, where the client has no preference of its own. */
const codings: readonly Coding[] = ["br", "zstd", "gzip"];
const rememberedMax = 512;
const rememberedCharacters = 200;
/** A form that saves less than a tenth is not worth its place. */
const worthShare = 0.9;
const underWayMax = 4;
/** The first hit may be the last. */
const hitsFrom = 2;

/** What of br, zstd and gzip a client accepts, by weight (RFC 9110 section 12.5.3). */
export function acceptedCodings(field: string): readonly Coding[] {
  const weights = new Map<string, number>();
  for (const part of field.toLowerCase().split(",")) {
    const [name = "", ...params] = part.split(";").map((piece) => piece.trim());
    if (name === "") continue;
    const weight = params.find((param) => param.startsWith("q="))?.slice(2);
    const q = weight === undefined ? 1 : Number(weight);
    weights.set(name === "x-gzip" ? "gzip" : name, Number.isFinite(q) ? q : 0);
  }
  const others = weights.get("*") ?? 0;
  const plain = weights.get("identity") ?? 0;
  return codings
    .map((coding) => ({ coding, weight: weights.get(coding) ?? others }))
    .filter(({ weight }) => weight > 0 && weight >= plain)
    .sort((a, b) => b.weight - a.weight)
    .map(({ coding }) => coding);
}

export type Compress = (bytes: Uint8Array<ArrayBuffer>, coding: Coding) => Promise<Uint8Array<ArrayBuffer>>;

export class Encodings {
  readonly #store: Store;
  readonly #compress: Compress;
  readonly #accepted = new Map<string, readonly Coding[]>();
  #underWay = 0;
  made = 0;

  constructor(store: Store, compress: Compress) {
    this.#store = store;
    this.#compress = compress;
  }

  /** The best form there is now; one that is missing is begun. */
  formFor(stored: Stored, acceptEncoding: string | null): Form {
    const form = this.#best(stored, acceptEncoding);
    if (typeof form !== "string") return form;
    if (stored.hits >= hitsFrom) this.#make(stored, form);
    return stored.plain;
  }

  /** The same, and nothing is begun; undefined where one more hit would begin it. */
  formAtHand(stored: Stored, acceptEncoding: string | null): Form | undefined {
    const form = this.#best(stored, acceptEncoding);
    if (typeof form !== "string") return form;
    return stored.hits + 1 >= hitsFrom ? undefined : stored.plain;
  }

  /** A form that is there, or the coding of a better one that nobody has begun. */
  #best(stored: Stored, acceptEncoding: string | null): Form | Coding {
    if (acceptEncoding === null || acceptEncoding === "") return stored.plain;
    for (const coding of this.#codingsOf(acceptEncoding)) {
      const form = stored.forms?.get(coding);
      if (form === undefined) return coding;
      if (form === null) continue;
      return form === "pending" ? stored.plain : form;
    }
    return stored.plain;
  }

  #codingsOf(field: string): readonly Coding[] {
    const known = this.#accepted.get(field);
    if (known !== undefined) return known;
    const accepted = acceptedCodings(field);
    if (this.#accepted.size >= rememberedMax) this.#accepted.clear();
    if (field.length <= rememberedCharacters) this.#accepted.set(copyOf(field), accepted);
    return accepted;
  }

  #make(stored: Stored, coding: Coding): void {
    if (this.#underWay >= underWayMax) return;
    this.#underWay += 1;
    formsOf(stored).set(coding, "pending");
    const done = (bytes: Uint8Array<ArrayBuffer> | undefined) => {
      this.#underWay -= 1;
      formsOf(stored).set(coding, null);
      if (bytes === undefined || bytes.length > sizeOf(stored.plain.body) * worthShare) return;
      const body = bodyOf([bytes]);
      if (!this.#store.grow(stored, bytesOf(body))) return;
      formsOf(stored).set(coding, { body, coding, head: undefined });
      this.made += 1;
    };
    readWhole(stored.plain.body)
      .then((bytes) => this.#compress(bytes, coding))
      .then(done, () => done(undefined));
  }
}
