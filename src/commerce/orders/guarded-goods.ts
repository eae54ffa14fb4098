/**
 * Goods that are sold to those who have waited for them: which waiting rooms an order meets, and whether it brings their passes. A bundle is
 * guarded when a part of it is, or it would be a way around the line.
 */
import type { Variant } from "#commerce/catalogue/product.ts";
import type { Snapshot } from "#commerce/catalogue/snapshot.ts";
import type { OrderPass, PassGate } from "./ports.ts";

type GuardingRoom = PassGate["rooms"][number];

export type Guarded = {
  readonly rooms: readonly string[];
  readonly passes: readonly OrderPass[];
  /** Units of guarded lines, a bundle counted as one. */
  readonly units: number;
  /** The pass has bought what it buys. */
  readonly isUsedUp: boolean;
};

export class GuardedGoods {
  readonly #gate: PassGate;
  #snapshot: Snapshot | undefined;
  #rooms: ReadonlyMap<number, GuardingRoom> = new Map();

  constructor(gate: PassGate) {
    this.#gate = gate;
  }

  /** Undefined for an order of no guarded goods. `field`: what the edge sends with who was let in. */
  check(
    snapshot: Snapshot,
    lines: readonly { readonly variant: Variant; readonly quantity: number }[],
    field: string | null,
  ): Guarded | { readonly missing: Variant } | undefined {
    if (this.#snapshot !== snapshot) {
      this.#snapshot = snapshot;
      this.#rooms = guardedVariants(this.#gate.rooms, snapshot);
    }
    if (this.#rooms.size === 0) return undefined;
    let units = 0;
    const met = new Map<GuardingRoom, Variant>();
    for (const { variant, quantity } of lines) {
      const rooms = this.#roomsOf(variant);
      if (rooms.length > 0) units += quantity;
      for (const room of rooms) met.set(room, variant);
    }
    if (met.size === 0) return undefined;
    const given = field === null ? [] : this.#gate.read(field);
    const passes: OrderPass[] = [];
    for (const [{ id }, missing] of met) {
      const pass = given.find(({ room }) => room === id);
      if (pass === undefined) return { missing };
      passes.push(pass);
    }
    return { rooms: passes.map(({ room }) => room), passes, units, isUsedUp: passes.some(({ isOnce }) => isOnce) };
  }

  #roomsOf(variant: Variant): GuardingRoom[] {
    const ids = [variant.id, ...variant.components.map(({ variantId }) => variantId)];
    return [...new Set(ids.flatMap((id) => this.#rooms.get(id) ?? []))];
  }
}

/** By variant id. The first room that names a SKU guards it; what is not in the catalogue (yet) is passed over. */
function guardedVariants(rooms: readonly GuardingRoom[], snapshot: Snapshot): Map<number, GuardingRoom> {
  const guarded = new Map<number, GuardingRoom>();
  for (const room of rooms) {
    for (const sku of room.skus) {
      const id = snapshot.variants.get(sku)?.id;
      if (id !== undefined && !guarded.has(id)) guarded.set(id, room);
    }
  }
  return guarded;
}
