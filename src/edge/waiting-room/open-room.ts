/** One room as it runs: its configuration, its line, its places, who passes beside it, who asked to be told. Made by rooms.ts, used by all here. */
import type { Room } from "#contract/waiting-room.ts";
import type { Bypass } from "./bypass.ts";
import type { Line } from "./line.ts";
import type { Places } from "./places.ts";
import type { Tellers } from "./tellers.ts";

export type OpenRoom = {
  readonly config: Room;
  readonly line: Line;
  readonly places: Places;
  readonly bypass: Bypass;
  readonly tellers: Tellers;
  /** Where one comes from elsewhere: a path of the room. */
  readonly landing: string;
};

/** The first path of the room that is an address and no pattern. */
export const landingOf = ({ landing, match }: Room): string =>
  landing ?? match.paths.find((path) => !/[:*]/.test(path)) ?? "/";
