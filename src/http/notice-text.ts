/** From a task of the outbox to what is said: which template, for which order, to whom. */
import type { Order } from "#commerce/orders/ports.ts";
import type { StockLedger } from "#commerce/stock/ports.ts";
import type { CatalogueView } from "#flows/catalogue-view.ts";
import type { NoticeText } from "#flows/send-notice.ts";
import type { Signer } from "#kernel/signer.ts";
import { type OrderNoticeKind, orderNotice, orderSms } from "#storefront/notices/order-notices.ts";
import { lowStockNotice } from "#storefront/notices/stock-notices.ts";
import { orderPath } from "./order-link.ts";
import { orderView } from "./views.ts";

export type NoticeParts = {
  readonly catalogue: CatalogueView;
  readonly signer: Signer;
  readonly ledger: StockLedger;
  readonly config: { readonly origin: string };
};

const kinds: Readonly<Record<string, OrderNoticeKind>> = {
  received: "received",
  paid: "paid",
  declined: "payment_declined",
  action_required: "payment_action",
  unknown: "payment_unknown",
  delayed: "delayed",
  shipped: "shipped",
  delivered: "delivered",
  cancelled: "cancelled",
  expired: "expired",
  refunded: "refunded",
};
/** Short enough for a text message, and wanted at once. */
const bySms = new Set(["action_required", "declined", "shipped"]);

export async function orderNoticesOf(
  parts: NoticeParts,
  template: string,
  order: Order | undefined,
  _payload: unknown,
): Promise<readonly NoticeText[]> {
  const kind = kinds[template];
  if (order === undefined || kind === undefined) return [];
  const snapshot = parts.catalogue.snapshot();
  const view = orderView(snapshot, order);
  const frame = {
    shopName: snapshot.settings.name,
    locale: snapshot.settings.locale,
    origin: parts.config.origin,
    statusUrl: `${parts.config.origin}${orderPath(parts.signer, order.id)}`,
  };
  const notices: NoticeText[] = [{ channel: "email", to: order.email, ...orderNotice(kind, view, frame) }];
  const { phone } = order.details;
  if (phone !== undefined && bySms.has(template))
    notices.push({ channel: "sms", to: phone, ...orderSms(kind, view, frame) });
  return notices;
}

export async function stockAlertOf(
  parts: NoticeParts,
  payload: Readonly<Record<string, unknown>>,
  operatorEmail: string | undefined,
): Promise<readonly NoticeText[]> {
  const snapshot = parts.catalogue.snapshot();
  const level = await parts.ledger.level(Number(payload.levelId));
  if (level === undefined) return [];
  const variant = snapshot.variants.get(level.sku);
  const title = snapshot.products.get(variant?.productHandle ?? "")?.title ?? level.sku;
  const frame = { shopName: snapshot.settings.name, locale: snapshot.settings.locale, origin: parts.config.origin };
  return [
    {
      channel: "email",
      to: operatorEmail ?? snapshot.settings.contactEmail,
      ...lowStockNotice(
        [{ sku: level.sku, title, left: level.available, threshold: level.lowStockAt }],
        `${parts.config.origin}/`,
        frame,
      ),
    },
  ];
}
