/**
 * What the order path needs from a database. Promises, held by test/conformance/order-intake.suite.ts:
 *
 * 1. `place` decides a batch in arrival order in one commit. A `placed` verdict means that the commit is durable.
 * 2. An order is placed with all of its units or not at all; a refused one leaves nothing behind and fails no neighbour.
 * 3. The same key never places twice: `replayed` gives the order that is there, `conflict` says that the request differs.
 * 4. No more is promised than the stock's policy allows, whoever else is placing at the same time.
 * 5. A pass that buys one order only buys one: the first that is placed with it. A refused order leaves it as it was.
 * 6. `repriced` says that prices or rules have changed since `reading`: read the catalogue again and send it again.
 */
import type { OrderStatus } from "./lifecycle.ts";
import type { OrderDetails } from "./order-request.ts";

/** One order, priced and ready to be decided. Amounts are minor units of the batch's currency. */
export type PricedOrder = {
  /** 128 bits of SHA-256 of the idempotency key, as a UUID. */
  readonly key: string;
  /** The same of the request that came with it. */
  readonly request: string;
  readonly priority: number;
  readonly email: string;
  /** JSON of what the worker and the status page need: address, method, means of payment. */
  readonly details: string;
  readonly subtotal: number;
  readonly discount: number;
  readonly shipping: number;
  readonly tax: number;
  readonly total: number;
  readonly promotionId: number | null;
  readonly lines: readonly PricedLine[];
  /** Limits per person that this order meets; empty for most. */
  readonly limits: readonly PersonLimit[];
  /** Of the waiting rooms whose goods are in it; empty for most. At most one of a room. */
  readonly passes: readonly OrderPass[];
};

export type PricedLine = {
  readonly variantId: number;
  readonly quantity: number;
  readonly unitPrice: number;
  readonly discount: number;
  readonly tax: number;
  /** What the line takes from stock: the variant itself, or a bundle's parts times the quantity. */
  readonly needs: readonly { readonly variantId: number; readonly quantity: number }[];
};

export type PersonLimit = {
  /** A variant's id, or minus a promotion's id. */
  readonly subject: number;
  /** 128 bits of SHA-256 of one thing that tells a person, as a UUID. */
  readonly person: string;
  readonly quantity: number;
};

/** That its holder has waited for their turn: a place in a waiting room's line. The same place is the same pass, however often it is copied. */
export type OrderPass = {
  readonly room: string;
  readonly epoch: number;
  readonly seq: number;
  /** Whether it buys one order only. */
  readonly isOnce: boolean;
};

/** One that was good, and `isOver`: whether its time inside has ended. */
export type ShownPass = OrderPass & { readonly isOver: boolean };

/** The second gate, behind the edge's: goods of a waiting room are sold to those who were let in. */
export interface PassGate {
  readonly rooms: readonly { readonly id: string; readonly skus: readonly string[] }[];
  /** The passes of what the edge sends with a request that it has let in; what was never good is left out. */
  read(field: string): readonly ShownPass[];
}

/** Which reading of the catalogue the prices come from, and when it holds (seconds of the database's clock). */
export type CatalogueReading = { readonly revision: number; readonly validFrom: number; readonly validUntil: number };

export type OrderBatch = {
  readonly reading: CatalogueReading;
  readonly currency: string;
  readonly taxIncluded: boolean;
  /** Keys are distinct within a batch. */
  readonly orders: readonly PricedOrder[];
};

export type OrderVerdict =
  | { readonly kind: "placed"; readonly id: number }
  | { readonly kind: "replayed"; readonly id: number }
  | { readonly kind: "conflict" }
  /** `lineNo` counts from 1; one entry for each line that fell short, with what is left in the line's own units. */
  | { readonly kind: "sold_out"; readonly short: readonly { readonly lineNo: number; readonly left: number }[] }
  /** What the person may still have. */
  | { readonly kind: "limit"; readonly left: number }
  | { readonly kind: "promotion_used_up" }
  | { readonly kind: "pass_used" }
  | { readonly kind: "repriced" };

export interface OrderIntake {
  place(batch: OrderBatch): Promise<readonly OrderVerdict[]>;
  /** Orders that were placed with these keys: for answers that are given from memory, a retry must still find its order. */
  findByKey(keys: readonly string[]): Promise<ReadonlyMap<string, { readonly id: number; readonly request: string }>>;
}

/** An order as it stands. */
export type Order = {
  readonly id: number;
  readonly status: OrderStatus;
  readonly priority: number;
  readonly placedAtMs: number;
  readonly email: string;
  readonly details: OrderDetails;
  readonly currency: string;
  readonly taxIncluded: boolean;
  readonly subtotal: number;
  readonly discount: number;
  readonly shipping: number;
  readonly tax: number;
  readonly total: number;
  readonly refunded: number;
  readonly holdUntilMs: number | null;
  /** Until `holdUntilMs`, by the database's clock. */
  readonly holdLeftMs: number | null;
  readonly tracking: Tracking | null;
  readonly delay: string | null;
  readonly lines: readonly OrderLine[];
  readonly events: readonly {
    readonly atMs: number;
    readonly status: OrderStatus | null;
    readonly text: string | null;
  }[];
  /** Where the shopper finishes a challenge, while one is open. */
  readonly redirectUrl: string | null;
  /** True while another means of payment may be offered: held, and no attempt is open. */
  readonly canRetryPayment: boolean;
};

export type OrderLine = {
  readonly variantId: number;
  readonly sku: string;
  readonly title: string;
  readonly options: readonly string[];
  readonly quantity: number;
  readonly unitPrice: number;
  readonly discount: number;
  readonly tax: number;
};

export type Tracking = { readonly carrier: string; readonly number: string; readonly url: string | null };

export interface OrderBook {
  get(id: number): Promise<Order | undefined>;
  /** Newest first; for the operator. */
  list(filter: { status?: OrderStatus; email?: string; beforeId?: number; limit: number }): Promise<readonly Order[]>;
  cancel(id: number, reason: string): Promise<"cancelled" | "refunding" | "busy" | "too_late" | "not_found">;
  retryPayment(id: number, payment: { provider: string; token: string }): Promise<boolean>;
  refund(
    id: number,
    amount: number,
    key: string,
    reason: string,
  ): Promise<"ok" | "not_found" | "not_paid" | "too_much">;
  fulfil(id: number, status: "packed" | "shipped" | "delivered", tracking: Tracking | null): Promise<boolean>;
  announceDelay(id: number, text: string): Promise<boolean>;
  /** Releases an order whose shopper ran out of time; false when there is nothing to release (yet). */
  expire(id: number): Promise<boolean>;
  /** Orders that have waited in `received` since before; for delay notices. */
  waitingSince(beforeMs: number, limit: number): Promise<readonly number[]>;
  /** Calls back with the id of each order whose status changes, whichever process changed it. */
  changed(listener: (id: number) => void): Promise<{ stop(): Promise<void> }>;
  /** How many orders stand in each status, for the operations page. */
  countByStatus(): Promise<Readonly<Partial<Record<OrderStatus, number>>>>;
}
