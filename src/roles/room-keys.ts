/** The waiting rooms' keys, the same for edges beside each other and for the shop behind them, from the secret that they share. */

import { hash128 } from "#adapters/system/hash.ts";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import type { RoomKeys } from "#edge/waiting-room/ports.ts";

/** A key's id is a byte of its secret's hash: nobody has to number secrets, and a new one has another (in 255 of 256 cases). */
export function roomKeysOf(secret: Uint8Array): RoomKeys {
  const id = Number.parseInt(hash128(`room key id ${Buffer.from(secret).toString("hex")}`).slice(0, 2), 16);
  return createRoomKeys([{ id, secret }]);
}
