/**
 * The addresses under /.spillway/: what pages and programs of those who wait ask and send. Every form works without script and is answered with a
 * redirect or a page; programs are answered in JSON. A place that another device has taken over is told so.
 *
 *   rooms/ID/now       GET   the signed document            rooms/ID/tell-me   POST  an e-mail when the turn is near, or at a restock
 *   rooms/ID/place     GET   how the place stands           rooms/ID/forget    GET, POST  deletes an address again
 *   rooms/ID/claim     POST  lets in, when it is the turn   rooms/ID/invite    POST  uses a code of an invitation or another device
 *   rooms/ID/bind      POST  binds the place to a key       rooms/ID/receipt   GET   what can be checked afterwards
 *   rooms/ID/code      POST  a code for another device      rooms/ID/stock     POST  what a shop elsewhere has left, signed
 *   rooms/ID/leaves    GET   the whole join log, 32 bytes each
 *   r/CODE             GET, POST  takes a place over        keys               GET   the keys that documents are signed by
 */
import type { PlaceView } from "#contract/waiting-room.ts";
import type { Answer, Exchange } from "../exchange.ts";
import { chooseCoding, chooseForm } from "../fallback/negotiate.ts";
import { answered, fieldsOf, isFromHere, json, pathOf, problem, seeOther, type Trouble, textOf } from "./answers.ts";
import { codeSeconds, createHandOver } from "./hand-over.ts";
import { leafBytes } from "./merkle.ts";
import { createProver, type Prover } from "./merkle-proofs.ts";
import type { OpenRoom } from "./open-room.ts";
import { escapeHtml } from "./panel.ts";
import type { DrawQr, LineStore, RoomKeys, VerifyStockSignature } from "./ports.ts";
import { mayUse, provenKey } from "./possession.ts";
import { makeReceipt } from "./receipt.ts";
import { documentFields, type RoomFiles } from "./room-files.ts";
import type { Place } from "./room-places.ts";
import { contentPolicy, wordsPage } from "./standalone-page.ts";
import { baseOf } from "./waiting.ts";

export type EndpointsDeps = {
  readonly keys: RoomKeys;
  readonly store: LineStore;
  readonly verifyStockSignature: VerifyStockSignature;
  readonly drawQr: DrawQr;
  readonly files: RoomFiles;
  readonly siteName: string | undefined;
  readonly roomOf: (id: string) => OpenRoom | undefined;
  readonly onBypassed: (open: OpenRoom) => void;
};

/** `kind` poll: only what somebody who holds a place asks while they wait. Undefined: this address is not answered here. */
export type Endpoints = (exchange: Exchange, kind?: "poll") => Answer | undefined;

/** How long a claim may wait for an admission before it is told to ask again. */
const claimWaitMs = 2000;
const doorAgainSeconds = 2;
const leavesAtOnce = 8192;

/** Under which the store knows a room's line. */
const storeName = ({ id, epoch }: OpenRoom["config"]): string => `${id}.${epoch}`;

export function createEndpoints(deps: EndpointsDeps): Endpoints {
  const { keys, store } = deps;
  const handOver = createHandOver(deps);
  const provers = new Map<string, Prover>();
  const isSecure = ({ scheme }: Exchange): boolean => scheme === "https";
  const siteOf = (exchange: Exchange): string => deps.siteName ?? exchange.host;
  const wantsPage = (exchange: Exchange): boolean =>
    exchange.headers.get("sec-fetch-mode") === "navigate" || chooseForm(exchange.headers, "") === "html";

  const page = (exchange: Exchange, html: string, status = 200, cookies: readonly string[] = []): Response =>
    answered(
      exchange,
      html,
      { status, type: "text/html; charset=utf-8", fields: [["content-security-policy", contentPolicy]] },
      cookies,
    );

  /** A page for people, problem details for programs. */
  function troubled(exchange: Exchange, open: OpenRoom | undefined, trouble: Trouble): Response {
    if (!wantsPage(exchange)) return problem(exchange, trouble);
    const { title, detail, status } = trouble;
    const back = { text: "Back to your place", href: open?.landing ?? "/" };
    return page(exchange, wordsPage({ title, site: siteOf(exchange), words: [detail], back }), status);
  }

  const gone = (exchange: Exchange, open: OpenRoom): Response =>
    troubled(exchange, open, {
      status: 409,
      code: "room_place_moved",
      title: "Another device has your place",
      detail: "This place went over to another device, and is kept there. Ask there for a code to bring it back.",
    });

  const noPlace = (exchange: Exchange, open: OpenRoom): Response =>
    troubled(exchange, open, {
      status: 404,
      code: "room_no_place",
      title: "There is no place here",
      detail:
        "This browser holds no place in the line. Open a page of the sale and it is given one; if cookies are blocked, allow them for this site.",
    });

  const notProven = (exchange: Exchange, open: OpenRoom): Response =>
    troubled(exchange, open, {
      status: 403,
      code: "room_not_proven",
      title: "This is not the browser that waits",
      detail:
        "The place is bound to the browser that waits, by a key that cannot be copied. Allow JavaScript on its page, or bring the place here by a code from it.",
    });

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

  async function tellMe(open: OpenRoom, exchange: Exchange, place: Place): Promise<Response> {
    const given = (await fieldsOf(exchange)) ?? {};
    const about = given.about === "restock" ? "restock" : "turn";
    const email = (given.email ?? "").trim().toLowerCase();
    const base = baseOf(exchange);
    const added = await open.tellers.add({ about, email, seq: place.seq, atMs: exchange.atMs, base });
    if (added === "wrong" || added === "full") {
      return troubled(exchange, open, {
        status: added === "wrong" ? 422 : 503,
        code: added === "wrong" ? "invalid_request" : "room_list_full",
        title: added === "wrong" ? "That is no e-mail address" : "The list is full",
        detail:
          added === "wrong"
            ? "Please write it like ada@example.com."
            : "No more addresses can be taken. Your place is kept all the same.",
      });
    }
    const words =
      about === "turn"
        ? "We write to you when your turn is near."
        : "We write to you, in the order of asking, if something comes back.";
    if (!wantsPage(exchange)) return json(exchange, { told: words });
    const back = { text: "Back to your place", href: open.landing };
    return page(exchange, wordsPage({ title: "We will tell you", site: siteOf(exchange), words: [words], back }));
  }

  async function forget(open: OpenRoom, exchange: Exchange): Promise<Response> {
    const name = new URLSearchParams(exchange.target.split("?", 2)[1] ?? "").get("mail") ?? "";
    const site = siteOf(exchange);
    const back = { text: "To the shop", href: "/" };
    // By POST: programs that read e-mails follow every link in them.
    if (exchange.method !== "POST") {
      const more = `<form action="/.spillway/rooms/${open.config.id}/forget?mail=${encodeURIComponent(name)}" method="post"><button>Delete my address</button></form>`;
      return page(
        exchange,
        wordsPage({ title: "Delete your address?", site, words: ["You will not be told any more."], more, back }),
      );
    }
    const isGone = await open.tellers.forget(name);
    const words = isGone ? "It is gone from the list." : "It is not on the list, or no longer.";
    return page(exchange, wordsPage({ title: "Your address is deleted", site, words: [words], back }));
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

  async function receipt(open: OpenRoom, exchange: Exchange, place: Place): Promise<Response> {
    const { config, line, places } = open;
    const number = place.seq;
    const document = line.document().signed;
    if (number === 0 || number > document.now.log.size)
      return troubled(exchange, open, {
        status: 409,
        code: "room_no_receipt",
        title: "There is no receipt yet",
        detail: "Your number is not yet in a signed document. Try again in a few seconds.",
        retryAfterSeconds: 2,
      });
    const key = storeName(config);
    let prover = provers.get(key);
    if (prover === undefined) {
      prover = createProver(
        (...parts) => keys.sha256(...parts),
        async (from, to) => await store.readLeaves(key, from, to),
      );
      provers.set(key, prover);
    }
    const since = Number(new URLSearchParams(exchange.target.split("?", 2)[1] ?? "").get("since") ?? Number.NaN);
    const made = await makeReceipt(
      {
        number,
        rank: line.rankOf(number),
        join: places.joinOf(place),
        document,
        keys: keys.documentKeys,
        ...(Number.isSafeInteger(since) && since > 0 && since <= document.now.log.size ? { since } : {}),
      },
      prover,
    );
    const name = `receipt-${config.id}-${number}.json`;
    return json(exchange, made, { fields: [["content-disposition", `attachment; filename="${name}"`]] });
  }

  /** Read as it is sent, a piece at a time: a million joins are 32 MB. */
  function leaves({ config, line }: OpenRoom, exchange: Exchange): Response {
    const { size } = line.document().signed.now.log;
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (at >= size) return controller.close();
        const to = Math.min(size, at + leavesAtOnce);
        const piece = await store.readLeaves(storeName(config), at, to);
        if (piece.length < (to - at) * leafBytes) throw new Error(`The join log of ${config.id} is not whole.`);
        at = to;
        controller.enqueue(piece);
      },
    });
    return new Response(exchange.method === "HEAD" ? null : body, {
      headers: { "content-type": "application/octet-stream", "cache-control": "no-store" },
    });
  }

  async function stock(open: OpenRoom, exchange: Exchange): Promise<Response> {
    const text = await textOf(exchange.request);
    const signature = exchange.headers.get("spillway-signature");
    if (text === undefined || !deps.verifyStockSignature(signature, new TextEncoder().encode(text), exchange.atMs))
      return problem(exchange, {
        status: 401,
        code: "bad_signature",
        title: "The signature does not match",
        detail:
          "Sign the body with waitingRooms.stockSecret: Spillway-Signature: t=SECONDS,v1=HMAC-SHA256 of SECONDS.BODY.",
      });
    const told = toldStock(text);
    if (told === undefined)
      return problem(exchange, {
        status: 422,
        code: "invalid_request",
        title: "Some fields are missing or wrong",
        detail:
          'Send {"remaining": 31, "held": 9, "sold": 360}, whole numbers from 0 on, and "orderedUnits" for an order just placed.',
      });
    open.line.stock(told);
    if (told.orderedUnits > 0) open.line.ordered(told.orderedUnits);
    return new Response(null, { status: 204, headers: { "cache-control": "no-store" } });
  }

  function file(exchange: Exchange): Response | undefined {
    const found = deps.files.get(exchange.path);
    if (found === undefined) return undefined;
    if (exchange.method !== "GET" && exchange.method !== "HEAD") return undefined;
    if (exchange.headers.get("if-none-match") === found.etag)
      return new Response(null, { status: 304, headers: { etag: found.etag, "cache-control": found.cacheControl } });
    const coding = chooseCoding(exchange.headers.get("accept-encoding"), ["br", "gzip", "identity"]) ?? "identity";
    const fields: (readonly [string, string])[] = [
      ["cache-control", found.cacheControl],
      ["etag", found.etag],
      ["vary", "accept-encoding"],
      ["x-content-type-options", "nosniff"],
      ...found.fields,
    ];
    if (coding !== "identity") fields.push(["content-encoding", coding]);
    return answered(exchange, found.bodies[coding], { type: found.type, fields });
  }

  type Action = {
    readonly methods: readonly string[];
    /** Asked again and again by those who wait. */
    readonly isPoll?: boolean;
    readonly answer: (open: OpenRoom, exchange: Exchange) => Answer;
  };
  const withPlace =
    (use: (open: OpenRoom, exchange: Exchange, place: Place) => Promise<Response>) =>
    (open: OpenRoom, exchange: Exchange): Answer => {
      const place = open.places.place(exchange.headers, exchange.atMs);
      return place === undefined ? noPlace(exchange, open) : use(open, exchange, place);
    };
  const read = ["GET", "HEAD"];
  const actions: Readonly<Record<string, Action>> = {
    now: {
      methods: [...read, "OPTIONS"],
      isPoll: true,
      answer: (open, exchange) =>
        answered(exchange, open.line.document().bytes, { type: "application/json", fields: documentFields }),
    },
    place: {
      methods: read,
      isPoll: true,
      answer: (open, exchange) => lookUp(open, exchange, open.places.place(exchange.headers, exchange.atMs)),
    },
    claim: { methods: ["POST"], isPoll: true, answer: withPlace(claim) },
    bind: { methods: ["POST"], answer: withPlace(bind) },
    code: { methods: ["POST"], answer: withPlace(code) },
    "tell-me": { methods: ["POST"], answer: withPlace(tellMe) },
    forget: { methods: [...read, "POST"], answer: forget },
    invite: { methods: ["POST"], answer: invite },
    receipt: { methods: read, answer: withPlace(receipt) },
    leaves: { methods: read, answer: leaves },
    stock: { methods: ["POST"], answer: stock },
  };

  return (exchange, kind) => {
    const { path, method } = exchange;
    const parts = path.split("/").slice(2);
    if (parts[0] === "rooms" && parts.length === 3) {
      const open = deps.roomOf(parts[1] ?? "");
      const word = parts[2] ?? "";
      const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
      if (open === undefined || action === undefined) return kind === "poll" ? undefined : nowhere(exchange);
      if (kind === "poll") {
        if (action.isPoll !== true) return undefined;
        // Whoever has no place is counted by the limits like everybody.
        if (word !== "now" && open.places.place(exchange.headers, exchange.atMs) === undefined) return undefined;
      }
      exchange.notes.answeredBy = "waiting-room";
      if (!action.methods.includes(method)) return wrongMethod(exchange, action.methods);
      if (method === "POST" && word !== "stock" && !isFromHere(exchange)) return elsewhere(exchange);
      return action.answer(open, exchange);
    }
    if (kind === "poll") return undefined;
    if (parts[0] === "r" && parts.length === 2 && parts[1] !== "") {
      exchange.notes.answeredBy = "waiting-room";
      if (![...read, "POST"].includes(method)) return wrongMethod(exchange, [...read, "POST"]);
      if (method === "POST" && !isFromHere(exchange)) return elsewhere(exchange);
      return redeemed(exchange, (parts[1] ?? "").slice(0, 64));
    }
    if (path === "/.spillway/keys" && read.includes(method)) {
      exchange.notes.answeredBy = "waiting-room";
      return json(
        exchange,
        { keys: keys.documentKeys },
        {
          fields: [
            ["cache-control", "public, max-age=300"],
            ["access-control-allow-origin", "*"],
          ],
        },
      );
    }
    const found = file(exchange);
    if (found !== undefined) exchange.notes.answeredBy = "waiting-room";
    return found;
  };
}

function toldStock(text: string) {
  try {
    const { remaining, held, sold, orderedUnits = 0 } = JSON.parse(text) as Record<string, unknown>;
    const counts = [remaining, held, sold, orderedUnits];
    if (!counts.every((count) => Number.isSafeInteger(count) && (count as number) >= 0)) return undefined;
    return { remaining, held, sold, orderedUnits } as Record<"remaining" | "held" | "sold" | "orderedUnits", number>;
  } catch {
    return undefined;
  }
}

const nowhere = (exchange: Exchange): Response =>
  problem(exchange, {
    status: 404,
    code: "not_found",
    title: "Nothing is here",
    detail: "There is no such room, or it has no such address. See docs/waiting-room.md.",
  });

const elsewhere = (exchange: Exchange): Response =>
  problem(exchange, {
    status: 403,
    code: "forbidden_origin",
    title: "The form was sent from another site",
    detail: "Please send it from the shop's own page.",
  });

function wrongMethod(exchange: Exchange, methods: readonly string[]): Response {
  const answer = problem(exchange, {
    status: 405,
    code: "method_not_allowed",
    title: "This address does not take that method",
    detail: `It takes ${methods.join(", ")}.`,
  });
  answer.headers.set("allow", methods.join(", "));
  return answer;
}
