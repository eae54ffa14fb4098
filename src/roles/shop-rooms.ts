/** The waiting rooms before a shop whose edges run elsewhere: read from the edges' own file, and told the stock by signed webhooks. */
import { systemClock } from "#adapters/system/clock.ts";
import { createTellStock } from "#adapters/webhook/tell-stock.ts";
import { SpillwayError } from "#kernel/error.ts";
import type { Config } from "./config.ts";
import { readEdgeConfig } from "./edge-config.ts";
import { edgeSecrets } from "./edge-secrets.ts";
import { createPassGate } from "./pass-gate.ts";
import { roomKeysOf } from "./room-keys.ts";
import type { ShopRooms } from "./shop.ts";

/** Undefined where the environment names no file of edges, or no room of theirs names what it sells. */
export async function roomsElsewhere(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ShopRooms | undefined> {
  if (env.SPILLWAY_EDGE_CONFIG === undefined) return undefined;
  const { waitingRooms } = await readEdgeConfig({ env, args: [], originNeeded: false });
  if (waitingRooms.rooms.every(({ skus }) => skus.length === 0)) return undefined;
  const secrets = edgeSecrets(env.SPILLWAY_EDGE_SECRET);
  if (secrets === undefined) {
    throw new SpillwayError(
      "bad_config",
      "SPILLWAY_EDGE_CONFIG has waiting rooms with skus, so SPILLWAY_EDGE_SECRET must be set, the same as on the edges: orders for these are checked by it.",
    );
  }
  const gate = createPassGate(waitingRooms.rooms, roomKeysOf(...secrets), systemClock.now);
  const { roomStock } = config;
  return {
    passGate: () => gate,
    tellStock: roomStock === undefined ? undefined : createTellStock({ ...roomStock, clock: systemClock }),
  };
}
