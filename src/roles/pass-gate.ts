/**
 * The second gate of a waiting room, in the shop: passes are believed by their signature alone. That a pass has not ended is the edge's to check, because it is
 * counted in room time, which the shop does not know; a shop that can be reached beside its edges may so see one late, but never twice.
 */
import type { OrderPass, PassGate } from "#commerce/orders/ports.ts";
import type { Room } from "#contract/waiting-room.ts";
import type { RoomKeys } from "#edge/waiting-room/ports.ts";
import { createTokens } from "#edge/waiting-room/token.ts";

/** A cart may hold goods of several rooms; a field that holds more is not an edge's. */
const passesMax = 8;

/** Undefined when no room names what it sells. */
export function createPassGate(rooms: readonly Room[], keys: RoomKeys): PassGate | undefined {
  const readers = rooms
    .filter(({ skus }) => skus.length > 0)
    .map((room) => ({ room, tokens: createTokens(keys, { kind: "pass", room: room.id, epoch: room.epoch }) }));
  if (readers.length === 0) return undefined;
  return {
    rooms: readers.map(({ room: { id, skus } }) => ({ id, skus })),
    read(field) {
      const passes: OrderPass[] = [];
      for (const value of field.split(",", passesMax)) {
        for (const { room, tokens } of readers) {
          const token = tokens.read(value.trim(), 0);
          if (token === undefined) continue;
          passes.push({ room: room.id, epoch: room.epoch, seq: token.seq, isOnce: room.onePerOrder });
        }
      }
      return passes;
    },
  };
}
