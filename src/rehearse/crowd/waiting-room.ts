/**
 * How somebody stands in a waiting room's line, as docs/waiting-room.md describes it.
 *
 * A program (`Accept: application/json`) is answered 202 with `{"state": "waiting"}` and `Retry-After`: it asks again after that time, with its
 * cookies. At `{"state": "your-turn", "claimUrl": …}` it posts to that address, as long as it is told to wait at the door, and then makes the
 * request it came for. A call that would change something is answered 409 with the same words (`room_waiting`).
 * A person (`Accept: text/html`) is answered with a page that has the line in it, and looks at the document that everybody reads, as often as its
 * table says, until it calls their place.
 */
import type { NowServing } from "#contract/waiting-room.ts";
import type { Answer } from "../ports.ts";
import { valueAt } from "./extract.ts";

export type Turn =
  /** This is the answer that was asked for. */
  | { readonly kind: "through" }
  /** Asks for the same again. */
  | { readonly kind: "waits"; readonly seconds: number; readonly isTold: boolean }
  /** A call that would change something is refused without giving a place: the same address is read for one. */
  | { readonly kind: "joins" }
  /** Looks at the room's document. */
  | { readonly kind: "looks"; readonly url: string; readonly seconds: number }
  | { readonly kind: "claims"; readonly url: string }
  /** Nothing is left to wait for. */
  | { readonly kind: "goes home" };

/** What one was told of their own place; null: not (yet). */
export type Told = {
  readonly room: string;
  readonly number: number | null;
  readonly rank: number | null;
  /** People ahead; 0 when it is their turn. */
  readonly ahead: number | null;
};

const secondsWithoutAWord = 5;
const secondsLeast = 0.05;
const secondsMost = 300;
/** As the page's script: the first look within this time, by chance; each later one a fifth later at most. */
const firstLookSeconds = 1.5;
const spread = 0.2;

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const numberOr = (value: unknown): number | null => (isNumber(value) ? value : null);

export const roomPath = (room: string, word: string): string => `/.spillway/rooms/${encodeURIComponent(room)}/${word}`;

export function turnOf(answer: Answer, body: () => unknown, luck: () => number): Turn {
  const isRefusal = answer.status === 409 && valueAt(body(), "/code") === "room_waiting";
  if (answer.status !== 202 && !isRefusal) {
    const view = answer.status === 200 ? pageView(answer) : undefined;
    return view === undefined ? { kind: "through" } : turnOfView(view, luck);
  }
  const state = valueAt(body(), "/state");
  const url = valueAt(body(), "/claimUrl");
  if (state === "your-turn" && typeof url === "string") return { kind: "claims", url };
  if (state === "sold-out" || state === "closed") return { kind: "goes home" };
  if (state === "no-place" && isRefusal) return { kind: "joins" };
  if (state === "admitted") return { kind: "waits", seconds: secondsLeast, isTold: false };
  if (state !== "waiting" && state !== "your-turn" && state !== "at-the-door" && state !== "no-place")
    return { kind: "through" };
  const seconds = Number(answer.field("retry-after") ?? valueAt(body(), "/lookAgainSeconds") ?? secondsWithoutAWord);
  return {
    kind: "waits",
    // A date or nonsense is no number (RFC 9110 10.2.3): asked again after a while.
    seconds: Number.isFinite(seconds) ? bounded(seconds) : secondsWithoutAWord,
    isTold: state === "waiting",
  };
}

const bounded = (seconds: number): number => Math.min(Math.max(seconds, secondsLeast), secondsMost);

/** What a page with the line in it says of this shopper; undefined for any other page. */
function pageView(answer: Answer): unknown {
  if (answer.field("content-type")?.startsWith("text/html") !== true) return undefined;
  const written = /<section id="spillway-room"[^>]* data-view="([^"]*)"/.exec(answer.text())?.[1];
  if (written === undefined) return undefined;
  try {
    return JSON.parse(written.replace(/&#(\d+);/g, (_whole, code: string) => String.fromCharCode(Number(code))));
  } catch {
    return undefined;
  }
}

function turnOfView(view: unknown, luck: () => number): Turn {
  const room = valueAt(view, "/room");
  const phase = valueAt(view, "/phase");
  if (typeof room !== "string") return { kind: "through" };
  if (phase === "closed" || phase === "sold-out") return { kind: "goes home" };
  if (valueAt(view, "/isCalled") === true) return { kind: "claims", url: roomPath(room, "claim") };
  return { kind: "looks", url: roomPath(room, "now"), seconds: luck() * firstLookSeconds };
}

/** Of a page or a program's answer; undefined where no room speaks. */
export function toldOf(answer: Answer, body: () => unknown): Told | undefined {
  const isPage = answer.status === 200 && answer.field("content-type")?.startsWith("text/html") === true;
  const view = isPage ? pageView(answer) : body();
  const place = isPage ? valueAt(view, "/place") : view;
  const room = valueAt(view, "/room");
  if (typeof room !== "string" || room === "" || room.length > 64) return undefined;
  const isTurn = valueAt(view, "/isCalled") === true || valueAt(view, "/state") === "your-turn";
  return {
    room,
    number: numberOr(valueAt(place, "/number")),
    rank: numberOr(valueAt(place, "/rank")),
    ahead: isTurn ? 0 : numberOr(valueAt(view, "/ahead")),
  };
}

/** The room whose pass an answer brings: whoever found no line is let in with one all the same. */
export function passedInto(answer: Answer): string | undefined {
  for (const field of answer.fields("set-cookie")) {
    const room = /^spillway_pass_([a-z][a-z0-9-]{0,40})=[^;]/.exec(field)?.[1];
    if (room !== undefined) return room;
  }
  return undefined;
}

/** What everybody reads, as far as somebody who waits needs it; undefined for anything else. */
export type Serving = Pick<NowServing, "phase" | "cursor" | "next" | "holes" | "lookAgainSeconds" | "outflowPerMinute">;

export function servingOf(answer: Answer, body: () => unknown): Serving | undefined {
  const now = answer.status === 200 ? valueAt(body(), "/now") : undefined;
  const [cursor, next, outflow] = ["/cursor", "/next", "/outflowPerMinute"].map((name) => valueAt(now, name));
  if (!isNumber(cursor) || !isNumber(next) || !isNumber(outflow)) return undefined;
  const { phase, holes, lookAgainSeconds } = now as NowServing;
  return {
    phase,
    cursor,
    next,
    outflowPerMinute: outflow,
    holes: pairsOf(holes),
    lookAgainSeconds: pairsOf(lookAgainSeconds),
  };
}

const pairsOf = (value: unknown): (readonly [number, number])[] =>
  Array.isArray(value)
    ? value.flatMap((pair) =>
        Array.isArray(pair) && isNumber(pair[0]) && isNumber(pair[1]) ? [[pair[0], pair[1]] as const] : [],
      )
    : [];

/** Between the cursor and this rank, without the numbers that nobody has. */
export function aheadIn({ cursor, holes }: Pick<Serving, "cursor" | "holes">, rank: number): number {
  let ahead = Math.max(0, rank - cursor - 1);
  for (const [from, to] of holes) ahead -= Math.max(0, Math.min(to, rank - 1) - Math.max(from, cursor + 1) + 1);
  return Math.max(0, ahead);
}

/** What a person does who has looked at the document. */
export function turnByDocument(
  serving: Serving | undefined,
  place: { readonly room: string; readonly rank: number | undefined; readonly hasNumber: boolean },
  luck: () => number,
): Turn {
  const looks = (seconds: number): Turn => ({
    kind: "looks",
    url: roomPath(place.room, "now"),
    seconds: bounded(Math.max(1, seconds) * (1 + luck() * spread)),
  });
  if (serving === undefined) return looks(secondsWithoutAWord);
  const { phase, lookAgainSeconds } = serving;
  if (phase === "closed" || phase === "sold-out") return { kind: "goes home" };
  if (place.rank === undefined) {
    // The server gives a place, or tells the rank that was drawn, with the page.
    const isKnown = phase === "before" || (phase === "pre-queue" && place.hasNumber);
    return isKnown ? looks(between(lookAgainSeconds, 0)) : { kind: "waits", seconds: 1, isTold: false };
  }
  if (place.rank <= serving.cursor) return { kind: "claims", url: roomPath(place.room, "claim") };
  return looks(between(lookAgainSeconds, aheadIn(serving, place.rank)));
}

/** Between the two nearest of the table; its ends go on. */
function between(table: readonly (readonly [number, number])[], at: number): number {
  const index = table.findIndex(([ahead]) => ahead >= at);
  const [to, from] = [table[index] ?? table.at(-1), table[index - 1]];
  if (to === undefined) return secondsWithoutAWord;
  if (from === undefined || index < 0 || to[0] === from[0]) return to[1];
  return from[1] + ((to[1] - from[1]) * (at - from[0])) / (to[0] - from[0]);
}
