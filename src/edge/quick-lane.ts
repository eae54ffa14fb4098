/**
 * The short way for what the cache has ready, and for what it only passes on: the same rules in the same order on the same state as
 * the stages, looked at without making a Request, Headers or a Response. Whatever is not an everyday hit, or an everyday request of
 * one client alone (byte-lane.ts, shop-lane.ts), goes the long way, as if nobody had looked.
 *
 * So first everything is asked that counts nothing, then the limits take, and only when they let it pass is the rest counted.
 */
import type { EdgeCache } from "./cache/cache.ts";
import type { Glimpse } from "./exchange.ts";
import { isPrivate, type Limits } from "./limits/limits.ts";
import type { Client, Fields, PreparedAnswer, RequestHead } from "./ports.ts";
import type { Pressure } from "./pressure.ts";
import type { QuickLane } from "./received.ts";
import type { Seeing } from "./seeing.ts";
import { type Guest, roomField } from "./waiting-room/pass-on.ts";
import { PassedHead } from "./waiting-room/passed-head.ts";
import { passField } from "./waiting-room/room-places.ts";
import type { Rooms } from "./waiting-room/rooms.ts";

/**
 * A way on past the stages, for a request of which the cache has nothing ready. True: it is under way, and the client awaits its
 * answer. False: nothing has happened. The cache has looked for it just now. `guest`: who sent it from inside of a waiting room; the head
 * has their passes.
 */
export type Lane = (
  exchange: Glimpse,
  head: RequestHead,
  startedMs: number,
  client: Client,
  body: Uint8Array<ArrayBuffer> | undefined,
  guest: Guest | undefined,
) => boolean;

export function createQuickLane(stages: {
  readonly seeing: Seeing;
  readonly pressure: Pressure;
  readonly limits: Limits;
  /** Undefined where nothing is cached. */
  readonly cache: EdgeCache | undefined;
  /** byte-lane.ts, or shop-lane.ts. */
  readonly on: Lane;
  /** Undefined where there are none: they look at every request, and what they must meet takes the long way. */
  readonly rooms: Pick<Rooms, "gate" | "letIn" | "atHand"> | undefined;
}): QuickLane {
  const { seeing, pressure, limits, cache, on, rooms } = stages;
  return (exchange, head, client, body) => {
    const gate = rooms?.gate(exchange) ?? "free";
    if (gate === "asked") {
      // The line's document is everybody's, and counted by no limit: those behind one address who wait are many.
      const document = rooms?.atHand(exchange);
      if (document !== undefined) seeing.seen(exchange, document.status, seeing.startMs());
      return document;
    }
    const startedMs = seeing.startMs();
    const guest = gate === "free" ? undefined : gate;
    // From here on it is what goes on from the rooms: an answer may vary by that, too.
    const passed = guest === undefined || saysItself(head, guest) ? head : new PassedHead(head, guest.value);
    if (passed !== head) (exchange as { headers: Fields }).headers = passed;
    const answer = cache?.atHand(exchange);
    if (cache === undefined || answer === undefined) {
      if (client === undefined || !on(exchange, passed, startedMs, client, body, guest)) return undefined;
      if (guest !== undefined) rooms?.letIn(guest);
      return "awaited";
    }
    // What the shop says of a shopper is obeyed, and not shown.
    if (rooms !== undefined && answer.fields.some(([name]) => name === roomField)) return undefined;
    const fields = limits.charge(exchange, isPrivateAnswer(answer));
    if (fields === undefined) return undefined;
    cache.taken(exchange);
    if (guest !== undefined) rooms?.letIn(guest);
    seeing.seen(exchange, answer.status, startedMs);
    const ready = pressure.level() === 0 ? answer : underPressure(pressure, answer, exchange.atMs);
    return fields.length === 0 ? ready : withFields(ready, fields);
  };
}

/** A program that shows its passes says already what goes on with it. */
const saysItself = (head: RequestHead, { value }: Guest): boolean =>
  head.get(passField) === value && !head.has(roomField);

function isPrivateAnswer({ fields }: PreparedAnswer): boolean {
  for (const [name, value] of fields) if (name === "cache-control") return isPrivate(value);
  return false;
}

/** Pages are told of it. For the second that an answer is ready, so is the one that says so. */
function underPressure(pressure: Pressure, answer: PreparedAnswer, nowMs: number): PreparedAnswer {
  pressure.looked(nowMs);
  const told = pressure.told();
  if (told.length === 0) return answer;
  if (answer.underPressure?.told !== told) {
    const timing = answer.fields.find(([name]) => name === "server-timing")?.[1];
    const fields = told.map(([name, value]): readonly [string, string] => [
      name,
      name === "server-timing" && timing !== undefined ? `${timing}, ${value}` : value,
    ]);
    answer.underPressure = { told, answer: withFields(answer, fields) };
  }
  return answer.underPressure.answer;
}

function withFields(answer: PreparedAnswer, fields: readonly (readonly [string, string])[]): PreparedAnswer {
  const kept = answer.fields.filter(([name]) => !fields.some(([added]) => added === name));
  return { ...answer, fields: [...kept, ...fields], wire: undefined, underPressure: undefined };
}
