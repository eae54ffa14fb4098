/**
 * The short way for what the cache has ready: the same rules in the same order on the same state as the stages, looked at without
 * making a Request, Headers or a Response. Whatever is not an everyday hit goes the long way, as if nobody had looked.
 *
 * So first everything is asked that counts nothing, then the limits take, and only when they let it pass is the rest counted.
 */
import type { EdgeCache } from "./cache/cache.ts";
import type { Glimpse } from "./exchange.ts";
import { isPrivate, type Limits } from "./limits/limits.ts";
import type { PreparedAnswer } from "./ports.ts";
import type { Pressure } from "./pressure.ts";
import type { Seeing } from "./seeing.ts";
import type { Rooms } from "./waiting-room/rooms.ts";

export function createQuickLane(stages: {
  readonly seeing: Seeing;
  readonly pressure: Pressure;
  readonly limits: Limits;
  readonly cache: EdgeCache;
  readonly rooms: Pick<Rooms, "gate" | "atHand"> | undefined;
}): (exchange: Glimpse) => PreparedAnswer | undefined {
  const { seeing, pressure, limits, cache, rooms } = stages;
  return (exchange) => {
    if (rooms?.gate(exchange) === true) {
      // The line's document is everybody's, and counted by no limit: those behind one address who wait are many.
      const document = rooms.atHand(exchange);
      if (document !== undefined) seeing.seen(exchange, document.status, seeing.startMs());
      return document;
    }
    // Under pressure pages are told so, and stale answers may do.
    if (pressure.level() !== 0) return undefined;
    const startedMs = seeing.startMs();
    const answer = cache.atHand(exchange);
    if (answer === undefined) return undefined;
    const fields = limits.charge(exchange, isPrivateAnswer(answer));
    if (fields === undefined) return undefined;
    cache.taken(exchange);
    seeing.seen(exchange, answer.status, startedMs);
    return fields.length === 0 ? answer : withFields(answer, fields);
  };
}

function isPrivateAnswer({ fields }: PreparedAnswer): boolean {
  for (const [name, value] of fields) if (name === "cache-control") return isPrivate(value);
  return false;
}

function withFields(answer: PreparedAnswer, fields: readonly (readonly [string, string])[]): PreparedAnswer {
  const kept = answer.fields.filter(([name]) => !fields.some(([added]) => added === name));
  return { ...answer, fields: [...kept, ...fields], wire: undefined };
}
