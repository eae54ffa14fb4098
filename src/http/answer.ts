/** The forms that answers take. Errors are RFC 9457 problem details for programs, and pages for people. */
import type { Problem } from "#contract/shop.ts";
import { type ErrorCode, errorCodes, SpillwayError } from "#kernel/error.ts";
import { type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";

export type ProblemExtras = Pick<Problem, "errors" | "left" | "page"> & { readonly retryAfterSeconds?: number };

/**
 * Of answers that are the same for everybody. Other people's caches keep them for a second; Spillway's own edge is told
 * when they change, and shows no price and no stock that it knows to be old, except when the shop cannot be reached.
 */
export const sharedCaching: Readonly<Record<string, string>> = {
  "cache-control": "public, max-age=0, s-maxage=1, stale-while-revalidate=5, stale-if-error=600",
  "spillway-cache-control": "max-age=1, stale-if-error=600",
  "surrogate-key": "catalogue stock",
};

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return whole(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

export function problem(code: ErrorCode, detail: string, extras: ProblemExtras = {}): Response {
  const { status, title } = errorCodes[code];
  const { retryAfterSeconds, ...members } = extras;
  const body: Problem = { type: `urn:spillway:error:${code}`, title, status, code, detail, ...members };
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (retryAfterSeconds !== undefined) headers["retry-after"] = String(Math.ceil(retryAfterSeconds));
  return whole(JSON.stringify(body), { status, headers });
}

const encoder = new TextEncoder();

function whole(text: string, init: ResponseInit): Response {
  const bytes = encoder.encode(text);
  const response: MayBeWhole = new Response(bytes, init);
  response[wholeBody] = bytes;
  return response;
}

/** What went wrong as an answer; what nobody foresaw is told to `report` and answered without its inside. */
export function problemOf(error: unknown, report: (error: unknown) => string): Response {
  if (error instanceof SpillwayError) {
    if (error.status === 500) report(error);
    return problem(error.code, error.message, {
      // Found deeper down than the fields are known by name: the sentence names it.
      ...(error.code === "invalid_request" ? { errors: [{ pointer: "", message: error.message }] } : {}),
      ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
    });
  }
  const reference = report(error);
  return problem("internal", `Something went wrong here; it has been noted as ${reference}. Please try again.`);
}

export function redirect(location: string, headers: Record<string, string> = {}): Response {
  return new Response(null, { status: 303, headers: { location, "cache-control": "no-store", ...headers } });
}

/** Programs ask for JSON and do not ask for HTML; browsers ask for HTML. */
export function wantsJson(request: Request): boolean {
  const accept = request.headers.get("accept") ?? "";
  return accept.includes("json") && !accept.includes("text/html");
}
