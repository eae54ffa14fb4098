/**
 * A shopper places an order: price it from the catalogue in memory, then let one commit decide.
 *
 *   price -> (known to be sold out: look the key up, else refuse) -> intake batch -> one commit -> answer
 *
 * Nothing here says yes on its own: `placed` comes from the commit only. A "sold out" may come from memory, at most a
 * second old; even then a retry of an order that was placed before finds it.
 */
import type { Variant } from "#commerce/catalogue/product.ts";
import type { Snapshot } from "#commerce/catalogue/snapshot.ts";
import { type Guarded, GuardedGoods } from "#commerce/orders/guarded-goods.ts";
import { priorities } from "#commerce/orders/lifecycle.ts";
import type { OrderDetails, OrderRequest } from "#commerce/orders/order-request.ts";
import { normaliseEmail, personTexts } from "#commerce/orders/person.ts";
import type {
  OrderIntake,
  OrderVerdict,
  PassGate,
  PersonLimit,
  PricedLine,
  PricedOrder,
} from "#commerce/orders/ports.ts";
import { totals } from "#commerce/pricing/totals.ts";
import type { Clock } from "#kernel/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import { MicroBatch } from "#resilience/micro-batch.ts";

export type Complaint = { readonly pointer: string; readonly message: string };

export type PlaceOrderAnswer =
  /** `guarded` when it holds goods that are sold to those who have waited for them. */
  | {
      readonly kind: "placed";
      readonly id: number;
      readonly replayed: boolean;
      readonly guarded?: Pick<Guarded, "rooms">;
    }
  | { readonly kind: "invalid"; readonly complaints: readonly Complaint[] }
  | { readonly kind: "conflict" }
  | { readonly kind: "sold_out"; readonly left: readonly { readonly sku: string; readonly left: number }[] }
  | { readonly kind: "limit"; readonly left: number }
  | { readonly kind: "promotion_used_up" }
  /** Where to wait for it: the page of what the pass is for. */
  | { readonly kind: "pass_required" | "pass_over"; readonly productHandle: string }
  | { readonly kind: "pass_used" }
  | { readonly kind: "price_changed"; readonly total: number; readonly currency: string };

export type PlaceOrderOptions = {
  readonly intake: OrderIntake;
  /** The catalogue as it stands now. */
  readonly snapshot: () => Snapshot;
  /** Reads the catalogue again; called when the database says that prices have changed. */
  readonly refresh: () => Promise<void>;
  /** 128 bits of SHA-256 as a UUID. */
  readonly hash: (text: string) => string;
  readonly clock: Clock;
  /** As the waiting rooms are now; absent or undefined where nobody waits. */
  readonly passGate?: () => PassGate | undefined;
  /** Names of payment providers that orders may use, and what of a token tells the card, if anything does. */
  readonly providers: ReadonlyMap<string, { readonly fingerprintOf: (token: string) => string | null }>;
  readonly batchMax: number;
  readonly queueMax: number;
};

/** How long a "sold out" is believed without asking again. */
const soldOutMemoryMs = 1000;
/** An order whose prices change under it is priced again this often before the shopper is asked to try later. */
const repriceMax = 10;

/** `failed`: the database refused this one order for a reason that nobody foresaw. */
type Decided = OrderVerdict | { readonly kind: "failed"; readonly error: unknown };
type Priced = { readonly order: PricedOrder; readonly snapshot: Snapshot; readonly guarded: Guarded | undefined };
type Pricing =
  | Priced
  | Extract<PlaceOrderAnswer, { kind: "invalid" | "price_changed" | "pass_required" | "pass_over" }>;

export class PlaceOrder {
  readonly #options: PlaceOrderOptions;
  readonly #batches: MicroBatch<Priced, Decided>;
  readonly #guardedGoods = new GuardedGoods();
  readonly #lookups: MicroBatch<string, { id: number; request: string } | undefined>;
  /** By variant id: what was left when it last fell short, and until when that is believed. */
  readonly #short = new Map<number, { left: number; untilMs: number }>();

  constructor(options: PlaceOrderOptions) {
    this.#options = options;
    this.#batches = new MicroBatch({
      call: (items) => this.#decide(items),
      batchMax: options.batchMax,
      queueMax: options.queueMax,
    });
    this.#lookups = new MicroBatch({
      call: async (keys) => {
        const found = await options.intake.findByKey(keys);
        return keys.map((key) => found.get(key));
      },
      batchMax: 1000,
      queueMax: options.queueMax,
    });
  }

  get queueDepth(): number {
    return this.#batches.depth + this.#lookups.depth;
  }

  get batchSizes(): readonly number[] {
    return this.#batches.batchSizes;
  }

  /** Resolves when every order taken so far has its answer. */
  async drained(): Promise<void> {
    await Promise.all([this.#batches.idle(), this.#lookups.idle()]);
  }

  /** Stock came back, or was counted: what memory says about it no longer holds. */
  forgetSoldOut(): void {
    this.#short.clear();
  }

  /** The order that this key placed, if any. */
  async placedWith(idempotencyKey: string): Promise<number | undefined> {
    return (await (this.#lookups.add(this.#options.hash(`order ${idempotencyKey}`)) ?? full()))?.id;
  }

  /** `passField`: what the edge has sent along with a request that it let into a waiting room's part of the shop. */
  async place(
    request: OrderRequest,
    idempotencyKey: string,
    passField: string | null = null,
  ): Promise<PlaceOrderAnswer> {
    const key = this.#options.hash(`order ${idempotencyKey}`);
    const requestHash = this.#options.hash(fingerprint(request));
    for (let round = 0; round < repriceMax; round++) {
      const priced = this.#price(request, key, requestHash, passField);
      if (!("order" in priced)) return this.#unlessPlaced(key, requestHash, priced);

      const short = this.#knownShort(priced.order.lines);
      if (short !== undefined) return this.#unlessPlaced(key, requestHash, soldOut(request, short));

      const verdict = await (this.#batches.add(priced) ?? full());
      switch (verdict.kind) {
        case "placed":
        case "replayed": {
          const { guarded } = priced;
          return {
            kind: "placed",
            id: verdict.id,
            replayed: verdict.kind === "replayed",
            ...(guarded === undefined ? {} : { guarded }),
          };
        }
        case "sold_out":
          return soldOut(request, verdict.short);
        case "repriced":
          await this.#options.refresh();
          continue;
        case "failed":
          throw verdict.error;
        default:
          return verdict;
      }
    }
    throw new SpillwayError("intake_full", "Prices are changing at this moment. Please try again in a few seconds.", {
      retryAfterSeconds: 2,
    });
  }

  /** A refusal that did not come from the commit still has to yield to an order that this key placed before. */
  async #unlessPlaced(key: string, requestHash: string, refusal: PlaceOrderAnswer): Promise<PlaceOrderAnswer> {
    const found = await (this.#lookups.add(key) ?? full());
    if (found === undefined) return refusal;
    return found.request === requestHash ? { kind: "placed", id: found.id, replayed: true } : { kind: "conflict" };
  }

  #price(request: OrderRequest, key: string, requestHash: string, passField: string | null): Pricing {
    const snapshot = this.#options.snapshot();
    const { settings } = snapshot;
    const complaints: Complaint[] = [];
    const provider = this.#options.providers.get(request.payment.provider);
    if (provider === undefined) {
      complaints.push({
        pointer: "/payment/provider",
        message: `must be one of: ${[...this.#options.providers.keys()].join(", ")}`,
      });
    }

    const variants = request.lines.map((line, index) => {
      const variant = snapshot.variants.get(line.sku);
      if (variant === undefined)
        complaints.push({ pointer: `/lines/${index}/sku`, message: `no product has the SKU "${line.sku}"` });
      return variant;
    });
    let promotion = null;
    if (request.promotionCode !== undefined) {
      promotion = snapshot.promotions.get(request.promotionCode.trim().toUpperCase()) ?? null;
      if (promotion === null) complaints.push({ pointer: "/promotionCode", message: "no such code" });
    }
    const method = settings.shipping.find((candidate) => candidate.code === request.shippingMethod);
    if (method === undefined) {
      complaints.push({
        pointer: "/shippingMethod",
        message: `must be one of: ${settings.shipping.map((candidate) => candidate.code).join(", ")}`,
      });
    }
    if (complaints.length > 0) return { kind: "invalid", complaints };

    const sums = totals({
      lines: request.lines.map((line, index) => {
        const variant = variants[index];
        return {
          unitPrice: variant?.price ?? 0,
          quantity: line.quantity,
          taxable: variant?.taxable ?? true,
          requiresShipping: variant?.requiresShipping ?? true,
        };
      }),
      settings,
      country: request.shippingAddress.country,
      shippingMethod: request.shippingMethod,
      promotion,
      nowMs: snapshot.nowMs,
    });
    if (sums.shipping === null) {
      return {
        kind: "invalid",
        complaints: [
          {
            pointer: "/shippingMethod",
            message: `"${request.shippingMethod}" does not go to ${request.shippingAddress.country}`,
          },
        ],
      };
    }
    if (sums.promotionProblem !== null) {
      return {
        kind: "invalid",
        complaints: [{ pointer: "/promotionCode", message: promotionProblemText(sums.promotionProblem) }],
      };
    }
    if (!Number.isSafeInteger(sums.subtotal)) {
      return {
        kind: "invalid",
        complaints: [{ pointer: "/lines", message: "come to more than can be counted exactly" }],
      };
    }
    const expected = request.expectedTotal;
    if (expected !== undefined && (expected.amount !== sums.total || expected.currency !== settings.currency)) {
      return { kind: "price_changed", total: sums.total, currency: settings.currency };
    }

    const gate = this.#options.passGate?.();
    const guarded =
      gate === undefined
        ? undefined
        : this.#guardedGoods.check(
            gate,
            snapshot,
            request.lines.map(({ quantity }, index) => ({ variant: variants[index] as Variant, quantity })),
            passField,
          );
    if (guarded !== undefined && "missing" in guarded)
      return { kind: guarded.isOver ? "pass_over" : "pass_required", productHandle: guarded.missing.productHandle };

    const lines: PricedLine[] = [];
    let limited: { subject: number; quantity: number }[] | undefined;
    for (let index = 0; index < variants.length; index++) {
      const variant = variants[index];
      const line = request.lines[index];
      const sum = sums.lines[index];
      if (variant === undefined || line === undefined || sum === undefined) continue;
      lines.push({
        variantId: variant.id,
        quantity: line.quantity,
        unitPrice: variant.price,
        discount: sum.discount,
        tax: sum.tax,
        needs: variant.components.map((part) => ({
          variantId: part.variantId,
          quantity: part.quantity * line.quantity,
        })),
      });
      if (variant.purchaseLimit !== null) {
        limited ??= [];
        const same = limited.find((entry) => entry.subject === variant.id);
        if (same === undefined) limited.push({ subject: variant.id, quantity: line.quantity });
        else same.quantity += line.quantity;
      }
    }
    if (promotion !== null && promotion.limitPerPerson !== null) {
      limited ??= [];
      limited.push({ subject: -promotion.id, quantity: 1 });
    }
    let limits: PersonLimit[] = [];
    if (limited !== undefined) {
      const persons = personTexts({
        email: request.email,
        address: request.shippingAddress,
        cardFingerprint: provider?.fingerprintOf(request.payment.token) ?? null,
      }).map(this.#options.hash);
      limits = limited.flatMap((entry) =>
        persons.map((person) => ({ subject: entry.subject, person, quantity: entry.quantity })),
      );
    }

    const vip = snapshot.vips.size > 0 && snapshot.vips.has(normaliseEmail(request.email));
    const details: OrderDetails = {
      ...(request.phone === undefined ? {} : { phone: request.phone }),
      shippingAddress: request.shippingAddress,
      shippingMethod: request.shippingMethod,
      ...(promotion === null ? {} : { promotionCode: promotion.code }),
      payment: request.payment,
      ...(guarded === undefined ? {} : { rooms: guarded.rooms.map(({ id }) => id) }),
    };
    return {
      snapshot,
      guarded,
      order: {
        key,
        request: requestHash,
        priority: vip ? priorities.vip : method?.express === true ? priorities.express : priorities.standard,
        email: request.email,
        details: JSON.stringify(details),
        subtotal: sums.subtotal,
        discount: sums.discount,
        shipping: sums.shipping,
        tax: sums.tax,
        total: sums.total,
        promotionId: promotion?.id ?? null,
        lines,
        limits,
        passes: guarded?.passes ?? [],
      },
    };
  }

  #knownShort(lines: readonly PricedLine[]): Short[] | undefined {
    if (this.#short.size === 0) return undefined;
    const nowMs = this.#options.clock.now();
    let short: Short[] | undefined;
    for (let index = 0; index < lines.length; index++) {
      const line = lines[index];
      let least: number | undefined;
      for (const need of line?.needs ?? []) {
        const known = this.#short.get(need.variantId);
        if (line === undefined || known === undefined || known.untilMs < nowMs || known.left >= need.quantity) continue;
        least = Math.min(least ?? Number.MAX_SAFE_INTEGER, Math.floor((known.left * line.quantity) / need.quantity));
      }
      if (least === undefined) continue;
      short ??= [];
      short.push({ lineNo: index + 1, left: least });
    }
    return short;
  }

  /** One batch: split by the reading that priced it, the same key only once, then one call for each reading. */
  async #decide(items: readonly Priced[]): Promise<readonly Decided[]> {
    const verdicts = new Array<Decided>(items.length);
    const newest = items[items.length - 1]?.snapshot;
    if (newest === undefined) return verdicts;
    const firstWithKey = new Map<string, number>();
    const places: number[] = [];
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      if (item === undefined) continue;
      if (item.snapshot.reading !== newest.reading) verdicts[index] = { kind: "repriced" };
      else if (!firstWithKey.has(item.order.key)) {
        firstWithKey.set(item.order.key, index);
        places.push(index);
      }
    }
    const orders = places.map((index) => (items[index] as Priced).order);
    const decided = await this.#placeAll(newest, orders);
    for (let place = 0; place < places.length; place++) {
      const verdict = decided[place] as Decided;
      verdicts[places[place] as number] = verdict;
      if (verdict.kind === "sold_out") this.#remember(orders[place] as PricedOrder, verdict.short);
    }
    // A double click within one batch: the second asks what became of the first.
    for (let index = 0; index < items.length; index++) {
      if (verdicts[index] !== undefined) continue;
      const item = items[index] as Priced;
      const first = firstWithKey.get(item.order.key) as number;
      const verdict = verdicts[first] as Decided;
      // What became of another order, if only that it was refused, says nothing of this one.
      if ((items[first] as Priced).order.request !== item.order.request) verdicts[index] = { kind: "conflict" };
      else verdicts[index] = verdict.kind === "placed" ? { kind: "replayed", id: verdict.id } : verdict;
    }
    return verdicts;
  }

  /** If the database refuses a whole batch for what one order holds, halves find the one; its neighbours go through. */
  async #placeAll(snapshot: Snapshot, orders: readonly PricedOrder[]): Promise<readonly Decided[]> {
    try {
      return await this.#options.intake.place({
        reading: snapshot.reading,
        currency: snapshot.settings.currency,
        taxIncluded: snapshot.settings.taxes.included,
        orders,
      });
    } catch (error) {
      if (error instanceof SpillwayError && error.code === "database_unavailable") throw error;
      if (orders.length === 1) return [{ kind: "failed", error }];
      const middle = orders.length >> 1;
      const first = await this.#placeAll(snapshot, orders.slice(0, middle));
      return [...first, ...(await this.#placeAll(snapshot, orders.slice(middle)))];
    }
  }

  #remember(order: PricedOrder, short: readonly Short[]): void {
    const untilMs = this.#options.clock.now() + soldOutMemoryMs;
    for (const { lineNo, left } of short) {
      const line = order.lines[lineNo - 1];
      const need = line?.needs[0];
      // Of a bundle it is not said which part fell short, nor how many singles of it are left.
      if (line?.needs.length === 1 && need?.quantity === line.quantity)
        this.#short.set(need.variantId, { left, untilMs });
    }
  }
}

type Short = { readonly lineNo: number; readonly left: number };

function soldOut(request: OrderRequest, short: readonly Short[]): PlaceOrderAnswer {
  return {
    kind: "sold_out",
    left: short.map(({ lineNo, left }) => ({ sku: request.lines[lineNo - 1]?.sku ?? "", left })),
  };
}

function full(): never {
  throw new SpillwayError(
    "intake_full",
    "More orders are coming in than can be taken at this second. Please try again.",
    { retryAfterSeconds: 1 },
  );
}

export function promotionProblemText(problem: "not_started" | "over" | { minimumSubtotal: number }): string {
  if (problem === "not_started") return "this code is not valid yet";
  if (problem === "over") return "this code is no longer valid";
  return "the cart is below this code's minimum";
}

/** Everything that makes one request another. Written out field by field, so that the order of JSON keys does not matter. */
function fingerprint(request: OrderRequest): string {
  const { shippingAddress: a, payment } = request;
  return JSON.stringify([
    request.lines.map((line) => [line.sku, line.quantity]),
    request.email,
    request.phone ?? "",
    [a.name, a.line1, a.line2 ?? "", a.city, a.region ?? "", a.postalCode, a.country],
    request.shippingMethod,
    request.promotionCode ?? "",
    payment.provider,
    payment.token,
    // Last, and only when there is one: an order without it has the fingerprint that it always had.
    ...(payment.backup === undefined ? [] : [payment.backup.provider, payment.backup.token]),
  ]);
}
