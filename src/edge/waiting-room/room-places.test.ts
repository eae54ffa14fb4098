/** Places as their holders show them: what stays true of one when the edges' secret is taken over by another. */
import { expect, test } from "bun:test";
import Value from "typebox/value";
import { createRoomKeys } from "#adapters/system/room-keys.ts";
import { Room } from "#contract/waiting-room.ts";
import { joinLeafOf } from "./join-leaf.ts";
import type { Line } from "./line.ts";
import { createPlaces } from "./room-places.ts";

const [old, fresh] = [1, 2].map((id) => ({ id, secret: new Uint8Array(32).fill(id) })) as [Secret, Secret];
type Secret = Parameters<typeof createRoomKeys>[0][number];
const room = Value.Default(Room, { id: "drop", match: { paths: ["/a"] } }) as Room;

test("a join can still be shown by its leaf after the secret was taken over by another", async () => {
  const leaves: Uint8Array[] = [];
  const line = {
    join: async (leaf: Uint8Array) => {
      leaves.push(leaf);
      return { kind: "joined", seq: 1 };
    },
  } as unknown as Line;
  const placesOf = (...secrets: Secret[]) => createPlaces(room, line, createRoomKeys(secrets));
  const joined = await placesOf(old).join(1_000_000);
  if (joined.kind !== "place") throw new Error(joined.why);
  const after = placesOf(fresh, old);
  const place = after.place(new Headers({ "spillway-place": joined.place.text }), 1_000_001);
  if (place === undefined) throw new Error("The place is refused.");
  const { sha256 } = createRoomKeys([fresh]);
  const hex = after.joinsOf(place).map((join) => joinLeafOf(join, sha256).toHex());
  expect(hex[1]).toBe(leaves[0]?.toHex() as string);
  expect(hex[0]).not.toBe(hex[1] as string);
  expect(placesOf(fresh).place(new Headers({ "spillway-place": joined.place.text }), 1_000_001)).toBeUndefined();
});
