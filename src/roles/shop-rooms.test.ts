/** A shop whose edges run elsewhere knows their waiting rooms from their file and their secret, or does not start. */
import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTokens, type Token } from "#edge/waiting-room/token.ts";
import { readConfig } from "./config.ts";
import { edgeSecrets } from "./edge-secrets.ts";
import { roomKeysOf } from "./room-keys.ts";
import { roomsElsewhere } from "./shop-rooms.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const fileWith = (rooms: unknown): string => {
  const file = join(folder, `${Bun.hash(JSON.stringify(rooms))}.json`);
  writeFileSync(file, JSON.stringify({ waitingRooms: { rooms } }));
  return file;
};
const drop = { id: "drop", epoch: 2, match: { paths: ["/products/lamp"] }, skus: ["LAMP"] };
const secret = "what the edges share";
const given = { SPILLWAY_EDGE_CONFIG: fileWith([drop]), SPILLWAY_EDGE_SECRET: secret };

/** By the wall clock, which is what the shop goes by. */
const endsMs = Date.now() + 600_000;

const passBy = (text: string, more: Partial<Token> = {}): string =>
  createTokens(roomKeysOf(createHash("sha256").update(text).digest()), {
    kind: "pass",
    room: "drop",
    epoch: 2,
  }).issue({ seq: 5, fromMs: endsMs, untilMs: 1, generation: 0, thumbprint: null, ...more });

test("passes that an edge has given are good, others are not", async () => {
  const gate = (await roomsElsewhere(readConfig({}), given))?.passGate();
  expect(gate?.rooms).toEqual([{ id: "drop", skus: ["LAMP"] }]);
  expect(gate?.read(passBy(secret))).toEqual([{ room: "drop", epoch: 2, seq: 5, isOnce: true, isOver: false }]);
  expect(gate?.read(passBy("something else"))).toEqual([]);
});

test("passes that two edges gave for one place are one pass, whenever and for whichever device", async () => {
  const gate = (await roomsElsewhere(readConfig({}), given))?.passGate();
  const others = [
    { fromMs: endsMs + 7000, untilMs: 900_000 },
    { generation: 3 },
    { thumbprint: new Uint8Array(16).fill(1) },
  ];
  for (const other of others) expect(gate?.read(passBy(secret, other))).toEqual(gate?.read(passBy(secret)) ?? []);
});

test("while a secret is taken over by another the passes of both are good, and those of one that was taken away are not", async () => {
  const readBy = async (secrets: string, pass: string) =>
    (await roomsElsewhere(readConfig({}), { ...given, SPILLWAY_EDGE_SECRET: secrets }))?.passGate()?.read(pass).length;
  for (const [secrets, old, fresh] of [
    ["the old one", 1, 0],
    ["a new one, the old one", 1, 1],
    ["a new one", 0, 1],
  ] as const)
    expect([await readBy(secrets, passBy("the old one")), await readBy(secrets, passBy("a new one"))]).toEqual([
      old,
      fresh,
    ]);
});

test("secrets that cannot be meant are told at the start, with what to do", () => {
  const told = (text: string, own?: Uint8Array): string => {
    try {
      return String(edgeSecrets(text, own)?.length);
    } catch (error) {
      return String(error);
    }
  };
  expect(told(" , ")).toBe("undefined");
  expect(told("a, b")).toBe("2");
  expect(told("a, a")).toContain("the same secret twice");
  expect(told("a,b,c,d,e")).toContain("may have 4");
  expect(told("a, database")).toContain("only bin/spillway up can");
  expect(told("a, database", new Uint8Array(32))).toBe("2");
});

test("nobody waits where no file is named, and for goods that no room names", async () => {
  expect(await roomsElsewhere(readConfig({}), {})).toBeUndefined();
  const { skus: _, ...nothing } = drop;
  expect(await roomsElsewhere(readConfig({}), { SPILLWAY_EDGE_CONFIG: fileWith([nothing]) })).toBeUndefined();
});

test("without the edges' secret it does not start, because it could sell to nobody", async () => {
  const { SPILLWAY_EDGE_CONFIG } = given;
  const outcome = await roomsElsewhere(readConfig({}), { SPILLWAY_EDGE_CONFIG }).catch(String);
  expect(outcome).toContain("SPILLWAY_EDGE_SECRET must be set");
});

test("edges are told the stock where an address and a secret say so, and half of that is a mistake", async () => {
  const url = "https://edge.example/.spillway/rooms/{room}/stock";
  const told = { SPILLWAY_ROOM_STOCK_URL: url, SPILLWAY_ROOM_STOCK_SECRET: "a secret of both sides" };
  expect((await roomsElsewhere(readConfig({}), given))?.tellStock).toBeUndefined();
  expect((await roomsElsewhere(readConfig(told), given))?.tellStock).toBeFunction();
  expect(() => readConfig({ SPILLWAY_ROOM_STOCK_URL: url })).toThrow("SPILLWAY_ROOM_STOCK_SECRET must be set too");
  expect(() => readConfig({ ...told, SPILLWAY_ROOM_STOCK_URL: "https://edge.example/stock" })).toThrow("{room}");
});
