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
  for (let at = header.indexOf(cookie); at >= 0; at = header.indexOf(cookie, at + 1)) {
    const before = at === 0 ? 59 : header.charCodeAt(at - 1);
    const start = at + cookie.length + 1;
    if ((before !== 59 && before !== 32) || header.charCodeAt(start - 1) !== 61) continue;
    const end = header.indexOf(";", start);
    return header.slice(start, end < 0 ? undefined : end).trim();
  }
  return undefined;
}

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
