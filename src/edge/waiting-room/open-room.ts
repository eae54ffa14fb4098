/** One room as it runs: its configuration, its line, its places, who passes beside it, who asked to be told. Made by rooms.ts, used by all here. */
import type { Room } from "#contract/waiting-room.ts";
import type { Bypass } from "./bypass.ts";
import type { Line } from "./line.ts";
import type { Places } from "./room-places.ts";
import type { Tellers } from "./tellers.ts";

export type OpenRoom = {
  readonly config: Room;
  readonly line: Line;
  readonly places: Places;
  readonly bypass: Bypass;
  readonly tellers: Tellers;
  /** Where one comes from elsewhere: a path of the room. */
  readonly landing: string;
  /** Counts a request that came with a good pass. */
  readonly passed: () => void;
};
