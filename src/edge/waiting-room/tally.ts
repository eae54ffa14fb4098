/**
 * What an edge only counts between two reports: who came to the door and how long after the call, who was let in beside the line, orders, and what the shop
 * last said of its stock. A report takes it all, and the counting begins anew.
 */
import { RecentSet } from "./recent-set.ts";
import type { Report } from "./report.ts";
import type { Stock } from "./state.ts";
import { calledAt, delayBinOf, type Turns } from "./turns.ts";

/** Turns and delays of one report. */
const cameMax = 512;
const reasonsMax = 50;
/** Who came is counted once; lately came, and as many again perhaps. */
const knownMax = 100_000;

export class Tally {
  readonly #shown = new RecentSet(knownMax);
  #came = new Map<string, [turn: number, delayBin: number, count: number]>();
  #bypassed: Record<string, number> = {};
  #orders = 0;
  #units = 0;
  stock: Stock | null = null;
  /** Of a safety net that stands by: no count between two reports, but how many there are. */
  inside = 0;

  came(rank: number, turns: Turns, roomMs: number): void {
    if (this.#shown.has(rank)) return;
    this.#shown.add(rank);
    const atMs = calledAt(turns, rank);
    if (atMs === undefined) return;
    const turn = turns.turns.find(([upTo]) => upTo >= rank)?.[0] ?? rank;
    const bin = delayBinOf(roomMs - atMs);
    const key = `${turn} ${bin}`;
    const counted = this.#came.get(key);
    if (counted !== undefined) counted[2] += 1;
    else if (this.#came.size < cameMax) this.#came.set(key, [turn, bin, 1]);
  }

  bypassed(reason: string): void {
    if (this.#bypassed[reason] === undefined && Object.keys(this.#bypassed).length >= reasonsMax) return;
    this.#bypassed[reason] = (this.#bypassed[reason] ?? 0) + 1;
  }

  ordered(units: number): void {
    this.#orders += 1;
    this.#units += units;
  }

  toTell(): Pick<Report, "came" | "bypassed" | "orders" | "units" | "stock" | "inside"> {
    const told = {
      came: [...this.#came.values()],
      bypassed: this.#bypassed,
      orders: this.#orders,
      units: this.#units,
      stock: this.stock,
      inside: this.inside,
    };
    this.#came = new Map();
    this.#bypassed = {};
    this.#orders = 0;
    this.#units = 0;
    this.stock = null;
    return told;
  }
}
