/**
 * A place that goes over to another device: a code that is good once, for ten minutes. The device that took it over holds the place of a higher
 * generation, and no edge lets the older one in: this one at once, the others from their next report on. A place whose arrival was only noted has no number that
 * could be told: of that one only this edge knows.
 */

import { plainCode, readable } from "./bypass.ts";
import type { OpenRoom } from "./open-room.ts";
import type { LineStore, RoomKeys } from "./ports.ts";
import { type Place, placeField } from "./room-places.ts";

export type HandOver = {
  /** The code, as it is shown. */
  code(open: OpenRoom, place: Place): Promise<string>;
  /** The place under a code, for the device that has it now; undefined when there is none. The code is used up. */
  take(code: string, nowMs: number): Promise<{ readonly open: OpenRoom; readonly place: Place } | undefined>;
  /** Whether another device has taken this place over. */
  isGone(open: OpenRoom, place: Place): boolean;
};

export const codeSeconds = 600;
const codeBytes = 5;
const rememberedMax = 100_000;

export function createHandOver(deps: {
  readonly keys: Pick<RoomKeys, "sha256" | "randomBytes">;
  readonly store: Pick<LineStore, "putOnce" | "takeOnce">;
  readonly roomOf: (id: string) => OpenRoom | undefined;
}): HandOver {
  /** Of places without a number, by room, epoch and arrival: the generation that counts. The oldest goes first. */
  const noted = new Map<string, number>();
  const nameOf = (code: string): string =>
    `hand-over ${deps.keys.sha256(new TextEncoder().encode(plainCode(code))).toHex()}`;
  const keyOf = ({ config }: OpenRoom, { fromMs }: Place): string => `${config.id} ${config.epoch} at ${fromMs}`;
  const newestOf = (open: OpenRoom, place: Place): number =>
    place.seq === 0 ? (noted.get(keyOf(open, place)) ?? 0) : open.line.generationOf(place.seq);

  function move(open: OpenRoom, place: Place, generation: number): void {
    if (place.seq !== 0) {
      open.line.move(place.seq, generation);
      return;
    }
    noted.delete(keyOf(open, place));
    if (noted.size >= rememberedMax) noted.delete(noted.keys().next().value as string);
    noted.set(keyOf(open, place), generation);
  }

  return {
    async code(open, place) {
      for (;;) {
        const code = readable(deps.keys.randomBytes(codeBytes));
        const value = JSON.stringify({ room: open.config.id, place: place.text });
        if (await deps.store.putOnce(nameOf(code), value, codeSeconds)) return code;
      }
    },

    async take(code, nowMs) {
      const value = await deps.store.takeOnce(nameOf(code));
      if (value === undefined) return undefined;
      const { room, place: text } = JSON.parse(value) as { room: string; place: string };
      const open = deps.roomOf(room);
      const place = open?.places.place({ get: (name) => (name === placeField ? text : null) }, nowMs);
      if (open === undefined || place === undefined) return undefined;
      const generation = Math.min(65_535, Math.max(place.generation, newestOf(open, place)) + 1);
      move(open, place, generation);
      // Its browser has a key of its own, and binds the place to it.
      return { open, place: open.places.reissue(place, { generation, thumbprint: null }) };
    },

    isGone: (open, place) => place.generation < newestOf(open, place),
  };
}
