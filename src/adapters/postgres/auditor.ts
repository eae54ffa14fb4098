/**
 * `spillway verify`: what must never be, asked of the database itself. Each invariant is one query in audit/, which
 * counts what it looked at and what it found; all of them see one snapshot, so that a shop may go on selling meanwhile.
 *
 * The list has no tolerances: what belongs together is written in one commit, so at every commit all of it holds.
 */
import type { SQL } from "bun";
import type { Auditor, InvariantReport } from "#commerce/stock/ports.ts";
import { orderNumber } from "#kernel/order-number.ts";
import allowanceOnce from "./audit/allowance-once.sql" with { type: "text" };
import bankAgrees from "./audit/bank-agrees.sql" with { type: "text" };
import bankChargesAttemptOnce from "./audit/bank-charges-attempt-once.sql" with { type: "text" };
import bankChargesOrderOnce from "./audit/bank-charges-order-once.sql" with { type: "text" };
import chargedOnce from "./audit/charged-once.sql" with { type: "text" };
import guardedGoodsHavePasses from "./audit/guarded-goods-have-passes.sql" with { type: "text" };
import holdEndsOnce from "./audit/hold-ends-once.sql" with { type: "text" };
import holdsMatchOrders from "./audit/holds-match-orders.sql" with { type: "text" };
import ledgerAddsUp from "./audit/ledger-adds-up.sql" with { type: "text" };
import lifecycleFollowed from "./audit/lifecycle-followed.sql" with { type: "text" };
import linesAreHeld from "./audit/lines-are-held.sql" with { type: "text" };
import neverOversold from "./audit/never-oversold.sql" with { type: "text" };
import noStrayCharge from "./audit/no-stray-charge.sql" with { type: "text" };
import nothingDangles from "./audit/nothing-dangles.sql" with { type: "text" };
import oneKeyOneOrder from "./audit/one-key-one-order.sql" with { type: "text" };
import onePassOneOrder from "./audit/one-pass-one-order.sql" with { type: "text" };
import paidIsCharged from "./audit/paid-is-charged.sql" with { type: "text" };
import personLimits from "./audit/person-limits.sql" with { type: "text" };
import promotionUses from "./audit/promotion-uses.sql" with { type: "text" };
import refundedAddsUp from "./audit/refunded-adds-up.sql" with { type: "text" };
import refundsWithinCharges from "./audit/refunds-within-charges.sql" with { type: "text" };
import totalsAddUp from "./audit/totals-add-up.sql" with { type: "text" };
import workWaits from "./audit/work-waits.sql" with { type: "text" };
import { query } from "./database.ts";
import { inTransaction } from "./transaction.ts";

type Invariant = { readonly name: string; readonly promise: string; readonly find: string };

export const invariants: readonly Invariant[] = [
  {
    name: "never oversold",
    promise: "No more units are held and sold than are on hand, plus what the variant may be sold beyond its stock.",
    find: neverOversold,
  },
  {
    name: "allowance counts once",
    promise: "A variant may be sold beyond its stock as far as its policy says, over all locations together.",
    find: allowanceOnce,
  },
  {
    name: "ledger adds up",
    promise: "Every stock level is the sum of its entries in the ledger.",
    find: ledgerAddsUp,
  },
  {
    name: "a hold ends once",
    promise: "A hold is sold, released or expired: one of them, once, with all of its units.",
    find: holdEndsOnce,
  },
  {
    name: "holds match orders",
    promise: "An open order's units are held, a paid one's sold, a shipped one's gone, and one given up keeps none.",
    find: holdsMatchOrders,
  },
  {
    name: "lines are held",
    promise: "Every line of every order took exactly its units from stock, a bundle's line those of its parts.",
    find: linesAreHeld,
  },
  {
    name: "totals add up",
    promise: "Every order has lines, and its sums are those of its lines.",
    find: totalsAddUp,
  },
  {
    name: "one key, one order",
    promise: "An order that is sent twice is placed once.",
    find: oneKeyOneOrder,
  },
  {
    name: "lifecycle followed",
    promise: "Every order came to where it stands by steps that the lifecycle has.",
    find: lifecycleFollowed,
  },
  {
    name: "work waits",
    promise: "Every open order and every pending refund has a task that goes on with it.",
    find: workWaits,
  },
  {
    name: "paid means charged",
    promise: "Every paid order has a successful charge of exactly its total.",
    find: paidIsCharged,
  },
  {
    name: "charged once",
    promise: "No order has two successful charges, or two attempts open at once.",
    find: chargedOnce,
  },
  {
    name: "no stray charge",
    promise: "All money that was taken belongs to an order that wants it, or is on its way back.",
    find: noStrayCharge,
  },
  {
    name: "refunds within charges",
    promise: "No more goes back than was taken, and to whom it was taken from.",
    find: refundsWithinCharges,
  },
  {
    name: "refunded adds up",
    promise: "What an order says went back is the sum of its refunds.",
    find: refundedAddsUp,
  },
  {
    name: "promotions within limits",
    promise: "A promotion code is used as often as its orders say, and no more often than its limit.",
    find: promotionUses,
  },
  {
    name: "persons within limits",
    promise: "Nobody has bought more of what is limited than one person may.",
    find: personLimits,
  },
  {
    name: "one pass, one order",
    promise: "A turn in a waiting room that buys one order has bought one.",
    find: onePassOneOrder,
  },
  {
    name: "guarded goods have passes",
    promise: "Every order of goods that people waited for has the pass it was let in with, and no other order has one.",
    find: guardedGoodsHavePasses,
  },
  {
    name: "nothing dangles",
    promise: "Lines, ledger entries, charges, refunds and tasks belong to orders and levels that exist.",
    find: nothingDangles,
  },
  {
    name: "one attempt, one charge",
    promise: "The pretend provider charged no attempt twice.",
    find: bankChargesAttemptOnce,
  },
  {
    name: "one order, one charge",
    promise: "The pretend provider charged no order twice without giving one back.",
    find: bankChargesOrderOnce,
  },
  {
    name: "the books agree",
    promise: "The pretend provider's books and the shop's tell the same of every payment.",
    find: bankAgrees,
  },
];

type Finding = { checked: string; breaches: string; examples: string[] };

export function createAuditor(sql: SQL): Auditor {
  return {
    async audit(onProgress) {
      return await inTransaction(sql, "isolation level repeatable read, read only", async (transaction) => {
        // No other question joins whole tables: a sort or a join that fits into memory leaves the disk to the orders.
        await query(transaction, "set local work_mem = '64MB'");
        const reports: InvariantReport[] = [];
        for (const { name, promise, find } of invariants) {
          const [finding] = (await query<Finding>(transaction, find)) as [Finding];
          reports.push({
            name,
            promise,
            checked: Number(finding.checked),
            breaches: Number(finding.breaches),
            examples: finding.examples.map(withOrderNumbers),
          });
          onProgress?.(reports.length, invariants.length);
        }
        return reports;
      });
    },
  };
}

/** People know an order by its number. */
const withOrderNumbers = (example: string): string =>
  example.replace(/\border (\d+)\b/g, (_, id: string) => `order ${orderNumber(Number(id))} (id ${id})`);
