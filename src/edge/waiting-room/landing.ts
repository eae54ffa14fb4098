/** Where a room's people arrive who come from elsewhere: another device, an e-mail, a form whose page is not known. */
import type { Room } from "#contract/waiting-room.ts";

/** The first path of the room that is an address and no pattern. */
export const landingOf = ({ landing, match }: Room): string =>
  landing ?? match.paths.find((path) => !/[:*]/.test(path)) ?? "/";
