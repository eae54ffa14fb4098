/**
 * A STAND-IN, not Adyen: a local server that behaves as Adyen's manual describes the four requests we make, so that the
 * adapter can be tried without the real service. What it answers is held against Adyen's published OpenAPI description by
 * published-api.test.ts. https://docs.adyen.com/api-explorer/Checkout/71/overview
 */
import type { Clock } from "#kernel/clock.ts";

type Payment = {
  pspReference: string;
  merchantReference: string;
  value: number;
  currency: string;
  isPaid: boolean;
  refunded: number;
  redirectResult: string | null;
};
type Answer = { status: number; body: unknown };

export type AdyenStandIn = {
  readonly url: string;
  readonly payments: ReadonlyMap<string, Payment>;
  readonly requests: { path: string; body: unknown; headers: Headers }[];
  readonly answers: { path: string; status: number; body: unknown }[];
  stop(): Promise<void>;
};

export const adyenApiKey = "AQE_stand_in";
export const adyenMerchantAccount = "SpillwayTest";

export const adyenToken = (behaviour: string) => JSON.stringify({ type: "scheme", encryptedCardNumber: behaviour });

export function startAdyenStandIn(_clock: Clock): AdyenStandIn {
  const payments = new Map<string, Payment>();
  const saved = new Map<string, Answer | null>();
  const requests: AdyenStandIn["requests"] = [];
  const answers: AdyenStandIn["answers"] = [];
  let count = 0;

  const nextReference = () => `PSP${String(++count).padStart(13, "0")}`;
  const error = (status: number, errorCode: string, message: string, errorType = "validation") => ({
    status,
    body: { status, errorCode, message, errorType },
  });

  function pay(body: PaymentBody): Answer {
    const behaviour = body.paymentMethod.encryptedCardNumber ?? "";
    if (behaviour === "refuse") return error(403, "901", "Invalid Merchant Account", "security");
    if (!behaviours.has(behaviour)) return error(422, "174", "Unable to decrypt data");
    const pspReference = nextReference();
    const common = { pspReference, merchantReference: body.reference, amount: body.amount };
    if (behaviour === "decline") {
      return {
        status: 200,
        body: { ...common, resultCode: "Refused", refusalReason: "Not enough balance", refusalReasonCode: "12" },
      };
    }
    const isChallenge = behaviour === "challenge";
    const payment: Payment = {
      pspReference,
      merchantReference: body.reference,
      value: body.amount.value,
      currency: body.amount.currency,
      isPaid: !isChallenge,
      refunded: 0,
      redirectResult: isChallenge ? crypto.randomUUID() : null,
    };
    payments.set(pspReference, payment);
    if (isChallenge) {
      const url = `https://checkoutshopper.adyen.example/threeDS/redirect?payment=${pspReference}`;
      const action = { paymentMethodType: "scheme", url, method: "GET", type: "redirect" };
      return { status: 200, body: { ...common, resultCode: "RedirectShopper", action } };
    }
    if (behaviour === "error") return error(500, "905", "Payment details are not supported", "internal");
    return { status: 200, body: { ...common, resultCode: "Authorised" } };
  }

  function finish(redirectResult: string): Answer {
    const payment = [...payments.values()].find((candidate) => candidate.redirectResult === redirectResult);
    if (payment === undefined) return error(422, "14_0401", "Unable to parse the redirect result.");
    payment.isPaid = true;
    const { pspReference, merchantReference } = payment;
    return { status: 200, body: { resultCode: "Authorised", pspReference, merchantReference } };
  }

  function refund(pspReference: string, body: PaymentBody): Answer {
    const payment = payments.get(pspReference);
    if (payment === undefined) return error(422, "167", "Original pspReference required for this operation");
    // Adyen itself takes the request and refuses later, by notification, unless its own check is on; the check is on here.
    if (payment.refunded + body.amount.value > payment.value) return error(422, "137", "Invalid amount specified");
    payment.refunded += body.amount.value;
    return {
      status: 201,
      body: {
        merchantAccount: body.merchantAccount,
        paymentPspReference: pspReference,
        pspReference: nextReference(),
        reference: body.reference,
        amount: body.amount,
        status: "received",
      },
    };
  }

  async function answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname.replace(/^\/v71/, "");
    const body = (await request.json()) as PaymentBody;
    requests.push({ path, body, headers: request.headers });
    const reply = (result: Answer, headers: Record<string, string> = {}) => {
      answers.push({ path, ...result });
      return Response.json(result.body, { status: result.status, headers });
    };
    if (request.headers.get("x-api-key") !== adyenApiKey)
      return reply(error(401, "000", "HTTP Status Response - Unauthorized", "security"));
    const behaviour = body.paymentMethod?.encryptedCardNumber;
    if (behaviour === "rate_limit") return reply(error(429, "000", "Too many requests"), { "retry-after": "2" });
    if (behaviour === "silence") return new Promise(() => {});
    const key = request.headers.get("idempotency-key");
    const before = key === null ? undefined : saved.get(key);
    if (before === null) {
      return reply(error(422, "704", "request already processed or in progress"), { "transient-error": "true" });
    }
    let result = before;
    if (result === undefined) {
      if (key !== null) saved.set(key, null);
      // Long enough for calls made at the same time to meet the lock.
      await Bun.sleep(2);
      const psp = /^\/payments\/([^/]+)\/refunds$/.exec(path)?.[1];
      if (path === "/payments") result = pay(body);
      else if (path === "/payments/details") result = finish(body.details?.redirectResult ?? "");
      else if (psp !== undefined) result = refund(decodeURIComponent(psp), body);
      else if (path === "/cancels") {
        const { merchantAccount, paymentReference } = body;
        result = {
          status: 201,
          body: { merchantAccount, paymentReference, pspReference: nextReference(), status: "received" },
        };
      } else result = error(404, "000", "Not found");
      if (key !== null) {
        if (result.status === 200 || result.status === 201) saved.set(key, result);
        else if (result.status === 500) saved.set(key, null);
        else saved.delete(key);
      }
    }
    switch (behaviour) {
      case "charge_then_silence":
        return new Promise(() => {});
      case "malformed":
        return new Response("<html>502 Bad Gateway</html>", { status: 200 });
      case "huge":
        return new Response(" ".repeat(10 * 1024 * 1024) + JSON.stringify(result.body), { status: 200 });
      case "endless":
        return new Response(
          new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{"id":')) }),
        );
      default:
        return reply(result);
    }
  }

  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: answer });
  return { url: `http://127.0.0.1:${server.port}/v71`, payments, requests, answers, stop: () => server.stop(true) };
}

const behaviours = new Set([
  "charge",
  "decline",
  "challenge",
  "charge_then_silence",
  "error",
  "malformed",
  "huge",
  "endless",
]);

type PaymentBody = {
  merchantAccount: string;
  reference: string;
  paymentReference?: string;
  amount: { value: number; currency: string };
  paymentMethod: { encryptedCardNumber?: string };
  details?: { redirectResult?: string };
};
