/** What is said of a request that the origin answered, to those who read Cache-Status (RFC 9211). */
import { toHeaders } from "../ports.ts";
import type { Store } from "./store.ts";
import { confidentialFields, type Stored } from "./stored.ts";

/** Section 2.2. */
export function whyForwarded(store: Store, key: string, stored: Stored | undefined, nowMs: number): string {
  if (stored === undefined) return store.has(key) ? "vary-miss" : "uri-miss";
  return stored.freshUntilMs > nowMs ? "request" : "stale";
}

/** An answer that goes by: what is meant for this cache alone is taken out, and what became of the request is said. */
export function finish(response: Response, status: string): Response {
  let { headers } = response;
  let answer = response;
  try {
    headers.append("cache-status", `Spillway; ${status}`);
  } catch {
    headers = toHeaders(headers);
    headers.append("cache-status", `Spillway; ${status}`);
    answer = new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  }
  for (const name of confidentialFields) if (headers.get(name) !== null) headers.delete(name);
  return answer;
}
