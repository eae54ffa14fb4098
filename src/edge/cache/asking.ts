/**
 * One request to the origin, from what is sent to what becomes of its answer: a 304 renews what is stored, an error may be covered
 * by it, and all else is a new answer.
 */
import type { Answers } from "./answers.ts";
import { type Asked, forwarded, hasValidator, unconditional } from "./asked.ts";
import { whyForwarded } from "./cache-status.ts";
import type { Counts } from "./counts.ts";
import type { Led } from "./flight.ts";
import { type HitForMiss, unsharedMs } from "./hit-for-miss.ts";
import type { Hits } from "./hits.ts";
import type { Keep } from "./keeping.ts";
import type { Revalidation } from "./revalidation.ts";
import type { Store } from "./store.ts";
import type { Stored } from "./stored.ts";

const errorStatuses = new Set([500, 502, 503, 504]);

/** `led`: undefined when the answer is for the one who asks alone. */
export type Ask = (asked: Asked, stored: Stored | undefined, led: Led | undefined) => Promise<Response>;

export function createAsk(parts: {
  readonly nowMs: () => number;
  readonly store: Store;
  readonly answers: Answers;
  readonly hitForMiss: HitForMiss;
  readonly counts: Counts;
  readonly rescue: Hits["rescue"];
  readonly revalidated: Revalidation["revalidated"];
  readonly keep: Keep;
}): Ask {
  const { nowMs, store, answers, hitForMiss, counts, rescue, revalidated, keep } = parts;

  return async function ask(asked: Asked, stored: Stored | undefined, led: Led | undefined): Promise<Response> {
    const { exchange, key } = asked;
    const sent = forwarded(asked, stored, led === undefined);
    const purges = store.purgeCount;
    const requestedAtMs = nowMs();
    let response: Response;
    try {
      response = await asked.next(sent);
    } catch (error) {
      const rescued = rescue(asked, stored, led, "unreachable");
      if (rescued !== undefined) return rescued;
      throw error;
    }
    if (response.status === 304 && hasValidator(stored)) {
      const updated = revalidated(asked, stored, response, requestedAtMs, purges);
      if (updated !== undefined) {
        counts.revalidated += 1;
        exchange.notes.answeredBy = "cache";
        exchange.notes.cache = "revalidated";
        const isFresh = nowMs() < updated.freshUntilMs;
        if (!isFresh) hitForMiss.mark(key, nowMs() + unsharedMs);
        led?.flight.settle(isFresh ? { kind: "shared", stored: updated, body: undefined } : { kind: "alone" });
        const why = whyForwarded(store, key, stored, requestedAtMs);
        return answers.give(updated, exchange.headers, false, nowMs(), `fwd=${why}; fwd-status=304`);
      }
      // It speaks of another representation than ours (RFC 9111 section 4.3.4): ask for that one.
      response = await asked.next({ ...sent, headers: unconditional(sent.headers) });
    }
    if (errorStatuses.has(response.status)) {
      const rescued = rescue(asked, stored, led, String(response.status));
      if (rescued !== undefined) {
        void response.body?.cancel().catch(() => {});
        return rescued;
      }
    }
    return await keep(asked, stored, led, response, requestedAtMs, purges);
  };
}
