/**
 * The fields that go on to an origin, and those that come back. What belongs to one connection stays there (RFC 9110 7.6.1); what the
 * origin is told of the client is what this edge believes, not what was sent.
 */
import type { Exchange } from "./exchange.ts";

export type ForwardingSettings = {
  /** Which Host an upstream sees: the client's, or its own. */
  readonly hostHeader: "client" | "upstream";
  /** This edge's name in Via (RFC 9110 7.6.3), a token. Edges that stand behind each other need two names. */
  readonly via: string;
};

const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
];
/** Besides: meant for a proxy, met by the listener, or said anew below. */
const notSent = [
  ...hopByHop,
  "proxy-authorization",
  "expect",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-server",
  "x-real-ip",
  "true-client-ip",
  "x-original-url",
  "x-rewrite-url",
  "x-http-method-override",
];

/**
 * A copy for the origin. `upstreamHost` is its own name with its port. Undefined: the request has been here before
 * (Via names this edge), and answering 508 ends the circle.
 */
export function fieldsForOrigin(
  exchange: Exchange,
  settings: ForwardingSettings,
  upstreamHost: string,
): Headers | undefined {
  const headers = new Headers(exchange.headers);
  const via = headers.get("via");
  if (via?.split(",").some((hop) => hop.trim().split(/[ \t]+/)[1] === settings.via)) return undefined;

  dropNominated(headers);
  for (const name of notSent) headers.delete(name);
  const length = headers.get("content-length");
  if (length !== null) {
    if (exchange.request === null || exchange.request.body === null) {
      // A length without a body would have the origin wait for one; POST without one says so (RFC 9110 8.6).
      if (exchange.method === "GET" || exchange.method === "HEAD") headers.delete("content-length");
      else headers.set("content-length", "0");
    } else headers.set("content-length", String(Number(length)));
  }

  headers.set("host", settings.hostHeader === "client" ? exchange.host : upstreamHost);
  headers.set("via", via === null ? `1.1 ${settings.via}` : `${via}, 1.1 ${settings.via}`);
  const { address, scheme, host } = exchange;
  headers.set("x-forwarded-for", address);
  headers.set("x-forwarded-proto", scheme);
  headers.set("x-forwarded-host", host);
  headers.set("forwarded", `for=${node(address)};host=${quoted(host)};proto=${scheme}`);
  return headers;
}

/** Changes the fields of an origin's answer in place: those of its own connection go, and those that lead past the edge. */
export function cleanAnswer(headers: Headers): Headers {
  dropNominated(headers);
  for (const name of hopByHop) headers.delete(name);
  // It names a way to the origin on which nothing here would be met (RFC 7838).
  headers.delete("alt-svc");
  return headers;
}

function dropNominated(headers: Headers): void {
  const connection = headers.get("connection");
  if (connection === null || connection === "keep-alive" || connection === "close") return;
  for (const part of connection.split(",")) {
    const name = part.trim();
    // What is no field name can name no field, and Headers would throw.
    if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) headers.delete(name);
  }
}

/** RFC 7239 6: IPv6 in brackets, and therefore quoted. */
function node(address: string): string {
  if (address === "") return "unknown";
  return address.includes(":") ? `"[${address}]"` : address;
}

function quoted(host: string): string {
  return host.includes(":") ? `"${host}"` : host;
}
