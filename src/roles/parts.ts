/**
 * The parts that roles are put together from, each made once for a process: stores on one database, gateways, the
 * payment flow. A role reads top to bottom as its list of parts.
 */
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { createCartStore } from "#adapters/postgres/cart-store.ts";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createOrderBook } from "#adapters/postgres/order-book.ts";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import { createOutbox } from "#adapters/postgres/outbox.ts";
import { createPaymentBook } from "#adapters/postgres/payment-book.ts";
import { readSecret } from "#adapters/postgres/secrets.ts";
import { createStockLedger } from "#adapters/postgres/stock-ledger.ts";
import { systemClock } from "#adapters/system/clock.ts";
import { createSigner } from "#adapters/system/signer.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { CatalogueView } from "#flows/catalogue-view.ts";
import { PaymentDesk } from "#flows/internal/payment-desk.ts";
import type { PaymentFlowOptions } from "#flows/pay-order.ts";
import { orderPath } from "#http/order-link.ts";
import { Metrics } from "#watch/metrics.ts";
import type { Config } from "./config.ts";
import { createGateways } from "./payment-gateways.ts";
import type { ShopDatabase } from "./shop-database.ts";

export type Parts = Awaited<ReturnType<typeof createParts>>;

export async function createParts(
  config: Config,
  opened: ShopDatabase,
  options: {
    /** Hands the sandbox's webhooks to a shop: this process's own handler, or another's address. */
    readonly deliverSandboxWebhook: (request: Request) => Promise<Response>;
    readonly log: (line: string) => void;
  },
) {
  const { pool, orderPath: orderPathSql } = opened.database;
  const clock = systemClock;
  const signer = createSigner(await readSecret(pool, "signer"));
  const adminToken = config.adminToken ?? Buffer.from(await readSecret(pool, "admin-token")).toString("base64url");
  const webhookSecret = Buffer.from(await readSecret(pool, "sandbox-webhook")).toString("base64url");
  const gateways = createGateways(config, opened.database, {
    webhookSecret,
    deliverSandboxWebhook: options.deliverSandboxWebhook,
  });
  const catalogueStore = createCatalogueStore(pool, { defaultSettings });
  const catalogue = new CatalogueView(catalogueStore, clock);
  const orders = createOrderBook(pool);
  const payments = createPaymentBook(pool);
  const paymentFlow: PaymentFlowOptions = {
    orders,
    payments,
    desk: new PaymentDesk(gateways.all, clock),
    holdSeconds: () => catalogue.snapshot().settings.holdMinutes * 60,
    returnUrl: (id) => `${config.origin}${orderPath(signer, id)}/return`,
  };
  let references = 0;
  return {
    config,
    clock,
    signer,
    adminToken,
    gateways,
    catalogueStore,
    catalogue,
    orders,
    payments,
    paymentFlow,
    ledger: createStockLedger(pool),
    auditor: createAuditor(pool),
    carts: createCartStore(pool),
    intake: createOrderIntake(orderPathSql),
    outbox: createOutbox(pool),
    pool,
    metrics: new Metrics(),
    log: options.log,
    /** Notes what nobody foresaw, and answers a reference that leads back to the line. */
    report: (error: unknown): string => {
      references += 1;
      const reference = `${process.pid}-${references}`;
      options.log(`error ${reference}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return reference;
    },
  };
}
