/**
 * The cart's cookie: an id and its signature, out of reach of scripts. Beside it a readable count for the badge, so
 * that pages which are the same for everybody need no request to show it.
 */
import type { Cart } from "#commerce/cart/ports.ts";
import type { LightRequest } from "#kernel/light-request.ts";
import type { ShopContext } from "./shop-context.ts";

const cartName = "spillway_cart";
const countName = "cart_count";
const maxAgeSeconds = 90 * 24 * 3600;

/** For whoever wants one thing more than `cartLinesMax`. */
export const cartFull = "The cart holds 100 different things, which is as many as it can. Please order these first.";

export function cookie(request: LightRequest, name: string): string | undefined {
  const header = request.headers.get("cookie");
  if (header === null) return undefined;
  for (const part of header.split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

export function cartId(shop: Pick<ShopContext, "signer">, request: LightRequest): string | undefined {
  const value = cookie(request, cartName);
  const match = value === undefined ? null : /^([0-9a-f-]{36})\.([\w-]{22})$/.exec(value);
  if (match === null) return undefined;
  const [, id, signature] = match as unknown as [string, string, string];
  return shop.signer.verify(`cart ${id}`, signature) ? id : undefined;
}

/** The cart of this request; with `make`, a new id when there is none. The cart itself is made by its first line. */
export async function openCart(
  shop: ShopContext,
  request: LightRequest,
  make: true,
): Promise<{ id: string; cart: Cart | undefined }>;
export async function openCart(
  shop: ShopContext,
  request: LightRequest,
  make: false,
): Promise<{ id: string | undefined; cart: Cart | undefined }>;
export async function openCart(
  shop: ShopContext,
  request: LightRequest,
  make: boolean,
): Promise<{ id: string | undefined; cart: Cart | undefined }> {
  const id = cartId(shop, request);
  if (id !== undefined) return { id, cart: make ? undefined : await shop.carts.read(id) };
  return { id: make ? shop.newId() : undefined, cart: undefined };
}

export function cartCookies(shop: Pick<ShopContext, "signer" | "origin">, id: string, itemCount: number): string[] {
  const secure = shop.origin.startsWith("https:") ? "; Secure" : "";
  return [
    `${cartName}=${id}.${shop.signer.sign(`cart ${id}`)}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`,
    `${countName}=${itemCount}; Path=/; Max-Age=${maxAgeSeconds}; SameSite=Lax${secure}`,
  ];
}
