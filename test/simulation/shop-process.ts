/** A shop process of the simulated world: the flows that the shop role is made of, over adapters that may fail. */
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createOrderBook } from "#adapters/postgres/order-book.ts";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import { createPaymentBook } from "#adapters/postgres/payment-book.ts";
import { hash128 } from "#adapters/system/hash.ts";
import type { CatalogueStore } from "#commerce/catalogue/ports.ts";
import type { OrderBook } from "#commerce/orders/ports.ts";
import type { PaymentBook } from "#commerce/payments/ports.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { CatalogueView } from "#flows/catalogue-view.ts";
import { PaymentDesk } from "#flows/internal/payment-desk.ts";
import type { PaymentFlowOptions } from "#flows/pay-order.ts";
import { PlaceOrder } from "#flows/place-order.ts";
import type { Bank } from "./bank.ts";
import type { Process } from "./scheduler.ts";
import { holdSeconds } from "./shelves.ts";
import type { World } from "./world.ts";

export type ShopProcess = {
  readonly process: Process;
  readonly placeOrder: PlaceOrder;
  readonly orders: OrderBook;
  readonly payments: PaymentBook;
  readonly paymentFlow: PaymentFlowOptions;
};

/** Every call of these may have written a task, and tells those who wait for one. */
const writesTasks = new Set(["begin", "settle", "settleRefund", "cancel", "retryPayment", "refund", "place"]);

/** The payment and order books as a process has them; a commit that brings work wakes the workers. */
export function booksOf(
  world: World,
  process: Process,
): { readonly orders: OrderBook; readonly payments: PaymentBook } {
  const { sql } = world.database;
  return {
    orders: world.adapter(process, "orders", waking(world, createOrderBook(sql))),
    payments: world.adapter(
      process,
      "payments",
      waking(world, world.mutation.payments?.(createPaymentBook(sql)) ?? createPaymentBook(sql)),
    ),
  };
}

export function flowOf(
  world: World,
  process: Process,
  banks: readonly Bank[],
  books: { readonly orders: OrderBook; readonly payments: PaymentBook },
): PaymentFlowOptions {
  const desk = new PaymentDesk(
    banks.map((bank) => bank.reachedFrom(process)),
    world.scheduler.clockOf(process),
  );
  return {
    ...books,
    desk,
    holdSeconds: () => holdSeconds,
    returnUrl: (id) => `https://shop.example/orders/${id}/return`,
  };
}

export async function startShop(world: World, process: Process, banks: readonly Bank[]): Promise<ShopProcess> {
  const clock = world.scheduler.clockOf(process);
  const { sql } = world.database;
  const store = world.adapter<CatalogueStore>(process, "catalogue", createCatalogueStore(sql, { defaultSettings }));
  const catalogue = new CatalogueView(
    new Proxy(store, {
      get: (target, key) =>
        key === "changed"
          ? (listener: () => void) => world.listen(process, "catalogue", listener)
          : Reflect.get(target, key),
    }),
    clock,
  );
  const placeOrder = new PlaceOrder({
    intake: world.adapter(
      process,
      "intake",
      waking(world, world.mutation.intake?.(createOrderIntake(sql), sql) ?? createOrderIntake(sql)),
    ),
    snapshot: () => catalogue.snapshot(),
    refresh: async () => await catalogue.refresh(),
    hash: hash128,
    clock,
    providers: new Map(banks.map(({ name }) => [name, { fingerprintOf: () => null }])),
    batchMax: 3,
    queueMax: 100,
  });
  await catalogue.start();
  await world.listen(process, "stock", () => placeOrder.forgetSoldOut());
  const books = booksOf(world, process);
  return { process, placeOrder, ...books, paymentFlow: flowOf(world, process, banks, books) };
}

function waking<Port extends object>(world: World, port: Port): Port {
  return new Proxy(port, {
    get: (target, key) => {
      const method = Reflect.get(target, key) as (...args: unknown[]) => Promise<unknown>;
      if (!writesTasks.has(String(key))) return method;
      return async (...args: unknown[]) => {
        const answer = await method.apply(target, args);
        world.notify("outbox");
        return answer;
      };
    },
  });
}
