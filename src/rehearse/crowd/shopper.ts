/**
 * One shopper on a journey: due -> asking -> (answered: in line, asks again, thinks) -> due … -> gone. It is the exchange that
 * the wire carries, so that a request costs no object of its own.
 *
 * Every time is counted from the intended start. Of a step that depends on another it is the other's intended start plus what
 * the plan expects of its answer plus the think time: were it the real answer instead, a slow answer would move later requests
 * away from the very time in which the shop was slow (coordinated omission; Tene, HdrHistogram#148).
 */
import type { Random } from "#kernel/clock.ts";
import type { Answer, Exchange } from "../ports.ts";
import type { FailureKind } from "../result.ts";
import { CookieJar } from "./cookie-jar.ts";
import type { Crowd } from "./crowd.ts";
import { asText, jsonOf, valueAt } from "./extract.ts";
import { type Journey, pathOf, type Step } from "./journey.ts";
import type { Visit } from "./line-visit.ts";
import { addressOf } from "./template.ts";
import { aheadIn, passedInto, roomPath, servingOf, type Turn, toldOf, turnByDocument, turnOf } from "./waiting-room.ts";

const nothing = new Uint8Array(0);
/** A room that calls again whoever has just claimed must not be run against in circles. */
const claimAgainMs = 1000;
/** Of one shopper's journey. */
const roomsMax = 20;

export class Shopper implements Exchange {
  request: Uint8Array = nothing;
  isHead = false;
  isSafe = false;
  keepBytes = 0;
  tries = 0;
  sentAtMs = 0;
  readonly bytesPerSecond: number;
  readonly owner: number;

  /** When it is to act; while it asks, the intended start of what it asks. */
  dueMs: number;
  /** Before this nothing could be asked: the answer before was not there yet. */
  #readyMs: number;
  /** When the journey was due to begin. */
  readonly bornMs: number;
  readonly number: number;
  readonly #crowd: Crowd;
  readonly #journey: Journey;
  readonly #device: number;
  readonly #random: Random;
  readonly #row: readonly string[] | undefined;
  #jar: CookieJar | undefined;
  #extracted: Map<string, string> | undefined;
  #at = 0;
  #asked = 0;
  #uuid = "";
  /** What is asked beside the step: a turn is claimed, the room's document or, for a place, the step's address read; `thenMs`: only on the way, the step is due again then. */
  #beside: { readonly kind: "claim" | "look" | "join"; readonly path: string; readonly thenMs?: number } | undefined;
  #claims = 0;
  /** One for each room that was met. */
  #visits: Map<string, Visit> | undefined;
  #visit: Visit | undefined;
  #inLineSinceMs = 0;

  constructor(
    crowd: Crowd,
    of: {
      readonly number: number;
      readonly journey: Journey;
      readonly row: readonly string[] | undefined;
      readonly device: number;
      readonly bytesPerSecond: number;
      readonly owner: number;
      readonly random: Random;
      readonly dueMs: number;
    },
  ) {
    this.#crowd = crowd;
    this.number = of.number;
    this.#journey = of.journey;
    this.#row = of.row;
    this.#device = of.device;
    this.bytesPerSecond = of.bytesPerSecond;
    this.owner = of.owner;
    this.#random = of.random;
    this.dueMs = of.dueMs;
    this.#readyMs = of.dueMs;
    this.bornMs = of.dueMs;
  }

  ask(nowMs: number): void {
    const step = this.#step;
    const cookies = this.#jar?.line ?? "";
    const beside = this.#beside;
    this.request =
      beside === undefined
        ? step.request(this.#device, this, cookies)
        : this.#crowd.repertoire.beside(beside.kind === "claim" ? "POST" : "GET", beside.path, this.#device, cookies);
    this.isHead = step.isHead && beside === undefined;
    this.isSafe = beside === undefined ? step.isSafe : beside.kind !== "claim";
    this.keepBytes = step.keepBytes;
    this.tries = 0;
    this.sentAtMs = 0;
    this.#crowd.asks(this, nowMs - Math.max(this.dueMs, this.#readyMs));
  }

  answered(answer: Answer, nowMs: number): void {
    const step = this.#step;
    this.#readyMs = nowMs;
    if (this.#journey.usesCookies)
      for (const field of answer.fields("set-cookie")) {
        this.#jar ??= new CookieJar();
        this.#jar.take(field, this.#crowd.wallMs(nowMs));
      }
    const body = step.keepBytes > 0 ? jsonOf(answer) : () => undefined;
    if (step.hasWaitingRoom && this.#standsInLine(step, answer, body, nowMs)) return;

    const isExpected = step.expected[answer.status] === 1;
    // A refusal that was expected, such as "sold out", has nothing to take and nowhere to go on from.
    const isRefusal = isExpected && answer.status >= 400;
    const wrong = isRefusal
      ? undefined
      : isExpected
        ? this.#take(step, answer, body)
        : `answered with ${answer.status}`;
    this.#crowd.record(this, step.metric, answer, wrong !== undefined, nowMs);
    if (wrong !== undefined) {
      this.#crowd.note(this.#journey, step, `${wrong}${isExpected ? "" : excerptOf(answer)}`);
      this.#crowd.leaves(this, false, nowMs);
      return;
    }
    if (isRefusal) {
      this.#crowd.leaves(this, true, nowMs);
      return;
    }
    if (step.acknowledges && this.#asked === 0) this.#acknowledged(step, nowMs);
    if (step.until !== undefined && !this.#isAsWished(step.until, body)) {
      this.#asked += 1;
      if (this.#asked >= step.until.most) {
        this.#crowd.note(this.#journey, step, `asked ${this.#asked} times, and ${step.until.json} was not as wished`);
        this.#crowd.leaves(this, false, nowMs);
      } else this.#dueAt(nowMs + step.until.everySeconds * 1000);
      return;
    }
    this.#goOn(step);
  }

  failed(kind: FailureKind, detail: string, nowMs: number): void {
    const step = this.#step;
    this.#readyMs = nowMs;
    const isInLine = this.#beside !== undefined || this.#inLineSinceMs > 0;
    this.#crowd.recordFailure(this, isInLine ? step.lineMetric : step.metric, kind, nowMs);
    this.#crowd.note(this.#journey, step, detail);
    this.#crowd.leaves(this, false, nowMs);
  }

  get #step(): Step {
    return this.#journey.steps[this.#at] as Step;
  }

  #goOn(step: Step): void {
    const thinkMs =
      step.thinkLeastMs + (step.thinkMostMs - step.thinkLeastMs) * (step.thinkMostMs > 0 ? this.#random() : 0);
    const dueMs = this.#crowd.isOpen ? this.dueMs + step.expectedMs + thinkMs : this.#readyMs + thinkMs;
    this.#at += 1;
    this.#asked = 0;
    this.#uuid = "";
    if (this.#at < this.#journey.steps.length) this.#dueAt(dueMs);
    else this.#crowd.leaves(this, true, this.#readyMs, thinkMs);
  }

  #dueAt(ms: number): void {
    this.dueMs = ms;
    this.#crowd.waits(this);
  }

  /** Whether this answer was the room's and not the shop's. What is asked there is counted apart, as the line's. */
  #standsInLine(step: Step, answer: Answer, body: () => unknown, nowMs: number): boolean {
    const beside = this.#beside;
    const isClaim = beside?.kind === "claim";
    this.#beside = undefined;
    if (beside?.kind === "look") return this.#looked(step, answer, body, nowMs, beside.thenMs);
    const turn = turnOf(answer, body, this.#random);
    if (turn.kind === "through" && beside?.kind === "join") {
      // Nobody waits: it brought the pass, and nothing else that was asked for.
      this.#crowd.record(this, step.lineMetric, answer, false, nowMs);
      this.#isThrough(answer, nowMs);
      this.#does(turn, nowMs);
      return true;
    }
    if (turn.kind === "through" && !isClaim) {
      this.#isThrough(answer, nowMs);
      if (this.#inLineSinceMs > 0) this.#crowd.recordLine(step.lineMetric, this.dueMs - this.#inLineSinceMs);
      this.#inLineSinceMs = 0;
      return false;
    }
    const isRefused = isClaim && answer.status >= 400;
    this.#crowd.record(this, step.lineMetric, answer, isRefused, nowMs);
    this.#hears(answer, body, isClaim, turn.kind === "looks" || (turn.kind === "waits" && turn.isTold), nowMs);
    if (isClaim) this.#claims += 1;
    if (isRefused || turn.kind === "goes home") {
      const why = isRefused ? "its turn could not be claimed" : "the line has ended";
      this.#crowd.note(this.#journey, step, `${why}: ${answer.status}${excerptOf(answer)}`);
      this.#crowd.leaves(this, !isRefused, nowMs);
      return true;
    }
    // At the door it is claimed again; after any other answer to a claim the page is asked for.
    if (isClaim && turn.kind === "waits" && valueAt(body(), "/state") === "at-the-door") this.#beside = beside;
    this.#does(isClaim && turn.kind === "claims" ? { kind: "through" } : turn, nowMs);
    return true;
  }

  #does(turn: Turn, nowMs: number): void {
    if (this.#inLineSinceMs === 0) this.#inLineSinceMs = this.dueMs;
    let pauseMs = this.#claims > 0 && turn.kind === "claims" ? claimAgainMs : 0;
    if (turn.kind === "waits" || turn.kind === "looks") pauseMs = turn.seconds * 1000;
    if (turn.kind === "claims") this.#beside = { kind: "claim", path: pathOf(turn.url) };
    else if (turn.kind === "looks") this.#beside = { kind: "look", path: turn.url };
    else if (turn.kind === "joins") this.#beside = { kind: "join", path: targetOf(this.request) };
    const room = this.#visit?.room;
    if (turn.kind === "waits" && turn.isTold && room !== undefined && this.#crowd.wantsSighting(room, nowMs)) {
      this.#beside = { kind: "look", path: roomPath(room, "now"), thenMs: nowMs + pauseMs };
      pauseMs = 0;
    }
    this.#dueAt(nowMs + pauseMs);
  }

  /** At the document: a person for themselves, a program once in a while for the whole crowd. */
  #looked(step: Step, answer: Answer, body: () => unknown, nowMs: number, thenMs: number | undefined): boolean {
    const visit = this.#visit;
    const serving = servingOf(answer, body);
    this.#crowd.record(this, step.lineMetric, answer, answer.status >= 400, nowMs);
    if (visit !== undefined && serving !== undefined) this.#crowd.sees(visit.room, serving, nowMs);
    if (thenMs !== undefined || visit === undefined) {
      this.#dueAt(Math.max(nowMs, thenMs ?? nowMs + claimAgainMs));
      return true;
    }
    const { room, rank, number } = visit;
    const turn = turnByDocument(serving, { room, rank, hasNumber: number !== undefined }, this.#random);
    if (serving !== undefined && rank !== undefined) {
      visit.told({ number: null, rank: null, ahead: aheadIn(serving, rank) }, this.sentAtMs, nowMs);
      if (turn.kind === "looks") visit.waited(this.sentAtMs);
    }
    if (turn.kind === "goes home") {
      this.#crowd.note(this.#journey, step, "the line has ended");
      this.#crowd.leaves(this, true, nowMs);
    } else this.#does(turn, nowMs);
    return true;
  }

  /** Keeps what the room said of this place. */
  #hears(answer: Answer, body: () => unknown, isClaim: boolean, isToWait: boolean, nowMs: number): void {
    const told = toldOf(answer, body);
    if (told !== undefined) this.#visit = this.#visitOf(told.room, nowMs);
    const visit = this.#visit;
    if (visit === undefined) return;
    if (told !== undefined) visit.told(told, this.sentAtMs, nowMs);
    if (isToWait) visit.waited(this.sentAtMs);
    if (!isClaim) return;
    visit.claimed(this.sentAtMs, nowMs);
    if (answer.status < 400 && valueAt(body(), "/state") === "admitted") visit.letIn(this.sentAtMs, nowMs);
  }

  #isThrough(answer: Answer, nowMs: number): void {
    if (this.#inLineSinceMs > 0) this.#visit?.letIn(this.sentAtMs, nowMs);
    const room = passedInto(answer);
    if (room !== undefined) this.#visitOf(room, nowMs)?.letIn(this.sentAtMs, nowMs);
  }

  /** Undefined when there are too many to be kept. */
  #visitOf(room: string, nowMs: number): Visit | undefined {
    const known = this.#visits?.get(room);
    if (known !== undefined || (this.#visits?.size ?? 0) >= roomsMax) return known;
    const visit = this.#crowd.meets(room, this.sentAtMs, nowMs);
    if (visit === undefined) return undefined;
    this.#visits ??= new Map();
    this.#visits.set(room, visit);
    return visit;
  }

  /** What a step is to take out of its answer; a sentence when something is not there. */
  #take(step: Step, answer: Answer, body: () => unknown): string | undefined {
    for (const extractor of step.extractors) {
      const value = extractor.take(answer, body);
      if (value === undefined) return `its answer has no ${extractor.name}`;
      this.#extracted ??= new Map();
      this.#extracted.set(extractor.name, value);
    }
    return undefined;
  }

  #isAsWished(until: NonNullable<Step["until"]>, body: () => unknown): boolean {
    return until.is.includes(asText(valueAt(body(), until.json)) ?? "");
  }

  #acknowledged(step: Step, nowMs: number): void {
    const orderNumber = this.#extracted?.get("orderNumber");
    const statusUrl = this.#extracted?.get("statusUrl");
    this.#crowd.acknowledged({
      journey: this.#journey.name,
      step: step.name,
      atSecond: this.#crowd.secondAt(nowMs),
      ...(orderNumber === undefined ? {} : { orderNumber }),
      ...(statusUrl === undefined ? {} : { statusUrl }),
    });
  }

  value(name: string): string {
    const extracted = this.#extracted?.get(name);
    if (extracted !== undefined) return extracted;
    const column = this.#journey.columns.get(name);
    if (column !== undefined) return this.#row?.[column] ?? "";
    if (name === "number") return String(this.number);
    if (name === "address") return addressOf(this.number);
    if (name === "run") return this.#crowd.runName;
    if (name === "uuid") {
      if (this.#uuid === "") this.#uuid = this.#crowd.uuid();
      return this.#uuid;
    }
    return "";
  }
}

/** Of a request as it is written: what it asks for. */
const targetOf = (request: Uint8Array): string =>
  new TextDecoder().decode(request.subarray(0, request.indexOf(13))).split(" ")[1] ?? "/";

/** How a refusal begins, on one line: it mostly says what is wrong. */
function excerptOf(answer: Answer): string {
  const text = answer
    .text()
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim();
  return text === "" ? "" : `: ${text.length > 160 ? `${text.slice(0, 157)}…` : text}`;
}
