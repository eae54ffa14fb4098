/**
 * Who asks the origin for whom: the first that wants something leads, those who want the same meanwhile follow, and what is about
 * to be stale is fetched again for those who come later.
 */
import type { Exchange } from "../exchange.ts";
import type { Fields } from "../ports.ts";
import type { Answers } from "./answers.ts";
import { type Asked, noWishes, wishless } from "./asked.ts";
import type { Ask } from "./asking.ts";
import type { Counts } from "./counts.ts";
import { Flight, type Outcome } from "./flight.ts";
import { variantKey } from "./key.ts";
import type { Store } from "./store.ts";
import type { Stored } from "./stored.ts";

const refreshesMax = 64;
const refreshPauseMs = 1000;

export type Flights = {
  readonly collapse: (asked: Asked, stored: Stored | undefined) => Promise<Response>;
  /** In the background, for those who come later; one at a time for each object, and not again at once when it failed. */
  readonly refresh: (asked: Asked, stored: Stored, nowMs: number) => void;
  readonly underWay: () => number;
};

export function createFlights(parts: {
  /** How long one that follows waits at most. */
  readonly collapseMs: number;
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => () => void;
  readonly store: Store;
  readonly answers: Answers;
  readonly counts: Counts;
  readonly ask: Ask;
}): Flights {
  const { collapseMs, nowMs: now, after, store, answers, counts, ask } = parts;
  const flights = new Map<string, Flight>();
  let refreshesUnderWay = 0;

  function flightKey(key: string, headers: Fields): string {
    const names = store.variesOn(key);
    return names.length === 0 ? key : `${key}\n${names.join(",")}\n${variantKey(names, headers)}`;
  }

  function collapse(asked: Asked, stored: Stored | undefined, attempt = 0): Promise<Response> {
    const id = flightKey(asked.key, asked.exchange.headers);
    const flight = flights.get(id);
    // One that began before a purge would bring what was purged.
    if (flight !== undefined && store.purgedSince(flight.purges, asked.key, flight.tags) === "no") {
      return follow(asked, stored, flight, attempt);
    }
    return lead(asked, stored, id);
  }

  async function lead(asked: Asked, stored: Stored | undefined, id: string): Promise<Response> {
    const flight = new Flight(store.purgeCount);
    flights.set(id, flight);
    const end = () => {
      if (flights.get(id) === flight) flights.delete(id);
    };
    try {
      return await ask(asked, stored, { flight, end });
    } catch (error) {
      flight.settle({ kind: "failed", error });
      throw error;
    } finally {
      // A body that is still coming ends its flight itself.
      if (flight.settled?.kind !== "shared" || flight.settled.body === undefined) end();
      flight.settle({ kind: "alone" });
    }
  }

  async function follow(asked: Asked, stored: Stored | undefined, flight: Flight, attempt: number): Promise<Response> {
    const { exchange } = asked;
    const outcome = flight.settled ?? (await waitFor(flight.outcome));
    if (outcome?.kind === "shared" && (outcome.body === undefined || outcome.body.canJoin)) {
      const { vary, variant } = outcome.stored;
      if (variantKey(vary, exchange.headers) === variant) {
        counts.collapsed += 1;
        exchange.notes.answeredBy = "cache";
        exchange.notes.cache = "collapsed";
        const nowMs = now();
        const status = `fwd=${stored === undefined ? "uri-miss" : "stale"}; collapsed`;
        return outcome.body === undefined
          ? answers.give(outcome.stored, exchange.headers, false, nowMs, status)
          : answers.giveStream(outcome.stored, outcome.body, exchange.headers, nowMs, status);
      }
      // Another variant: now that the names are known, those who want the same find each other.
      if (attempt < 2) return collapse(asked, store.find(asked.key, exchange.headers), attempt + 1);
    }
    // One of those who waited asks once more for all of them; the second failure is everyone's.
    if (outcome?.kind === "failed") {
      if (attempt === 0) return collapse(asked, stored, attempt + 1);
      throw outcome.error;
    }
    return ask(asked, stored, undefined);
  }

  /** Undefined when `collapseMs` are over. */
  async function waitFor(outcome: Promise<Outcome>): Promise<Outcome | undefined> {
    let cancel = () => {};
    const timeout = new Promise<undefined>((resolve) => {
      cancel = after(collapseMs, () => resolve(undefined));
    });
    const first = await Promise.race([outcome, timeout]);
    cancel();
    return first;
  }

  function refresh(asked: Asked, stored: Stored, nowMs: number): void {
    if (nowMs < stored.nextRefreshMs || refreshesUnderWay >= refreshesMax) return;
    const headers = wishless(asked.exchange.headers);
    const id = flightKey(asked.key, headers);
    if (flights.has(id)) return;
    stored.nextRefreshMs = nowMs + refreshPauseMs;
    refreshesUnderWay += 1;
    counts.refreshes += 1;
    const exchange: Exchange = { ...asked.exchange, method: "GET", headers, request: null, notes: {} };
    lead({ ...asked, exchange, wishes: noWishes }, stored, id)
      .then((response) => response.body?.cancel())
      // Those who come later are served stale, or ask themselves: nobody waits for this one.
      .catch(() => {})
      .finally(() => {
        refreshesUnderWay -= 1;
      });
  }

  return { collapse, refresh, underWay: () => flights.size };
}
