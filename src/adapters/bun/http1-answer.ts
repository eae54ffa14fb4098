/**
 * Reads an HTTP/1.1 answer from bytes, strictly (RFC 9112): whatever could be read in two ways is refused, so that an
 * origin that errs or lies never has one answer taken for two, or the rest of one for the next.
 */

/** The origin did not speak HTTP/1.1 as it is written down. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

export type AnswerHead = {
  readonly status: number;
  /** Name, value, name, value, … as they came, without Transfer-Encoding; `fillIn` checks them. */
  readonly fields: readonly string[];
  /** How its end is told (RFC 9112 6.3). `length` is what is left to come of a body of known length, else 0. */
  readonly framing: "none" | "length" | "chunked" | "close";
  readonly length: number;
  /** Whether the connection may carry another request, and how long the origin said that it keeps it. */
  readonly isKept: boolean;
  readonly keptSeconds: number | undefined;
};

/**
 * What an interim answer tells a client (RFC 9110 15.2): that it takes a while (102), what will be needed (103, RFC 8297), or what came
 * later. Its fields as lines without their end, those that can stand in a head again. Undefined of any other head, and of 100, which
 * answers what only one hop has asked.
 */
export function hintOf(text: string): { readonly status: number; readonly lines: readonly string[] } | undefined {
  const status = Number(/^HTTP\/1\.1 (1\d\d)/.exec(text)?.[1]);
  if (!(status >= 102)) return undefined;
  const lines = text.split("\r\n").slice(1, 1 + hintsMax);
  const passed = lines.filter((line) => hintLine.test(line) && !ofOneHop.test(line));
  return { status, lines: passed.map((line) => line.replace(/^[^:]+/, (name) => name.toLowerCase())) };
}

const hintLine = /^[!#$%&'*+.^_`|~0-9a-z-]+:[\t\x20-\x7e]{0,4096}$/i;
const ofOneHop =
  /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|content-length|upgrade|alt-svc):/i;
const hintsMax = 50;
const fieldsMax = 200;

/** Codings whose bytes would have to be decoded, and "identity", which is none. */
const understood = new Set(["gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd", "identity"]);

const isOnlyUnknown = (coding: string): boolean =>
  /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(coding) && !coding.includes("chunk") && !understood.has(coding);

/** `text`: the head up to its empty line, one character a byte. Undefined for an interim answer (1xx), which is passed over. */
export function parseHead(text: string, isHeadRequest: boolean): AnswerHead | undefined {
  // "HTTP/1.1 200 OK"; the reason phrase says nothing.
  let lineEnd = text.indexOf("\r\n");
  if (lineEnd < 0) lineEnd = text.length;
  const status = Number(text.slice(9, 12));
  const minor = text.charCodeAt(7) - 48;
  if (
    !text.startsWith("HTTP/1.") ||
    (minor !== 0 && minor !== 1) ||
    text.charCodeAt(8) !== 32 ||
    !(status >= 100 && status <= 599) ||
    !Number.isInteger(status) ||
    (lineEnd > 12 && text.charCodeAt(12) !== 32)
  )
    throw new AnswerError(`its first line is no status line: ${JSON.stringify(text.slice(0, Math.min(lineEnd, 60)))}`);
  if (status === 101) throw new AnswerError("it switches protocols, which was not asked for");
  if (status < 200) return undefined;

  const found: string[] = [];
  let length: number | undefined;
  let isChunked = false;
  let isUnknownCoding = false;
  let isKept = minor === 1;
  let keptSeconds: number | undefined;
  while (lineEnd < text.length) {
    const start = lineEnd + 2;
    lineEnd = text.indexOf("\r\n", start);
    if (lineEnd < 0) lineEnd = text.length;
    const colon = text.indexOf(":", start);
    if (colon <= start || colon > lineEnd) throw new AnswerError("a line of its head is no field");
    if (found.length === 2 * fieldsMax) throw new AnswerError(`it has more than ${fieldsMax} fields`);
    const name = text.slice(start, colon);
    const value = text.slice(colon + 1, lineEnd);
    switch (name.length) {
      case 10:
        if (name === "Connection" || name.toLowerCase() === "connection") {
          if (/\bclose\b/i.test(value)) isKept = false;
        } else if (name.toLowerCase() === "keep-alive") {
          const seconds = /\btimeout\s*=\s*(\d{1,6})\b/i.exec(value)?.[1];
          if (seconds !== undefined) keptSeconds = Number(seconds);
        }
        break;
      case 14:
        if (name === "Content-Length" || name.toLowerCase() === "content-length") {
          if (length !== undefined) throw new AnswerError("it has two Content-Length fields");
          const digits = value.trim();
          if (!/^\d{1,15}$/.test(digits)) throw new AnswerError("its Content-Length is no number");
          length = Number(digits);
        }
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") {
          const coding = value.trim().toLowerCase();
          // A coding beside "chunked" was not asked for (TE), and one after it hides where the answer ends; so does one that
          // somebody else might take for it.
          const isChunks = coding === "chunked";
          if (isChunked || isUnknownCoding || minor === 0 || (!isChunks && !isOnlyUnknown(coding)))
            throw new AnswerError("its Transfer-Encoding is not chunked alone");
          // One that nobody knows says only that the answer ends with its connection (RFC 9112 6.3, item 4.1).
          if (isChunks) isChunked = true;
          else isUnknownCoding = true;
          continue;
        }
        break;
    }
    found.push(name, value);
  }
  if ((isChunked || isUnknownCoding) && length !== undefined)
    throw new AnswerError("it has both Transfer-Encoding and Content-Length");
  if (status === 205 && length !== 0) throw new AnswerError("it says 205 and may have a body (RFC 9110 15.3.6)");
  const framing =
    isHeadRequest || status === 204 || status === 304 || length === 0
      ? "none"
      : isChunked
        ? "chunked"
        : length === undefined
          ? "close"
          : "length";
  return {
    status,
    fields: found,
    framing,
    length: framing === "length" ? (length ?? 0) : 0,
    isKept: isKept && framing !== "close",
    keptSeconds,
  };
}

/** The fields into an answer's own headers: a second `Headers` for each answer would cost more than all the reading. */
export function fillIn(headers: Headers, fields: readonly string[]): void {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] as string;
    try {
      // Refuses names that are no tokens, among them one that ends in a space, and CR, LF or NUL in values.
      headers.append(name, fields[index + 1] as string);
    } catch {
      throw new AnswerError(`it has a malformed field: ${JSON.stringify(name.slice(0, 60))}`);
    }
  }
}

const lineMax = 4096;
const trailersMax = 16_384;

/** Takes the chunked coding off (RFC 9112 7.1). Extensions and trailers are passed over. */
export class ChunkedReader {
  /** Which byte is expected: of the size, of its extension, the line feed after it, … */
  #state: "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "trailer" | "trailer-lf" = "size";
  #left = 0;
  #digits = 0;
  #passedOver = 0;
  #trailerLine = 0;
  #isLast = false;
  readonly #mayHaveSpace: boolean;

  /** Some origins write a space behind a size, and that can only mean one thing; of a request it is not taken. */
  constructor(mayHaveSpace = true) {
    this.#mayHaveSpace = mayHaveSpace;
  }

  /** Adds pieces of the body to `out`. The index after the whole body's end, or -1 while more is to come. */
  read(bytes: Uint8Array, from: number, out: Uint8Array[]): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#left);
        out.push(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = "data-cr";
        continue;
      }
      const byte = bytes[at++] as number;
      switch (this.#state) {
        case "size": {
          const digit = hexDigit(byte);
          if (digit >= 0) {
            // 12 digits are more than a body ever has, and still exact.
            if (++this.#digits > 12) throw new AnswerError("the size of a chunk is too large");
            this.#left = this.#left * 16 + digit;
          } else if (this.#digits === 0) throw new AnswerError("a chunk has no size");
          else if (byte === 13) this.#state = "size-lf";
          else if (byte === 59 || (this.#mayHaveSpace && (byte === 32 || byte === 9))) this.#state = "extension";
          else throw new AnswerError("the size of a chunk is no number");
          break;
        }
        case "extension":
          if (byte === 13) this.#state = "size-lf";
          else if ((byte < 32 && byte !== 9) || byte === 127 || ++this.#passedOver > lineMax)
            throw new AnswerError("the extension of a chunk is malformed");
          break;
        case "size-lf":
          if (byte !== 10) throw new AnswerError("a line feed is missing after the size of a chunk");
          this.#digits = 0;
          this.#passedOver = 0;
          if (this.#left === 0) {
            this.#isLast = true;
            this.#state = "trailer";
          } else this.#state = "data";
          break;
        case "data-cr":
          if (byte !== 13) throw new AnswerError("a chunk is longer than its size");
          this.#state = "data-lf";
          break;
        case "data-lf":
          if (byte !== 10) throw new AnswerError("a chunk is longer than its size");
          this.#state = "size";
          break;
        case "trailer":
          if (byte === 13) this.#state = "trailer-lf";
          else {
            this.#trailerLine += 1;
            if ((byte < 32 && byte !== 9) || byte === 127 || ++this.#passedOver > trailersMax)
              throw new AnswerError("its trailers are malformed");
          }
          break;
        case "trailer-lf":
          if (byte !== 10) throw new AnswerError("its trailers are malformed");
          if (this.#trailerLine === 0) return at;
          this.#trailerLine = 0;
          this.#state = "trailer";
          break;
      }
    }
    return -1;
  }

  /** The last chunk was there: nothing of the body is missing, even if the connection ends now. */
  get hasWholeBody(): boolean {
    return this.#isLast;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
