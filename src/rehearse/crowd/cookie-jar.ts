/** A shopper's cookies for one host, as far as a rehearsal needs them (RFC 6265): names, values, and being forgotten. */

const cookiesMax = 50;
const cookieLengthMax = 4096;

export class CookieJar {
  readonly #cookies = new Map<string, string>();
  #line = "";

  /** The whole `Cookie:` line with its end, or nothing. */
  get line(): string {
    return this.#line;
  }

  /** Of a `Set-Cookie` field. What is too long, or one too many, is passed over, as browsers do. */
  take(field: string, nowMs: number): void {
    const [pair = "", ...attributes] = field.split(";");
    const equals = pair.indexOf("=");
    const name = pair.slice(0, equals).trim();
    const value = pair.slice(equals + 1).trim();
    if (equals < 1 || pair.length > cookieLengthMax || !/^[\x21-\x7e]*$/.test(name) || /[^\x20-\x7e]/.test(value))
      return;
    if (isOver(attributes, nowMs)) this.#cookies.delete(name);
    else if (this.#cookies.has(name) || this.#cookies.size < cookiesMax) this.#cookies.set(name, value);
    const pairs = Array.from(this.#cookies, ([key, text]) => `${key}=${text}`);
    this.#line = pairs.length === 0 ? "" : `Cookie: ${pairs.join("; ")}\r\n`;
  }
}

/** Max-Age counts before Expires (RFC 6265 4.1.2.2). */
function isOver(attributes: readonly string[], nowMs: number): boolean {
  let isExpired = false;
  for (const attribute of attributes) {
    const [name = "", value = ""] = attribute.split("=");
    if (/^\s*max-age\s*$/i.test(name)) return Number(value) <= 0;
    if (/^\s*expires\s*$/i.test(name)) isExpired = Date.parse(value) <= nowMs;
  }
  return isExpired;
}
