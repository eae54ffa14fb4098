/** `spillway stock show|set|receive|adjust|policy` */
import type { StockChange, StockLevel } from "#commerce/stock/ports.ts";
import { SpillwayError } from "#kernel/error.ts";
import type { Config } from "../config.ts";
import { args, print, table } from "./terminal.ts";
import { withShop } from "./with-shop.ts";

const usage =
  "usage: bin/spillway stock show [SKU …] | set SKU NUMBER | receive SKU NUMBER | adjust SKU NUMBER | policy SKU [--safety-percent N] [--low-stock-at N]";

export async function stockTool(config: Config, given: string[]): Promise<number> {
  // A negative number is a value, not an option.
  const { positionals, values } = args(
    given.map((word) => (/^-\d+$/.test(word) ? `\u0000${word}` : word)),
    {
      location: { type: "string" },
      reason: { type: "string" },
      "safety-percent": { type: "string" },
      "low-stock-at": { type: "string" },
    },
  );
  const [word, sku, amount] = positionals.map((text) => text.replace("\u0000", ""));
  if (word === "show") {
    const skus = positionals.slice(1);
    const levels = await withShop(config, async (parts) => await parts.ledger.levels(skus.length === 0 ? null : skus));
    print(levelsTable(levels));
    return 0;
  }
  if (sku === undefined) throw new SpillwayError("bad_usage", usage);
  const whole = (name: string, text: string | undefined): number => {
    const number = Number(text);
    if (text === undefined || text.trim() === "" || !Number.isInteger(number))
      throw new SpillwayError("bad_usage", `${name} must be a whole number. ${usage}`);
    return number;
  };
  const base = {
    sku,
    ...(values.location === undefined ? {} : { location: values.location }),
    reason: values.reason ?? "by hand",
  };
  const change: StockChange | undefined =
    word === "set"
      ? { ...base, kind: "set", onHand: whole("NUMBER", amount) }
      : word === "receive"
        ? { ...base, kind: "receive", quantity: whole("NUMBER", amount) }
        : word === "adjust"
          ? { ...base, kind: "adjust", delta: whole("NUMBER", amount) }
          : word === "policy"
            ? {
                ...base,
                kind: "policy",
                ...(values["safety-percent"] === undefined
                  ? {}
                  : { safetyPercent: whole("--safety-percent", values["safety-percent"]) }),
                ...(values["low-stock-at"] === undefined
                  ? {}
                  : { lowStockAt: whole("--low-stock-at", values["low-stock-at"]) }),
              }
            : undefined;
  if (change === undefined) throw new SpillwayError("bad_usage", usage);
  const changed = await withShop(config, async (parts) => await parts.ledger.change(change));
  if (!changed.ok) throw new SpillwayError(changed.reason.code, changed.reason.message);
  print(levelsTable([changed.value]));
  return 0;
}

function levelsTable(levels: readonly StockLevel[]): string {
  if (levels.length === 0) return "No stock is kept of that.";
  const head = ["SKU", "location", "on hand", "held", "sold", "withheld", "allowance", "available"];
  const rows = levels.map((level) => [
    level.sku,
    level.location,
    ...[level.onHand, level.held, level.sold, level.safety, level.allowance, level.available].map(String),
  ]);
  return table([head, ...rows], [2, 3, 4, 5, 6, 7]);
}
