/**
 * Orders that a drill places itself, as a patient shopper does: the same key again until there is an answer. It keeps
 * what was acknowledged, so that afterwards each can be asked for.
 */
import { SpillwayError } from "#kernel/error.ts";

export type OrderCounts = {
  readonly acknowledged: number;
  readonly paid: number;
  /** Being paid, or waiting for the shopper or the provider. */
  readonly open: number;
  /** Ended otherwise: refused, cancelled, expired. */
  readonly other: number;
  /** Acknowledged, and not to be read. */
  readonly lost: number;
  /** Asked for, and not acknowledged. */
  readonly unanswered: number;
};

type Acknowledged = { readonly statusUrl: string; status: string | undefined };

const paid = new Set(["paid", "packed", "shipped", "delivered"]);
const open = new Set(["received", "paying", "action_required", "unknown"]);
const answerWithinMs = 15_000;
const pauseMs = 250;
const acknowledgedMax = 20_000;

export class OrderDesk {
  readonly #url: string;
  readonly #sku: string;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #run = crypto.randomUUID().slice(0, 8);
  #orders = 0;
  #unanswered = 0;
  #askedAgain = 0;

  constructor(url: string, sku: string) {
    this.#url = url;
    this.#sku = sku;
  }

  /** One order, followed until it is paid, or ended otherwise, or the time is over. */
  async order(
    options: { readonly token: string; readonly withinSeconds: number },
    signal: AbortSignal,
  ): Promise<{ status: string; seconds: number; acknowledgedSeconds: number | null }> {
    const beganAt = performance.now();
    const seconds = () => Math.round(performance.now() - beganAt) / 1000;
    const giveUp = AbortSignal.any([signal, AbortSignal.timeout(options.withinSeconds * 1000)]);
    const placed = await this.#place(options.token, giveUp);
    if (placed === undefined) return { status: "not acknowledged", seconds: seconds(), acknowledgedSeconds: null };
    const acknowledgedSeconds = seconds();
    while (!giveUp.aborted) {
      await this.#look(placed);
      if (placed.status !== undefined && !open.has(placed.status)) break;
      await Bun.sleep(pauseMs);
    }
    return { status: placed.status ?? "not readable", seconds: seconds(), acknowledgedSeconds };
  }

  /** So many each second, whoever answers; resolves when the last has been answered or given up. */
  async crowd(
    options: { readonly perSecond: number; readonly seconds: number; readonly token: string },
    signal: AbortSignal,
  ): Promise<{ asked: number; acknowledged: number; askedAgain: number }> {
    const before = { acknowledged: this.#acknowledged.length, askedAgain: this.#askedAgain };
    const placing: Promise<unknown>[] = [];
    const endsAt = performance.now() + options.seconds * 1000;
    for (let next = performance.now(); next < endsAt && !signal.aborted; next += 1000 / options.perSecond) {
      await Bun.sleep(Math.max(next - performance.now(), 0));
      placing.push(this.#place(options.token, AbortSignal.any([signal, AbortSignal.timeout(60_000)])));
    }
    await Promise.all(placing);
    return {
      asked: placing.length,
      acknowledged: this.#acknowledged.length - before.acknowledged,
      askedAgain: this.#askedAgain - before.askedAgain,
    };
  }

  /** Asks for all of them; waits up to so long for those that are open. */
  async counts(withinSeconds: number, signal: AbortSignal): Promise<OrderCounts> {
    const giveUpAt = performance.now() + withinSeconds * 1000;
    for (;;) {
      const waiting = this.#acknowledged.filter(({ status }) => status === undefined || open.has(status));
      for (let at = 0; at < waiting.length && !signal.aborted; at += 16)
        await Promise.all(waiting.slice(at, at + 16).map(async (each) => await this.#look(each)));
      const counts = this.#count();
      if (counts.open + counts.lost === 0 || signal.aborted || performance.now() > giveUpAt) return counts;
      await Bun.sleep(500);
    }
  }

  #count(): OrderCounts {
    const are = (test: (status: string | undefined) => boolean) =>
      this.#acknowledged.filter(({ status }) => test(status)).length;
    const counts = {
      acknowledged: this.#acknowledged.length,
      paid: are((status) => status !== undefined && paid.has(status)),
      open: are((status) => status !== undefined && open.has(status)),
      lost: are((status) => status === undefined),
      unanswered: this.#unanswered,
    };
    return { ...counts, other: counts.acknowledged - counts.paid - counts.open - counts.lost };
  }

  async #place(token: string, signal: AbortSignal): Promise<Acknowledged | undefined> {
    this.#orders += 1;
    const key = `drill-${this.#run}-${this.#orders}`;
    const body = JSON.stringify({
      lines: [{ sku: this.#sku, quantity: 1 }],
      email: `${key}@example.com`,
      phone: "+4791234567",
      shippingAddress: { name: "A Shopper", line1: `${key} Street`, city: "Oslo", postalCode: "0150", country: "NO" },
      shippingMethod: "standard",
      payment: { provider: "sandbox", token },
    });
    while (!signal.aborted) {
      const response = await fetch(`${this.#url}/api/orders`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
      }).catch(() => undefined);
      const answer = (await response?.json().catch(() => undefined)) as { statusUrl?: string } | undefined;
      if (response?.status === 202 && answer?.statusUrl !== undefined) {
        if (this.#acknowledged.length >= acknowledgedMax)
          throw new SpillwayError("internal", `A drill places at most ${acknowledgedMax} orders.`);
        const placed = { statusUrl: answer.statusUrl, status: "received" };
        this.#acknowledged.push(placed);
        return placed;
      }
      // What the shop refuses for a reason, it would refuse again.
      if (response !== undefined && response.status < 500 && response.status !== 429 && response.status !== 409) {
        this.#unanswered += 1;
        throw new SpillwayError("internal", `the order was refused: ${response.status} ${JSON.stringify(answer)}`);
      }
      this.#askedAgain += 1;
      await Bun.sleep(pauseMs);
    }
    this.#unanswered += 1;
    return undefined;
  }

  async #look(order: Acknowledged): Promise<void> {
    // The address is the shop's as shoppers know it; it is asked at the door that was given.
    const { pathname, search } = new URL(order.statusUrl, this.#url);
    const response = await fetch(`${this.#url}${pathname}${search}`, {
      headers: { accept: "application/json" },
      signal: AbortSignal.timeout(answerWithinMs),
    }).catch(() => undefined);
    if (response?.status === 404) order.status = undefined;
    if (response?.status !== 200) return;
    const view = (await response.json().catch(() => undefined)) as { status?: string } | undefined;
    order.status = view?.status ?? order.status;
  }
}
