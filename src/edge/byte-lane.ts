/**
 * The short way to an upstream and back, for a GET or HEAD whose answer is for its client alone: its lines are cut out of the head as
 * it came, and those of the answer too, and nothing is awaited. What the stages would count and decide is counted and decided here,
 * on the same state (docs/decisions/2026-11-23-hot-objects.md).
 *
 * looked at -> under way with an upstream, perhaps with another when that gives no answer
 *           -> an everyday answer: its head, then its body as it comes
 *           -> any other, or none: what is left of the stages deals with it
 *           -> abandoned, when the client has gone
 */
import type { Balancer, Turn } from "./balancing/balancer.ts";
import type { EdgeCache, Passing } from "./cache/cache.ts";
import { confidentialFields } from "./cache/stored.ts";
import type { Exchange, Glimpse, Stage } from "./exchange.ts";
import { cleanAnswer, linesForOrigin, mayGoAsLines, notPassedBack } from "./forwarding.ts";
import { type Limits, withFields } from "./limits/limits.ts";
import { leaveLane } from "./off-lane.ts";
import {
  type AnswerHead,
  type Carrier,
  type Client,
  type Delivery,
  type FieldList,
  type Fields,
  type Freight,
  OriginError,
  type Recipient,
  type RequestHead,
} from "./ports.ts";
import { type Pressure, pressureField } from "./pressure.ts";
import type { Lane } from "./quick-lane.ts";
import type { Seeing, Sight } from "./seeing.ts";
import { type End, endOf, endOfStatus, type Turn as Place, type Shedding } from "./shedding/shedding.ts";
import { type Guest, roomField, seen, unsaid } from "./waiting-room/pass-on.ts";

type Stages = {
  readonly seeing: Seeing;
  readonly limits: Limits;
  /** Undefined where nothing is cached. */
  readonly cache: EdgeCache | undefined;
  readonly pressure: Pressure;
  readonly shedding: Shedding;
  readonly balancer: Balancer;
  /** For errors of what is behind it. */
  readonly fallback: Stage;
  /** This edge's name in Via. */
  readonly name: string;
  /** Where there are waiting rooms, nobody is shown what the shop says in their name. */
  readonly hasRooms: boolean;
};

type Told = readonly (readonly [string, string])[];
type Known = Stages & {
  readonly notPassedBack: ReadonlySet<string>;
  /** Where the client is told how much it may ask for, or how hard it is: an origin's words about that would contradict. */
  readonly notPassedBackBeside: (told: Told) => ReadonlySet<string>;
};

export function createByteLane(stages: Stages): Lane {
  const { seeing, limits, cache, shedding, balancer, name, hasRooms } = stages;
  const taken = [
    ...notPassedBack,
    ...(cache === undefined ? [] : confidentialFields),
    ...(hasRooms ? [roomField] : []),
  ];
  const known: Known = {
    ...stages,
    notPassedBack: new Set(taken),
    notPassedBackBeside: besides(taken),
  };
  return (exchange, head, startedMs, client, body, guest) => {
    const { method } = exchange;
    if (body !== undefined) return false;
    if (method !== "GET" && method !== "HEAD") return false;
    const passing = cache?.passing(exchange);
    if (passing === undefined && cache !== undefined) return false;
    // What nobody outside may say is taken out by a stage.
    if (head.has("spillway-pressure") || !mayGoAsLines(head, name)) return false;
    if (!balancer.mayCarry(method) || !shedding.hasRoom()) return false;
    // An answer may be private, and then a new visitor gets a cookie.
    const told = limits.charge(exchange, true);
    if (told === undefined) return false;
    const ride = new Ride(known, exchange, head, passing, told, seeing.begins(exchange, startedMs), guest);
    ride.start(client);
    return true;
  };
}

/** What is taken out where these are told: they stand in the place of an origin's, but for those that are added to its. */
function besides(taken: readonly string[]): Known["notPassedBackBeside"] {
  const known = new Map<number, ReadonlySet<string>>();
  return (told) => {
    // By their count: limits tell two, pressure two, both of them four.
    const id = told.length * 2 + (told[0]?.[0] === pressureField ? 1 : 0);
    const found = known.get(id);
    if (found !== undefined) return found;
    const made = new Set([...taken, ...told.map(([name]) => name)]);
    made.delete("server-timing");
    known.set(id, made);
    return made;
  };
}

/** One request on this way: to the origin its freight, to the client the delivery of its answer. */
class Ride implements Freight, Delivery {
  readonly isHead: boolean;
  readonly line: string;
  readonly host: string;
  readonly rest: string;
  carrier: Carrier | undefined;
  readonly #lane: Known;
  readonly #exchange: Glimpse;
  readonly #fields: KeptFields;
  readonly #passing: Passing | undefined;
  #told: Told;
  /** It came under pressure: client and origin are told so. */
  readonly #isPressed: boolean;
  readonly #sight: Sight;
  readonly #guest: Guest | undefined;
  #to: Recipient | undefined;
  #place: Place | undefined;
  #turn: Turn | undefined;
  /** Its end was counted; what follows is a body. */
  #isAnswered = false;

  constructor(
    lane: Known,
    exchange: Glimpse,
    head: RequestHead,
    passing: Passing | undefined,
    told: Told,
    sight: Sight,
    guest: Guest | undefined,
  ) {
    this.#lane = lane;
    this.#guest = guest;
    this.#passing = passing;
    this.#told = told;
    this.#sight = sight;
    this.isHead = exchange.method === "HEAD";
    this.line = `${exchange.method} ${exchange.target} HTTP/1.1\r\n`;
    this.host = exchange.host;
    const level = lane.pressure.level();
    this.#isPressed = level !== 0;
    const rest = linesForOrigin(exchange, head, lane.name, sight.lines);
    this.rest = level === 0 ? rest : `${pressureField}: ${level}\r\n${rest}`;
    // The head is read over by the next request; nobody else has this exchange.
    this.#fields = new KeptFields(head);
    (exchange as { headers: Fields }).headers = this.#fields;
    this.#exchange = exchange;
  }

  start(client: Client): void {
    this.#to = client.awaits(this);
    const { balancer, shedding, pressure } = this.#lane;
    const exchange = this.#exchange;
    if (this.#isPressed) pressure.looked(exchange.atMs);
    exchange.notes.answeredBy = "forward";
    const turn = balancer.first(exchange.method, exchange.notes);
    this.#place = shedding.begins(exchange);
    if (turn instanceof OriginError) this.#gone(turn);
    else this.#ask(turn);
  }

  #ask(turn: Turn): void {
    this.#turn = turn;
    turn.upstream.origin.carry?.(this);
  }

  // --- from the origin

  begins(head: AnswerHead): boolean {
    const { status, length } = head;
    // An origin that says it cannot is given words, or a snapshot.
    if (status >= 502 && status <= 504) return false;
    // What the shop says of one who is in is obeyed.
    if (this.#guest !== undefined && head.has(roomField)) return false;
    const { cache, notPassedBack: usual, notPassedBackBeside, seeing } = this.#lane;
    const exchange = this.#exchange;
    let cacheStatus = "";
    if (cache !== undefined) {
      const said = cache.passedBy(this.#passing as Passing, exchange, head);
      if (said === undefined) return false;
      cacheStatus = `cache-status: ${said}\r\n`;
    }
    this.#counted(status);
    const told = this.#told;
    let lines = head.linesWithout(told.length === 0 ? usual : notPassedBackBeside(told)) + cacheStatus;
    for (const [name, value] of told) lines += `${name}: ${value}\r\n`;
    if (length >= 0 && status !== 204) lines += `content-length: ${length}\r\n`;
    this.#to?.begin(status, lines, head.has("date"));
    seeing.ends(exchange, status, this.#sight);
    return true;
  }

  piece(bytes: Uint8Array | undefined, isLast: boolean): boolean {
    return this.#to?.piece(bytes, isLast) ?? true;
  }

  answered(response: Response): void {
    if (this.#isAnswered) {
      // The client went in the same moment.
      response.body?.cancel().catch(() => {});
      return;
    }
    cleanAnswer(response.headers);
    this.#counted(response.status);
    this.#leave(() => {
      const { cache } = this.#lane;
      const kept = cache?.passed(this.#passing as Passing, this.#whole(), response) ?? response;
      const finish = (answer: Response): Response => withFields(this.#seen(answer), this.#told);
      return kept instanceof Promise ? kept.then(finish) : finish(kept);
    });
  }

  #seen(answer: Response): Response {
    if (this.#guest !== undefined) return seen(this.#exchange, answer, this.#guest.inside);
    return this.#lane.hasRooms ? unsaid(answer) : answer;
  }

  failed(error: unknown): void {
    this.carrier = undefined;
    if (this.#isAnswered) {
      this.#to?.broke(error);
      return;
    }
    const again = this.#lane.balancer.failed(this.#turn as Turn, error, this.#exchange.notes);
    if (again === undefined) this.#gone(error);
    else this.#ask(again);
  }

  hint(status: number, lines: readonly string[]): void {
    this.#to?.hint(status, lines);
  }

  /** The head of an answer is here: upstream and shedding have what they want to know. */
  #counted(status: number): void {
    const { balancer, pressure } = this.#lane;
    this.#isAnswered = true;
    balancer.answered(this.#turn as Turn, status);
    this.#leavePlace(endOfStatus(status));
    if (this.#isPressed) this.#told = [...pressure.told(), ...this.#told];
  }

  #leavePlace(end: End): void {
    this.#lane.shedding.ends(this.#exchange, this.#place as Place, end);
  }

  /** No upstream gives an answer. */
  #gone(error: unknown): void {
    this.#isAnswered = true;
    this.#leavePlace(endOf(error));
    this.#leave(() => {
      throw error;
    });
  }

  // --- off the lane

  #leave(next: () => Response | Promise<Response>): void {
    leaveLane(this.#lane, this.#whole(), this.#sight, next, () => this.#to);
  }

  #whole(): Exchange {
    return { ...this.#exchange, headers: this.#fields.all, request: null };
  }

  // --- from the client

  resume(): void {
    this.carrier?.resume();
  }

  abandon(): void {
    const { carrier } = this;
    this.carrier = undefined;
    if (!this.#isAnswered) {
      this.#isAnswered = true;
      const { balancer, seeing } = this.#lane;
      balancer.failed(this.#turn as Turn, clientGone, this.#exchange.notes);
      this.#leavePlace(endOf(clientGone));
      seeing.ends(this.#exchange, 500, this.#sight);
    }
    this.#to = undefined;
    carrier?.drop();
  }
}

const clientGone = new DOMException("The client has gone.", "AbortError");

/** A head's fields for whoever asks for them afterwards. Few do. */
class KeptFields {
  readonly #make: () => FieldList;
  #all: FieldList | undefined;

  constructor(head: RequestHead) {
    this.#make = head.kept();
  }

  get all(): FieldList {
    this.#all ??= this.#make();
    return this.#all;
  }

  get(name: string): string | null {
    return this.all.get(name);
  }
}
