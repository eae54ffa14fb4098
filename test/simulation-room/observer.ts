/**
 * What somebody with the right time sees from outside, and the promises that it is held to. Nothing here knows how the line does it.
 */
import type { Scheduler } from "./scheduler.ts";

const minuteMs = 60_000;
/** A lease that was granted under a rule may be used so long after the rule has changed. */
const leaseMs = 5000;
/** An edge may have been unable to tell of what it admitted so long before it was cut off: its note lapses. */
const untoldMs = 20_000;
/** An edge that is cut off may not know of what another edge admitted so long ago: the age of what the store last said, and a lease. */
const unheardMs = 7500;

/** `told`: every end that it was said to have. */
type Session = { untilMs: number; readonly edge: string; readonly admittedMs: number; readonly told: Set<number> };

type Rule = { readonly fromMs: number; readonly value: number };

export class Observer {
  readonly violations: string[] = [];
  readonly admittedMs: number[] = [];
  readonly #scheduler: Scheduler;
  /** Rules as they were written into the line. */
  readonly #outflows: Rule[] = [];
  readonly #caps: Rule[] = [];
  readonly #holders = new Map<number, string>();
  readonly #ranks = new Map<number, number>();
  readonly #seqOfRank = new Map<number, number>();
  readonly #sessions = new Map<number, Session>();
  readonly #cursors = new Map<string, number>();
  /** A place that was admitted twice: only while the first edge could not tell the others, or the second could not hear of it. */
  readonly #cutOffMs = new Map<string, number>();
  twice = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  violation(text: string): void {
    this.violations.push(`${text}, at ${((this.#scheduler.nowMs - this.beganMs) / 1000).toFixed(3)} s`);
    this.#scheduler.note("observer", `VIOLATION: ${text}`);
  }

  beganMs = 0;

  rules(outflowPerMinute: number, activeMax: number): void {
    const fromMs = this.#scheduler.nowMs;
    if (this.#outflows.at(-1)?.value !== outflowPerMinute) this.#outflows.push({ fromMs, value: outflowPerMinute });
    if (this.#caps.at(-1)?.value !== activeMax) this.#caps.push({ fromMs, value: activeMax });
  }

  /** This edge may not be able to tell the others what it does. */
  cutOff(edge: string): void {
    this.#cutOffMs.set(edge, this.#scheduler.nowMs);
  }

  readonly #isCutOff = (edge: string, sinceMs: number): boolean =>
    (this.#cutOffMs.get(edge) ?? Number.NEGATIVE_INFINITY) >= sinceMs;

  joined(seq: number, who: string): void {
    const holder = this.#holders.get(seq);
    if (holder !== undefined && holder !== who) this.violation(`number ${seq} was given to ${holder} and to ${who}`);
    this.#holders.set(seq, who);
  }

  ranked(seq: number, rank: number): void {
    const before = this.#ranks.get(seq);
    if (before === rank) return;
    if (before !== undefined) this.violation(`number ${seq} had rank ${before} and now has ${rank}`);
    const other = this.#seqOfRank.get(rank);
    if (other !== undefined && other !== seq) this.violation(`rank ${rank} belongs to the numbers ${other} and ${seq}`);
    this.#ranks.set(seq, rank);
    this.#seqOfRank.set(rank, seq);
  }

  /** By one edge, in one life of it. */
  published(edge: string, cursor: number): void {
    const before = this.#cursors.get(edge) ?? 0;
    if (cursor < before) this.violation(`${edge} said that ${before} were called, and then ${cursor}`);
    this.#cursors.set(edge, cursor);
  }

  admitted(seq: number, untilMs: number, edge: string, roomMs: number): void {
    const nowMs = this.#scheduler.nowMs;
    const session = this.#sessions.get(seq);
    // The same again, from any edge.
    if (session?.told.has(untilMs) === true) return;
    if (session !== undefined) {
      this.twice += 1;
      const isUntold = this.#isCutOff(session.edge, session.admittedMs - untoldMs);
      const isUnheard = this.#isCutOff(edge, nowMs - leaseMs) && session.admittedMs > nowMs - unheardMs;
      if (session.edge === edge || !(isUntold || isUnheard))
        this.violation(`place ${seq} was admitted by ${session.edge} and again by ${edge}`);
    }
    this.#sessions.set(seq, {
      untilMs: Math.max(untilMs, session?.untilMs ?? 0),
      edge,
      admittedMs: nowMs,
      told: new Set([...(session?.told ?? []), untilMs]),
    });
    this.admittedMs.push(nowMs);
    this.#checkWindow(nowMs);
    this.#checkActive(nowMs, roomMs);
  }

  renewed(seq: number, untilMs: number): void {
    const session = this.#sessions.get(seq);
    if (session === undefined) return;
    session.untilMs = Math.max(session.untilMs, untilMs);
    // The claim book keeps whole seconds.
    session.told.add(Math.ceil(untilMs / 1000) * 1000);
  }

  released(seq: number): void {
    const session = this.#sessions.get(seq);
    if (session !== undefined) session.untilMs = 0;
  }

  #checkWindow(nowMs: number): void {
    const { admittedMs } = this;
    let count = 0;
    for (let at = admittedMs.length - 1; at >= 0 && (admittedMs[at] as number) > nowMs - minuteMs; at--) count += 1;
    const allowed = mostIn(this.#outflows, nowMs - minuteMs, nowMs);
    if (count > allowed) this.violation(`${count} were admitted within 60 s, and ${allowed} may be`);
  }

  #checkActive(nowMs: number, roomMs: number): void {
    const allowed = mostIn(this.#caps, nowMs - leaseMs, nowMs);
    if (allowed === 0 || this.#caps.some(({ value, fromMs }) => value === 0 && fromMs <= nowMs)) return;
    let active = 0;
    for (const { untilMs } of this.#sessions.values()) if (untilMs > roomMs) active += 1;
    if (active > allowed) this.violation(`${active} are inside, and ${allowed} may be`);
  }
}

/** The highest value that was in force at any moment of the span. */
function mostIn(rules: readonly Rule[], fromMs: number, toMs: number): number {
  let most = 0;
  for (let at = 0; at < rules.length; at++) {
    const rule = rules[at] as Rule;
    const endMs = rules[at + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    if (rule.fromMs <= toMs && endMs > fromMs) most = Math.max(most, rule.value);
  }
  return most;
}
