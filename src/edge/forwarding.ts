/**
 * The fields that go on to an origin, and those that come back. What belongs to one connection stays there (RFC 9110 7.6.1); what the
 * origin is told of the client is what this edge believes, not what was sent.
 */
import type { Exchange, Glimpse } from "./exchange.ts";
import { FieldList, type RequestHead } from "./ports.ts";

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
const saidAnew = new Set([
  ...hopByHop,
  "host",
  "via",
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
]);

/**
 * A copy for the origin. `upstreamHost` is its own name with its port. Undefined: the request has been here before
 * (Via names this edge), and answering 508 ends the circle.
 */
export function fieldsForOrigin(
  exchange: Exchange,
  settings: ForwardingSettings,
  upstreamHost: string,
): FieldList | undefined {
  const { address, scheme, host, headers } = exchange;
  const via = headers.get("via");
  if (isCircle(via, settings.via)) return undefined;

  const nominated = nominatedBy(headers.get("connection"));
  const flat: string[] = ["host", settings.hostHeader === "client" ? host : upstreamHost];
  const pass = (name: string, value: string): void => {
    if (saidAnew.has(name) || nominated?.has(name) === true) return;
    if (name !== "content-length") flat.push(name, value);
    else if (exchange.request !== null && exchange.request.body !== null) flat.push(name, String(Number(value)));
    // A length without a body would have the origin wait for one; POST without one says so (RFC 9110 8.6).
    else if (exchange.method !== "GET" && exchange.method !== "HEAD") flat.push(name, "0");
  };
  if (headers instanceof FieldList) {
    const given = headers.flat;
    for (let at = 0; at < given.length; at += 2) pass(given[at] as string, given[at + 1] as string);
  } else for (const [name, value] of headers) pass(name, value);

  flat.push("via", via === null ? `1.1 ${settings.via}` : `${via}, 1.1 ${settings.via}`);
  flat.push("x-forwarded-for", address, "x-forwarded-proto", scheme, "x-forwarded-host", host);
  flat.push("forwarded", `for=${node(address)};host=${quoted(host)};proto=${scheme}`);
  return new FieldList(flat);
}

/** Besides: a GET or HEAD that goes as bytes has no body. */
const saidAnewOfBytes: ReadonlySet<string> = new Set([...saidAnew, "content-length"]);
const saidAnewOfTraced: ReadonlySet<string> = new Set([...saidAnewOfBytes, "traceparent", "tracestate"]);

/** Whether a request can go on with its lines as they came: Connection names none of them, and it has not been here before. */
export function mayGoAsLines(head: RequestHead, name: string): boolean {
  const connection = head.get("connection");
  return (
    (connection === null || connection === "keep-alive" || connection === "close") && !isCircle(head.get("via"), name)
  );
}

/**
 * What `fieldsForOrigin` gives, as text, for a request without a body: all lines but the first and Host, the empty one included.
 * `trace`: lines that stand for what the client said of its trace.
 */
export function linesForOrigin(
  { address, scheme, host }: Glimpse,
  head: RequestHead,
  name: string,
  trace: string | undefined,
): string {
  const via = head.get("via");
  const lines = trace === undefined ? head.linesWithout(saidAnewOfBytes) : head.linesWithout(saidAnewOfTraced) + trace;
  return `${lines}via: ${via === null ? "" : `${via}, `}1.1 ${name}\r\nx-forwarded-for: ${address}\r\nx-forwarded-proto: ${scheme}\r\nx-forwarded-host: ${host}\r\nforwarded: for=${node(address)};host=${quoted(host)};proto=${scheme}\r\n\r\n`;
}

/** Of an answer that comes as bytes, what `cleanAnswer` takes away; its length is said anew. */
export const notPassedBack: readonly string[] = [...hopByHop, "alt-svc", "content-length"];

function isCircle(via: string | null, name: string): boolean {
  return via?.split(",").some((hop) => hop.trim().split(/[ \t]+/)[1] === name) ?? false;
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
  for (const name of nominatedBy(headers.get("connection")) ?? []) headers.delete(name);
}

/** The fields that Connection says belong to this connection. */
function nominatedBy(connection: string | null): ReadonlySet<string> | undefined {
  if (connection === null || connection === "keep-alive" || connection === "close") return undefined;
  const names = connection.split(",").map((part) => part.trim().toLowerCase());
  // What is no field name can name no field, and Headers would throw.
  return new Set(names.filter((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)));
}

/** RFC 7239 6: IPv6 in brackets, and therefore quoted. */
function node(address: string): string {
  if (address === "") return "unknown";
  return address.includes(":") ? `"[${address}]"` : address;
}

function quoted(host: string): string {
  return host.includes(":") ? `"${host}"` : host;
}
