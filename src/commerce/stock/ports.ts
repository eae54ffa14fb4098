/**
 * Stock as an operator turns it and as pages show it. Every change is one commit that writes the ledger and the level
 * together; a change that the promises already made do not allow is refused with a sentence and changes nothing.
 */
import type { Result } from "#kernel/result.ts";

export type StockLevel = {
  readonly variantId: number;
  readonly sku: string;
  readonly location: string;
  readonly onHand: number;
  readonly held: number;
  readonly sold: number;
  readonly safety: number;
  readonly safetyPercent: number;
  readonly allowance: number;
  readonly lowStockAt: number;
  /** What can still be promised: onHand - safety - held - sold + allowance, at least 0. */
  readonly available: number;
};

export type StockChange = {
  readonly sku: string;
  /** A location's code; absent is the first. Made if it does not exist. */
  readonly location?: string;
  readonly reason: string;
} & (
  | { readonly kind: "set"; readonly onHand: number }
  | { readonly kind: "receive"; readonly quantity: number }
  | { readonly kind: "adjust"; readonly delta: number }
  | { readonly kind: "policy"; readonly safetyPercent?: number; readonly lowStockAt?: number }
);

export interface StockLedger {
  change(change: StockChange): Promise<Result<StockLevel, { code: "not_found" | "stock_conflict"; message: string }>>;
  levels(skus: readonly string[] | null): Promise<readonly StockLevel[]>;
  /** By the id that a stock alert names. */
  level(id: number): Promise<StockLevel | undefined>;
  /** What can be promised of each variant that is held as itself, over all locations. Bundles are reckoned by the caller. */
  available(): Promise<ReadonlyMap<number, number>>;
}

/** What those who wait are told of the goods they wait for, in units. `sold`: paid for, and not shipped yet. */
export type RoomStock = { readonly remaining: number; readonly held: number; readonly sold: number };

/** Tells a waiting room. Rejects when it could not be told; being told the same twice changes nothing. */
export type TellStock = (room: string, stock: RoomStock) => Promise<void>;

export type InvariantReport = {
  /** "never oversold" and the like: short, in the words of docs/invariants. */
  readonly name: string;
  readonly promise: string;
  /** How many rows were looked at, so that "0 breaches" says something. */
  readonly checked: number;
  readonly breaches: number;
  /** A few of them, in words, for the person who has to look. */
  readonly examples: readonly string[];
};

/** Looks at the whole database in one snapshot; finds, changes nothing. */
export interface Auditor {
  audit(onProgress?: (done: number, of: number) => void): Promise<readonly InvariantReport[]>;
}
