/**
 * How a program stands in a waiting room's line. A request with `Accept: application/json` may be answered 202 with
 * `{"state": "waiting"}` and `Retry-After`: it asks again after that time, with its cookies. At `{"state": "your-turn",
 * "claimUrl": …}` it posts to that address, and then makes the request it came for; at the door it may have to wait once more.
 */
import type { Answer } from "../ports.ts";
import { valueAt } from "./extract.ts";

export type Turn =
  /** This is the answer that was asked for. */
  | { readonly kind: "through" }
  | { readonly kind: "waits"; readonly seconds: number }
  | { readonly kind: "claims"; readonly url: string }
  /** Nothing is left to wait for. */
  | { readonly kind: "goes home" };

const secondsWithoutAWord = 5;
const secondsLeast = 0.05;
const secondsMost = 300;

export function turnOf(answer: Answer, body: () => unknown): Turn {
  if (answer.status !== 202) return { kind: "through" };
  const state = valueAt(body(), "/state");
  const url = valueAt(body(), "/claimUrl");
  if (state === "your-turn" && typeof url === "string") return { kind: "claims", url };
  if (state === "sold-out" || state === "closed") return { kind: "goes home" };
  if (state === "admitted") return { kind: "waits", seconds: secondsLeast };
  if (state !== "waiting" && state !== "your-turn" && state !== "at-the-door") return { kind: "through" };
  const seconds = Number(answer.field("retry-after") ?? valueAt(body(), "/lookAgainSeconds") ?? secondsWithoutAWord);
  return {
    kind: "waits",
    // A date or nonsense is no number (RFC 9110 10.2.3): asked again after a while.
    seconds: Number.isFinite(seconds) ? Math.min(Math.max(seconds, secondsLeast), secondsMost) : secondsWithoutAWord,
  };
}
