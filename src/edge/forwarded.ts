/**
 * What proxies in front say of a client, and how much of it is believed: `Forwarded` (RFC 7239) and the X-Forwarded-* fields
 * that came before it. Each proxy adds on the right, and anybody can send these fields, so they are read from the right and
 * only as far as one trusted proxy vouches for the next.
 */

import type { Fields } from "./ports.ts";

export type Trust = (address: string) => boolean;

/** Who the client is. Scheme and host are undefined where nobody said. */
export type Claim = {
  readonly address: string;
  readonly scheme: "http" | "https" | undefined;
  readonly host: string | undefined;
};

/** No chain of proxies is longer; the rest is not read. */
const hopsMax = 32;

/**
 * The peer is trusted already. Undefined: the two kinds of fields name two clients, so one of them was written by somebody
 * else than the proxies, and nobody can tell which.
 */
export function believed(headers: Fields, peer: string, isTrusted: Trust): Claim | undefined {
  const forwarded = headers.get("forwarded");
  const forwardedFor = headers.get("x-forwarded-for");
  const byForwarded = forwarded === null ? undefined : byElements(forwarded, peer, isTrusted);
  const byX =
    forwardedFor === null && forwarded !== null ? undefined : byFields(headers, forwardedFor, peer, isTrusted);
  if (byForwarded === undefined) return byX ?? { address: peer, scheme: undefined, host: undefined };
  if (byX === undefined) return byForwarded;
  return byX.address === byForwarded.address ? { ...byX, scheme: byForwarded.scheme ?? byX.scheme } : undefined;
}

/** X-Forwarded-For, -Proto and -Host: no standard; a list of addresses, and for the others mostly a single value. */
function byFields(headers: Fields, list: string | null, peer: string, isTrusted: Trust): Claim {
  const hops = list === null || list.trim() === "" ? [] : list.split(",").slice(-hopsMax);
  let address = peer;
  let at = hops.length;
  while (at > 0 && isTrusted(address)) {
    const next = addressOf((hops[at - 1] ?? "").trim());
    if (next === undefined) break;
    address = next;
    at--;
  }
  // Where there is one value for each hop, the one that belongs to the client's; else the last, which the nearest proxy wrote.
  const ofHop = (name: string): string | undefined => {
    const values = headers.get(name)?.split(",");
    const value = values?.length === hops.length ? values[Math.min(at, hops.length - 1)] : values?.at(-1);
    return value === undefined || value.trim() === "" ? undefined : value.trim().toLowerCase();
  };
  return { address, scheme: schemeOf(ofHop("x-forwarded-proto")), host: ofHop("x-forwarded-host") };
}

function byElements(field: string, peer: string, isTrusted: Trust): Claim {
  const elements = parseForwarded(field);
  let address = peer;
  let scheme: Claim["scheme"];
  let host: string | undefined;
  for (let at = elements.length - 1; at >= 0 && isTrusted(address); at--) {
    const element = elements[at];
    // What cannot be read ends the chain: the last proxy that is known is then who asks (RFC 7239 6.2, 6.3).
    const next = addressOf(element?.get("for") ?? "");
    scheme = schemeOf(element?.get("proto")?.toLowerCase()) ?? scheme;
    host = element?.get("host")?.toLowerCase() ?? host;
    if (next === undefined) break;
    address = next;
  }
  return { address, scheme, host };
}

function schemeOf(text: string | undefined): Claim["scheme"] {
  return text === "http" || text === "https" ? text : undefined;
}

/** RFC 7239 4: elements by comma, pairs by semicolon, values as token or quoted. An element that is malformed is empty. */
export function parseForwarded(field: string): ReadonlyMap<string, string>[] {
  const elements: Map<string, string>[] = [];
  const pair = /[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)")[ \t]*/y;
  let at = 0;
  let element = new Map<string, string>();
  let isSound = true;
  for (;;) {
    pair.lastIndex = at;
    const found = pair.exec(field);
    if (found === null) {
      // RFC 9110 5.6.1 lets lists have empty elements; anything else here is wrong up to the next comma.
      const end = field.indexOf(",", at);
      if (field.slice(at, end === -1 ? undefined : end).trim() !== "") isSound = false;
      at = end === -1 ? field.length : end;
    } else {
      const name = (found[1] ?? "").toLowerCase();
      if (element.has(name)) isSound = false;
      element.set(name, found[2] ?? (found[3] ?? "").replace(/\\(.)/g, "$1"));
      at = pair.lastIndex;
    }
    if (field[at] === ";") {
      at++;
      continue;
    }
    if (at < field.length && field[at] !== ",") {
      isSound = false;
      const end = field.indexOf(",", at);
      at = end === -1 ? field.length : end;
    }
    if (!isSound) elements.push(new Map());
    else if (element.size > 0) elements.push(element);
    if (at >= field.length) return elements.slice(-hopsMax);
    at++;
    element = new Map();
    isSound = true;
  }
}

/** Of "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711"; undefined for "unknown", "_hidden" and whatever else is no address. */
export function addressOf(node: string): string | undefined {
  const four = /^((?:\d{1,3}\.){3}\d{1,3})(?::(?:\d{1,5}|_[\w.-]+))?$/.exec(node)?.[1];
  if (four !== undefined) return four.split(".").every((part) => Number(part) < 256) ? four : undefined;
  const six = /^\[([0-9a-fA-F:.]{2,45})\](?::(?:\d{1,5}|_[\w.-]+))?$/.exec(node)?.[1] ?? node;
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(six) || !six.includes(":")) return undefined;
  // In the one way that RFC 5952 writes it, so that one client has one name.
  const written = URL.parse(`http://[${six}]/`)?.hostname.slice(1, -1);
  const mapped = written === undefined ? null : /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(written);
  if (mapped === null) return written;
  const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
