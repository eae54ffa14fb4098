/**
 * The crowd of one process: begins journeys when they are due, wakes those who think or stand in line, counts what comes back,
 * and watches whether it does all that in time. It owns no clock and no socket: whoever drives it calls `turn`, soon after the
 * moment that the last call named; what it counts goes by the second to `report`.
 *
 * warm-up (counted nowhere) -> measured -> draining (nobody new; whoever is under way goes on) -> over
 */
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { Histogram } from "../measure/histogram.ts";
import { type SecondCount, StepTally } from "../measure/tally.ts";
import type { Acknowledged, Answer, RoomsSeen, Sighting, Wire } from "../ports.ts";
import type { FailureKind, HistogramData, StepResult } from "../result.ts";
import { arrivalSeconds, type Piece, secondsOf } from "./arrivals.ts";
import { DueQueue } from "./due-queue.ts";
import type { Journey, Repertoire, Step } from "./journey.ts";
import { Visit } from "./line-visit.ts";
import { luckOf, pick } from "./luck.ts";
import { Shopper } from "./shopper.ts";
import { aheadIn, type Serving } from "./waiting-room.ts";

/** What one worker found; plain data. */
export type CrowdPart = {
  readonly steps: readonly StepResult[];
  readonly journeysBegun: number;
  readonly journeysDone: number;
  readonly acknowledged: readonly Acknowledged[];
  readonly acknowledgedCount: number;
  readonly rooms: RoomsSeen;
  readonly notes: readonly string[];
  /** Measured seconds that were played: fewer than the plan's when it was stopped. */
  readonly seconds: number;
  readonly startLate: HistogramData;
  readonly startsMissed: number;
  /** Requests that waited since all connections were taken. */
  readonly capped: number;
  readonly connectionsMax: number;
  /** Requests that were under way when the run ended: counted nowhere else. */
  readonly cut: number;
  readonly isRequestsMaxReached: boolean;
};

export type CrowdOptions = {
  readonly plan: RehearsalPlan;
  readonly repertoire: Repertoire;
  readonly pieces: readonly Piece[];
  /** This worker plays every `of`-th journey, beginning with number `index`. */
  readonly share: { readonly index: number; readonly of: number };
  /** 16 hex digits that no other run has. */
  readonly runName: string;
  readonly wire: Wire;
  /** Monotonic, in ms; `turn` and the wire are on it too. */
  readonly now: () => number;
  /** Of this clock's zero, in ms since the epoch. */
  readonly wallZeroMs: number;
  readonly beginMs: number;
  readonly report: (second: SecondCount) => void;
  readonly over: (part: CrowdPart) => void;
};

const shoppersMax = 500_000;
const acknowledgedMax = 200_000;
const visitsMax = 100_000;
const sightingsMax = 20_000;
/** A crowd of programs looks at a room's document as often, so that it is known what the room allows. */
const sightingEveryMs = 2000;
const notesMax = 30;
/** A closed crowd whose shop refuses at once must not run in circles. */
const pauseAfterFailureMs = 100;
const startsForMs = 5;
/** Who was due and never begun is counted up to here. */
const missedMax = 10_000_000;

export class Crowd {
  readonly repertoire: Repertoire;
  readonly isOpen: boolean;
  readonly runName: string;
  readonly #options: CrowdOptions;
  readonly #wire: Wire;
  readonly #queue = new DueQueue<Shopper>();
  readonly #tallies: readonly StepTally[];
  readonly #startLate = new Histogram();
  readonly #notes = new Map<string, string>();
  readonly #acknowledged: Acknowledged[] = [];
  readonly #visits: Visit[] = [];
  readonly #sightings: Sighting[] = [];
  /** By room: when its document was last asked for, and seen. */
  readonly #sought = new Map<string, number>();
  readonly #sighted = new Map<string, number>();
  #visitsCount = 0;
  readonly #zeroMs: number;
  readonly #endMs: number;
  readonly #drainMs: number;
  readonly #requestsMax: number;
  /** Arrivals by second, from the first that was not reported. */
  readonly #arrivals = new Map<number, number>();
  readonly #moments: Iterator<number, void, undefined>;
  #nextMs: number;
  #number = 0;
  #acknowledgedCount = 0;
  #uuids = 0;
  #owners = 0;
  #requests = 0;
  #shoppers = 0;
  /** Requests that wait for their answer, and those of them that count. */
  #underWay = 0;
  #underWayMeasured = 0;
  #begun = 0;
  #done = 0;
  #missed = 0;
  #second = 0;
  #secondEndsMs: number;
  #secondRequests = 0;
  #secondErrors = 0;
  readonly #secondResponse = new Histogram();
  #isTurning = false;
  #isOver = false;

  constructor(options: CrowdOptions) {
    const { plan, pieces, share } = options;
    this.#options = options;
    this.#wire = options.wire;
    this.repertoire = options.repertoire;
    this.isOpen = plan.model === "open";
    this.runName = options.runName;
    this.#tallies = this.repertoire.metrics.map(() => new StepTally());
    this.#zeroMs = options.beginMs + plan.warmUpSeconds * 1000;
    const seconds = this.isOpen ? secondsOf(pieces) : (plan.closed?.seconds ?? 0);
    this.#endMs = this.#zeroMs + seconds * 1000;
    this.#drainMs = this.#endMs + plan.timeoutSeconds * 1000;
    this.#requestsMax = Math.ceil(plan.requestsMax / share.of);
    this.#secondEndsMs = this.#zeroMs + 1000;
    // Before the measured time people come as they do at its beginning.
    const first = pieces[0];
    const atFirst = Math.max(first?.fromPerSecond ?? 0, 0.1 * (first?.toPerSecond ?? 0));
    const warmUp = { fromPerSecond: atFirst, toPerSecond: atFirst, seconds: plan.warmUpSeconds };
    this.#moments = arrivalSeconds(
      [...(plan.warmUpSeconds > 0 ? [warmUp] : []), ...pieces],
      plan.spacing,
      luckOf(plan.seed, -1),
    );
    this.#nextMs = this.isOpen ? this.#nextArrivalMs() : Number.POSITIVE_INFINITY;
    if (!this.isOpen) this.#comeAll(plan.closed?.users ?? 0);
  }

  /** Does what is due. Returns when it is to be called next, at the latest; Infinity once it is over. */
  turn(nowMs: number): number {
    // A connection that breaks while it is written to tells so at once: the turn that wrote goes on.
    if (this.#isOver || this.#isTurning) return Number.POSITIVE_INFINITY;
    this.#isTurning = true;
    // In small helpings: answers and the order to stop must get their turn too, also when more is due than can be done.
    const untilMs = this.#options.now() + startsForMs;
    let askedAtMs = 0;
    while (this.#nextMs <= nowMs && this.#options.now() < untilMs) {
      const dueMs = this.#nextMs;
      this.#begin(dueMs);
      this.#nextMs = this.#nextArrivalMs();
    }
    while (this.#queue.firstMs <= nowMs && askedAtMs < untilMs) {
      const shopper = this.#queue.pop() as Shopper;
      askedAtMs = this.#options.now();
      if (!this.isOpen && nowMs >= this.#endMs) this.#forget(shopper);
      else shopper.ask(askedAtMs);
    }
    this.#isTurning = false;
    while (nowMs >= this.#secondEndsMs) this.#endSecond();
    if (nowMs >= this.#endMs && (this.#shoppers === 0 || nowMs >= this.#drainMs)) this.#end(nowMs);
    if (this.#requests >= this.#requestsMax) this.#end(nowMs);
    if (this.#isOver) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.#nextMs,
      this.#queue.firstMs,
      this.#secondEndsMs,
      nowMs >= this.#endMs ? nowMs + 20 : this.#endMs,
    );
  }

  /** Ends now, with what was measured. */
  stop(nowMs: number): void {
    if (!this.#isOver) this.#end(nowMs);
  }

  // What shoppers call.

  asks(shopper: Shopper, lateMs: number): void {
    this.#underWay += 1;
    if (shopper.dueMs >= this.#zeroMs) {
      this.#underWayMeasured += 1;
      this.#startLate.record(lateMs * 1000);
    }
    this.#requests += 1;
    this.#wire.send(shopper);
  }

  waits(shopper: Shopper): void {
    if (!this.#isOver) this.#queue.push(shopper);
  }

  record(shopper: Shopper, metric: number, answer: Answer, isError: boolean, nowMs: number): void {
    if (!this.#isCounted(shopper)) return;
    const responseMs = nowMs - (this.isOpen ? shopper.dueMs : shopper.sentAtMs);
    const tally = this.#tallies[metric] as StepTally;
    tally.answered(answer.status, answer.bytes, responseMs, nowMs - shopper.sentAtMs, isError);
    this.#secondRequests += 1;
    if (isError) this.#secondErrors += 1;
    this.#secondResponse.record(responseMs * 1000);
  }

  recordFailure(shopper: Shopper, metric: number, kind: FailureKind, nowMs: number): void {
    if (!this.#isCounted(shopper)) return;
    const tally = this.#tallies[metric] as StepTally;
    tally.failed(kind);
    this.#secondRequests += 1;
    this.#secondErrors += 1;
    if (kind === "unsent") this.#missed += 1;
    if (kind !== "timeout") return;
    // It was waited for as long as the plan waits: to leave it out would make the slowest vanish.
    const responseMs = nowMs - (this.isOpen || shopper.sentAtMs === 0 ? shopper.dueMs : shopper.sentAtMs);
    tally.response.record(responseMs * 1000);
    if (shopper.sentAtMs > 0) tally.service.record((nowMs - shopper.sentAtMs) * 1000);
    this.#secondResponse.record(responseMs * 1000);
  }

  recordLine(metric: number, inLineMs: number): void {
    (this.#tallies[metric] as StepTally).inLine.record(inLineMs * 1000);
  }

  acknowledged(order: Acknowledged): void {
    this.#acknowledgedCount += 1;
    if (this.#acknowledged.length < acknowledgedMax) this.#acknowledged.push(order);
  }

  /** Undefined when there are more than are kept. */
  meets(room: string, sentMs: number, nowMs: number): Visit | undefined {
    this.#visitsCount += 1;
    if (this.#visits.length >= visitsMax) return undefined;
    const visit = new Visit(room, sentMs, nowMs);
    this.#visits.push(visit);
    return visit;
  }

  /** True for the one who is to look. */
  wantsSighting(room: string, nowMs: number): boolean {
    if (nowMs - (this.#sought.get(room) ?? Number.NEGATIVE_INFINITY) < sightingEveryMs) return false;
    this.#sought.set(room, nowMs);
    return true;
  }

  sees(room: string, serving: Serving, nowMs: number): void {
    this.#sought.set(room, nowMs);
    const isNew = nowMs - (this.#sighted.get(room) ?? Number.NEGATIVE_INFINITY) >= 1000;
    if (!isNew || this.#sightings.length >= sightingsMax) return;
    this.#sighted.set(room, nowMs);
    const { outflowPerMinute, next } = serving;
    this.#sightings.push({
      room,
      atSecond: this.secondAt(nowMs),
      outflowPerMinute,
      waiting: aheadIn(serving, next),
    });
  }

  /** The first of each kind is kept. */
  note(journey: Journey, step: Step, text: string): void {
    const kind = `${journey.name}/${step.name}: ${text.slice(0, 40).replace(/\d+/g, "0")}`;
    if (this.#notes.size < notesMax && !this.#notes.has(kind))
      this.#notes.set(kind, `${journey.name}/${step.name}: ${text}`);
  }

  leaves(shopper: Shopper, isDone: boolean, nowMs: number, thinkMs = 0): void {
    if (isDone && shopper.bornMs >= this.#zeroMs && !this.#isOver) this.#done += 1;
    this.#forget(shopper);
    if (this.isOpen || this.#isOver || nowMs >= this.#endMs) return;
    this.#enter(nowMs + (isDone ? thinkMs : pauseAfterFailureMs));
  }

  secondAt(nowMs: number): number {
    return Math.round(nowMs - this.#zeroMs) / 1000;
  }

  wallMs(nowMs: number): number {
    return this.#options.wallZeroMs + nowMs;
  }

  /** Version 4 in its form; unique by run, worker and count rather than by luck, which is kept for what the seed decides. */
  uuid(): string {
    const { runName, share } = this.#options;
    this.#uuids += 1;
    const tail = this.#uuids.toString(16).padStart(12, "0");
    const worker = (share.index % 4096).toString(16).padStart(3, "0");
    return `${runName.slice(0, 8)}-${runName.slice(8, 12)}-4${runName.slice(12, 15)}-8${worker}-${tail}`;
  }

  /** Its request is over; whether it counts. */
  #isCounted(shopper: Shopper): boolean {
    if (this.#isOver) return false;
    this.#underWay -= 1;
    if (shopper.dueMs < this.#zeroMs) return false;
    this.#underWayMeasured -= 1;
    return true;
  }

  /** The next moment that is this worker's; the moments of the others are passed over. */
  #nextArrivalMs(): number {
    const { share, beginMs } = this.#options;
    for (;;) {
      const { value, done } = this.#moments.next();
      if (done === true) return Number.POSITIVE_INFINITY;
      this.#number += 1;
      if ((this.#number - 1) % share.of === share.index) return beginMs + value * 1000;
    }
  }

  #begin(dueMs: number): void {
    if (dueMs >= this.#zeroMs) {
      const second = Math.floor((dueMs - this.#zeroMs) / 1000);
      this.#arrivals.set(second, (this.#arrivals.get(second) ?? 0) + 1);
      this.#begun += 1;
    }
    if (this.#shoppers >= shoppersMax) {
      this.#missed += 1;
      return;
    }
    this.#shopper(this.#number, dueMs)?.ask(this.#options.now());
  }

  /** A closed crowd: everybody is there from the beginning. */
  #comeAll(users: number): void {
    const { share, beginMs } = this.#options;
    const mine = Math.floor(users / share.of) + (share.index < users % share.of ? 1 : 0);
    for (let user = 0; user < mine; user++) this.#enter(beginMs);
  }

  #enter(dueMs: number): void {
    const { share } = this.#options;
    const number = this.#number * share.of + share.index + 1;
    this.#number += 1;
    const shopper = this.#shopper(number, dueMs);
    if (shopper === undefined) return;
    if (dueMs >= this.#zeroMs) this.#begun += 1;
    this.#queue.push(shopper);
  }

  /** Everything about a shopper follows from the seed and the number. Undefined when there is no data left for one. */
  #shopper(number: number, dueMs: number): Shopper | undefined {
    const { repertoire } = this;
    const random = luckOf(this.#options.plan.seed, number);
    const journey = repertoire.journeys[pick(repertoire.mix, random())] as Journey;
    const device = repertoire.devices.length === 1 ? 0 : pick(repertoire.deviceMix, random());
    const { rows, order } = journey;
    let row: readonly string[] | undefined;
    if (rows.length > 0) {
      if (order === "once" && number > rows.length) return undefined;
      row = rows[order === "random" ? Math.floor(random() * rows.length) : (number - 1) % rows.length];
    }
    this.#shoppers += 1;
    return new Shopper(this, {
      number,
      journey,
      row,
      device,
      bytesPerSecond: repertoire.devices[device]?.bytesPerSecond ?? 0,
      owner: this.#options.plan.connections === "own" ? ++this.#owners : 0,
      random,
      dueMs,
    });
  }

  #forget(shopper: Shopper): void {
    this.#shoppers -= 1;
    if (shopper.owner !== 0) this.#wire.release(shopper.owner);
  }

  #endSecond(): void {
    const second = this.#second;
    this.#options.report({
      atSecond: second,
      arrivals: this.#arrivals.get(second) ?? 0,
      requests: this.#secondRequests,
      errors: this.#secondErrors,
      underWay: this.#underWay,
      response: this.#secondResponse.toData(),
    });
    this.#arrivals.delete(second);
    this.#secondRequests = 0;
    this.#secondErrors = 0;
    this.#secondResponse.clear();
    this.#second += 1;
    this.#secondEndsMs += 1000;
  }

  #end(nowMs: number): void {
    if (this.#secondRequests > 0 || this.#arrivals.size > 0) this.#endSecond();
    this.#isOver = true;
    // Only at the end of its time: who is stopped before has not missed what was due this very moment.
    for (let left = missedMax; nowMs >= this.#endMs && this.#nextMs <= this.#endMs && left > 0; left--) {
      this.#missed += 1;
      this.#nextMs = this.#nextArrivalMs();
    }
    const { openMax, capped } = this.#wire.state;
    const isRequestsMaxReached = this.#requests >= this.#requestsMax && nowMs < this.#endMs;
    this.#options.over({
      steps: this.repertoire.metrics.flatMap(({ journey, step, isLine }, at) => {
        const tally = this.#tallies[at] as StepTally;
        return isLine && tally.requests === 0 ? [] : [tally.result(journey, step)];
      }),
      journeysBegun: this.#begun,
      journeysDone: this.#done,
      acknowledged: this.#acknowledged,
      acknowledgedCount: this.#acknowledgedCount,
      rooms: {
        visits: this.#visits.map((visit) => visit.toData((ms) => this.secondAt(ms))),
        visitsCount: this.#visitsCount,
        sightings: this.#sightings,
      },
      notes: [...this.#notes.values()],
      seconds: Math.round(Math.max(0, Math.min(nowMs, this.#endMs) - this.#zeroMs)) / 1000,
      startLate: this.#startLate.toData(),
      startsMissed: this.#missed,
      capped,
      connectionsMax: openMax,
      cut: this.#underWayMeasured,
      isRequestsMaxReached,
    });
    this.#queue.clear();
  }
}
