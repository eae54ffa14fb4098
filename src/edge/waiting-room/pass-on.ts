/**
 * Passing on those who are in: the pass goes with the request to the shop, which asks for it again when an order is committed; a pass is
 * renewed while its holder is active; and what the shop says of the shopper (`Spillway-Room: release`, `ordered;units=2`) is obeyed. It is not
 * shown to anybody, whether they are in or not.
 */
import type { Answer, Exchange, Glimpse, Next } from "../exchange.ts";
import { isPrivate, withFields } from "../limits/limits.ts";
import { type AllFields, FieldList, toHeaders } from "../ports.ts";
import type { OpenRoom } from "./open-room.ts";
import { isBeside, type Pass, passField } from "./room-places.ts";

/** Of the shop's answers, and of what goes to it for people who wait. Nobody outside may say either. */
export const roomField = "spillway-room";

/** The exchange as it goes on: with these passes and no others. */
function withPasses(exchange: Exchange, passes: readonly Pass[]): Exchange {
  const { headers } = exchange;
  if (passes.length === 0 && !headers.has(passField) && !headers.has(roomField)) return exchange;
  return { ...exchange, headers: fieldsWith(headers, joined(passes)) };
}

const joined = (passes: readonly Pass[]): string => passes.map(({ text }) => text).join(", ");

/** A copy of the fields with this as `Spillway-Pass`, or without any, and with nothing that the client says in the room's name. */
function fieldsWith(headers: AllFields, value: string): FieldList | Headers {
  if (headers instanceof FieldList) return listWith(headers, value);
  const changed = toHeaders(headers);
  changed.delete(roomField);
  if (value === "") changed.delete(passField);
  else changed.set(passField, value);
  return changed;
}

export function listWith({ flat: given }: FieldList, value: string): FieldList {
  const flat: string[] = [];
  for (let at = 0; at < given.length; at += 2) {
    const name = given[at] as string;
    if (name !== passField && name !== roomField) flat.push(name, given[at + 1] as string);
  }
  if (value !== "") flat.push(passField, value);
  return new FieldList(flat);
}

export type Inside = { readonly open: OpenRoom; readonly pass: Pass };

/** Somebody who is in, on a way past the stages. */
export type Guest = {
  readonly inside: readonly Inside[];
  /** What goes with their request as `Spillway-Pass`. */
  readonly value: string;
  /** Where a pass was asked for; undefined: outside of the rooms, from where it only goes along. */
  readonly room: OpenRoom | undefined;
};

/** "asked": a pass is to be given anew, which the stages do. */
export function guestOf(inside: readonly Inside[], room: OpenRoom | undefined): Guest | "asked" {
  for (const { open, pass } of inside) if (isRenewalDue(open, pass)) return "asked";
  const [first] = inside;
  const value = inside.length === 1 && first !== undefined ? first.pass.text : joined(inside.map(({ pass }) => pass));
  return { inside, value, room };
}

/** For who is not in: the request goes on with these passes, good for this once, and what the shop says in the room's name is about nobody. */
export function passBy(exchange: Exchange, next: Next, passes: readonly Pass[] = []): Answer {
  const answer = next(withPasses(exchange, passes));
  return answer instanceof Promise ? answer.then(unsaid) : unsaid(answer);
}

/** The answer without what the shop says in a room's name. */
export function unsaid(response: Response): Response {
  if (response.headers.has(roomField)) response.headers.delete(roomField);
  return response;
}

/** `cookies`: of one who has just been let in. */
export function passOn(
  exchange: Exchange,
  next: Next,
  inside: readonly Inside[],
  cookies: readonly string[] = [],
): Answer {
  const answer = next(
    withPasses(
      exchange,
      inside.map(({ pass }) => pass),
    ),
  );
  if (exchange.tunnel !== undefined) return answer;
  return answer instanceof Promise
    ? answer.then((response) => seen(exchange, response, inside, cookies))
    : seen(exchange, answer, inside, cookies);
}

/** The answer as its client may have it. What the shop says of them is obeyed by it, so it is asked for once for each answer. */
export function seen(
  exchange: Glimpse,
  response: Response,
  inside: readonly Inside[],
  cookies: readonly string[] = [],
): Response {
  const isSecure = exchange.scheme === "https";
  const set: [string, string][] = cookies.map((cookie) => ["set-cookie", cookie]);
  const said = response.headers.get(roomField);
  const released = said === null ? nobody : obey(said, inside);
  for (const { open, pass } of inside) {
    if (released.has(open)) {
      if (!open.places.isShown(exchange.headers, pass)) set.push(["set-cookie", open.places.forgetPass(isSecure)]);
      continue;
    }
    if (cookies.length > 0) continue;
    const renewed = renewal({ open, pass }, response);
    if (renewed === undefined) continue;
    const isShown = open.places.isShown(exchange.headers, pass);
    set.push(isShown ? [passField, renewed.text] : ["set-cookie", open.places.passCookie(renewed, isSecure)]);
  }
  const told = set.length > 0 && !isPrivate(response.headers.get("cache-control"));
  // A cookie in an answer that caches behind us may keep would let many in by one pass.
  return unsaid(withFields(response, told ? [...set, ["cache-control", "private, no-cache"]] : set));
}

const nobody: ReadonlySet<OpenRoom> = new Set();

/** RFC 9651: a list of tokens with parameters; without `room` it is said of all. Whose session has ended by it. */
function obey(said: string, inside: readonly Inside[]): ReadonlySet<OpenRoom> {
  const released = new Set<OpenRoom>();
  for (const item of said.split(",", 32)) {
    const [word, ...parameters] = item.split(";").map((part) => part.trim());
    const valueIn = (name: string): string | undefined =>
      parameters.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
    const room = valueIn("room");
    const meant = inside.filter(({ open }) => room === undefined || open.config.id === room);
    if (word === "release") {
      for (const { open, pass } of meant) {
        released.add(open);
        if (!isBeside(pass.seq)) open.line.release(pass.seq);
      }
    } else if (word === "ordered") {
      const units = Number(valueIn("units") ?? 1);
      // Who came beside the line says nothing about those who waited.
      const first = meant.find(({ pass }) => !isBeside(pass.seq));
      if (Number.isInteger(units) && units > 0 && units <= 10_000) first?.open.line.ordered(units);
    }
  }
  return released;
}

const isRenewalDue = ({ config, line }: OpenRoom, { untilMs }: Pass): boolean =>
  config.renews && untilMs - line.roomMs() <= config.sessionSeconds * 750;

/** When a quarter of the session has gone. Only with an answer that a person looks at: not with each picture of a page. */
function renewal({ open, pass }: Inside, response: Response): Pass | undefined {
  if (!isRenewalDue(open, pass)) return undefined;
  const { config, line, places } = open;
  const isSeen = /^(?:text\/html|application\/(?:[\w.-]+\+)?json)\b/i.test(response.headers.get("content-type") ?? "");
  if (!isSeen && !isPrivate(response.headers.get("cache-control"))) return undefined;
  const untilMs = line.roomMs() + config.sessionSeconds * 1000;
  if (!isBeside(pass.seq) && !line.renew(pass.seq, pass.untilMs, untilMs)) return undefined;
  return places.admit(pass, untilMs);
}
