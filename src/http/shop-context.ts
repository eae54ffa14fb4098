/** What the shop's handlers work with. A role fills it; handlers read nothing else. */
import type { CartStore } from "#commerce/cart/ports.ts";
import type { CatalogueStore } from "#commerce/catalogue/ports.ts";
import type { OrderBook } from "#commerce/orders/ports.ts";
import type { PaymentBook } from "#commerce/payments/ports.ts";
import type { Auditor, StockLedger } from "#commerce/stock/ports.ts";
import type { CatalogueView } from "#flows/catalogue-view.ts";
import type { OrderHub } from "#flows/order-hub.ts";
import type { PaymentFlowOptions } from "#flows/pay-order.ts";
import type { PlaceOrder } from "#flows/place-order.ts";
import type { StockView } from "#flows/stock-view.ts";
import type { Clock } from "#kernel/clock.ts";
import type { Signer } from "#kernel/signer.ts";
import type { FrameAssets, Pressure } from "#storefront/frame.ts";
import type { PaymentOption } from "#storefront/payment-choice.ts";

export type ShopContext = {
  readonly clock: Clock;
  readonly catalogue: CatalogueView;
  readonly catalogueStore: CatalogueStore;
  readonly stock: StockView;
  readonly ledger: StockLedger;
  readonly auditor: Auditor;
  readonly placeOrder: PlaceOrder;
  readonly orders: OrderBook;
  readonly orderHub: OrderHub;
  readonly payments: PaymentBook;
  readonly paymentFlow: PaymentFlowOptions;
  readonly carts: CartStore;
  readonly newId: () => string;
  /** Signs cart cookies and order links, each with its own words in front. */
  readonly signer: Signer;
  readonly assets: FrameAssets;
  readonly paymentOptions: readonly PaymentOption[];
  /** "https://shop.example": in e-mails and links for search engines. */
  readonly origin: string;
  readonly pressure: () => Pressure;
  /** Notes what nobody foresaw; answers a reference for the person who met it. */
  readonly report: (error: unknown) => string;
  readonly draining: () => boolean;
};
