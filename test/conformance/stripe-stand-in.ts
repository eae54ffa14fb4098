/**
 * A STAND-IN, not Stripe: a local server that behaves as Stripe's manual describes the seven requests we make, with its
 * idempotency rules, so that the adapter can be tried without the real service. What it answers is held against Stripe's
 * published OpenAPI description by published-api.test.ts. https://docs.stripe.com/api
 */
import type { Clock } from "#kernel/clock.ts";

type Intent = {
  id: string;
  object: "payment_intent";
  amount: number;
  amount_received: number;
  currency: string;
  created: number;
  livemode: boolean;
  metadata: Record<string, string>;
  status: string;
  last_payment_error: { type: string; code: string; message: string } | null;
  next_action: { type: string; redirect_to_url: { url: string; return_url: string } } | null;
};
type Refund = {
  id: string;
  object: "refund";
  amount: number;
  currency: string;
  created: number;
  payment_intent: string;
  status: string;
  metadata: Record<string, string>;
};

type Saved = { params: string; status: number; body: unknown; savedAtMs: number } | { params: string; status: null };

export type StripeStandIn = {
  readonly url: string;
  readonly intents: ReadonlyMap<string, Intent>;
  readonly refunds: readonly Refund[];
  /** Everything that was asked, for holding our requests against the published description. */
  readonly requests: { method: string; path: string; params: URLSearchParams; headers: Headers }[];
  /** Every answer in JSON, with the request it answers. */
  readonly answers: { method: string; path: string; status: number; body: unknown }[];
  /** The next this many requests are answered with 429. */
  limitNext(requests: number): void;
  passChallenge(attemptKey: string): void;
  stop(): Promise<void>;
};

export const stripeSecretKey = "sk_test_stand_in";
const keyLifeMs = 24 * 3_600_000;

export function startStripeStandIn(clock: Clock): StripeStandIn {
  const intents = new Map<string, Intent>();
  const refunds: Refund[] = [];
  const saved = new Map<string, Saved>();
  const requests: StripeStandIn["requests"] = [];
  const answers: StripeStandIn["answers"] = [];
  let limited = 0;
  let count = 0;

  const now = () => Math.floor(clock.now() / 1000);
  const nextId = (prefix: string) => `${prefix}_${String(++count).padStart(6, "0")}`;
  const error = (status: number, details: { type: string; [more: string]: unknown }) => ({
    status,
    body: { error: details },
  });
  const invalid = (message: string, more: object = {}) =>
    error(400, { type: "invalid_request_error", message, ...more });

  function metadataOf(params: URLSearchParams): Record<string, string> {
    const metadata: Record<string, string> = {};
    for (const [name, value] of params) {
      const key = /^metadata\[(\w+)\]$/.exec(name)?.[1];
      if (key !== undefined) metadata[key] = value;
    }
    return metadata;
  }

  function createIntent(params: URLSearchParams): { status: number; body: unknown; raw?: string } {
    const token = params.get("payment_method") ?? "";
    if (token === "pm_refuse")
      return error(401, { type: "invalid_request_error", message: "Invalid API Key provided." });
    if (!token.startsWith("pm_")) {
      return invalid(`No such PaymentMethod: '${token.slice(0, 20)}'`, {
        code: "resource_missing",
        param: "payment_method",
      });
    }
    const intent: Intent = {
      id: nextId("pi"),
      object: "payment_intent",
      amount: Number(params.get("amount")),
      amount_received: 0,
      currency: params.get("currency") ?? "",
      created: now(),
      livemode: false,
      metadata: metadataOf(params),
      status: "succeeded",
      last_payment_error: null,
      next_action: null,
    };
    intents.set(intent.id, intent);
    if (token === "pm_declined") {
      intent.status = "requires_payment_method";
      intent.last_payment_error = { type: "card_error", code: "card_declined", message: "Your card was declined." };
      return error(402, { ...intent.last_payment_error, decline_code: "generic_decline", payment_intent: intent });
    }
    if (token === "pm_challenge") {
      intent.status = "requires_action";
      const url = `https://hooks.stripe.example/3d_secure_2/hosted/${intent.id}`;
      intent.next_action = {
        type: "redirect_to_url",
        redirect_to_url: { url, return_url: params.get("return_url") ?? "" },
      };
      return { status: 200, body: intent };
    }
    intent.amount_received = intent.amount;
    if (token === "pm_500") return error(500, { type: "api_error", message: "Something went wrong." });
    return { status: 200, body: intent };
  }

  function createRefund(params: URLSearchParams) {
    const intent = intents.get(params.get("payment_intent") ?? "");
    if (intent === undefined)
      return invalid("No such payment_intent", { code: "resource_missing", param: "payment_intent" });
    const amount = Number(params.get("amount"));
    const before = refundedOf(intent.id);
    if (before + amount > intent.amount_received)
      return invalid("Refund amount is greater than unrefunded amount on charge");
    const refund: Refund = {
      id: nextId("re"),
      object: "refund",
      amount,
      currency: intent.currency,
      created: now(),
      payment_intent: intent.id,
      status: "succeeded",
      metadata: metadataOf(params),
    };
    refunds.push(refund);
    return { status: 200, body: refund };
  }

  function cancel(id: string) {
    const intent = intents.get(id);
    if (intent === undefined)
      return error(404, { type: "invalid_request_error", code: "resource_missing", message: "No such payment_intent" });
    if (intent.status === "requires_action") {
      intent.status = "canceled";
      intent.next_action = null;
      return { status: 200, body: intent };
    }
    return invalid(`You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`, {
      code: "payment_intent_unexpected_state",
      payment_intent: intent,
    });
  }

  const refundedOf = (intent: string) =>
    refunds.filter((refund) => refund.payment_intent === intent).reduce((sum, refund) => sum + refund.amount, 0);

  function chargesOf() {
    return [...intents.values()]
      .filter((intent) => intent.amount_received > 0)
      .map((intent) => ({
        id: intent.id.replace("pi_", "ch_"),
        object: "charge",
        amount: intent.amount,
        amount_captured: intent.amount,
        amount_refunded: refundedOf(intent.id),
        currency: intent.currency,
        created: intent.created,
        livemode: false,
        metadata: intent.metadata,
        payment_intent: intent.id,
        status: "succeeded",
      }));
  }

  function list(
    items: readonly { id: string; created: number; payment_intent?: string }[],
    params: URLSearchParams,
    url: string,
  ) {
    const bound = (name: string, otherwise: number) => Number(params.get(`created[${name}]`) ?? otherwise);
    const of = params.get("payment_intent");
    const matching = items
      .filter(
        (item) =>
          item.created >= bound("gte", 0) && item.created <= bound("lte", 1e12) && item.created < bound("lt", 1e12),
      )
      .filter((item) => of === null || item.payment_intent === of)
      .sort((a, b) => b.created - a.created || b.id.localeCompare(a.id));
    const after = params.get("starting_after");
    const from = after === null ? 0 : matching.findIndex((item) => item.id === after) + 1;
    // Pages of 10 at most, so that a few charges already make several.
    const limit = Math.min(Number(params.get("limit") ?? 10), 10);
    const data = matching.slice(from, from + limit);
    return { status: 200, body: { object: "list", url, has_more: from + limit < matching.length, data } };
  }

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const text = await request.text();
    const params = new URLSearchParams(request.method === "POST" ? text : url.search);
    requests.push({ method: request.method, path: url.pathname, params, headers: request.headers });
    const reply = ({ status, body }: { status: number; body: unknown }, headers: Record<string, string> = {}) => {
      answers.push({ method: request.method, path: url.pathname, status, body });
      return Response.json(body, { status, headers: { date: new Date(clock.now()).toUTCString(), ...headers } });
    };
    if (request.headers.get("authorization") !== `Bearer ${stripeSecretKey}`) {
      return reply(error(401, { type: "invalid_request_error", message: "Invalid API Key provided." }));
    }
    const token = params.get("payment_method");
    if (limited > 0 || token === "pm_limited") {
      limited -= 1;
      return reply(error(429, { type: "invalid_request_error", code: "rate_limit", message: "Too many requests." }), {
        "retry-after": "1",
      });
    }
    if (token === "pm_silence") return new Promise(() => {});

    const key = request.headers.get("idempotency-key");
    const before = key === null ? undefined : saved.get(key);
    const isFresh = before === undefined || before.status === null || clock.now() - before.savedAtMs < keyLifeMs;
    if (before !== undefined && isFresh) {
      if (before.params !== text) {
        return reply(
          error(400, { type: "idempotency_error", message: "Keys can only be used with the same parameters." }),
        );
      }
      if (before.status === null) {
        return reply(error(409, { type: "invalid_request_error", code: "idempotency_key_in_use", message: "In use." }));
      }
      if (token !== "pm_charge_then_silence") return reply(before, { "idempotent-replayed": "true" });
    }
    if (key !== null && !(before && isFresh)) {
      saved.set(key, { params: text, status: null });
      // Long enough for calls made at the same time to meet the lock.
      await Bun.sleep(2);
    }
    const [, , resource, id, action] = url.pathname.split("/");
    let result: { status: number; body: unknown };
    if (before && isFresh && before.status !== null) result = before;
    else if (resource === "payment_intents" && action === "cancel") result = cancel(id ?? "");
    else if (resource === "payment_intents" && request.method === "POST") result = createIntent(params);
    else if (resource === "payment_intents" && id !== undefined) {
      const intent = intents.get(id);
      result =
        intent === undefined
          ? error(404, { type: "invalid_request_error", message: "No such payment_intent" })
          : { status: 200, body: intent };
    } else if (resource === "payment_intents") result = list([...intents.values()], params, url.pathname);
    else if (resource === "refunds" && request.method === "POST") result = createRefund(params);
    else if (resource === "refunds") result = list(refunds, params, url.pathname);
    else if (resource === "charges") result = list(chargesOf(), params, url.pathname);
    else result = error(404, { type: "invalid_request_error", message: `Unrecognized request URL (${url.pathname}).` });
    // Refused before the endpoint ran, Stripe keeps nothing for the key.
    if (key !== null) {
      if (result.status === 400 || result.status === 401) saved.delete(key);
      else saved.set(key, { params: text, ...result, savedAtMs: clock.now() });
    }
    switch (token) {
      case "pm_charge_then_silence":
        return new Promise(() => {});
      case "pm_malformed":
        return new Response("<html>502 Bad Gateway</html>", { status: 200 });
      case "pm_huge":
        return new Response(" ".repeat(10 * 1024 * 1024) + JSON.stringify(result.body), { status: 200 });
      case "pm_endless":
        return new Response(
          new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{"id":')) }),
        );
      default:
        return reply(result);
    }
  }

  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: answer });
  return {
    url: `http://127.0.0.1:${server.port}`,
    intents,
    refunds,
    requests,
    answers,
    limitNext(number) {
      limited = number;
    },
    passChallenge(attemptKey) {
      const intent = [...intents.values()].find(({ metadata }) => metadata.attempt === attemptKey);
      if (intent?.status !== "requires_action") return;
      intent.status = "succeeded";
      intent.next_action = null;
      intent.amount_received = intent.amount;
    },
    stop: () => server.stop(true),
  };
}
