/** `spillway reconcile`: the providers' books beside ours. */
import { reconcilePayments } from "#flows/reconcile-payments.ts";
import { SpillwayError } from "#kernel/error.ts";
import { orderNumber } from "#kernel/order-number.ts";
import type { Config } from "../config.ts";
import { args, print } from "./terminal.ts";
import { withShop } from "./with-shop.ts";

export async function reconcileTool(config: Config, given: string[]): Promise<number> {
  const { values } = args(given, { hours: { type: "string", default: "24" } });
  const hours = Number(values.hours);
  if (!(hours > 0 && hours <= 24 * 90))
    throw new SpillwayError("bad_usage", "--hours must be a number from 1 to 2160.");
  return await withShop(config, async (parts) => {
    let open = 0;
    for (const gateway of parts.gateways.all) {
      const nowMs = parts.clock.now();
      const result = await reconcilePayments({
        payments: parts.payments,
        gateway,
        nowMs,
        sinceMs: nowMs - hours * 3600_000,
        signal: AbortSignal.timeout(600_000),
      });
      if (result === undefined) {
        print(`${gateway.name}: offers no list of its charges; its webhooks are all there is.`);
        continue;
      }
      print(`${gateway.name}: ${result.charges} charges in the last ${hours} hours`);
      for (const key of result.settled) print(`  settled late: ${key}`);
      for (const charge of result.chargesWithoutOrder)
        print(`  charge without an order: ${charge.reference}, ${charge.amount.amount} ${charge.amount.currency}`);
      for (const { attemptKey, orderId } of result.ordersWithoutCharge)
        print(`  order without its charge: ${orderNumber(orderId)} (${attemptKey})`);
      for (const { attemptKey, ours, theirs } of result.amountDiffers)
        print(`  another amount: ${attemptKey}, ours ${ours}, theirs ${theirs}`);
      open += result.chargesWithoutOrder.length + result.ordersWithoutCharge.length + result.amountDiffers.length;
    }
    print(open === 0 ? "Both sides agree." : `${open} to look at.`);
    return open === 0 ? 0 : 4;
  });
}
