/**
 * The edge's own cookie: an id that means nothing, and its signature, so that a visitor can be counted apart from the
 * others behind the same address. Nobody is known by it anywhere else.
 */
import type { Signer } from "#kernel/signer.ts";
import type { Fields } from "../ports.ts";

const name = "spillway_visitor";
const maxAgeSeconds = 30 * 24 * 3600;
const valueMax = 128;
/** Cookies whose signature was found good, so that a browser's second request needs no HMAC. */
const knownMax = 8192;

export type Visitors = {
  /** The id of a cookie that we signed; undefined for none and for one that we did not. */
  read(headers: Fields): string | undefined;
  cookie(id: string, isSecure: boolean): string;
};

/** The value of the first cookie of this name. Nothing is cut up but the value: this runs on every request. */
export function cookieValue(header: string, cookie: string): string | undefined {
  const from = cookieStart(header, cookie);
  return from < 0 ? undefined : header.slice(from, cookieEnd(header, from));
}

/** Where the cookie's value begins; below 0: there is none. */
export function cookieStart(header: string, cookie: string): number {
  for (let at = header.indexOf(cookie); at >= 0; at = header.indexOf(cookie, at + 1)) {
    const before = at === 0 ? SEMICOLON : header.charCodeAt(at - 1);
    let from = at + cookie.length;
    if ((before !== SEMICOLON && before !== SPACE) || header.charCodeAt(from) !== EQUALS) continue;
    do from += 1;
    while (isBlank(header.charCodeAt(from)));
    return from;
  }
  return -1;
}

export function cookieEnd(header: string, from: number): number {
  let end = header.indexOf(";", from);
  if (end < 0) end = header.length;
  while (end > from && isBlank(header.charCodeAt(end - 1))) end -= 1;
  return end;
}

const [SEMICOLON, EQUALS, SPACE, TAB] = [59, 61, 32, 9] as const;
const isBlank = (sign: number): boolean => sign === SPACE || sign === TAB;

/** Ours to read and not for scripts; sent along when somebody follows a link to the shop, not with foreign requests. */
export function setCookie(cookie: string, value: string, seconds: number, isSecure: boolean): string {
  return `${cookie}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
}

export function createVisitors(signer: Signer): Visitors {
  let known = new Set<string>();
  let knownBefore = new Set<string>();

  function isOurs(value: string, dot: number): boolean {
    if (known.has(value)) return true;
    if (!knownBefore.has(value) && !signer.verify(`visitor ${value.slice(0, dot)}`, value.slice(dot + 1))) return false;
    if (known.size >= knownMax) {
      knownBefore = known;
      known = new Set();
    }
    known.add(value);
    return true;
  }

  return {
    read(headers) {
      const header = headers.get("cookie");
      if (header === null) return undefined;
      const value = cookieValue(header, name);
      if (value === undefined || value.length > valueMax) return undefined;
      const dot = value.lastIndexOf(".");
      return dot > 0 && isOurs(value, dot) ? value.slice(0, dot) : undefined;
    },

    cookie(id, isSecure) {
      return setCookie(name, `${id}.${signer.sign(`visitor ${id}`)}`, maxAgeSeconds, isSecure);
    },
  };
}
