/**
 * Shapes on the wire of the shop: what the API takes and answers, and what pages show. The same schemas validate
 * requests and make `/api/openapi.json`; storefront pages read the same views that JSON clients get.
 *
 * Amounts are integers in minor units. Times are RFC 3339 strings. Unknown fields in a request are refused: a
 * misspelt field must not be dropped silently from an order.
 */
import Type from "typebox";

const closed = { additionalProperties: false } as const;

export const Money = Type.Object(
  {
    amount: Type.Integer({ description: "Minor units, such as cents" }),
    currency: Type.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217" }),
  },
  closed,
);
export type Money = Type.Static<typeof Money>;

export const Sku = Type.String({ minLength: 1, maxLength: 64, pattern: "^[^\\u0000-\\u001f\\u007f]+$" });
export const Quantity = Type.Integer({ minimum: 1, maximum: 1000 });
/** Printable text on one line: no control characters. */
const line = (maxLength: number, minLength = 1) =>
  Type.String({ minLength, maxLength, pattern: "^[^\\u0000-\\u001f\\u007f\\u2028\\u2029]*$" });
export const Email = Type.String({
  minLength: 3,
  maxLength: 254,
  pattern:
    '^[^\\s\\u0000-\\u001f\\u007f@<>()\\[\\],;:"\\\\]+@[^\\s\\u0000-\\u001f\\u007f@<>()\\[\\],;:"\\\\]+\\.[^\\s\\u0000-\\u001f\\u007f@<>()\\[\\],;:"\\\\.]+$',
});
export const Phone = Type.String({ minLength: 5, maxLength: 32, pattern: "^\\+?[0-9 ().-]+$" });
export const Country = Type.String({ pattern: "^[A-Z]{2}$", description: "ISO 3166-1 alpha-2, upper case" });

export const Address = Type.Object(
  {
    name: line(120),
    line1: line(160),
    line2: Type.Optional(line(160, 0)),
    city: line(100),
    region: Type.Optional(line(100, 0)),
    postalCode: line(20),
    country: Country,
  },
  closed,
);
export type Address = Type.Static<typeof Address>;

export const LineRequest = Type.Object({ sku: Sku, quantity: Quantity }, closed);

export const OrderRequest = Type.Object(
  {
    lines: Type.Array(LineRequest, { minItems: 1, maxItems: 100 }),
    email: Email,
    phone: Type.Optional(Phone),
    shippingAddress: Address,
    shippingMethod: line(40),
    promotionCode: Type.Optional(line(40)),
    payment: Type.Object(
      {
        provider: line(20),
        /** Encrypted card data of some providers runs to several kilobytes. */
        token: line(20_000),
        /** Taken when the first provider is not healthy; never while an outcome is unknown. */
        backup: Type.Optional(Type.Object({ provider: line(20), token: line(20_000) }, closed)),
      },
      closed,
    ),
    /** When given, the order is refused as `price_changed` rather than placed at another total. */
    expectedTotal: Type.Optional(Money),
  },
  closed,
);
export type OrderRequest = Type.Static<typeof OrderRequest>;

export const OrderAccepted = Type.Object({
  orderNumber: Type.String(),
  status: Type.String(),
  statusUrl: Type.String({ description: "Keep it: it is the key to this order" }),
});
export type OrderAccepted = Type.Static<typeof OrderAccepted>;

export const ImageView = Type.Object({
  src: Type.String(),
  alt: Type.String(),
  width: Type.Union([Type.Integer(), Type.Null()]),
  height: Type.Union([Type.Integer(), Type.Null()]),
});
export type ImageView = Type.Static<typeof ImageView>;

export const VariantView = Type.Object({
  sku: Type.String(),
  options: Type.Array(Type.String()),
  price: Money,
  compareAt: Type.Union([Money, Type.Null()]),
  available: Type.Boolean(),
  /** At most `lowStockShown` units are told exactly; null means "enough". Zero when sold out. */
  left: Type.Union([Type.Integer(), Type.Null()]),
  /** Set when it may be ordered beyond what is there. */
  delivery: Type.Union([
    Type.Literal("in_stock"),
    Type.Literal("backorder"),
    Type.Literal("preorder"),
    Type.Literal("sold_out"),
  ]),
  shipsOn: Type.Union([Type.String(), Type.Null()]),
  purchaseLimit: Type.Union([Type.Integer(), Type.Null()]),
  image: Type.Union([Type.String(), Type.Null()]),
});
export type VariantView = Type.Static<typeof VariantView>;

export const ProductView = Type.Object({
  handle: Type.String(),
  title: Type.String(),
  vendor: Type.String(),
  type: Type.String(),
  tags: Type.Array(Type.String()),
  descriptionHtml: Type.String({ description: "Sanitised" }),
  optionNames: Type.Array(Type.String()),
  images: Type.Array(ImageView),
  variants: Type.Array(VariantView),
  seoTitle: Type.String(),
  seoDescription: Type.String(),
});
export type ProductView = Type.Static<typeof ProductView>;

export const ProductList = Type.Object({
  products: Type.Array(ProductView),
  next: Type.Union([Type.String(), Type.Null()], { description: "The address of the next page, or null" }),
});
export type ProductList = Type.Static<typeof ProductList>;

export const CollectionView = Type.Object({ handle: Type.String(), title: Type.String(), description: Type.String() });
export type CollectionView = Type.Static<typeof CollectionView>;

export const TotalsView = Type.Object({
  subtotal: Money,
  discount: Money,
  shipping: Type.Union([Money, Type.Null()], { description: "Null until a country is known" }),
  tax: Money,
  /** Whether prices hold the tax already ("includes VAT") or it is added. */
  taxIncluded: Type.Boolean(),
  total: Money,
});
export type TotalsView = Type.Static<typeof TotalsView>;

export const LineView = Type.Object({
  sku: Type.String(),
  productHandle: Type.String(),
  title: Type.String(),
  /** "Blue / Large", or "". */
  options: Type.String(),
  quantity: Type.Integer(),
  unitPrice: Money,
  total: Money,
  image: Type.Union([ImageView, Type.Null()]),
});
export type LineView = Type.Static<typeof LineView>;

export const CartLineView = Type.Intersect([
  LineView,
  Type.Object({
    available: Type.Boolean(),
    /** What stands in the way of this line, in words for the shopper; null when nothing does. */
    problem: Type.Union([Type.String(), Type.Null()]),
  }),
]);
export type CartLineView = Type.Static<typeof CartLineView>;

export const CartView = Type.Object({
  lines: Type.Array(CartLineView),
  itemCount: Type.Integer(),
  promotionCode: Type.Union([Type.String(), Type.Null()]),
  /** Why the code gives nothing, in words for the shopper; null when it does or there is none. */
  promotionProblem: Type.Union([Type.String(), Type.Null()]),
  totals: TotalsView,
});
export type CartView = Type.Static<typeof CartView>;

export const CartLineChange = Type.Object({ sku: Sku, quantity: Type.Integer({ minimum: 0, maximum: 1000 }) }, closed);
export const CartPromotionChange = Type.Object({ code: Type.Union([line(40), Type.Null()]) }, closed);

export const ShippingMethodView = Type.Object({
  code: Type.String(),
  name: Type.String(),
  /** "2 to 4 working days" */
  promise: Type.String(),
  price: Money,
});
export type ShippingMethodView = Type.Static<typeof ShippingMethodView>;

export const OrderEventView = Type.Object({
  at: Type.String(),
  /** The status it went to, or "note". */
  status: Type.String(),
  text: Type.String(),
});

export const OrderView = Type.Object({
  orderNumber: Type.String(),
  status: Type.String(),
  /** The status in words for the shopper: "We have your order and hold its units for you." */
  statusText: Type.String(),
  placedAt: Type.String(),
  email: Type.String(),
  lines: Type.Array(LineView),
  totals: TotalsView,
  total: Money,
  shippingAddress: Address,
  shippingMethod: Type.String(),
  /** Where to finish a payment challenge, when there is one. */
  actionUrl: Type.Union([Type.String(), Type.Null()]),
  /** True when another means of payment may be tried, until `holdUntil`. */
  canRetryPayment: Type.Boolean(),
  canCancel: Type.Boolean(),
  holdUntil: Type.Union([Type.String(), Type.Null()]),
  refunded: Money,
  tracking: Type.Union([
    Type.Object({ carrier: Type.String(), number: Type.String(), url: Type.Union([Type.String(), Type.Null()]) }),
    Type.Null(),
  ]),
  /** A delay that was announced, in words; null when there is none. */
  delay: Type.Union([Type.String(), Type.Null()]),
  events: Type.Array(OrderEventView),
});
export type OrderView = Type.Static<typeof OrderView>;

/** RFC 9457 problem details, with every field's complaint under `errors`. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
  errors: Type.Optional(
    Type.Array(
      Type.Object({ pointer: Type.String({ description: "JSON Pointer, RFC 6901" }), message: Type.String() }),
    ),
  ),
  /** For `sold_out`: what is left of each line that fell short. */
  left: Type.Optional(Type.Array(Type.Object({ sku: Type.String(), left: Type.Integer() }))),
  /** For `pass_required`: where to wait. */
  page: Type.Optional(Type.String()),
});
export type Problem = Type.Static<typeof Problem>;
