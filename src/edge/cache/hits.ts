/**
 * What is answered from what is stored, and how that is counted: while it is fresh, stale while a refresh is under way, and stale in
 * place of an error.
 */
import type { Exchange, Glimpse } from "../exchange.ts";
import type { Answers } from "./answers.ts";
import type { Asked } from "./asked.ts";
import type { Counts } from "./counts.ts";
import { usesMax } from "./eviction.ts";
import type { Led } from "./flight.ts";
import type { Store } from "./store.ts";
import { mayServeOnError, type Stored } from "./stored.ts";

export type Hits = {
  readonly count: (exchange: Glimpse, stored: Stored) => void;
  readonly hit: (exchange: Exchange, stored: Stored, nowMs: number) => Response;
  /** `detail`: why it may be stale, in Cache-Status' form. */
  readonly staleHit: (exchange: Exchange, stored: Stored, nowMs: number, detail: string) => Response;
  /** RFC 5861 section 4: what is stored, in place of an error; undefined when it may not be. */
  readonly rescue: (
    asked: Asked,
    stored: Stored | undefined,
    led: Led | undefined,
    detail: string,
  ) => Response | undefined;
};

export function createHits(parts: {
  readonly nowMs: () => number;
  readonly staleFactor: () => number;
  readonly store: Store;
  readonly answers: Answers;
  readonly counts: Counts;
}): Hits {
  const { nowMs: now, staleFactor, store, answers, counts } = parts;

  function count({ notes }: Glimpse, stored: Stored): void {
    if (stored.uses < usesMax) stored.uses += 1;
    stored.hits += 1;
    counts.hits += 1;
    notes.answeredBy = "cache";
    notes.cache = "hit";
  }

  function hit(exchange: Exchange, stored: Stored, nowMs: number): Response {
    count(exchange, stored);
    return answers.give(stored, exchange.headers, exchange.method === "HEAD", nowMs, undefined);
  }

  function staleHit(exchange: Exchange, stored: Stored, nowMs: number, detail: string): Response {
    count(exchange, stored);
    counts.staleHits += 1;
    exchange.notes.cache = "stale";
    const status = `hit; ttl=${Math.floor((stored.freshUntilMs - nowMs) / 1000)}; detail=${detail}`;
    return answers.give(stored, exchange.headers, exchange.method === "HEAD", nowMs, status);
  }

  const rescue: Hits["rescue"] = (asked, stored, led, detail) => {
    const nowMs = now();
    if (stored === undefined || !mayServeOnError(stored, nowMs, asked.wishes, staleFactor())) return undefined;
    // It may have been purged since it was found.
    if (!store.isKept(stored)) return undefined;
    led?.flight.settle({ kind: "shared", stored, body: undefined });
    return staleHit(asked.exchange, stored, nowMs, `"stale-if-error ${detail}"`);
  };

  return { count, hit, staleHit, rescue };
}
