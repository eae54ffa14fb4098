/**
 * The order that every bench sends: one unit, an ordinary address, the sandbox's card that pays at once. Over HTTP it is
 * bytes made once, of which a request changes its idempotency key, its e-mail address and its SKU.
 */
import type { OrderRequest } from "#commerce/orders/order-request.ts";

const numberWidth = 10;
const numberMark = "#".repeat(numberWidth);

export const orderOf = (sku: string, number: string): OrderRequest => ({
  lines: [{ sku, quantity: 1 }],
  email: `shopper-${number}@mail.example`,
  phone: "+47 22 12 34 56",
  shippingAddress: {
    name: "Ingrid Solberg",
    line1: "Harbour Street 14, 3rd floor",
    city: "Oslo",
    postalCode: "0150",
    country: "NO",
  },
  shippingMethod: "standard",
  payment: { provider: "sandbox", token: "ok" },
});

export type OrderTemplate = {
  /** The request as it stands after the last `fill`. */
  readonly bytes: Uint8Array;
  fill(number: number, sku: Uint8Array): void;
};

/** `sku` has the length that all SKUs have which are filled in later. */
export function orderTemplate(options: { port: number; keyPrefix: string; sku: string }): OrderTemplate {
  const body = JSON.stringify(orderOf(options.sku, numberMark));
  const text = [
    "POST /api/orders HTTP/1.1",
    `Host: 127.0.0.1:${options.port}`,
    "User-Agent: spillway-bench",
    "Accept: application/json",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Idempotency-Key: ${options.keyPrefix}-${numberMark}`,
    "",
    body,
  ].join("\r\n");
  const bytes = Buffer.from(text);
  const keyAt = bytes.indexOf(numberMark);
  const emailAt = bytes.indexOf(numberMark, keyAt + numberWidth);
  const skuAt = bytes.indexOf(options.sku, bytes.indexOf("\r\n\r\n"));
  return {
    bytes,
    fill(number, sku) {
      let left = number;
      for (let place = numberWidth - 1; place >= 0; place--) {
        const digit = 48 + (left % 10);
        left = (left / 10) | 0;
        bytes[keyAt + place] = digit;
        bytes[emailAt + place] = digit;
      }
      bytes.set(sku, skuAt);
    },
  };
}
