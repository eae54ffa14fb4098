/**
 * Shoppers over HTTP, with the habits of real ones: the same key again until there is an answer, two clicks instead of
 * one, another card after a refusal, a challenge passed, refused or left open, an order given up. What they were told is
 * kept, so that it can be held against what is true at the end.
 */
import { seededRandom } from "../kit/generated-catalogue.ts";

export type Acknowledged = {
  readonly key: string;
  readonly body: string;
  readonly orderNumber: string;
  readonly statusUrl: string;
};

export type Crowd = {
  readonly acknowledged: ReadonlyMap<string, Acknowledged>;
  /** What shoppers were told that contradicts itself. */
  readonly contradictions: readonly string[];
  /** How many times each thing was done or told. */
  readonly counts: Readonly<Record<string, number>>;
  /** Nobody begins anything new; resolves when all have gone home. */
  stop(): Promise<void>;
  /** The order's status as its own address tells it; undefined when it tells nothing. */
  statusOf(order: Acknowledged): Promise<string | undefined>;
  /** Sends the order again as it was first sent: answers the number it has now. */
  again(order: Acknowledged): Promise<string | undefined>;
};

export type CrowdOptions = {
  /** "http://localhost:8080" */
  readonly url: string;
  readonly seed: number;
  readonly shoppers: number;
  readonly skus: readonly string[];
  /** In the greater part of the orders. */
  readonly hotSku: string;
};

/**
 * A charge that gets no answer costs the worker its whole time-out, so those are rarer than in a bad night; one that gets
 * none five times in a row takes two minutes to end, and is left to the simulation.
 */
const cards = [
  ...Array.from({ length: 14 }, () => "ok"),
  "declined",
  "insufficient_funds",
  "error",
  "slow:300",
  "error_after_charge",
  "duplicate_webhook",
  "out_of_order_webhooks",
  "webhook_only",
  "once_failed",
  "rate_limited",
  "timeout_then_success",
  "action_required",
  "action_required",
  "refund_pending",
];
const triesMax = 200;
const pauseMs = 30;
const answerWithinMs = 20_000;

type OrderView = {
  readonly status: string;
  readonly actionUrl: string | null;
  readonly canRetryPayment: boolean;
  readonly canCancel: boolean;
};

export function openStreet(options: CrowdOptions): Crowd {
  const { url } = options;
  const acknowledged = new Map<string, Acknowledged>();
  const contradictions: string[] = [];
  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  let isOver = false;

  async function ask(path: string, init: RequestInit = {}): Promise<Response | undefined> {
    try {
      const address = URL.canParse(path) ? path : url + path;
      return await fetch(address, { redirect: "manual", signal: AbortSignal.timeout(answerWithinMs), ...init });
    } catch {
      return undefined;
    }
  }

  async function order(key: string, body: string): Promise<{ status: number; answer: unknown } | undefined> {
    const headers = { "content-type": "application/json", "idempotency-key": key };
    const response = await ask("/api/orders", { method: "POST", headers, body });
    // A connection may break after the head and before the body: then there was no answer.
    const answer: unknown = await response?.json().catch(() => undefined);
    return response === undefined || answer === undefined ? undefined : { status: response.status, answer };
  }

  /** The same key until there is an answer, as a client does that lost its connection. */
  async function place(key: string, body: string): Promise<Acknowledged | undefined> {
    for (let tries = 0; tries < triesMax && !isOver; tries++) {
      const told = await order(key, body);
      if (told === undefined || told.status >= 500) {
        count("asked again");
        await Bun.sleep(pauseMs);
        continue;
      }
      const { code } = told.answer as { code?: string };
      count(told.status === 202 ? "acknowledged" : (code ?? `status ${told.status}`));
      if (told.status !== 202) return undefined;
      const placed = { key, body, ...(told.answer as { orderNumber: string; statusUrl: string }) };
      const before = acknowledged.get(key);
      if (before !== undefined && before.orderNumber !== placed.orderNumber)
        contradictions.push(`${key} is ${before.orderNumber}, and then ${placed.orderNumber}`);
      acknowledged.set(key, placed);
      return placed;
    }
    return undefined;
  }

  async function look(of: Acknowledged): Promise<OrderView | undefined> {
    const response = await ask(of.statusUrl, { headers: { accept: "application/json" } });
    if (response?.status === 404) contradictions.push(`${of.orderNumber} was acknowledged, and is not there`);
    if (response?.status !== 200) return undefined;
    return (await response.json().catch(() => undefined)) as OrderView | undefined;
  }

  async function send(path: string, fields: Record<string, string>): Promise<Response | undefined> {
    return await ask(path, { method: "POST", body: new URLSearchParams(fields) });
  }

  /** Comes back to the order a few times, and does what it asks for, or something else. */
  async function follow(of: Acknowledged, random: () => number): Promise<void> {
    for (let looks = 0; looks < 6 && !isOver; looks++) {
      await Bun.sleep(100 + random() * 900);
      const view = await look(of);
      if (view === undefined) continue;
      if (view.actionUrl !== null && random() < 0.7) {
        const isApproved = random() < 0.7;
        const back = await send(view.actionUrl, { answer: isApproved ? "approve" : "decline" });
        count(isApproved ? "challenge passed" : "challenge refused");
        const returnUrl = back?.headers.get("location");
        if (returnUrl != null && random() < 0.7) await ask(returnUrl);
      } else if (view.canRetryPayment && random() < 0.5) {
        const card = cards[Math.floor(random() * cards.length)] as string;
        await send(`${of.statusUrl}/payment`, { paymentProvider: "sandbox", paymentToken: card });
        count("paid anew");
      } else if (view.canCancel && random() < 0.1) {
        await send(`${of.statusUrl}/cancel`, {});
        count("given up");
      }
    }
  }

  async function shopper(number: number): Promise<void> {
    const random = seededRandom(options.seed * 1000 + number);
    const pick = (items: readonly string[]): string => items[Math.floor(random() * items.length)] as string;
    for (let visit = 1; !isOver; visit++) {
      const key = `kill-${options.seed}-${number}-${visit}`;
      const body = JSON.stringify({
        lines: [
          { sku: random() < 0.5 ? options.hotSku : pick(options.skus), quantity: 1 + Math.floor(random() * 2) },
          ...(random() < 0.2 ? [{ sku: pick(options.skus), quantity: 1 }] : []),
        ],
        email: `${key}@example.com`,
        shippingAddress: { name: "A Shopper", line1: `${key} Street`, city: "Oslo", postalCode: "0150", country: "NO" },
        shippingMethod: random() < 0.2 ? "express" : "standard",
        payment: { provider: "sandbox", token: pick(cards) },
      });
      const clicks = random() < 0.2 ? [place(key, body), place(key, body)] : [place(key, body)];
      const placed = (await Promise.all(clicks)).find((answer) => answer !== undefined);
      if (placed !== undefined && random() < 0.4) await follow(placed, random);
      await Bun.sleep(random() * 100);
    }
  }

  const crowd = Promise.all(Array.from({ length: options.shoppers }, (_, number) => shopper(number)));
  return {
    acknowledged,
    contradictions,
    counts,
    async stop() {
      isOver = true;
      await crowd;
    },
    statusOf: async (of) => (await look(of))?.status,
    async again(of) {
      const told = await order(of.key, of.body);
      return (told?.answer as { orderNumber?: string } | undefined)?.orderNumber;
    },
  };
}
