/** A new answer of the origin: it is kept and shared where that is allowed, and passed on otherwise. */
import type { EdgeConfig } from "#contract/edge-config.ts";
import { type MayBeWhole, wholeBody } from "#kernel/whole-body.ts";
import type { Fields } from "../ports.ts";
import { bodied, hasNoBody, headersOf, notModified } from "./answers.ts";
import type { Asked } from "./asked.ts";
import { type Body, bodyOf, bytesMax, sizeOf } from "./body.ts";
import { finish, whyForwarded } from "./cache-status.ts";
import type { Counts } from "./counts.ts";
import type { Led } from "./flight.ts";
import { policyOf } from "./freshness.ts";
import { type HitForMiss, unsharedErrorMs, unsharedMs } from "./hit-for-miss.ts";
import type { Hits } from "./hits.ts";
import { originOfKey, variantKey, varyNames } from "./key.ts";
import { SharedBody } from "./shared-body.ts";
import type { Store } from "./store.ts";
import { confidentialOf, createStored, fieldsToStore, inheritForms, type Stored } from "./stored.ts";
import { tagsOf } from "./tags.ts";
import { isNotModified } from "./validators.ts";

/** `before`: what was stored when it was asked for. `purges`: how many there had been then. */
export type Keep = (
  asked: Asked,
  before: Stored | undefined,
  led: Led | undefined,
  response: Response,
  requestedAtMs: number,
  purges: number,
) => Promise<Response>;

export function createKeep(parts: {
  readonly settings: EdgeConfig["cache"];
  readonly objectMaxBytes: number;
  readonly nowMs: () => number;
  readonly store: Store;
  readonly hitForMiss: HitForMiss;
  readonly counts: Counts;
  readonly rescue: Hits["rescue"];
}): Keep {
  const { settings, objectMaxBytes, nowMs, store, hitForMiss, counts, rescue } = parts;
  const earlyRefreshShare = settings.earlyRefreshPercent / 100;

  async function keep(
    asked: Asked,
    before: Stored | undefined,
    led: Led | undefined,
    response: Response,
    requestedAtMs: number,
    purges: number,
  ): Promise<Response> {
    const { exchange, key } = asked;
    const receivedAtMs = nowMs();
    const { headers, status } = response;
    const request = exchange.headers;
    const policy = policyOf(
      { status, headers, requestedAtMs, receivedAtMs, request, requestDirectives: asked.wishes },
      settings,
    );
    const length = headers.get("content-length");
    const bytesExpected = length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
    counts.misses += 1;
    exchange.notes.cache = "miss";
    const why = whyForwarded(store, key, before, requestedAtMs);
    // A part, or an answer to one who is known by name, says nothing of what others would get.
    const mayMark = led !== undefined || hitForMiss.has(key, receivedAtMs);
    if (policy === undefined || (bytesExpected !== undefined && bytesExpected > objectMaxBytes)) {
      // What is kept is outdated: the origin has something else now, and nobody may keep that.
      if (policy === undefined && led !== undefined && status < 500 && before !== undefined) store.remove(before);
      if (mayMark) hitForMiss.markFor(key, status, receivedAtMs);
      return finish(response, `fwd=${why}; fwd-status=${status}`);
    }
    const vary = varyNames(headers.get("vary"));
    const tags = tagsOf(headers, originOfKey(key));
    const given = {
      key,
      vary,
      variant: variantKey(vary, exchange.headers),
      status,
      statusText: response.statusText,
      fields: fieldsToStore(headers, policy.omitFields),
      confidential: confidentialOf(headers),
      policy,
      tags,
      receivedAtMs,
      earlyRefreshShare,
    };
    const isSharable = !policy.noCache && policy.lifetimeMs > policy.initialAgeMs;
    if (isSharable) hitForMiss.clear(key);
    else if (mayMark) hitForMiss.mark(key, receivedAtMs + unsharedMs);
    if (led !== undefined) led.flight.tags = tags;
    const own = headersOf(fieldsToStore(headers, []));
    const age = headers.get("age");
    if (age !== null) own.set("age", age);
    own.append("cache-status", `Spillway; fwd=${why}; fwd-status=${status}; stored`);

    if (response.body === null || hasNoBody(status) || (bytesExpected !== undefined && bytesExpected <= bytesMax)) {
      let body: Body;
      try {
        body = await bodyOfResponse(response, hasNoBody(status) ? undefined : bytesExpected);
      } catch (error) {
        const rescued = rescue(asked, before, led, "broken off");
        if (rescued !== undefined) return rescued;
        throw error;
      }
      const stored = createStored({ ...given, body });
      // A strong tag is of these very bytes.
      if (before?.etag?.startsWith('"') && before.etag === stored.etag) inheritForms(before.forms, stored);
      store.putUnlessPurged(stored, purges, nowMs());
      led?.flight.settle(isSharable ? { kind: "shared", stored, body: undefined } : { kind: "alone" });
      return own200(own, stored, exchange.headers, body);
    }

    const shared = new SharedBody(response.body, {
      bytesMax: objectMaxBytes,
      bytesExpected,
      mayGrow: (bytes) => store.reserve(bytes),
      release: (bytes) => store.release(bytes),
      onEnd: (whole) => {
        if (whole !== undefined) store.putUnlessPurged(createStored({ ...given, body: whole }), purges, nowMs());
        else if (mayMark) hitForMiss.mark(key, nowMs() + unsharedErrorMs);
        led?.end();
      },
    });
    const coming = createStored({ ...given, body: bodyOf([]) });
    const stream = shared.stream();
    led?.flight.settle(isSharable ? { kind: "shared", stored: coming, body: shared } : { kind: "alone" });
    return own200(own, coming, exchange.headers, stream);
  }

  /** For the one whose request it was: all fields as they came, its own conditions answered. */
  function own200(
    headers: Headers,
    stored: Stored,
    request: Fields,
    body: Body | ReadableStream<Uint8Array>,
  ): Response {
    const { status, statusText } = stored;
    if (status === 200 && isNotModified(request, stored, nowMs())) {
      if (body instanceof ReadableStream) void body.cancel().catch(() => {});
      return notModified(headers);
    }
    return bodied(hasNoBody(status) ? null : body, { status, statusText, headers });
  }

  return keep;
}

async function bodyOfResponse(response: MayBeWhole, bytesExpected: number | undefined): Promise<Body> {
  const whole = response[wholeBody] as Uint8Array<ArrayBuffer> | undefined;
  const isThere = whole !== undefined && !response.bodyUsed;
  const body = bodyOf(isThere ? [whole] : response.body === null ? [] : [await response.arrayBuffer()]);
  if (bytesExpected !== undefined && bytesExpected !== sizeOf(body)) {
    throw new Error(`The origin promised ${bytesExpected} bytes and sent ${sizeOf(body)}.`);
  }
  return body;
}
