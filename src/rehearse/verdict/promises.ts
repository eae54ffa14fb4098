/**
 * The promises that a sale is held to, under the names that thresholds (`truth.oversold`) and results carry. Adapters of
 * the truth answer with these names, so that one shop's books can be laid beside another's.
 */
import type { PromiseResult } from "../result.ts";

export const promises = {
  oversold: "No more units sold than there were",
  lost: "Every order that was confirmed is in the books",
  doubleCharge: "No order charged twice",
  strayCharge: "No charge without its order",
  phantom: "No order without its units and its payment",
  duplicate: "No order placed twice",
  stuck: "Nothing stuck on its way",
  counter: "The stock counter says what the orders say",
  books: "Every other sum and step in the books is right",
  admission: "The waiting room admitted as many as it may",
  fairness: "Nobody was let in before their turn",
  shed: "Nobody who was paying was shed",
  passedOver: "Nobody who was paying was refused while others were let in",
} as const;

export type PromiseName = keyof typeof promises;

export const promiseWords = (name: string): string =>
  Object.hasOwn(promises, name) ? promises[name as PromiseName] : name;

/** A promise that was looked into: how many were looked at, and which of them broke it. */
export function promise(name: PromiseName, looked: number, broken: number, detail: string): PromiseResult {
  return { promise: name, held: broken === 0, looked, broken, detail };
}

/** Nothing was there that could have broken it; it is never counted as kept. */
export function notLookedAt(name: PromiseName, why: string): PromiseResult {
  return { promise: name, held: true, looked: 0, broken: 0, detail: `not looked at: ${why}` };
}

/** The books could not be read, so nobody may say that it was kept. */
export function couldNotLook(name: PromiseName, why: string): PromiseResult {
  return { promise: name, held: false, looked: 0, broken: 0, detail: `could not be looked at: ${why}` };
}
