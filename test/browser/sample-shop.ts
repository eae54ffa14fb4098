/**
 * A believable shop made of plain values: every page and every state of it that a shopper can meet. The previews take
 * its picture, the browser tests hold it against axe, budgets and the HTML standard.
 */

import { demoArt, imageFor } from "#commerce/catalogue/demo/demo-art.ts";
import { demoShop } from "#commerce/catalogue/demo/demo-shop.ts";
import type { ProductDraft } from "#commerce/catalogue/product.ts";
import { mailboxPage } from "#console/pages/mailbox.ts";
import { operationsPage } from "#console/pages/operations.ts";
import type { CartView, CollectionView, LineView, OrderView, ProductView } from "#contract/shop.ts";
import type { Frame, Pressure } from "#storefront/frame.ts";
import { orderNotice } from "#storefront/notices/order-notices.ts";
import { cartPage } from "#storefront/pages/cart.ts";
import { checkoutPage } from "#storefront/pages/checkout.ts";
import { collectionPage } from "#storefront/pages/collection.ts";
import { errorPage } from "#storefront/pages/error.ts";
import { helpPage } from "#storefront/pages/help.ts";
import { homePage } from "#storefront/pages/home.ts";
import { notFoundPage } from "#storefront/pages/not-found.ts";
import { orderLookupPage } from "#storefront/pages/order-lookup.ts";
import { orderStatusPage } from "#storefront/pages/order-status.ts";
import { productPage } from "#storefront/pages/product.ts";
import { returnsPage } from "#storefront/pages/returns.ts";
import { searchPage } from "#storefront/pages/search.ts";
import type { PaymentOption } from "#storefront/payment-choice.ts";
import { sanitiseHtml } from "#storefront/sanitise-html.ts";

export const origin = "http://shop.test";
const eur = (amount: number) => ({ amount, currency: "EUR" });

const demo = demoShop(Date.UTC(2026, 10, 27));
export const collections: CollectionView[] = demo.collections.map(({ handle, title, description }) => ({
  handle,
  title,
  description,
}));

export function frame(path: string, pressure: Pressure = 0): Frame {
  return {
    shopName: demo.name,
    locale: "en-IE",
    timeZone: "Europe/Dublin",
    currency: "EUR",
    path,
    collections,
    pressure,
    origin,
    assets: {
      scriptUrl: "/assets/main.js",
      cssUrl: null,
      logoUrl: demoArt.logo,
      faviconUrl: demoArt.favicon,
      heroUrl: demoArt.hero,
      emptyCartUrl: demoArt.emptyCart,
      notFoundUrl: demoArt.notFound,
      errorUrl: demoArt.error,
    },
  };
}

/** The demonstration shop's drafts as pages see them: stock as counted, low stock told from ten down. */
function viewOf(draft: ProductDraft): ProductView {
  return {
    handle: draft.handle,
    title: draft.title,
    vendor: draft.vendor,
    type: draft.type,
    tags: [...draft.tags],
    descriptionHtml: sanitiseHtml(draft.descriptionHtml),
    optionNames: [...draft.optionNames],
    images: draft.images.map((image) => ({ ...image })),
    variants: draft.variants.map((variant) => {
      const onHand = variant.onHand ?? 40;
      const delivery = onHand > 0 ? "in_stock" : variant.policy.kind === "deny" ? "sold_out" : variant.policy.kind;
      return {
        sku: variant.sku,
        options: [...variant.options],
        price: eur(variant.price),
        compareAt: variant.compareAt === null ? null : eur(variant.compareAt),
        available: delivery !== "sold_out",
        left: delivery === "sold_out" ? 0 : onHand > 0 && onHand <= 10 ? onHand : null,
        delivery,
        shipsOn: variant.policy.kind === "preorder" ? variant.policy.shipsOn : null,
        purchaseLimit: variant.purchaseLimit,
        image: variant.image,
      };
    }),
    seoTitle: draft.seoTitle,
    seoDescription: draft.seoDescription,
  };
}

const everything = demo.products.map(viewOf);
const product = (handle: string): ProductView => everything.find((one) => one.handle === handle) as ProductView;

/** Three colours in four sizes: twelve variants, in every state that stock can have. */
export const shell: ProductView = {
  ...product("skur-rain-shell"),
  variants: product("skur-rain-shell").variants.map((variant, index) => ({
    ...variant,
    purchaseLimit: 2,
    ...(index < 4 ? { compareAt: eur(29900) } : {}),
    ...(index === 1 ? { left: 7 } : {}),
    ...(index === 3 ? ({ available: false, left: 0, delivery: "sold_out" } as const) : {}),
    ...(index === 7 ? ({ left: null, delivery: "preorder", shipsOn: "2027-01-15" } as const) : {}),
    ...(index === 10 ? ({ available: true, left: null, delivery: "backorder" } as const) : {}),
  })),
};
const lamp = {
  ...product("aurora-lamp"),
  variants: product("aurora-lamp").variants.map((one) => ({ ...one, left: 4 })),
};
const [mug, carafe, blanket, kettle, tent, pendant, reading] = [
  product("hearth-mug"),
  product("tarn-carafe"),
  product("hede-wool-blanket"),
  product("sola-kettle"),
  product("lavvu-tent"),
  product("mane-pendant"),
  product("bue-reading-light"),
] as const;
const gone = product("midnight-sun-print");
const products = [shell, lamp, mug, carafe, blanket, tent, gone, { ...pendant, variants: pendant.variants.slice(1) }];

const line = (of: ProductView, index: number, quantity: number): LineView => {
  const chosen = of.variants[index] as ProductView["variants"][number];
  return {
    sku: chosen.sku,
    productHandle: of.handle,
    title: of.title,
    options: chosen.options[0] === "Default Title" ? "" : chosen.options.join(" / "),
    quantity,
    unitPrice: chosen.price,
    total: eur(chosen.price.amount * quantity),
    image: of.images.find((image) => image.src === chosen.image) ?? of.images[0] ?? null,
  };
};
const lines = [line(shell, 1, 1), line(mug, 0, 2)];

export const cart: CartView = {
  lines: lines.map((one) => ({ ...one, available: true, problem: null })),
  itemCount: 3,
  promotionCode: "WELCOME10",
  promotionProblem: null,
  totals: {
    subtotal: eur(29300),
    discount: eur(2930),
    shipping: eur(690),
    tax: eur(5060),
    taxIncluded: true,
    total: eur(27060),
  },
};
const troubledCart: CartView = {
  ...cart,
  promotionCode: "SUMMER",
  promotionProblem: "SUMMER ended on 31 August.",
  lines: [
    ...cart.lines.map((one, index) => ({
      ...one,
      problem: index === 1 ? "Only 1 is left. Please take one less." : null,
    })),
    { ...line(kettle, 0, 1), available: false, problem: "Sold out since you put it in." },
  ],
  totals: { ...cart.totals, discount: eur(0), shipping: null, total: eur(38200) },
};
const emptyCart: CartView = {
  ...cart,
  lines: [],
  itemCount: 0,
  promotionCode: null,
  totals: { ...cart.totals, subtotal: eur(0), discount: eur(0), shipping: null, tax: eur(0), total: eur(0) },
};

export const paymentOptions: PaymentOption[] = [
  {
    provider: "sandbox",
    label: "Card",
    description: "Choose what the pretend bank should do with it.",
    test: true,
    tokens: [
      { token: "ok", label: "Approved" },
      { token: "declined", label: "Declined" },
      { token: "action_required", label: "Bank asks to confirm" },
      { token: "slow", label: "Slow bank" },
      { token: "timeout_then_success", label: "Answer gets lost, money was taken" },
    ],
  },
];

const shippingMethods = [
  { code: "standard", name: "Standard", promise: "2 to 4 working days", price: eur(690) },
  { code: "express", name: "Express", promise: "Tomorrow, when ordered by 14:00", price: eur(1490) },
];
const countries = ["AT", "BE", "DE", "ES", "FR", "IE", "IT", "NL", "PT", "SE"];
const contact = { email: "hello@northlight.example", phone: "+353 1 555 0142", hours: "Monday to Friday, 9 to 17" };

const statusUrl = "/orders/10482/k7Qw2mZt9";
const at = (minutes: number) => new Date(Date.UTC(2026, 10, 27, 9, minutes)).toISOString();
const words: Record<string, string> = {
  received: "Order received; units held",
  paying: "Payment asked for",
  action_required: "The bank asks you to confirm",
  unknown: "The bank did not answer",
  paid: "Payment received",
  packed: "Packed",
  shipped: "Handed to An Post",
  delivered: "Delivered",
  cancelled: "Cancelled by you",
  expired: "Hold ran out",
  refunded: "€270.60 sent back",
  part_refunded: "€22.00 sent back",
};

export function order(status: string, path: readonly string[], more: Partial<OrderView> = {}): OrderView {
  return {
    orderNumber: "10482",
    status,
    statusText: "We have your order and hold its units for you.",
    placedAt: at(1),
    email: "ines.marlow@example.org",
    lines,
    totals: cart.totals,
    total: cart.totals.total,
    shippingAddress: {
      name: "Inés Marlow",
      line1: "14 Lower Mount Street",
      line2: "Flat 3",
      city: "Dublin",
      postalCode: "D02 X650",
      country: "IE",
    },
    shippingMethod: "Standard, 2 to 4 working days",
    actionUrl: null,
    canRetryPayment: false,
    canCancel: false,
    holdUntil: null,
    refunded: eur(0),
    tracking: null,
    delay: null,
    events: path.map((step, index) => ({ at: at(1 + index * 7), status: step, text: words[step] ?? step })),
    ...more,
  };
}

const tracking = { carrier: "An Post", number: "CE 482 110 927 IE", url: "https://track.anpost.example/CE482110927IE" };
export const orders: Readonly<Record<string, OrderView>> = {
  received: order("received", ["received"], { canCancel: true }),
  "received-delayed": order("received", ["received"], {
    canCancel: true,
    delay: "Payments take about six minutes at the moment. Your place is kept and your units are held.",
  }),
  declined: order("action_required", ["received", "paying", "action_required"], {
    canRetryPayment: true,
    canCancel: true,
    holdUntil: at(42),
  }),
  paying: order("paying", ["received", "paying"]),
  "action-required": order("action_required", ["received", "paying", "action_required"], {
    actionUrl: "https://bank.example/confirm",
    canCancel: true,
    holdUntil: at(42),
  }),
  unknown: order("unknown", ["received", "paying", "unknown"], { holdUntil: at(90) }),
  paid: order("paid", ["received", "paying", "paid"], { canCancel: true }),
  packed: order("packed", ["received", "paying", "paid", "packed"], { canCancel: true }),
  shipped: order("shipped", ["received", "paying", "paid", "packed", "shipped"], { tracking }),
  delivered: order("delivered", ["received", "paying", "paid", "packed", "shipped", "delivered"], { tracking }),
  cancelled: order("cancelled", ["received", "paying", "paid", "cancelled"], { refunded: eur(27060) }),
  expired: order("expired", ["received", "paying", "received", "expired"]),
  refunded: order("refunded", ["received", "paying", "paid", "packed", "shipped", "delivered", "refunded"], {
    refunded: eur(27060),
    tracking,
  }),
  "part-refunded": order("part_refunded", ["received", "paying", "paid", "packed", "part_refunded"], {
    refunded: eur(2200),
  }),
};

export type Sample = { readonly name: string; readonly path: string; readonly html: string };

const filled = {
  email: "ines.marlow@example.org",
  name: "Inés Marlow",
  line1: "14 Lower Mount Street",
  city: "Dublin",
  postalCode: "D02 X650",
  country: "IE",
  shippingMethod: "standard",
};

export function samples(): Sample[] {
  const campaign = {
    kind: "campaign",
    title: "The long night sale",
    text: "Forty pieces for the dark half of the year, from a tenth to a third less, until they are gone. It began at nine this morning.",
    href: "/collections/light",
    action: "See the sale",
  } as const;
  const shelves = demo.collections.slice(0, 3).map((collection, index) => ({
    collection: collections[index] as CollectionView,
    products: collection.products.slice(0, 4).map(product),
  }));
  const sale = [shell, reading, carafe, blanket];
  const homeProps = { hero: campaign, sale, collections: shelves };
  const collectionProps = {
    collection: collections[2] as CollectionView,
    products,
    page: 2,
    pageCount: 7,
    productCount: 54,
  };
  const related = [blanket, product("rygg-22-pack"), product("kilde-bottle"), product("sti-trail-shoe")];
  const checkoutProps = {
    cart,
    values: {},
    payment: null,
    errors: {},
    problem: null,
    countries,
    shippingMethods: [],
    paymentOptions,
    idempotencyKey: "0199f2c4-5b1e-7c3a-9d40-2f6b8a1c7e55",
    expectedTotal: cart.totals.total,
  };
  const sample = (
    name: string,
    path: string,
    render: (frame: Frame) => { toString(): string },
    pressure: Pressure = 0,
  ) => ({
    name,
    path,
    html: render(frame(path, pressure)).toString(),
  });
  return [
    sample("home", "/", (f) => homePage(f, homeProps)),
    sample("home-product", "/?product", (f) =>
      homePage(f, {
        ...homeProps,
        hero: {
          kind: "product",
          product: lamp,
          title: "The Aurora lamp",
          text: lamp.seoDescription,
        },
      }),
    ),
    sample("home-crowded", "/?crowded", (f) => homePage(f, homeProps), 2),
    sample("collection", "/collections/outdoors?page=2", (f) => collectionPage(f, collectionProps)),
    sample("collection-empty", "/collections/outdoors?empty", (f) =>
      collectionPage(f, { ...collectionProps, products: [], page: 1, pageCount: 1, productCount: 0 }),
    ),
    sample("search", "/search?q=glass", (f) =>
      searchPage(f, {
        query: "glass",
        products: [mug, carafe, kettle],
        next: "/search?q=glass&page=2",
        suggestion: null,
      }),
    ),
    sample("search-nothing", "/search?q=glas", (f) =>
      searchPage(f, { query: "glas", products: [], next: null, suggestion: "glass" }),
    ),
    sample("search-blank", "/search", (f) => searchPage(f, { query: "", products: [], next: null, suggestion: null })),
    sample("product", "/products/skur-rain-shell", (f) =>
      productPage(f, { product: shell, selectedSku: "SKUR-OCHRE-M", related }),
    ),
    sample("product-preorder", "/products/skur-rain-shell?variant=SKUR-FJORD-XL", (f) =>
      productPage(f, { product: shell, selectedSku: "SKUR-FJORD-XL", related }),
    ),
    sample("product-variant-gone", "/products/skur-rain-shell?variant=SKUR-OCHRE-XL", (f) =>
      productPage(f, { product: shell, selectedSku: "SKUR-OCHRE-XL", related }),
    ),
    sample("product-simple", "/products/aurora-lamp", (f) =>
      productPage(f, { product: lamp, selectedSku: null, related }),
    ),
    sample("product-sold-out", "/products/midnight-sun-print", (f) =>
      productPage(f, { product: gone, selectedSku: null, related }),
    ),
    sample(
      "product-problem",
      "/products/skur-rain-shell?problem",
      (f) =>
        productPage(f, {
          product: shell,
          selectedSku: null,
          related,
          problem: "Only 2 of it are left, and one person may buy 2.",
        }),
      3,
    ),
    sample("cart", "/cart", (f) => cartPage(f, { cart, countries, country: "IE" })),
    sample("cart-troubled", "/cart?troubled", (f) => cartPage(f, { cart: troubledCart, countries, country: null })),
    sample("cart-empty", "/cart?empty", (f) => cartPage(f, { cart: emptyCart })),
    sample("checkout", "/checkout", (f) => checkoutPage(f, checkoutProps)),
    sample("checkout-filled", "/checkout?filled", (f) =>
      checkoutPage(f, { ...checkoutProps, values: filled, shippingMethods }),
    ),
    sample("checkout-errors", "/checkout?errors", (f) =>
      checkoutPage(f, {
        ...checkoutProps,
        values: { ...filled, email: "ines.marlow@", postalCode: "" },
        shippingMethods,
        errors: { email: "The e-mail address needs a part after the @.", postalCode: "Please give the postal code." },
      }),
    ),
    sample("checkout-sold-out", "/checkout?sold-out", (f) =>
      checkoutPage(f, {
        ...checkoutProps,
        values: filled,
        shippingMethods,
        problem:
          "While you were here the Skur rain shell, Ochre / M, sold out. Nothing was charged. Please change your cart.",
      }),
    ),
    ...Object.entries(orders).map(([name, view]) =>
      sample(`order-${name}`, `${statusUrl}?${name}`, (f) =>
        orderStatusPage(f, { order: view, statusUrl, paymentOptions }),
      ),
    ),
    sample("order-lookup", "/orders/lookup", (f) =>
      orderLookupPage(f, { values: { orderNumber: "", email: "" }, error: null }),
    ),
    sample("order-lookup-error", "/orders/lookup?error", (f) =>
      orderLookupPage(f, {
        values: { orderNumber: "10483", email: "ines.marlow@example.org" },
        error: "No order has this number and this e-mail. Please compare both with our e-mail.",
      }),
    ),
    sample("help", "/help", (f) =>
      helpPage(f, {
        contact,
        shipping: [
          { countries: ["IE"], methods: shippingMethods },
          {
            countries: ["AT", "BE", "DE", "FR", "NL"],
            methods: [{ code: "eu", name: "Standard", promise: "4 to 7 working days", price: eur(1490) }],
          },
        ],
        payments: ["card (test)"],
        taxIncluded: true,
        holdMinutes: 15,
      }),
    ),
    sample("returns", "/returns", (f) =>
      returnsPage(f, { returnDays: 30, contactEmail: contact.email, returnAddress: [] }),
    ),
    sample("not-found", "/products/gone", (f) => notFoundPage(f)),
    sample("error-503", "/?503", (f) =>
      errorPage(f, { status: 503, retryAfterSeconds: 8, reference: "b7f2-41c9", ordering: true }),
    ),
    sample("error-bare", "/?500", () =>
      errorPage(null, { status: 500, retryAfterSeconds: null, reference: "b7f2-41c9" }),
    ),
    sample("console-operations", "/console", () =>
      operationsPage({
        shopName: demo.name,
        version: "0.1.0",
        startedAt: "2026-11-27T08:12:04Z",
        now: "2026-11-27T09:47:31Z",
        locale: "en-IE",
        orders: [
          { status: "received", count: 212 },
          { status: "paying", count: 64 },
          { status: "action_required", count: 9 },
          { status: "unknown", count: 3 },
          { status: "paid", count: 4181 },
          { status: "packed", count: 96 },
          { status: "shipped", count: 31 },
          { status: "cancelled", count: 12 },
          { status: "expired", count: 27 },
        ],
        queues: [
          { name: "payments", depth: 276, oldestSeconds: 11 },
          { name: "notices", depth: 4, oldestSeconds: 1 },
          { name: "webhooks", depth: 0, oldestSeconds: null },
        ],
        stock: [
          { sku: "SKUR-OCHRE-XL", title: "Skur rain shell, Ochre / XL", left: 0, threshold: 5 },
          { sku: "AURORA-LAMP", title: "Aurora lamp", left: 4, threshold: 10 },
        ],
        links: [
          { href: "/mailbox", text: "Mailbox" },
          { href: "/metrics", text: "Metrics" },
          { href: "/api/openapi.json", text: "API description" },
        ],
      }),
    ),
    sample("console-mailbox", "/console/mailbox", () =>
      mailboxPage({ shopName: demo.name, locale: "en-IE", notices: mails(), selected: mails()[1]?.id ?? null }),
    ),
    sample("console-mailbox-empty", "/console/mailbox?empty", () =>
      mailboxPage({ shopName: demo.name, locale: "en-IE", notices: [], selected: null }),
    ),
    ...mails()
      .filter((mail) => mail.html !== null)
      .map((mail) => ({ name: `mail-${mail.id}`, path: `/mail/${mail.id}`, html: mail.html ?? "" })),
  ];
}

export function mails() {
  const where = {
    shopName: demo.name,
    origin,
    statusUrl: origin + statusUrl,
    locale: "en-IE",
    timeZone: "Europe/Dublin",
  };
  const kinds = [
    "received",
    "paid",
    "payment_declined",
    "payment_action",
    "payment_unknown",
    "shipped",
    "delivered",
    "cancelled",
    "expired",
    "refunded",
  ] as const;
  const from: Record<(typeof kinds)[number], string> = {
    received: "received",
    paid: "paid",
    payment_declined: "declined",
    payment_action: "action-required",
    payment_unknown: "unknown",
    shipped: "shipped",
    delivered: "delivered",
    cancelled: "cancelled",
    expired: "expired",
    refunded: "part-refunded",
  };
  return kinds.map((kind, index) => {
    const notice = orderNotice(kind, orders[from[kind]] as OrderView, where);
    return {
      id: kind.replace("_", "-"),
      at: at(index * 3),
      channel: "email" as const,
      to: "ines.marlow@example.org",
      subject: notice.subject,
      text: notice.text,
      html: notice.html as string | null,
    };
  });
}

/** What the pages ask for besides themselves. */
export const asset = (path: string): string | null => imageFor(path) ?? null;
