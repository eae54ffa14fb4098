/**
 * One HTTP call to a provider, told apart by what it proves: an answer, a request that was certainly never sent, or one
 * whose fate nobody knows. Adapters decide about money by that difference, so it is drawn in one place and narrowly:
 * only errors that cannot happen after the first byte left count as `not_sent`.
 */

export type ProviderAnswer =
  /** `body` is the parsed JSON, or undefined when it was not JSON. */
  | { readonly kind: "answered"; readonly status: number; readonly headers: Headers; readonly body: unknown }
  | { readonly kind: "not_sent"; readonly reason: string }
  | { readonly kind: "lost"; readonly reason: string };

export type ProviderCall = {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
};

/** Far above what any provider answers (a page of 100 charges is some 400 kB), far below what would hurt. */
const answerBytesMax = 2 * 1024 * 1024;

/**
 * The name was not found, or nobody listens. Time-outs, resets, unreachable hosts and TLS failures are left out: each of
 * them can also end a connection that has carried the request.
 */
const neverSent = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

export async function callProvider(call: ProviderCall, signal: AbortSignal): Promise<ProviderAnswer> {
  if (signal.aborted) return { kind: "not_sent", reason: "The call was given up before it began." };
  try {
    const response = await fetch(call.url, {
      method: call.method,
      headers: call.headers,
      body: call.body,
      signal,
      // A redirect would carry the key to wherever it points.
      redirect: "manual",
    });
    const text = await readBounded(response);
    if (text === null) return { kind: "lost", reason: "The answer was too large to read." };
    return { kind: "answered", status: response.status, headers: response.headers, body: parseJson(text) };
  } catch (error) {
    if (signal.aborted) return { kind: "lost", reason: "No answer came in time." };
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    return neverSent.has(code)
      ? { kind: "not_sent", reason: `The provider could not be reached (${code}).` }
      : { kind: "lost", reason: `The connection broke (${code === "" ? "no code" : code}).` };
  }
}

async function readBounded(response: Response): Promise<string | null> {
  if (response.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop early cancels the stream, which closes the connection.
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** What `text` holds as JSON; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const retryAfterMaxMs = 3_600_000;

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), at most an hour; null when absent or unreadable. */
export function readRetryAfterMs(headers: Headers, nowMs: number): number | null {
  const value = headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), retryAfterMaxMs);
}
