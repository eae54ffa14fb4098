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
import { addressOf } from "./template.ts";
import { turnOf } from "./waiting-room.ts";

const nothing = new Uint8Array(0);
/** A room that calls again whoever has just claimed must not be run against in circles. */
const claimAgainMs = 1000;

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
  #claimPath = "";
  #claims = 0;
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
    const isClaim = this.#claimPath !== "";
    this.request = isClaim
      ? this.#crowd.repertoire.claim(this.#claimPath, this.#device, cookies)
      : step.request(this.#device, this, cookies);
    this.isHead = step.isHead && !isClaim;
    this.isSafe = step.isSafe && !isClaim;
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
    const isInLine = this.#claimPath !== "" || this.#inLineSinceMs > 0;
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
    const isClaim = this.#claimPath !== "";
    const turn = turnOf(answer, body);
    if (turn.kind === "through" && !isClaim) {
      if (this.#inLineSinceMs > 0) this.#crowd.recordLine(step.lineMetric, this.dueMs - this.#inLineSinceMs);
      this.#inLineSinceMs = 0;
      return false;
    }
    const isRefused = isClaim && answer.status >= 400;
    this.#crowd.record(this, step.lineMetric, answer, isRefused, nowMs);
    this.#claimPath = turn.kind === "claims" && !isClaim ? pathOf(turn.url) : "";
    if (isClaim) this.#claims += 1;
    if (isRefused || turn.kind === "goes home") {
      const why = isRefused ? "its turn could not be claimed" : "the line has ended";
      this.#crowd.note(this.#journey, step, `${why}: ${answer.status}${excerptOf(answer)}`);
      this.#crowd.leaves(this, !isRefused, nowMs);
      return true;
    }
    if (this.#inLineSinceMs === 0) this.#inLineSinceMs = this.dueMs;
    const pauseMs = turn.kind === "waits" ? turn.seconds * 1000 : this.#claims > 1 ? claimAgainMs : 0;
    this.#dueAt(nowMs + pauseMs);
    return true;
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

/** How a refusal begins, on one line: it mostly says what is wrong. */
function excerptOf(answer: Answer): string {
  const text = answer
    .text()
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim();
  return text === "" ? "" : `: ${text.length > 160 ? `${text.slice(0, 157)}…` : text}`;
}
