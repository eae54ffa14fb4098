/**
 * Who may be asked, and who is. Of two ready upstreams drawn by weight the one with the lower latency x requests under
 * way; of those that are out, one request at a time finds out whether they are back. With too few ready (panic) all are
 * asked: then the checks may be wrong, and the few must not bear everything.
 */
import type { Random } from "#kernel/clock.ts";
import type { Verdict } from "#resilience/failure-watch.ts";
import { slowStartShare } from "#resilience/slow-start.ts";
import { drawByWeight, drawEvenly } from "#resilience/two-choices.ts";
import type { Upstream } from "./upstream.ts";

export type PoolSettings = {
  readonly connectionsMax: number;
  readonly ejectMaxPercent: number;
  readonly slowStartMs: number;
  readonly panicPercent: number;
};

/**
 * In panic an upstream that gave no answer lately is asked by this many at once. One that refuses does so in no time,
 * and all are asked; one that hangs holds up this many, while all others are told at once that there is no answer.
 */
const asksOfSilentMax = 8;

export class Pool {
  readonly #settings: PoolSettings;
  readonly #random: Random;
  #members: Upstream[] = [];
  /** Those that may be asked now: the ready ones, or all in panic. */
  #rotation: Upstream[] = [];
  #out: Upstream[] = [];
  #isPanic = false;
  /** Whether every member takes requests as bytes. */
  mayCarry = false;
  #isEven = true;
  #weightSum = 0;
  #slowUntilMs = Number.NEGATIVE_INFINITY;

  constructor(settings: PoolSettings, random: Random) {
    this.#settings = settings;
    this.#random = random;
  }

  get members(): readonly Upstream[] {
    return this.#members;
  }

  get isPanic(): boolean {
    return this.#isPanic;
  }

  /** How many may be asked now. */
  get breadth(): number {
    return this.#rotation.length;
  }

  /** `nowMs`: it starts slowly, beside others that are warm. Undefined: all begin together. */
  add(upstream: Upstream, nowMs: number | undefined): void {
    if (nowMs !== undefined) this.#welcome(upstream, nowMs);
    this.#members = [...this.#members, upstream];
    this.refresh();
  }

  forget(upstream: Upstream): void {
    this.#members = this.#members.filter((member) => member !== upstream);
    this.refresh();
  }

  /** After anything changed that decides who may be asked. */
  refresh(): void {
    const { panicPercent, slowStartMs } = this.#settings;
    this.mayCarry = this.#members.every(({ origin }) => origin.carry !== undefined);
    const usable = this.#members.filter(({ isDraining }) => !isDraining);
    const ready = usable.filter(({ isReady }) => isReady);
    this.#isPanic = usable.length > 0 && ready.length * 100 < panicPercent * usable.length;
    this.#rotation = this.#isPanic ? usable : ready;
    this.#out = this.#isPanic
      ? []
      : usable.filter(({ circuit, isUnhealthy }) => circuit.state !== "closed" && !isUnhealthy);
    this.#isEven = this.#rotation.every(({ weight }) => weight === this.#rotation[0]?.weight);
    this.#weightSum = this.#rotation.reduce((sum, { weight }) => sum + weight, 0);
    this.#slowUntilMs =
      Math.max(Number.NEGATIVE_INFINITY, ...this.#rotation.map(({ backAtMs }) => backAtMs)) + slowStartMs;
  }

  /** One of those that are out, if it is time to find out about it. The request will be its probe. */
  probe(nowMs: number, asked: readonly Upstream[]): Upstream | undefined {
    if (this.#out.length === 0) return undefined;
    return this.#out.find((upstream) => !asked.includes(upstream) && upstream.circuit.probe(nowMs));
  }

  /** Whom to ask, other than those who were `asked` already. */
  choose(nowMs: number, asked: readonly Upstream[]): Upstream | undefined {
    const rotation = this.#rotation;
    const count = rotation.length;
    if (count > 2 || (count === 2 && asked.length === 0)) {
      const first = this.#draw(-1);
      const second = this.#draw(first);
      const one = this.#usable(rotation[first], asked);
      const other = this.#usable(rotation[second], asked);
      if (one !== undefined && other !== undefined) {
        const [better, worse] = other.cost(nowMs) < one.cost(nowMs) ? [other, one] : [one, other];
        // Of what it would get, one that came back just now takes a growing share.
        const isSlow = nowMs < this.#slowUntilMs && this.#random() >= this.#slowStartShare(better, nowMs);
        return isSlow ? worse : better;
      }
      if (one !== undefined || other !== undefined) return one ?? other;
    }
    // One upstream, or the two drawn were asked already or have all they can bear: the best of the rest.
    let best: Upstream | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const upstream of rotation) {
      if (this.#usable(upstream, asked) === undefined) continue;
      const cost = count === 1 ? 0 : upstream.cost(nowMs);
      if (cost < bestCost) {
        best = upstream;
        bestCost = cost;
      }
    }
    return best;
  }

  /** What a request's end says about its upstream, by its `FailureWatch`. True when it is put out by it. */
  judge(upstream: Upstream, verdict: Exclude<Verdict, undefined>, nowMs: number): boolean {
    if (upstream.circuit.state !== "closed") return false;
    if (verdict === "errors") {
      const ejected = this.#members.filter(({ circuit, reason }) => circuit.state !== "closed" && reason === "errors");
      if ((ejected.length + 1) * 100 > this.#settings.ejectMaxPercent * this.#members.length) return false;
    }
    upstream.reason = verdict;
    upstream.outAtMs = nowMs;
    upstream.ejections += 1;
    upstream.circuit.trip(nowMs);
    upstream.watch.forget();
    this.refresh();
    return true;
  }

  /** It is as good as the others, only cold. */
  welcomeBack(upstream: Upstream, nowMs: number): void {
    upstream.watch.forget();
    this.#welcome(upstream, nowMs);
    this.refresh();
  }

  /** The errors' share of all others together. */
  errorShareBeside(upstream: Upstream): number {
    let requests = 0;
    let errors = 0;
    for (const other of this.#rotation) {
      if (other === upstream) continue;
      requests += other.watch.requests;
      errors += other.watch.errors;
    }
    return requests === 0 ? 0 : errors / requests;
  }

  /** Believed to be as fast as the others are: one of which nothing is known would else have everybody's next request. */
  #welcome(upstream: Upstream, nowMs: number): void {
    const others = this.#members.filter((member) => member !== upstream && member.isReady);
    const sum = others.reduce((total, { latency }) => total + latency.read(nowMs), 0);
    upstream.latency.reset(nowMs, others.length === 0 ? 0 : sum / others.length);
    upstream.backAtMs = nowMs;
  }

  #draw(except: number): number {
    const rotation = this.#rotation;
    if (this.#isEven) return drawEvenly(rotation.length, except, this.#random);
    return drawByWeight(rotation, this.#weightSum, except, this.#random);
  }

  #slowStartShare(upstream: Upstream, nowMs: number): number {
    return slowStartShare(nowMs - upstream.backAtMs, this.#settings.slowStartMs);
  }

  #usable(upstream: Upstream | undefined, asked: readonly Upstream[]): Upstream | undefined {
    if (upstream === undefined || (asked.length > 0 && asked.includes(upstream))) return undefined;
    const max =
      upstream.circuit.state === "closed"
        ? this.#settings.connectionsMax
        : Math.min(asksOfSilentMax, this.#settings.connectionsMax);
    return upstream.inFlight < max && upstream.origin.isFull?.() !== true ? upstream : undefined;
  }
}
