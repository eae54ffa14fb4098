/**
 * One request on its way to an origin: what is sent, whether it may be sent once more, and who waits for its answer.
 */
import { FieldList, type Freight, type OriginRequest } from "#edge/ports.ts";

/** Asked again at once when a kept connection turns out to be closed (RFC 9112 9.3.1). */
export const idempotent = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);
/** Ours to say: how this message is framed on this connection. */
const ours = new Set([
  "host",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "expect",
  "upgrade",
  "te",
]);
const expectsBody = new Set(["POST", "PUT", "PATCH"]);

/** `request`: undefined for what goes as bytes, which is idempotent and has no body. */
export const mayBeSentAgain = (request: OriginRequest | undefined, hasSent: boolean): boolean =>
  request === undefined ||
  (request.body === null && !request.signal.aborted && (!hasSent || idempotent.has(request.method)));

/** What is sent, and given up by its signal, with whoever waits for it; or what goes as bytes, and is dropped. */
export type Errand = {
  readonly request: OriginRequest | undefined;
  readonly freight: Freight | undefined;
  readonly isHead: boolean;
  readonly waiting:
    | { readonly resolve: (response: Response) => void; readonly reject: (error: unknown) => void }
    | undefined;
  /** Of the kept connection that it was tried on before, if any. */
  readonly isSecondTry: boolean;
};

export function resolve({ freight, waiting }: Errand, response: Response): void {
  waiting?.resolve(response);
  // Not at once: what has come of its body should be in it.
  if (freight !== undefined) queueMicrotask(() => freight.answered(response));
}

export function reject({ freight, waiting }: Errand, error: unknown): void {
  waiting?.reject(error);
  freight?.failed(error);
}

/** With its empty line; `host` is what Host says. */
export function writtenHead(request: OriginRequest, isChunked: boolean, host: string): string {
  const { headers } = request;
  let head = `${request.method} ${request.target} HTTP/1.1\r\nHost: ${host}\r\n`;
  if (headers instanceof FieldList) {
    const { flat } = headers;
    for (let at = 0; at < flat.length; at += 2)
      if (!ours.has(flat[at] as string)) head += `${flat[at]}: ${flat[at + 1]}\r\n`;
  } else for (const [field, value] of headers) if (!ours.has(field)) head += `${field}: ${value}\r\n`;
  if (isChunked) head += "Transfer-Encoding: chunked\r\n";
  else if (request.body !== null) head += `Content-Length: ${headers.get("content-length")}\r\n`;
  else if (expectsBody.has(request.method)) head += "Content-Length: 0\r\n";
  return `${head}\r\n`;
}
