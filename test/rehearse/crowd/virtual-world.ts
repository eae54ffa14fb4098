/**
 * A world in which time passes only from event to event: the crowd plays against a target of known behaviour, without sockets,
 * clocks or neighbours, so that what it measures can be held against theory to the millisecond.
 */
import Value from "typebox/value";
import { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { piecesOf } from "#rehearse/crowd/arrivals.ts";
import { Crowd, type CrowdPart } from "#rehearse/crowd/crowd.ts";
import { DueQueue } from "#rehearse/crowd/due-queue.ts";
import { repertoireOf, type Tables } from "#rehearse/crowd/journey.ts";
import type { SecondCount } from "#rehearse/measure/tally.ts";
import type { Answer, Exchange } from "#rehearse/ports.ts";
import type { RehearsalPlanFile } from "#roles/rehearsal/plan-file.ts";

export type Asked = { readonly path: string; readonly text: string; readonly atMs: number };
export type Reply = { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: unknown };
export type World = { readonly nowMs: number; at(ms: number, what: () => void): void };
/** Is to call `reply` once, now or by an event. */
export type Target = (asked: Asked, reply: (reply?: Reply) => void, world: World) => void;

export const agent = "test";

export function wholePlan(plan: RehearsalPlanFile): RehearsalPlan {
  return Value.Parse(RehearsalPlan, Value.Default(RehearsalPlan, { target: { url: "http://127.0.0.1:1" }, ...plan }));
}

export type Played = {
  readonly part: CrowdPart;
  readonly seconds: readonly SecondCount[];
  readonly asked: readonly Asked[];
};

export function playVirtually(
  given: RehearsalPlanFile,
  target: Target,
  { share = { index: 0, of: 1 }, tables = {} as Tables, connectionsMax = Number.POSITIVE_INFINITY } = {},
): Played {
  const plan = wholePlan(given);
  const events = new DueQueue<{ dueMs: number; what: () => void }>();
  let nowMs = 0;
  const world: World = {
    get nowMs() {
      return nowMs;
    },
    at: (ms, what) => events.push({ dueMs: Math.max(ms, nowMs), what }),
  };
  const asked: Asked[] = [];
  const seconds: SecondCount[] = [];
  let part: CrowdPart | undefined;
  let busy = 0;
  let capped = 0;
  let openMax = 0;
  const waiting: Exchange[] = [];
  const send = (exchange: Exchange): void => {
    if (busy >= connectionsMax) {
      capped += 1;
      waiting.push(exchange);
      return;
    }
    busy += 1;
    openMax = Math.max(openMax, busy);
    exchange.sentAtMs = nowMs;
    const text = Buffer.from(exchange.request).toString("latin1");
    const one: Asked = { path: text.split(" ")[1] ?? "", text, atMs: nowMs };
    asked.push(one);
    target(
      one,
      (reply = {}) => {
        busy -= 1;
        exchange.answered(answerOf(reply), nowMs);
        const next = waiting.shift();
        if (next !== undefined) send(next);
        turn();
      },
      world,
    );
  };
  const crowd = new Crowd({
    plan,
    repertoire: repertoireOf(plan, tables, agent),
    pieces: plan.arrivals === undefined ? [] : piecesOf(plan.arrivals, plan.scale),
    share,
    runName: "0123456789abcdef",
    wire: {
      send,
      release: () => undefined,
      get state() {
        return { open: busy, openMax, busy, waiting: waiting.length, capped };
      },
    },
    now: () => nowMs,
    wallZeroMs: 0,
    beginMs: 0,
    report: (second) => seconds.push(second),
    over: (found) => {
      part = found;
    },
  });
  let plannedMs = Number.POSITIVE_INFINITY;
  function turn(): void {
    const nextMs = crowd.turn(nowMs);
    if (nextMs >= plannedMs) return;
    plannedMs = nextMs;
    world.at(nextMs, () => {
      if (nowMs < plannedMs) return;
      plannedMs = Number.POSITIVE_INFINITY;
      turn();
    });
  }
  turn();
  while (part === undefined) {
    const event = events.pop();
    if (event === undefined) throw new Error("nothing is left to happen, and the crowd is not done");
    nowMs = event.dueMs;
    event.what();
  }
  return { part, seconds, asked };
}

function answerOf({ status = 200, headers = {}, body }: Reply): Answer {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    status,
    bytes: 100 + text.length,
    field: (name) => fields.find(([one]) => one === name)?.[1],
    fields: (name) => fields.filter(([one]) => one === name).map(([, value]) => value),
    text: () => text,
  };
}
