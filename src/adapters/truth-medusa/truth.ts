/** What Medusa 2.21 wrote down of a sale, read from its database: orders, payments, and the stock that it counted. */
import type { Truth } from "#rehearse/ports.ts";
import { createForeignTruth, type ForeignSettings } from "../internal/foreign-truth.ts";
import chargedWithoutOrder from "./charged-without-order.sql" with { type: "text" };
import lines from "./lines.sql" with { type: "text" };
import stock from "./stock.sql" with { type: "text" };

export const createMedusaTruth = (settings: ForeignSettings): Truth =>
  createForeignTruth("Medusa", settings, { lines, stock, chargedWithoutOrder });
