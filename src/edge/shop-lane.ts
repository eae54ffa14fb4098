/**
 * The short way to a shop in the same process and back, for what is its client's alone: a page that nobody keeps, an order. One promise
 * is waited for, the shop's; what the stages would count and decide is counted and decided here, on the same state.
 */
import type { LightRequest } from "#kernel/light-request.ts";
import type { WholeAnswer } from "#kernel/whole-body.ts";
import type { EdgeCache, Passing } from "./cache/cache.ts";
import { confidentialFields } from "./cache/stored.ts";
import type { Exchange, Glimpse, Stage } from "./exchange.ts";
import { type Limits, withFields } from "./limits/limits.ts";
import { leaveLane } from "./off-lane.ts";
import { type AllFields, type Client, type Delivery, type Fields, type Recipient, toHeaders } from "./ports.ts";
import { type Pressure, pressureField, saying } from "./pressure.ts";
import type { Lane } from "./quick-lane.ts";
import type { Seeing, Sight } from "./seeing.ts";
import { endOf, endOfStatus, type Turn as Place, type Shedding } from "./shedding/shedding.ts";
import { ShopRequest } from "./shop-request.ts";
import { type Guest, roomField, seen, unsaid } from "./waiting-room/pass-on.ts";

export type Shop = (request: LightRequest) => Given | Promise<Given>;
type Given = Response | WholeAnswer;

type Stages = {
  readonly seeing: Seeing;
  readonly limits: Limits;
  /** Undefined where nothing is cached. */
  readonly cache: EdgeCache | undefined;
  readonly pressure: Pressure;
  readonly shedding: Shedding;
  readonly fallback: Stage;
  readonly shop: Shop;
  /** Where there are waiting rooms, nobody is shown what the shop says in their name. */
  readonly hasRooms: boolean;
};

const changing = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const confidential = new Set<string>(confidentialFields);

export function createShopLane(stages: Stages): Lane {
  const { seeing, limits, cache, pressure, shedding } = stages;
  return (exchange, head, startedMs, client, body, guest) => {
    const { method } = exchange;
    const isRead = method === "GET" || method === "HEAD";
    const passing = isRead ? cache?.passing(exchange) : undefined;
    if (isRead ? cache !== undefined && passing === undefined : !changing.has(method)) return false;
    if (head.has("spillway-pressure") || head.has("transfer-encoding") || !shedding.hasRoom()) return false;
    // An answer may be private, and then a new visitor gets a cookie.
    const told = limits.charge(exchange, true);
    if (told === undefined) return false;
    const sight = seeing.begins(exchange, startedMs);
    const level = pressure.level();
    const fields = level === 0 ? head.fields() : saying(head.fields(), level);
    const headers = sight.lines === undefined ? fields : traced(fields, sight.lines);
    // The head is read over by the next request; nobody else has this exchange.
    (exchange as { headers: Fields }).headers = headers;
    const visit = new Visit(stages, exchange, passing, told, sight, guest);
    visit.begin(client, new ShopRequest(exchange, headers, body, null));
    return true;
  };
}

function traced(fields: AllFields, lines: string): AllFields {
  const headers = toHeaders(fields);
  headers.delete("traceparent");
  headers.delete("tracestate");
  for (const line of lines.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon), line.slice(colon + 2));
  }
  return headers;
}

/** One request on this way. */
class Visit implements Delivery {
  readonly #stages: Stages;
  readonly #exchange: Glimpse;
  readonly #passing: Passing | undefined;
  #told: readonly (readonly [string, string])[];
  /** It came under pressure, and its client is told so. */
  #isPressed = false;
  readonly #sight: Sight;
  readonly #guest: Guest | undefined;
  #to: Recipient | undefined;
  #place: Place | undefined;
  #request: ShopRequest | undefined;

  constructor(
    stages: Stages,
    exchange: Glimpse,
    passing: Passing | undefined,
    told: readonly (readonly [string, string])[],
    sight: Sight,
    guest: Guest | undefined,
  ) {
    this.#stages = stages;
    this.#guest = guest;
    this.#exchange = exchange;
    this.#passing = passing;
    this.#told = told;
    this.#sight = sight;
  }

  begin(client: Client, request: ShopRequest): void {
    this.#to = client.awaits(this);
    this.#request = request;
    const { pressure } = this.#stages;
    this.#isPressed = pressure.level() !== 0;
    if (this.#isPressed) pressure.looked(this.#exchange.atMs);
    this.#exchange.notes.answeredBy = "shop";
    this.#place = this.#stages.shedding.begins(this.#exchange);
    let answer: Given | Promise<Given>;
    try {
      answer = this.#stages.shop(request);
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (!(answer instanceof Promise)) this.#answered(answer);
    else
      answer.then(
        (given) => this.#answered(given),
        (error: unknown) => this.#failed(error),
      );
  }

  #answered(given: Given): void {
    const { shedding, cache, seeing, pressure, hasRooms } = this.#stages;
    const exchange = this.#exchange;
    const { status } = given;
    shedding.ends(exchange, this.#place as Place, endOfStatus(status));
    const limited = this.#told.length > 0;
    if (this.#isPressed) this.#told = [...pressure.told(), ...this.#told];
    // What says that it cannot, what may be kept, and what is said of one who is in is for the stages.
    const isOfGuest = this.#guest !== undefined;
    if (given instanceof Response || (status >= 502 && status <= 504) || (isOfGuest && given.get(roomField) !== null)) {
      this.#leave(given instanceof Response ? given : given.toResponse());
      return;
    }
    const isHead = exchange.method === "HEAD";
    let lines = "";
    if (cache !== undefined) {
      const said =
        this.#passing === undefined
          ? cache.changedBy(exchange, given)
          : cache.passedBy(this.#passing, exchange, {
              status,
              length: given.body.length,
              get: (name) => given.get(name),
            });
      if (said === undefined) {
        this.#leave(given.toResponse());
        return;
      }
      lines = `cache-status: ${said}\r\n`;
    }
    let hasDate = false;
    for (const [name, value] of given.fields) {
      if (cache !== undefined && confidential.has(name)) continue;
      if (hasRooms && name === roomField) continue;
      if (limited && name.startsWith("ratelimit")) continue;
      if (name === pressureField && this.#told[0]?.[0] === pressureField) continue;
      if (name === "date") hasDate = true;
      lines += `${name}: ${value}\r\n`;
    }
    for (const [name, value] of this.#told) lines += `${name}: ${value}\r\n`;
    this.#to?.begin(status, `${lines}content-length: ${given.body.length}\r\n`, hasDate);
    seeing.ends(exchange, status, this.#sight);
    this.#to?.piece(isHead ? undefined : given.body, true);
  }

  #failed(error: unknown): void {
    const { shedding, seeing } = this.#stages;
    shedding.ends(this.#exchange, this.#place as Place, endOf(error));
    seeing.ends(this.#exchange, 500, this.#sight);
    this.#to?.broke(error);
  }

  #leave(response: Response): void {
    const { cache, hasRooms } = this.#stages;
    const exchange: Exchange = { ...this.#exchange, headers: this.#exchange.headers as AllFields, request: null };
    const kept = (): Response | Promise<Response> => {
      if (cache === undefined) return response;
      return this.#passing === undefined
        ? cache.changed(exchange, response)
        : cache.passed(this.#passing, exchange, response);
    };
    const shown = (answer: Response): Response => {
      if (this.#guest !== undefined) return seen(exchange, answer, this.#guest.inside);
      return hasRooms ? unsaid(answer) : answer;
    };
    const finish = (answer: Response): Response => withFields(shown(answer), this.#told);
    const next = (): Response | Promise<Response> => {
      const answer = kept();
      return answer instanceof Promise ? answer.then(finish) : finish(answer);
    };
    leaveLane(this.#stages, exchange, this.#sight, next, () => this.#to);
  }

  resume(): void {}

  /** The shop goes on: an order that was begun is placed. */
  abandon(): void {
    this.#to = undefined;
    this.#request?.gone();
  }
}
