/** The waiting rooms' keys, the same for edges beside each other and for the shop behind them, from the secrets that they share. */

import { hash128 } from "#adapters/system/hash.ts";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import type { RoomKeys } from "#edge/waiting-room/ports.ts";
import { SpillwayError } from "#kernel/error.ts";

/** `secrets`: the newest, which signs, and then older ones. */
export function roomKeysOf(...secrets: readonly Uint8Array[]): RoomKeys {
  const keys = secrets.map((secret) => ({ id: idOf(secret), secret }));
  if (new Set(keys.map(({ id }) => id)).size < keys.length)
    throw new SpillwayError(
      "bad_config",
      "Two secrets of SPILLWAY_EDGE_SECRET have the same key id, as one in 256 has by chance. Take another new one.",
    );
  return createRoomKeys(keys);
}

/** A byte of the secret's hash: nobody has to number secrets. */
const idOf = (secret: Uint8Array): number =>
  Number.parseInt(hash128(`room key id ${Buffer.from(secret).toString("hex")}`).slice(0, 2), 16);
