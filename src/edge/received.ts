/**
 * From a request as it came off the wire to an exchange, or to a refusal: what the HTTP parser in front of this room lets pass
 * and a door must not. Everything after it, cache keys and limits included, sees only what has been checked here, and exactly
 * that is forwarded.
 */
import type { Answer, Exchange, Glimpse, MatchedRoute } from "./exchange.ts";
import { believed, type Trust } from "./forwarded.ts";
import { hostOf } from "./host.ts";
import type { Client, Door, Fields, PreparedAnswer, ReceivedRequest, Receiver, RequestHead } from "./ports.ts";
import { copyOf } from "./routes.ts";

export type ReceptionSettings = {
  /** Names that are answered, without port; any when empty. */
  readonly hosts: readonly string[];
  readonly targetMaxBytes: number;
};

/** `exchange.headers` is `head`; without a client nothing can be sent on. */
export type QuickLane = (
  exchange: Glimpse,
  head: RequestHead,
  client: Client | undefined,
  body: Uint8Array<ArrayBuffer> | undefined,
) => PreparedAnswer | "awaited" | undefined;

export type ReceptionDeps = {
  /** Whose Forwarded and X-Forwarded-* fields are believed. Undefined: nobody's, and none is looked at. */
  readonly isTrusted: Trust | undefined;
  readonly routeOf: (method: string, path: string) => MatchedRoute;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly handle: (exchange: Exchange) => Answer;
  /** Answers from what is ready; see `Receiver.quick`. */
  readonly quick?: QuickLane | undefined;
  /** Told of every refusal, for counters and log. */
  readonly onRefused?: (status: number, reason: string) => void;
};

/** Of Host: what the exchange says, and what the URL must say. Undefined where it is not answered. */
type KnownHost = { readonly host: string; readonly http: string; readonly https: string; readonly isServed: boolean };

/** A client can name any host, so the table of those seen is emptied when it has this many. */
const knownHostsMax = 1024;

/** Naming one of these in Connection would make the edge drop what the origin relies on (RFC 9110 7.6.1). */
const endToEnd = new Set([
  "host",
  "content-length",
  "content-type",
  "content-encoding",
  "cookie",
  "authorization",
  "cache-control",
  "forwarded",
  "via",
  "range",
  "origin",
  "date",
]);

/** Refuses, or makes an exchange and hands it on. Synchronous, and without a copy of anything, as long as `handle` is. */
export function createReceiver(settings: ReceptionSettings, deps: ReceptionDeps): Receiver {
  const { isTrusted, routeOf, now, handle } = deps;
  const { targetMaxBytes } = settings;
  const served = new Set(settings.hosts.map((name) => name.toLowerCase()));
  const known = new Map<string, KnownHost | undefined>();

  // Most requests name the host that the one before named, and comparing is cheaper than looking up.
  let lastField = "";
  let lastSite: KnownHost | undefined;

  function siteOf(field: string): KnownHost | undefined {
    if (field === lastField) return lastSite;
    lastSite = known.has(field) ? known.get(field) : learn(field);
    lastField = field;
    return lastSite;
  }

  function learn(field: string): KnownHost | undefined {
    if (known.size >= knownHostsMax) known.clear();
    const host = hostOf(field);
    let entry: KnownHost | undefined;
    if (host !== undefined) {
      const url = URL.parse(`http://${host}/`);
      const secure = URL.parse(`https://${host}/`);
      const name = host.replace(/:\d+$/, "").replace(/\.$/, "");
      if (url !== null && secure !== null) {
        entry = { host, http: url.href, https: secure.href, isServed: served.size === 0 || served.has(name) };
      }
    }
    known.set(copyOf(field), entry);
    return entry;
  }

  function refuse({ status, title, detail }: Refusal): Response {
    deps.onRefused?.(status, detail);
    const headers = { "content-type": "application/problem+json", connection: "close", "cache-control": "no-store" };
    return new Response(JSON.stringify({ title, status, detail }), { status, headers });
  }

  // Of the request that was looked at last.
  let admittedHost = "";
  let admittedTarget = "";
  let admittedAddress = "";
  let admittedScheme: Door["scheme"] = "http";
  let isTunnel = false;

  /** Why it is refused; undefined: it is admitted, as the variables above say. */
  function refusalOf(
    request: { readonly method: string; readonly target?: string; readonly url?: string },
    headers: Fields,
    wireScheme: Door["scheme"],
  ): Refusal | undefined {
    const { method } = request;
    // TRACE would echo cookies and what proxies added (RFC 9110 9.3.8); CONNECT is for forward proxies; TRACK is a TRACE that
    // programs have known.
    if (method === "TRACE" || method === "CONNECT" || method === "TRACK") {
      return { status: 501, title: "Not Implemented", detail: `${method} is not answered here.` };
    }
    // Methods are told apart by case (RFC 9110 9.1), but not by every program behind us.
    if (!isUpperCase(method) && standardMethods.has(method.toUpperCase())) {
      return { status: 501, title: "Not Implemented", detail: "Methods are written in capitals." };
    }

    const field = headers.get("host");
    // Also of HTTP/1.0: without it nobody can tell whose page is asked for.
    if (field === null) return malformed("The Host field is missing.");
    const site = siteOf(field);
    if (site === undefined) return malformed("Host must be one name or address, and at most a port.");
    let { target } = request;
    if (target === undefined) {
      // The URL is made of Host and the request line. Where it does not begin with Host, the request line named another one
      // (RFC 9112 3.2.2), or was no path.
      const base = wireScheme === "http" ? site.http : site.https;
      if (request.url?.startsWith(base) !== true) return malformed("The request line and Host do not say the same.");
      target = request.url.slice(base.length - 1);
    }
    if (!site.isServed) return misdirected;
    if (target.length > targetMaxBytes) {
      return { status: 414, title: "URI Too Long", detail: `Path and query may have ${targetMaxBytes} bytes.` };
    }
    if (target.includes("#")) return malformed("A request line has no fragment (RFC 9112 3.2).");

    // Whatever else it names, the parser has found its end only by "chunked"; what is inside would reach the origin without
    // the coding being named (RFC 9112 6.1).
    const coding = headers.get("transfer-encoding");
    if (coding !== null && coding.toLowerCase() !== "chunked") {
      const detail = "The only transfer coding that is understood here is chunked.";
      return { status: 501, title: "Not Implemented", detail };
    }
    const length = headers.get("content-length");
    if (length !== null && (coding !== null || !isNumber(length))) {
      return malformed("Content-Length must be there once, a plain number, and not beside Transfer-Encoding.");
    }
    // The parser reads such content and hands it to nobody; what cannot be passed on is not silently left out.
    if ((length !== null || coding !== null) && (method === "GET" || method === "HEAD") && length !== "0") {
      return malformed(`A ${method} request has no content here.`);
    }
    const expectation = headers.get("expect");
    if (expectation !== null && expectation.toLowerCase() !== "100-continue") {
      const detail = "The only expectation that is understood here is 100-continue.";
      return { status: 417, title: "Expectation Failed", detail };
    }
    isTunnel = false;
    const connection = headers.get("connection");
    if (connection !== null && connection !== "keep-alive" && connection !== "close") {
      for (const part of connection.toLowerCase().split(",")) {
        const name = part.trim();
        if (endToEnd.has(name) || name.startsWith("x-forwarded-"))
          return malformed(`Connection must not name ${name}.`);
        if (name === "upgrade" && method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket")
          isTunnel = true;
      }
    }
    admittedHost = site.host;
    admittedTarget = target;
    admittedScheme = wireScheme;
    return undefined;
  }

  /** The same of what a proxy in front says, where it is believed. */
  function refusalOfClaim(headers: Fields, address: string): Refusal | undefined {
    admittedAddress = address;
    if (!isTrusted?.(address)) return undefined;
    const claim = believed(headers, address, isTrusted);
    if (claim === undefined) return malformed("What the proxy in front says of the client contradicts itself.");
    admittedAddress = claim.address;
    admittedScheme = claim.scheme ?? admittedScheme;
    if (claim.host === undefined) return undefined;
    const said = siteOf(claim.host);
    if (said === undefined) return malformed("What the proxy in front says of the host is no host.");
    if (!said.isServed) return misdirected;
    admittedHost = said.host;
    return undefined;
  }

  function exchangeOf<Kind extends { headers: Fields; request: ReceivedRequest | null }>(
    method: string,
    { headers, request }: Kind,
  ): Omit<Exchange, "headers" | "request"> & Kind {
    const target = admittedTarget;
    const query = target.indexOf("?");
    const path = query === -1 ? target : target.slice(0, query);
    return {
      method,
      scheme: admittedScheme,
      host: admittedHost,
      target,
      path,
      headers,
      request,
      address: admittedAddress,
      atMs: now(),
      route: routeOf(method, path),
      notes: {},
    } as Omit<Exchange, "headers" | "request"> & Kind;
  }

  const receive = (request: ReceivedRequest, door: Door): Answer => {
    const { headers, method } = request;
    const refusal = refusalOf(request, headers, door.scheme) ?? refusalOfClaim(headers, door.addressOf(request));
    if (refusal !== undefined) return refuse(refusal);
    const exchange: Exchange = exchangeOf(method, { headers, request });
    return handle(isTunnel ? { ...exchange, tunnel: tunnelOf(door, request) } : exchange);
  };

  const { quick } = deps;
  const refused = (status: number): void => deps.onRefused?.(status, "");
  if (quick === undefined) return Object.assign(receive, { refused });
  return Object.assign(receive, {
    refused,
    quick: (
      head: RequestHead,
      scheme: Door["scheme"],
      address: string,
      client?: Client,
      body?: Uint8Array<ArrayBuffer>,
    ) => {
      if (refusalOf(head, head, scheme) !== undefined || isTunnel) return undefined;
      if (refusalOfClaim(head, address) !== undefined) return undefined;
      return quick(exchangeOf(head.method, { headers: head, request: null }), head, client, body);
    },
  });
}

type Refusal = { readonly status: number; readonly title: string; readonly detail: string };

const malformed = (detail: string): Refusal => ({ status: 400, title: "Bad Request", detail });
const misdirected: Refusal = {
  status: 421,
  title: "Misdirected Request",
  detail: "This host name is not served here.",
};

/** Those that programs write in capitals by themselves (Fetch, "normalize a method"), and the two beside. */
const standardMethods = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "CONNECT",
  "TRACE",
  "TRACK",
]);

function isUpperCase(method: string): boolean {
  for (let index = 0; index < method.length; index++) if (method.charCodeAt(index) > 90) return false;
  return true;
}

function tunnelOf(door: Door, request: ReceivedRequest): NonNullable<Exchange["tunnel"]> {
  return (upstream, headers) => door.tunnel(request, upstream, headers);
}

/** RFC 9110 8.6. Two fields of the same value arrive here as "3, 3". */
function isNumber(text: string): boolean {
  if (text.length === 0 || text.length > 15) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return false;
  }
  return true;
}
