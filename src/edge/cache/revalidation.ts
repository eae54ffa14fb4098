/**
 * What the origin says of an answer that is stored already: a 304 renews it, and so does the answer to a HEAD, where it does not
 * show that the stored one is outdated.
 */
import type { EdgeConfig } from "#contract/edge-config.ts";
import { headersOf } from "./answers.ts";
import type { Asked } from "./asked.ts";
import { sizeOf } from "./body.ts";
import { finish } from "./cache-status.ts";
import type { Counts } from "./counts.ts";
import { type Policy, policyOf } from "./freshness.ts";
import { writeHttpDate } from "./http-date.ts";
import { originOfKey } from "./key.ts";
import type { Store } from "./store.ts";
import {
  confidentialOf,
  createStored,
  type Field,
  fieldsOf,
  fieldsToStore,
  inheritForms,
  type Stored,
  updatedFields,
} from "./stored.ts";
import { tagsOf } from "./tags.ts";
import { opaque } from "./validators.ts";

export type Revalidation = {
  /** The stored answer with the fields of a 304; undefined when that 304 is not about it. */
  readonly revalidated: (
    asked: Asked,
    stored: Stored,
    response: Response,
    requestedAtMs: number,
    purges: number,
  ) => Stored | undefined;
  /** Gives the answer to a HEAD, when it has freshened or outdated what is stored for GET (RFC 9111 section 4.3.5). */
  readonly headAnswered: (asked: Asked, response: Response, requestedAtMs: number, purges: number) => Response;
};

export function createRevalidation(parts: {
  readonly settings: EdgeConfig["cache"];
  readonly nowMs: () => number;
  readonly store: Store;
  readonly counts: Counts;
}): Revalidation {
  const { settings, nowMs, store, counts } = parts;
  const earlyRefreshShare = settings.earlyRefreshPercent / 100;

  function revalidated(
    asked: Asked,
    stored: Stored,
    response: Response,
    requestedAtMs: number,
    purges: number,
  ): Stored | undefined {
    const etag = response.headers.get("etag");
    if (etag !== null && stored.etag !== null && opaque(etag) !== opaque(stored.etag)) return undefined;
    const receivedAtMs = nowMs();
    const received = fieldsToStore(response.headers, []);
    // One without a date was made now, not when the stored answer was.
    if (response.headers.get("date") === null) received.push(["date", writeHttpDate(receivedAtMs)]);
    const fields = updatedFields(fieldsOf(stored), received);
    const confidential = updatedFields(stored.confidential, confidentialOf(response.headers));
    const headers = headersOf([...fields, ...confidential]);
    const age = response.headers.get("age");
    if (age !== null) headers.set("age", age);
    const { exchange, wishes } = asked;
    const { status } = stored;
    const request = exchange.headers;
    const policy = policyOf(
      { status, headers, requestedAtMs, receivedAtMs, request, requestDirectives: wishes },
      settings,
    );
    if (policy === undefined) {
      // Still good for this one request, but not to be kept any longer.
      store.remove(stored);
      return createFrom(stored, fields, confidential, noLonger(stored), receivedAtMs);
    }
    const omit = new Set(policy.omitFields);
    const kept = fields.filter(([name]) => !omit.has(name));
    const updated = createFrom(stored, kept, confidential, policy, receivedAtMs);
    store.putUnlessPurged(updated, purges, nowMs());
    return updated;
  }

  function createFrom(
    { key, vary, variant, status, statusText, plain, forms }: Stored,
    fields: readonly Field[],
    confidential: readonly Field[],
    policy: Policy,
    receivedAtMs: number,
  ): Stored {
    const tags = tagsOf(headersOf([...fields, ...confidential]), originOfKey(key));
    const made = createStored({
      key,
      vary,
      variant,
      status,
      statusText,
      fields,
      confidential,
      body: plain.body,
      policy,
      tags,
      receivedAtMs,
      earlyRefreshShare,
    });
    inheritForms(forms, made);
    return made;
  }

  function headAnswered(asked: Asked, response: Response, requestedAtMs: number, purges: number): Response {
    const { exchange, key } = asked;
    exchange.notes.cache = "miss";
    counts.misses += 1;
    const stored = store.find(key, exchange.headers);
    if (stored !== undefined && response.status === stored.status) {
      const { headers } = response;
      const etag = headers.get("etag");
      const modified = headers.get("last-modified");
      const length = headers.get("content-length");
      const isSame =
        (etag === null || etag === stored.etag) &&
        (modified === null || modified === stored.lastModified) &&
        (length === null || Number(length) === sizeOf(stored.plain.body));
      if (isSame) revalidated(asked, stored, response, requestedAtMs, purges);
      else store.purge({ keys: [key] }, true, nowMs());
    }
    return finish(response, `fwd=${stored === undefined ? "uri-miss" : "stale"}; fwd-status=${response.status}`);
  }

  return { revalidated, headAnswered };
}

/** For one that may be used this once. */
const noLonger = ({ policy }: Stored): Policy => ({
  ...policy,
  lifetimeMs: 0,
  initialAgeMs: 0,
  omitFields: [],
  noCache: true,
});
