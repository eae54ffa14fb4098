/**
 * The second gate of a waiting room, in the shop: passes are believed by their signature, until the session that they say has ended. The edge knows that end
 * to the second, in room time; the shop knows the wall clock, which may differ between machines, so it lets a pass count for a little longer.
 */
import type { PassGate, ShownPass } from "#commerce/orders/ports.ts";
import type { Room } from "#contract/waiting-room.ts";
import type { RoomKeys } from "#edge/waiting-room/ports.ts";
import { createTokens } from "#edge/waiting-room/token.ts";

/** A cart may hold goods of several rooms; a field that holds more is not an edge's. */
const passesMax = 8;
/** How far the clocks of an edge and of the shop may be apart; docs/waiting-room.md says so too. */
const clockSkewMaxMs = 120_000;

/** Undefined when no room names what it sells. */
export function createPassGate(rooms: readonly Room[], keys: RoomKeys, now: () => number): PassGate | undefined {
  const readers = rooms
    .filter(({ skus }) => skus.length > 0)
    .map((room) => ({ room, tokens: createTokens(keys, { kind: "pass", room: room.id, epoch: room.epoch }) }));
  if (readers.length === 0) return undefined;
  return {
    rooms: readers.map(({ room: { id, skus } }) => ({ id, skus })),
    read(field) {
      const passes: ShownPass[] = [];
      const nowMs = now();
      for (const value of field.split(",", passesMax)) {
        for (const { room, tokens } of readers) {
          // Its end in room time says nothing here; the one by the wall clock does.
          const token = tokens.read(value.trim(), 0);
          if (token === undefined) continue;
          const isOver = nowMs > token.fromMs + clockSkewMaxMs;
          passes.push({ room: room.id, epoch: room.epoch, seq: token.seq, isOnce: room.onePerOrder, isOver });
        }
      }
      return passes;
    },
  };
}
