/** A place as its holder uses it: looked at, claimed, bound to a key, taken to another device, or passed by with an invitation. */
import type { PlaceView } from "#contract/waiting-room.ts";
import type { Exchange } from "../exchange.ts";
import { fieldsOf, json, pathOf, problem, seeOther } from "./answers.ts";
import { codeSeconds, type HandOver } from "./hand-over.ts";
import type { OpenRoom } from "./open-room.ts";
import { escapeHtml } from "./panel.ts";
import type { DrawQr, LineStore, RoomKeys } from "./ports.ts";
import { mayUse, provenKey } from "./possession.ts";
import type { Place } from "./room-places.ts";
import { wordsPage } from "./standalone-page.ts";
import { isSecure, type Talk } from "./talk.ts";
import { baseOf } from "./waiting.ts";

export type PlaceEndpointsDeps = {
  readonly keys: RoomKeys;
  readonly store: LineStore;
  readonly handOver: HandOver;
  readonly drawQr: DrawQr;
  readonly roomOf: (id: string) => OpenRoom | undefined;
  readonly onBypassed: (open: OpenRoom) => void;
};

/** How long a claim may wait for an admission before it is told to ask again. */
const claimWaitMs = 2000;
const doorAgainSeconds = 2;

export function createPlaceEndpoints(deps: PlaceEndpointsDeps, talk: Talk) {
  const { keys, handOver } = deps;
  const { wantsPage, page, siteOf, troubled, gone, notProven } = talk;

  async function claim(open: OpenRoom, exchange: Exchange, place: Place): Promise<Response> {
    const given = await fieldsOf(exchange);
    const { places, line, config } = open;
    const to = pathOf(given?.to) ?? open.landing;
    const isPage = wantsPage(exchange);
    if (!(await mayUse("claim", open, place, given ?? {}, keys))) return notProven(exchange, open);
    if (handOver.isGone(open, place)) return gone(exchange, open);
    const numbered = place.seq === 0 ? await numberOf(open, exchange, place) : place;
    const cookies = numbered === place ? [] : [places.placeCookie(numbered, exchange.atMs, isSecure(exchange))];
    if (numbered.seq === 0) return isPage ? seeOther(to) : view(exchange, open, numbered, cookies);
    const claimed = await line.claim(numbered.seq, claimWaitMs);
    switch (claimed.kind) {
      case "admitted": {
        const pass = places.admit(numbered, claimed.expiresRoomMs);
        cookies.push(places.passCookie(pass, isSecure(exchange)));
        if (isPage) return seeOther(to, cookies);
        const seconds = Math.max(0, Math.floor((pass.untilMs - line.roomMs()) / 1000));
        const admitted: PlaceView = {
          ...places.view(numbered, baseOf(exchange)),
          state: "admitted",
          pass: pass.text,
          passSeconds: seconds,
        };
        return json(exchange, admitted, {}, cookies);
      }
      case "at-the-door":
      case "not-called":
        if (isPage) return seeOther(to, cookies);
        return view(exchange, open, numbered, cookies, claimed.kind === "at-the-door");
      case "used":
        return troubled(exchange, open, {
          status: 409,
          code: "room_place_used",
          title: "This place has been used",
          detail:
            "Somebody went in on this place, and its time inside is over. For another place, open a page of the sale.",
        });
      case "closed":
        return troubled(exchange, open, {
          status: 410,
          code: "room_closed",
          title: "This sale is over",
          detail: `Nobody is let into "${config.title ?? config.id}" any more.`,
        });
    }
  }

  /** One whose arrival was only noted may get its number now. */
  async function numberOf({ places }: OpenRoom, { atMs }: Exchange, place: Place): Promise<Place> {
    const joined = await places.join(atMs, place);
    return joined.kind === "place" && joined.place.seq !== 0 ? joined.place : place;
  }

  function view(
    exchange: Exchange,
    { places }: OpenRoom,
    place: Place | undefined,
    cookies: readonly string[] = [],
    isAtTheDoor = false,
  ): Response {
    const seen = places.view(place, baseOf(exchange), isAtTheDoor);
    const seconds = isAtTheDoor ? doorAgainSeconds : seen.lookAgainSeconds;
    const status = seen.state === "closed" ? 410 : seen.state === "waiting" || isAtTheDoor ? 202 : 200;
    const body = cookies.length > 0 && place !== undefined ? { ...seen, place: place.text } : seen;
    return json(exchange, body, { status, fields: [["retry-after", String(seconds)]] }, cookies);
  }

  async function lookUp(open: OpenRoom, exchange: Exchange, place: Place | undefined): Promise<Response> {
    if (place === undefined) return view(exchange, open, undefined);
    if (handOver.isGone(open, place)) return gone(exchange, open);
    if (place.seq !== 0) return view(exchange, open, place);
    const numbered = await numberOf(open, exchange, place);
    const { places } = open;
    return view(
      exchange,
      open,
      numbered,
      numbered === place ? [] : [places.placeCookie(numbered, exchange.atMs, isSecure(exchange))],
    );
  }

  async function bind(open: OpenRoom, exchange: Exchange, place: Place): Promise<Response> {
    if (handOver.isGone(open, place)) return gone(exchange, open);
    const thumbprint = await provenKey("bind", open, place, (await fieldsOf(exchange)) ?? {}, keys);
    if (thumbprint === undefined)
      return problem(exchange, {
        status: 422,
        code: "room_not_proven",
        title: "The signature does not match",
        detail: 'Send key, at and signature over "spillway bind ROOM EPOCH NUMBER AT", see docs/waiting-room.md.',
      });
    if (place.thumbprint !== null && !keys.equal(place.thumbprint, thumbprint)) return notProven(exchange, open);
    const bound = open.places.reissue(place, { thumbprint });
    return json(exchange, { bound: true }, {}, [open.places.placeCookie(bound, exchange.atMs, isSecure(exchange))]);
  }

  async function code(open: OpenRoom, exchange: Exchange, place: Place): Promise<Response> {
    if (!(await mayUse("code", open, place, (await fieldsOf(exchange)) ?? {}, keys))) return notProven(exchange, open);
    if (handOver.isGone(open, place)) return gone(exchange, open);
    const made = await handOver.code(open, place);
    const url = `${baseOf(exchange)}/.spillway/r/${made}`;
    const picture = deps.drawQr(url);
    if (!wantsPage(exchange)) return json(exchange, { code: made, url, seconds: codeSeconds, svg: picture });
    const words = [
      "Open the camera of the other device, or type the code on its waiting page. It is good once, for ten minutes.",
    ];
    const more = `<div class="spw-code">${picture}<b>${escapeHtml(made)}</b></div>`;
    const back = { text: "Back to your place", href: open.landing };
    return page(exchange, wordsPage({ title: "Go on with another device", site: siteOf(exchange), words, more, back }));
  }

  async function invite(open: OpenRoom, exchange: Exchange): Promise<Response> {
    const given = (await fieldsOf(exchange)) ?? {};
    const text = (given.code ?? "").slice(0, 64);
    const to = pathOf(given.to) ?? open.landing;
    if (text.trim() !== "" && (await open.bypass.redeem(text))) {
      const { places, line } = open;
      const pass = places.admitBeside();
      deps.onBypassed(open);
      const cookies = [places.passCookie(pass, isSecure(exchange))];
      if (wantsPage(exchange)) return seeOther(to, cookies);
      const passSeconds = Math.floor((pass.untilMs - line.roomMs()) / 1000);
      return json(
        exchange,
        { ...places.view(undefined, baseOf(exchange)), state: "admitted", pass: pass.text, passSeconds },
        {},
        cookies,
      );
    }
    return (await takeOver(exchange, text)) ?? badCode(exchange, open);
  }

  async function takeOver(exchange: Exchange, text: string): Promise<Response | undefined> {
    const taken = text.trim() === "" ? undefined : await handOver.take(text, exchange.atMs);
    if (taken === undefined) return undefined;
    const { open, place } = taken;
    const cookies = [open.places.placeCookie(place, exchange.atMs, isSecure(exchange))];
    if (wantsPage(exchange)) return seeOther(open.landing, cookies);
    return view(exchange, open, place, cookies);
  }

  const badCode = (exchange: Exchange, open: OpenRoom | undefined): Response =>
    troubled(exchange, open, {
      status: 404,
      code: "room_bad_code",
      title: "This code is not good",
      detail:
        "It was used already, its time is over, or a sign is wrong. Codes of another device last ten minutes: ask there for a new one.",
    });

  /** /.spillway/r/CODE: a question first, because what previews links opens them too. */
  async function redeemed(exchange: Exchange, text: string): Promise<Response> {
    if (exchange.method === "POST") return (await takeOver(exchange, text)) ?? badCode(exchange, undefined);
    const more = `<form action="/.spillway/r/${encodeURIComponent(text)}" method="post"><button class="spw-main">Go on here</button></form>`;
    const words = ["Your place in the line goes over to this device. The other one gives it up."];
    const html = wordsPage({
      title: "Go on with this device?",
      site: siteOf(exchange),
      words,
      more,
      back: { text: "Leave it there", href: "/" },
    });
    return page(exchange, html.replace('class="spw-main" href', "href"));
  }

  return { claim, lookUp, bind, code, invite, redeemed };
}
