/**
 * Reads the head of an HTTP/1.1 request from bytes, strictly (RFC 9112): one Host, one framing, a version that is one. Whatever two
 * programs could read in two ways is refused, so that nobody behind the edge sees another request than the edge did.
 */
import { Http1Fields, inTarget, inToken, kinds, nameOf, needsMore } from "./http1-fields.ts";

const CR = 13;
const LF = 10;
const SPACE = 32;

const methodMaxBytes = 32;
const version = [72, 84, 84, 80, 47] as const; // "HTTP/"

const host = nameOf("host");
const contentLength = nameOf("content-length");
const transferEncoding = nameOf("transfer-encoding");
const connection = nameOf("connection");
const expect = nameOf("expect");

export type Framing = "none" | "length" | "chunked";

/** One head at a time; what is read stays until the next `read`. */
export class Http1Head extends Http1Fields {
  method = "";
  /** Of HTTP/1.x. */
  minor = 1;
  framing: Framing = "none";
  length = 0;
  /** Whether the client keeps the connection after this request (RFC 9112 9.3). */
  isKept = true;
  expectsContinue = false;
  wantsWebSocket = false;

  #targetStart = 0;
  #targetEnd = 0;
  #target: string | undefined;

  /**
   * The index after the head; `needsMore` when it is not whole; below 0, the status that refuses it. It begins anew each time: a
   * head is short, and one that drips has a deadline.
   */
  read(bytes: Buffer, from: number, headMaxBytes: number): number {
    const { length } = bytes;
    this.bytes = bytes;
    let at = from;
    // RFC 9112 2.2: one empty line may come before a request.
    if (at < length && bytes[at] === CR) {
      if (at + 1 === length) return needsMore;
      if (bytes[at + 1] !== LF) return this.refuse(400, "A request begins with its method.");
      at += 2;
    }
    const lineStart = at;
    while (at < length && (kinds[bytes[at] as number] as number) & inToken) at++;
    if (at - lineStart > methodMaxBytes) return this.refuse(501, "No method is that long.");
    if (at === length) return needsMore;
    if (bytes[at] !== SPACE || at === lineStart) return this.refuse(400, "A request begins with its method.");
    this.method = methodText(bytes, lineStart, at);

    const targetStart = ++at;
    while (at < length && (kinds[bytes[at] as number] as number) & inTarget) at++;
    if (at - from > headMaxBytes) return this.refuse(414, "The request line is too long.");
    if (at === length) return needsMore;
    if (bytes[at] !== SPACE || at === targetStart) return this.refuse(400, "The request line is malformed.");
    this.#targetStart = targetStart;
    this.#targetEnd = at;
    this.#target = undefined;

    at++;
    for (let index = 0; index < 5; index++, at++) {
      if (at === length) return needsMore;
      if (bytes[at] !== version[index]) return this.refuse(400, "The request line does not end with a version.");
    }
    if (at + 5 > length) return length - from > headMaxBytes ? this.refuse(414, "Too long.") : needsMore;
    const major = (bytes[at] as number) - 48;
    const minor = (bytes[at + 2] as number) - 48;
    if (major < 0 || major > 9 || minor < 0 || minor > 9 || bytes[at + 1] !== 46)
      return this.refuse(400, "The request line does not end with a version.");
    if (bytes[at + 3] !== CR || bytes[at + 4] !== LF)
      return this.refuse(400, "The request line does not end where it should.");
    if (major !== 1 || minor > 1) return this.refuse(505, "Only HTTP/1.1 and HTTP/1.0 are understood here.");
    this.minor = minor;
    const end = this.readFields(from, at + 5, headMaxBytes);
    return end > 0 ? this.#judge(end) : end;
  }

  /** What the fields say of the message and its connection. RFC 9112 3.2, 6, 9.3. */
  #judge(end: number): number {
    if (this.find(host, 0) < 0) return this.refuse(400, "The Host field is missing.");
    let hasLength = false;
    let codings = 0;
    this.framing = "none";
    this.length = 0;
    this.isKept = this.minor === 1;
    this.expectsContinue = false;
    this.wantsWebSocket = false;
    let hosts = 0;
    for (let index = 0; index < this.count; index++) {
      const hash = this.hashes[index];
      if (hash === host.hash) {
        if (this.is(index, host) && ++hosts > 1) return this.refuse(400, "There are two Host fields.");
      } else if (hash === contentLength.hash && this.is(index, contentLength)) {
        if (hasLength) return this.refuse(400, "There are two Content-Length fields.");
        hasLength = true;
        const length = this.digits(index);
        if (length < 0) return this.refuse(400, "Content-Length is no number.");
        this.length = length;
      } else if (hash === transferEncoding.hash && this.is(index, transferEncoding)) {
        if (++codings > 1) return this.refuse(400, "There are two Transfer-Encoding fields.");
        if (this.value(index).toLowerCase() !== "chunked")
          return this.refuse(501, "The only transfer coding that is understood here is chunked.");
      } else if (hash === connection.hash && this.is(index, connection)) {
        this.#readConnection(this.value(index).toLowerCase());
      } else if (hash === expect.hash && this.is(index, expect)) {
        this.expectsContinue = this.minor === 1 && this.value(index).toLowerCase() === "100-continue";
      }
    }
    if (codings > 0) {
      if (hasLength) return this.refuse(400, "Content-Length and Transfer-Encoding exclude each other.");
      if (this.minor === 0) return this.refuse(400, "HTTP/1.0 has no Transfer-Encoding.");
      this.framing = "chunked";
    } else if (this.length > 0) this.framing = "length";
    return end;
  }

  #readConnection(value: string): void {
    if (value === "keep-alive") {
      this.isKept = true;
      return;
    }
    const options = value.split(",").map((option) => option.trim());
    if (options.includes("keep-alive")) this.isKept = true;
    if (options.includes("close")) this.isKept = false;
    if (options.includes("upgrade") && this.method === "GET" && this.get("upgrade")?.toLowerCase() === "websocket")
      this.wantsWebSocket = true;
  }

  /** What is forwarded is a path and a query (RFC 9112 3.2.1, 3.2.2). What is wrong with the target; "" for nothing. */
  toOriginForm(): string {
    const { target } = this;
    // The method is HTTP/2's own (RFC 9113 11.6), so that nobody takes that for a request.
    if (this.method === "PRI") return "PRI is no method.";
    if (target.charCodeAt(0) === 47 || this.method === "CONNECT") return "";
    const found = /^http:\/\/([^/?#]*)([^#]*)$/i.exec(target);
    if (found === null) return "A target is a path, or begins with http:// and the name in Host.";
    const [, authority = "", rest = ""] = found;
    if (authority.toLowerCase() !== this.get("host")?.toLowerCase())
      return "The request line and Host do not say the same.";
    this.#target = rest.startsWith("/") ? rest : `/${rest}`;
    return "";
  }

  get target(): string {
    let target = this.#target;
    if (target === undefined) {
      target = this.bytes.latin1Slice(this.#targetStart, this.#targetEnd);
      this.#target = target;
    }
    return target;
  }
}

function methodText(bytes: Buffer, start: number, end: number): string {
  if (end - start === 3 && bytes[start] === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84) return "GET";
  return bytes.latin1Slice(start, end);
}
