/**
 * What they are answered who have to wait: the page that they came for with the line in it, JSON for programs, a redirect for forms. Nothing of
 * theirs is passed on. A place is given on the way, once for each cookie, and never to what only looks ahead.
 */

import type { Random } from "#kernel/clock.ts";
import type { Exchange, Next } from "../exchange.ts";
import { chooseForm } from "../fallback/negotiate.ts";
import { answered, json, pathOf, problem, seeOther } from "./answers.ts";
import type { HandOver } from "./hand-over.ts";
import type { OpenRoom } from "./open-room.ts";
import { headline, type PanelView, valueAt, type Writer } from "./panel.ts";
import { bar, panel } from "./panel-frame.ts";
import type { PublicPages } from "./public-pages.ts";
import { type Pass, type Place, placeField } from "./room-places.ts";
import { contentPolicy, standalonePage } from "./standalone-page.ts";

export type WaitingDeps = {
  readonly random: Random;
  readonly pressure: () => number;
  readonly pages: PublicPages;
  readonly handOver: Pick<HandOver, "isGone">;
  readonly siteName: string | undefined;
  readonly mayMail: boolean;
  readonly onJoined: (room: string, kind: "joined" | "noted" | "refused") => void;
};

/** `pass`: there was nothing to wait for, and they are in. */
export type Waited = { readonly pass: Pass; readonly cookies: readonly string[] } | { readonly answer: Response };

export type Waiting = {
  wait(open: OpenRoom, exchange: Exchange, next: Next): Promise<Waited>;
  /** The page of this view, for an operator who wants to see it. */
  preview(open: OpenRoom, view: PanelView, site: string): string;
};

const immediateMs = 800;
/** No page without script reloads more often, whatever the table says. */
const refreshLeastSeconds = 5;

export function createWaiting(deps: WaitingDeps): Waiting {
  async function wait(open: OpenRoom, exchange: Exchange, next: Next): Promise<Waited> {
    const { places } = open;
    const { headers, method, atMs } = exchange;
    const form = chooseForm(headers, exchange.path);
    const isRead = method === "GET" || method === "HEAD";
    if (!isRead || exchange.tunnel !== undefined) return { answer: refused(open, exchange, form === "html") };
    if (form === "text" || isAhead(exchange)) return { answer: bare(exchange, isAhead(exchange)) };

    const cookies: string[] = [];
    let place = places.place(headers, atMs);
    let isNew = false;
    if (method === "GET" && (place === undefined ? givesPlaces(open, atMs) : place.seq === 0)) {
      const joined = await places.join(atMs, place);
      if (joined.kind === "place") {
        isNew = true;
        ({ place } = joined);
        cookies.push(places.placeCookie(place, atMs, exchange.scheme === "https"));
        deps.onJoined(open.config.id, place.seq === 0 ? "noted" : "joined");
      } else deps.onJoined(open.config.id, "refused");
    } else if (place?.isOldKey === true) {
      place = places.reissue(place, {});
      cookies.push(places.placeCookie(place, atMs, exchange.scheme === "https"));
    }
    if (isNew && place !== undefined && place.seq !== 0) {
      const pass = await admittedAtOnce(open, place);
      if (pass !== undefined) return { pass, cookies };
    }
    const answer =
      form === "json"
        ? forProgram(open, exchange, place, cookies)
        : await forPeople(open, exchange, next, place, cookies);
    return { answer };
  }

  /** Where nobody waits, nobody should see that there is a line. */
  async function admittedAtOnce({ line, places }: OpenRoom, place: Place): Promise<Pass | undefined> {
    const { phase, atTheDoor } = line.now();
    const rank = line.rankOf(place.seq);
    if (phase !== "open" || rank === undefined || atTheDoor > 0 || line.aheadOf(rank) > 0) return undefined;
    const claimed = await line.claim(place.seq, immediateMs);
    return claimed.kind === "admitted" ? places.admit(place, claimed.expiresRoomMs) : undefined;
  }

  async function forPeople(
    open: OpenRoom,
    exchange: Exchange,
    next: Next,
    place: Place | undefined,
    cookies: readonly string[],
  ): Promise<Response> {
    exchange.notes.answeredBy = "waiting-room";
    const { config, places } = open;
    const isMoved = place !== undefined && deps.handOver.isGone(open, place);
    const view: PanelView = isMoved ? { ...places.panel(undefined), isMoved: true } : places.panel(place);
    // A cart or a checkout is nobody's before they are in: there is no public page of it.
    const isPublic = exchange.route.class !== "paying" && exchange.route.class !== "cart";
    const page = config.page === "product" && isPublic ? await deps.pages.page(exchange, next) : undefined;
    const writer = writerFor(exchange.target, page === undefined ? "h1" : "h2");
    const written = panel({
      room: config,
      view,
      writer,
      refreshSeconds: refreshSeconds(open, view),
      mayMail: deps.mayMail && config.emails,
      isBound: place !== undefined && place.thumbprint !== null,
      invitation: invitationOf(exchange.target),
    });
    if (page === undefined) {
      const site = deps.siteName ?? exchange.host;
      const html = standalonePage({ title: headline(view, writer), site, main: written });
      return answered(
        exchange,
        html,
        { type: htmlType, fields: [["content-security-policy", contentPolicy]] },
        cookies,
      );
    }
    const encoder = new TextEncoder();
    const pieces = [page.before, encoder.encode(written), page.after, encoder.encode(bar({ view, writer })), page.end];
    const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return answered(exchange, whole, { type: htmlType, fields: page.fields }, cookies);
  }

  function forProgram(
    { places }: OpenRoom,
    exchange: Exchange,
    place: Place | undefined,
    cookies: readonly string[],
  ): Response {
    exchange.notes.answeredBy = "waiting-room";
    const view = places.view(place, baseOf(exchange));
    // Told only to whom it is new: a page's script has no use for it, and what it cannot read it cannot give away.
    const isOwn = place !== undefined && (cookies.length > 0 || exchange.headers.get(placeField) !== null);
    return json(
      exchange,
      isOwn ? { ...view, place: place.text } : view,
      { status: 202, fields: [["retry-after", String(spread(view.lookAgainSeconds))]] },
      cookies,
    );
  }

  /** A form or a call that would change something: it was not passed on, and the answer says so. */
  function refused(open: OpenRoom, exchange: Exchange, isPage: boolean): Response {
    exchange.notes.answeredBy = "waiting-room";
    exchange.notes.refused = "waiting";
    if (isPage && exchange.tunnel === undefined) return seeOther(backOf(exchange) ?? open.landing);
    const { places } = open;
    const view = places.view(places.place(exchange.headers, exchange.atMs), baseOf(exchange));
    const hasPlace = view.state !== "no-place";
    return problem(exchange, {
      status: 409,
      code: "room_waiting",
      title: "It is not your turn yet",
      detail: `Nothing was done. ${hasPlace ? "Wait for your turn at nowUrl, claim it at claimUrl, and send this again" : "GET a page of this sale for a place in its line, and send this again when you are in"}.`,
      retryAfterSeconds: spread(view.lookAgainSeconds),
      members: view,
    });
  }

  /** What reads no page, such as a picture's element, and what a browser only fetches ahead: no place is given for it. */
  function bare(exchange: Exchange, isEarly: boolean): Response {
    exchange.notes.answeredBy = "waiting-room";
    exchange.notes.refused = isEarly ? "looks ahead" : "waiting";
    return answered(
      exchange,
      "There is a line in front of this address. Open it in a browser, or ask for application/json.\n",
      { status: 503, type: "text/plain; charset=utf-8", fields: [["retry-after", "10"]] },
    );
  }

  /** Longer under pressure, and spread by a fifth. */
  const spread = (seconds: number): number => Math.ceil(seconds * (1 + deps.pressure()) * (1 + deps.random() * 0.2));

  function refreshSeconds({ line }: OpenRoom, view: PanelView): number {
    const seconds = view.isCalled ? 20 : (valueAt(line.now().lookAgainSeconds, view.ahead ?? 0) ?? 15);
    return spread(Math.max(refreshLeastSeconds, seconds));
  }

  return {
    wait,
    preview(open, view, site) {
      const writer = writerFor(open.landing, "h1");
      return standalonePage({
        title: headline(view, writer),
        site,
        main: panel({
          room: open.config,
          view,
          writer,
          refreshSeconds: 3600,
          mayMail: deps.mayMail && open.config.emails,
          isBound: false,
          invitation: undefined,
        }),
      });
    },
  };
}

const htmlType = "text/html; charset=utf-8";

export const baseOf = ({ scheme, host }: Pick<Exchange, "scheme" | "host">): string => `${scheme}://${host}`;

/** A browser that fetches what its person might want next is not a person who wants it. */
const isAhead = ({ headers }: Exchange): boolean =>
  /\bprefetch\b|\bprerender\b/i.test(headers.get("sec-purpose") ?? headers.get("purpose") ?? "");

const givesPlaces = ({ line, places }: OpenRoom, atMs: number): boolean => {
  const { phase } = line.now();
  if (phase === "pre-queue" || phase === "open" || phase === "paused") return true;
  // An edge that has never reached the line does not know that the doors are open. It can say when somebody came.
  const { opensAtMs, preQueueAtMs } = places.panel(undefined);
  const fromMs = preQueueAtMs ?? opensAtMs;
  return phase === "before" && !line.isReachable() && fromMs !== null && atMs >= fromMs;
};

function invitationOf(target: string): string | undefined {
  const query = target.indexOf("?");
  return (query < 0 ? undefined : new URLSearchParams(target.slice(query)).get("invite"))?.slice(0, 64) ?? undefined;
}

/** The page of this site that sent the form. */
function backOf({ headers, host }: Exchange): string | undefined {
  const referer = URL.parse(headers.get("referer") ?? "");
  return referer === null || referer.host !== host ? undefined : pathOf(`${referer.pathname}${referer.search}`);
}

const numbers = new Intl.NumberFormat("en");
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", timeZone: "UTC" });
const times = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

/** Times in UTC, and they say so: the script writes them in the reader's own zone. */
export function writerFor(target: string, heading: Writer["heading"]): Writer {
  return {
    number: (value) => numbers.format(value),
    // A date or a time is not torn apart at the end of a line.
    time: (ms) => `on ${days.format(ms).replace(" ", "\u00a0")} at ${times.format(ms)}\u00a0UTC`,
    heading,
    to: pathOf(withoutInvitation(target)) ?? "/",
  };
}

function withoutInvitation(target: string): string {
  if (!target.includes("invite=")) return target;
  const [path = "/", query = ""] = target.split("?", 2);
  const rest = query.split("&").filter((part) => !part.startsWith("invite="));
  return rest.length === 0 ? path : `${path}?${rest.join("&")}`;
}
