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
import type { Answer, Exchange } from "../exchange.ts";
import { chooseCoding } from "../fallback/negotiate.ts";
import { answered, isFromHere, json, problem, textOf } from "./answers.ts";
import type { OpenRoom } from "./open-room.ts";
import { createPlaceEndpoints, type PlaceEndpointsDeps } from "./place-endpoints.ts";
import type { VerifyStockSignature } from "./ports.ts";
import { createRecordEndpoints } from "./record-endpoints.ts";
import { documentFields, type RoomFiles } from "./room-files.ts";
import type { Place } from "./room-places.ts";
import { createTalk } from "./talk.ts";
import { createToldEndpoints } from "./told-endpoints.ts";

export type EndpointsDeps = PlaceEndpointsDeps & {
  readonly verifyStockSignature: VerifyStockSignature;
  readonly files: RoomFiles;
  readonly siteName: string | undefined;
};

/** `kind` poll: only what somebody who holds a place asks while they wait. Undefined: this address is not answered here. */
export type Endpoints = (exchange: Exchange, kind?: "poll") => Answer | undefined;

export function createEndpoints(deps: EndpointsDeps): Endpoints {
  const { keys } = deps;
  const talk = createTalk(deps);
  const { noPlace } = talk;
  const { claim, lookUp, bind, code, invite, redeemed } = createPlaceEndpoints(deps, talk);
  const { tellMe, forget } = createToldEndpoints(talk);
  const { receipt, leaves } = createRecordEndpoints(deps, talk);

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
