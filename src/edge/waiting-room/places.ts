/**
 * What became of called places, in chunks beside the line: one word for each rank. A word only ever rises, so what several edges know is put
 * together by taking the higher one.
 *
 * free -> pending (an edge has it at its door; lapses) -> admitted until -> admitted until later -> released
 */
export const placesInChunk = 512;

export const chunkOf = (rank: number): number => Math.floor((rank - 1) / placesInChunk);
export const placeIn = (rank: number): number => (rank - 1) % placesInChunk;

export type Place =
  | { readonly kind: "free" }
  | { readonly kind: "pending"; readonly owner: number; readonly isLapsed: boolean }
  | { readonly kind: "admitted" | "released"; readonly untilMs: number };

const pending = 1;
const admitted = 2;
const released = 3;
/** Times in whole seconds from here on, 30 bits of them: for 34 years. */
const beginningMs = Date.UTC(2026, 0, 1);
const payloadMax = 2 ** 30;
/** Of a pending place: 18 bits of seconds, then 12 bits that name the edge. */
export const ownersMax = 4096;
const pendingSecondsMax = 2 ** 18;
const pendingLastsSeconds = 12;
/** For the edge that noted it, on its own clock; the rest is for what its room time may lag behind. */
export const pendingOursMs = 8000;

const secondsOf = (roomMs: number): number => Math.max(0, Math.ceil((roomMs - beginningMs) / 1000)) % payloadMax;

const word = (kind: number, payload: number): number => kind * payloadMax + payload;

export const pendingWord = (owner: number, roomMs: number): number =>
  word(pending, (secondsOf(roomMs) % pendingSecondsMax) * ownersMax + owner);
export const admittedWord = (untilMs: number): number => word(admitted, secondsOf(untilMs));
export const releasedWord = (untilMs: number): number => word(released, secondsOf(untilMs));

export const isReleasedWord = (value: number): boolean => value >= word(released, 0);

export function placeOf(value: number, roomMs: number): Place {
  const kind = Math.floor(value / payloadMax);
  const payload = value % payloadMax;
  if (kind === 0) return { kind: "free" };
  if (kind === pending) {
    const since = Math.floor(payload / ownersMax);
    const agoSeconds = (secondsOf(roomMs) - since + pendingSecondsMax) % pendingSecondsMax;
    // Slightly ahead is another edge whose room time is newer.
    const isLapsed = agoSeconds > pendingLastsSeconds && agoSeconds < pendingSecondsMax - pendingLastsSeconds;
    return { kind: "pending", owner: payload % ownersMax, isLapsed };
  }
  return { kind: kind === admitted ? "admitted" : "released", untilMs: beginningMs + payload * 1000 };
}

export const emptyChunk = (): Uint32Array => new Uint32Array(placesInChunk);

/** A chunk as it is stored. `mark`: given when it was made where there was none, so that one that was lost and made again is told from it. */
export type Chunk = { readonly mark: string; readonly words: Uint32Array };

export const chunkText = ({ mark, words }: Chunk): string => {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < words.length; at++) view.setUint32(at * 4, words[at] as number);
  return `${mark}.${bytes.toBase64()}`;
};

/** Undefined for what is no chunk. */
export function readChunk(text: string): Chunk | undefined {
  const dot = text.indexOf(".");
  const bytes = Uint8Array.fromBase64(text.slice(dot + 1));
  if (dot < 0 || bytes.length !== placesInChunk * 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    mark: text.slice(0, dot),
    words: Uint32Array.from({ length: placesInChunk }, (_, at) => view.getUint32(at * 4)),
  };
}

/** Whether anything rose. */
export function raise(words: Uint32Array, by: Uint32Array): boolean {
  let isRaised = false;
  for (let at = 0; at < words.length; at++) {
    if ((by[at] as number) <= (words[at] as number)) continue;
    words[at] = by[at] as number;
    isRaised = true;
  }
  return isRaised;
}
