/**
 * The life of an order, as one table. The database holds the same table and refuses any other step
 * (migrations/0003-orders.sql; test/flows/lifecycle.test.ts holds the two equal).
 *
 * received         acknowledged: the units are held, nothing is charged yet
 * paying           a worker is charging
 * action_required  the shopper must do something: a bank's challenge, or another means of payment; the hold has an end
 * unknown          the provider has not said whether it charged; nothing else is tried until it has
 * paid             charged, the hold has become a sale
 * packed, shipped, delivered   the parcel's way
 * cancelled        given up by the shopper or the shop; units released, money refunded if any was taken
 * expired          the shopper's time ran out; units released
 * part_refunded, refunded      money went back
 */
export const orderStatuses = [
  "received",
  "paying",
  "action_required",
  "unknown",
  "paid",
  "packed",
  "shipped",
  "delivered",
  "cancelled",
  "refunded",
  "part_refunded",
  "expired",
] as const;

export type OrderStatus = (typeof orderStatuses)[number];

export const orderTransitions: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  received: ["paying", "paid", "cancelled", "expired"],
  paying: ["paid", "action_required", "unknown", "received", "expired"],
  action_required: ["paying", "paid", "unknown", "cancelled", "expired"],
  unknown: ["paid", "received", "action_required", "expired"],
  paid: ["packed", "shipped", "refunded", "part_refunded", "cancelled"],
  packed: ["shipped", "refunded", "part_refunded", "cancelled"],
  shipped: ["delivered", "refunded", "part_refunded"],
  delivered: ["refunded", "part_refunded"],
  part_refunded: ["refunded", "packed", "shipped", "delivered"],
  cancelled: ["refunded"],
  expired: [],
  refunded: [],
};

export const canStep = (from: OrderStatus, to: OrderStatus): boolean => orderTransitions[from].includes(to);

/** Units are held, and nothing is paid for yet. */
export const isOpen = (status: OrderStatus): boolean =>
  status === "received" || status === "paying" || status === "action_required" || status === "unknown";

/** 0 goes first. */
export const priorities = { vip: 0, express: 1, standard: 2 } as const;
