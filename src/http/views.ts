/** From what the rules know to what the wire and the pages show. */
import type { Cart } from "#commerce/cart/ports.ts";
import type { Collection, Product, Variant } from "#commerce/catalogue/product.ts";
import type { Snapshot } from "#commerce/catalogue/snapshot.ts";
import { isOpen, type OrderStatus } from "#commerce/orders/lifecycle.ts";
import type { Order } from "#commerce/orders/ports.ts";
import { shippingPrice, totals } from "#commerce/pricing/totals.ts";
import type {
  CartView,
  CollectionView,
  ImageView,
  Money,
  OrderView,
  ProductView,
  ShippingMethodView,
  VariantView,
} from "#contract/shop.ts";
import type { StockView } from "#flows/stock-view.ts";
import { formatMoney } from "#kernel/money.ts";
import { orderNumber } from "#kernel/order-number.ts";
import { orderStory } from "#storefront/order-story.ts";
import { sanitiseHtml } from "#storefront/sanitise-html.ts";

/** Above this many, "in stock" is all that is said. */
const lowStockShown = 10;

const money = (amount: number, snapshot: Snapshot): Money => ({ amount, currency: snapshot.settings.currency });

export function variantView(snapshot: Snapshot, stock: StockView, variant: Variant): VariantView {
  const left = stock.left(variant);
  const { policy } = variant;
  const available = left > 0;
  return {
    sku: variant.sku,
    options: [...variant.options],
    price: money(variant.price, snapshot),
    compareAt:
      variant.compareAt === null || variant.compareAt <= variant.price ? null : money(variant.compareAt, snapshot),
    available,
    left: left > lowStockShown ? null : left,
    delivery: !available
      ? "sold_out"
      : policy.kind !== "deny" && left <= policy.allowance
        ? policy.kind
        : policy.kind === "preorder"
          ? "preorder"
          : "in_stock",
    shipsOn: policy.kind === "preorder" ? policy.shipsOn : null,
    purchaseLimit: variant.purchaseLimit,
    image: variant.image,
  };
}

/** Sanitised once for each product of a reading. */
const descriptions = new WeakMap<Product, string>();

export function productView(snapshot: Snapshot, stock: StockView, product: Product): ProductView {
  let descriptionHtml = descriptions.get(product);
  if (descriptionHtml === undefined) {
    descriptionHtml = sanitiseHtml(product.descriptionHtml);
    descriptions.set(product, descriptionHtml);
  }
  return {
    handle: product.handle,
    title: product.title,
    vendor: product.vendor,
    type: product.type,
    tags: [...product.tags],
    descriptionHtml,
    optionNames: [...product.optionNames],
    images: product.images.map(imageView),
    variants: product.variants.map((variant) => variantView(snapshot, stock, variant)),
    seoTitle: product.seoTitle,
    seoDescription: product.seoDescription,
  };
}

const imageView = (image: Product["images"][number]): ImageView => ({ ...image });

export const collectionView = (collection: Collection): CollectionView => ({
  handle: collection.handle,
  title: collection.title,
  description: collection.description,
});

export function shippingMethodViews(snapshot: Snapshot, country: string, goods: number): ShippingMethodView[] {
  return snapshot.settings.shipping.flatMap((method) => {
    const price = shippingPrice(method, country, goods);
    return price === undefined
      ? []
      : [{ code: method.code, name: method.name, promise: method.promise, price: money(price, snapshot) }];
  });
}

/** Countries that any method names, or the well-known ones when a method goes everywhere. */
export function deliveryCountries(snapshot: Snapshot): string[] {
  const named = new Set(snapshot.settings.shipping.flatMap((method) => method.rates.flatMap((rate) => rate.countries)));
  const everywhere = named.delete("*");
  return [...named, ...(everywhere ? furtherCountries.filter((country) => !named.has(country)) : [])].sort();
}

/** The country that the shop names first: where most of its parcels go. */
export const homeCountry = (snapshot: Snapshot): string =>
  snapshot.settings.shipping[0]?.rates[0]?.countries.find((country) => country !== "*") ??
  deliveryCountries(snapshot)[0] ??
  "";

const furtherCountries = [
  "US",
  "CA",
  "AU",
  "NZ",
  "JP",
  "SG",
  "IS",
  "CZ",
  "SK",
  "HU",
  "RO",
  "GR",
  "LT",
  "LV",
  "EE",
  "LU",
  "SI",
  "HR",
  "BG",
  "MT",
  "CY",
  "BR",
  "MX",
  "KR",
  "IN",
  "ZA",
];

export function cartView(
  snapshot: Snapshot,
  stock: StockView,
  cart: Pick<Cart, "lines" | "promotionCode"> | undefined,
  delivery: { readonly country: string | null; readonly method: string | null },
): CartView {
  const found = (cart?.lines ?? []).map((line) => {
    const variant = snapshot.variants.get(line.sku);
    const product = variant === undefined ? undefined : snapshot.products.get(variant.productHandle);
    return { line, variant, product };
  });
  const promotionCode = cart?.promotionCode ?? null;
  const promotion = promotionCode === null ? null : (snapshot.promotions.get(promotionCode) ?? null);
  const sums = totals({
    lines: found.map(({ line, variant }) => ({
      unitPrice: variant?.price ?? 0,
      quantity: line.quantity,
      taxable: variant?.taxable ?? true,
      requiresShipping: variant?.requiresShipping ?? false,
    })),
    settings: snapshot.settings,
    country: delivery.country,
    shippingMethod: delivery.method,
    promotion,
    nowMs: snapshot.nowMs,
  });
  return {
    lines: found.map(({ line, variant, product }, index) => {
      const left = variant === undefined ? 0 : stock.left(variant);
      const image = product?.images.find((candidate) => candidate.src === variant?.image) ?? product?.images[0];
      return {
        sku: line.sku,
        productHandle: product?.handle ?? "",
        title: product?.title ?? line.sku,
        options: optionText(variant?.options ?? []),
        quantity: line.quantity,
        unitPrice: money(variant?.price ?? 0, snapshot),
        total: money(sums.lines[index]?.total ?? 0, snapshot),
        image: image === undefined ? null : imageView(image),
        available: variant !== undefined && left >= line.quantity,
        problem: lineProblem(variant, left, line.quantity),
      };
    }),
    itemCount: (cart?.lines ?? []).reduce((sum, line) => sum + line.quantity, 0),
    promotionCode,
    promotionProblem:
      promotionCode === null
        ? null
        : promotion === null
          ? "We do not know this code."
          : promotionProblem(snapshot, sums.promotionProblem),
    totals: {
      subtotal: money(sums.subtotal, snapshot),
      discount: money(sums.discount, snapshot),
      shipping: sums.shipping === null ? null : money(sums.shipping, snapshot),
      tax: money(sums.tax, snapshot),
      taxIncluded: snapshot.settings.taxes.included,
      total: money(sums.total, snapshot),
    },
  };
}

/** "Title: Default Title" is how one-variant products are written in Shopify's files; people need not read it. */
const optionText = (options: readonly string[]): string =>
  options.filter((option) => option !== "Default Title").join(" / ");

function lineProblem(variant: Variant | undefined, left: number, quantity: number): string | null {
  if (variant === undefined) return "This is no longer for sale.";
  if (left === 0) return "Sold out.";
  if (left < quantity) return `Only ${left} left.`;
  if (variant.purchaseLimit !== null && quantity > variant.purchaseLimit)
    return `At most ${variant.purchaseLimit} for one person.`;
  return null;
}

function promotionProblem(snapshot: Snapshot, problem: ReturnType<typeof totals>["promotionProblem"]): string | null {
  if (problem === null) return null;
  if (problem === "not_started") return "This code is not valid yet.";
  if (problem === "over") return "This code is no longer valid.";
  const { currency, locale } = snapshot.settings;
  return `This code needs goods for at least ${formatMoney(problem.minimumSubtotal, currency, locale)}.`;
}

export function orderView(snapshot: Snapshot, order: Order): OrderView {
  const amount = (value: number): Money => ({ amount: value, currency: order.currency });
  const method = snapshot.settings.shipping.find((candidate) => candidate.code === order.details.shippingMethod);
  const view = {
    orderNumber: orderNumber(order.id),
    status: order.status,
    statusText: "",
    placedAt: new Date(order.placedAtMs).toISOString(),
    email: order.email,
    lines: order.lines.map((line) => {
      const variant = snapshot.variantsById.get(line.variantId);
      const product = variant === undefined ? undefined : snapshot.products.get(variant.productHandle);
      const image = product?.images.find((candidate) => candidate.src === variant?.image) ?? product?.images[0];
      return {
        sku: line.sku,
        productHandle: product?.handle ?? "",
        title: line.title,
        options: optionText(line.options),
        quantity: line.quantity,
        unitPrice: amount(line.unitPrice),
        total: amount(line.unitPrice * line.quantity),
        image: image === undefined ? null : imageView(image),
      };
    }),
    totals: {
      subtotal: amount(order.subtotal),
      discount: amount(order.discount),
      shipping: amount(order.shipping),
      tax: amount(order.tax),
      taxIncluded: order.taxIncluded,
      total: amount(order.total),
    },
    total: amount(order.total),
    shippingAddress: order.details.shippingAddress,
    shippingMethod: method === undefined ? order.details.shippingMethod : `${method.name}, ${method.promise}`,
    actionUrl: order.redirectUrl,
    canRetryPayment: order.canRetryPayment,
    canCancel:
      order.status === "received" || order.canRetryPayment || order.status === "paid" || order.status === "packed",
    holdUntil: !isOpen(order.status) || order.holdUntilMs === null ? null : new Date(order.holdUntilMs).toISOString(),
    refunded: amount(order.refunded),
    tracking: order.tracking,
    delay: order.delay,
    events: order.events.map((event) => ({
      at: new Date(event.atMs).toISOString(),
      status: event.status ?? "note",
      text: event.text ?? (event.status === null ? "" : eventTexts[event.status]),
    })),
  };
  const story = orderStory(view);
  return { ...view, statusText: `${story.title}. ${story.text}` };
}

/** The history in a few words each; the page's own words say what it means now. */
const eventTexts: Readonly<Record<OrderStatus, string>> = {
  received: "Back in line to be charged.",
  paying: "Your bank was asked for the payment.",
  action_required: "Something was needed from you.",
  unknown: "The bank did not answer; we asked again.",
  paid: "Paid.",
  packed: "Packed.",
  shipped: "Handed to the carrier.",
  delivered: "Delivered.",
  cancelled: "Cancelled.",
  refunded: "Refunded.",
  part_refunded: "Refunded in part.",
  expired: "The time to pay ran out; the units were released.",
};
