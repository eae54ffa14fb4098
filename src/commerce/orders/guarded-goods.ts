/**
 * Goods that are sold to those who have waited for them: which waiting rooms an order meets, and whether it brings their passes. A bundle is
 * guarded when a part of it is, or it would be a way around the line.
 */
import type { Variant } from "#commerce/catalogue/product.ts";
import type { Snapshot } from "#commerce/catalogue/snapshot.ts";
import type { OrderPass, PassGate } from "./ports.ts";

type GuardingRoom = PassGate["rooms"][number];

export type Guarded = {
  readonly passes: readonly OrderPass[];
  /** Of each room that was met: units of its lines, a bundle counted as one; and whether its pass has bought what it buys. */
  readonly rooms: readonly { readonly id: string; readonly units: number; readonly isUsedUp: boolean }[];
};

export class GuardedGoods {
  #gate: PassGate | undefined;
  #snapshot: Snapshot | undefined;
  #rooms: ReadonlyMap<number, GuardingRoom> = new Map();

  /** Undefined for an order of no guarded goods. `field`: what the edge sends with who was let in. */
  check(
    gate: PassGate,
    snapshot: Snapshot,
    lines: readonly { readonly variant: Variant; readonly quantity: number }[],
    field: string | null,
  ): Guarded | { readonly missing: Variant; readonly isOver: boolean } | undefined {
    if (this.#snapshot !== snapshot || this.#gate !== gate) {
      this.#gate = gate;
      this.#snapshot = snapshot;
      this.#rooms = guardedVariants(gate.rooms, snapshot);
    }
    const met = new Map<GuardingRoom, { variant: Variant; units: number }>();
    for (const { variant, quantity } of lines) {
      for (const room of this.#roomsOf(variant))
        met.set(room, { variant, units: quantity + (met.get(room)?.units ?? 0) });
    }
    if (met.size === 0) return undefined;
    const given = field === null ? [] : gate.read(field);
    const passes: OrderPass[] = [];
    const rooms: { id: string; units: number; isUsedUp: boolean }[] = [];
    for (const [{ id }, { variant, units }] of met) {
      const shown = given.filter(({ room }) => room === id);
      const pass = shown.find(({ isOver }) => !isOver);
      if (pass === undefined) return { missing: variant, isOver: shown.length > 0 };
      const { isOver: _, ...used } = pass;
      passes.push(used);
      rooms.push({ id, units, isUsedUp: pass.isOnce });
    }
    return { passes, rooms };
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
