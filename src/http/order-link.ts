/** The address of an order is the key to it: its number and a signature that nobody can guess. */
import { orderId, orderNumber } from "#kernel/order-number.ts";
import type { Signer } from "#kernel/signer.ts";

export function orderPath(signer: Signer, id: number): string {
  return orderPathOf(signer, orderNumber(id));
}

export function orderPathOf(signer: Signer, number: string): string {
  return `/orders/${number}/${signer.sign(`order ${number}`)}`;
}

/** The id, when number and key belong together. */
export function openOrderLink(signer: Signer, number: string, key: string): number | undefined {
  const id = orderId(number);
  if (id === undefined || !signer.verify(`order ${orderNumber(id)}`, key)) return undefined;
  return id;
}
