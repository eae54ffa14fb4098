/** The edges' secret is taken over by another, with real processes: nobody loses a place or a pass by it, and what was signed by one that was taken away is nothing. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PlaceView } from "#contract/waiting-room.ts";
import { edgeSecret, startRoomEdge, Visitor } from "./room-edge.ts";

let world: Awaited<ReturnType<typeof startRoomEdge>>;
const room = { id: "drop", match: { paths: ["/products/*"] }, outflowPerMinute: 6000 };
beforeAll(async () => {
  world = await startRoomEdge([room]);
}, 60_000);
afterAll(async () => await world?.stop(), 30_000);

const placeOf = async (visitor: Visitor): Promise<PlaceView> => await visitor.json("/.spillway/rooms/drop/place");
const isIn = async (visitor: Visitor): Promise<boolean> =>
  (await (await visitor.ask("/products/lamp")).text()).includes("<button>Buy</button>");
const keyIdOf = (visitor: Visitor): number | undefined =>
  Buffer.from(visitor.cookies.get("spillway_place_drop") ?? "", "base64url")[2];
async function setPhase(phase: "paused" | null): Promise<void> {
  await world.admin("PATCH", "/edge/rooms/drop", { phase });
  for (;;) {
    const { body } = await world.admin("GET", "/edge/rooms/drop");
    if ((body as { now: { phase: string } }).now.phase === (phase ?? "open")) return;
    await Bun.sleep(50);
  }
}

async function restart(secrets: string, visitors: readonly Visitor[]): Promise<void> {
  await world.restart(secrets);
  for (const visitor of visitors) visitor.url = world.url;
}

test("a new secret in front of the old one, then alone: places and passes go on, and one that stayed away too long is refused", async () => {
  const [inside, waiting, away] = Array.from({ length: 3 }, () => new Visitor(world.url)) as [
    Visitor,
    Visitor,
    Visitor,
  ];
  expect(await isIn(inside)).toBe(true);
  await setPhase("paused");
  for (const visitor of [waiting, away]) expect(await isIn(visitor)).toBe(false);
  const [number, missed] = [(await placeOf(waiting)).number, (await placeOf(away)).number];
  expect([number, missed]).toEqual([2, 3]);
  const oldKey = keyIdOf(waiting);
  // The line is kept in this edge's memory, and over a restart in its file, which the old secret has signed.
  await Bun.sleep(1500);

  await restart(`a new one, ${edgeSecret}`, [inside, waiting, away]);
  expect(await isIn(inside)).toBe(true);
  expect((await placeOf(away)).number).toBe(missed);
  expect(await isIn(waiting)).toBe(false);
  expect((await placeOf(waiting)).number).toBe(number);
  // Looking at the page has signed it anew.
  expect(keyIdOf(waiting)).not.toBe(oldKey);
  expect(keyIdOf(away)).toBe(oldKey);
  // The log of joins was in the memory that ended, and without it there is no receipt.
  const receipt = await waiting.ask("/.spillway/rooms/drop/receipt");
  expect([receipt.status, await receipt.text()]).toEqual([409, expect.stringContaining("There is no receipt")]);
  const published = await waiting.json<{ keys: Record<string, string> }>("/.spillway/keys");
  expect(Object.keys(published.keys)).toHaveLength(2);

  await restart("a new one", [inside, waiting, away]);
  expect((await placeOf(waiting)).number).toBe(number);
  expect((await placeOf(away)).state).toBe("no-place");
  expect(await isIn(inside)).toBe(false);
}, 90_000);
