/** Stock on Postgres, for those who count it and those who show it. The rules of a change are functions/change-stock.sql. */
import type { SQL } from "bun";
import type { StockChange, StockLedger, StockLevel } from "#commerce/stock/ports.ts";
import { SpillwayError } from "#kernel/error.ts";
import { fail, ok, type Result } from "#kernel/result.ts";
import { query, sqlState, texts } from "./database.ts";
import changeStock from "./sql/change-stock.sql" with { type: "text" };
import readAvailableStock from "./sql/read-available-stock.sql" with { type: "text" };
import readStockLevels from "./sql/read-stock-levels.sql" with { type: "text" };

type LevelRow = {
  variant_id: number;
  location: string;
  on_hand: number;
  held: number;
  sold: number;
  safety: number;
  safety_percent: number;
  allowance: number;
  low_stock_at: number;
};
type ChangeRow = LevelRow & { outcome: "changed" | "not_found" | "bundle" | "short"; units: string };

type Refusal = { code: "not_found" | "stock_conflict"; message: string };

/** What Postgres's integer holds. */
const countMax = 2 ** 31 - 1;

export function createStockLedger(sql: SQL): StockLedger {
  return {
    async change(change) {
      refuseNonsense(change);
      const policy = change.kind === "policy" ? change : undefined;
      let row: ChangeRow;
      try {
        [row] = (await query<ChangeRow>(sql, changeStock, [
          change.sku,
          change.location ?? null,
          change.kind,
          quantityOf(change),
          policy?.safetyPercent ?? null,
          policy?.lowStockAt ?? null,
          change.reason,
        ])) as [ChangeRow];
      } catch (error) {
        // 23503: an import removed the variant meanwhile.
        if (sqlState(error) === "23503") return notFound(change);
        // 23514: the constraint behind everything. A new level that would be the variant's first takes the allowance.
        if (sqlState(error) !== "23514") throw error;
        return conflict(
          `What "${change.sku}" may sell beyond its stock is promised at another location already; cancel orders first.`,
        );
      }
      return answer(change, row);
    },
    async levels(skus) {
      const rows = await query<LevelRow & { sku: string }>(sql, readStockLevels, [
        skus === null ? null : texts(skus),
        null,
      ]);
      return rows.map((row) => toLevel(row.sku, row));
    },
    async level(id) {
      const [row] = await query<LevelRow & { sku: string }>(sql, readStockLevels, [null, id]);
      return row === undefined ? undefined : toLevel(row.sku, row);
    },
    async available() {
      const [row] = await query<{ variants: Int32Array; available: Int32Array }>(sql, readAvailableStock);
      const available = new Map<number, number>();
      row?.variants.forEach((variant, index) => {
        available.set(variant, row.available[index] ?? 0);
      });
      return available;
    },
  };
}

function answer(change: StockChange, row: ChangeRow): Result<StockLevel, Refusal> {
  switch (row.outcome) {
    case "changed":
      return ok(toLevel(change.sku, row));
    case "not_found":
      return notFound(change);
    case "bundle":
      return conflict(`"${change.sku}" is a bundle and has the stock of its parts: count those.`);
    case "short":
      return conflict(shortSentence(change, row));
  }
}

/** "3 fewer would leave 5 units for 8 that are already promised; cancel orders first." */
function shortSentence(change: StockChange, row: ChangeRow): string {
  const units = Number(row.units);
  const promised = row.held + row.sold;
  if (units > countMax) return `That would be ${units} units, more than can be counted here (${countMax}).`;
  if (units < 0) return `${-(quantityOf(change) ?? 0)} fewer are more than the ${row.on_hand} that are there.`;
  const left = `${units} units${row.allowance > 0 ? ` and an allowance of ${row.allowance}` : ""}`;
  const need = `${promised} that are already promised; cancel orders first.`;
  return change.kind === "adjust"
    ? `${-change.delta} fewer would leave ${left} for ${need}`
    : `${left} are not enough for ${need}`;
}

const notFound = (change: StockChange) =>
  fail<Refusal>({ code: "not_found", message: `No variant has the SKU "${change.sku}".` });

const conflict = (message: string) => fail<Refusal>({ code: "stock_conflict", message });

function toLevel(sku: string, row: LevelRow): StockLevel {
  return {
    variantId: row.variant_id,
    sku,
    location: row.location,
    onHand: row.on_hand,
    held: row.held,
    sold: row.sold,
    safety: row.safety,
    safetyPercent: row.safety_percent,
    allowance: row.allowance,
    lowStockAt: row.low_stock_at,
    available: Math.max(row.on_hand - row.safety - row.held - row.sold + row.allowance, 0),
  };
}

function quantityOf(change: StockChange): number | null {
  switch (change.kind) {
    case "set":
      return change.onHand;
    case "receive":
      return change.quantity;
    case "adjust":
      return change.delta;
    case "policy":
      return null;
  }
}

/** What no form lets through, and what would be an arithmetic error three layers down. */
function refuseNonsense(change: StockChange): void {
  const check = (name: string, value: number | undefined, least: number, most: number) => {
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
    throw new SpillwayError(
      "invalid_request",
      `${name} must be a whole number from ${least} to ${most}, not ${value}.`,
    );
  };
  if (change.kind === "set") check("onHand", change.onHand, 0, countMax);
  if (change.kind === "receive") check("quantity", change.quantity, 1, countMax);
  if (change.kind === "adjust") check("delta", change.delta, -countMax, countMax);
  if (change.kind === "policy") {
    check("safetyPercent", change.safetyPercent, 0, 100);
    check("lowStockAt", change.lowStockAt, 0, countMax);
  }
}
