/** Files of the waiting room that are the same for everybody: sheet, script, and the page that checks receipts. Made once by a role. */
import type { Coding } from "../fallback/ports.ts";

export type RoomFile = {
  readonly type: string;
  readonly cacheControl: string;
  readonly etag: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly bodies: Readonly<Record<Coding, Uint8Array>>;
};

/** By path: "/.spillway/room.css". */
export type RoomFiles = ReadonlyMap<string, RoomFile>;

/** Of the signed document: any page and any cache may have it, for a second. */
export const documentFields: readonly (readonly [string, string])[] = [
  ["content-type", "application/json"],
  ["cache-control", "public, max-age=1"],
  ["access-control-allow-origin", "*"],
];
