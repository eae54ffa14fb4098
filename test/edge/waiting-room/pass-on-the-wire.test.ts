/**
 * What an origin gets of somebody who is in, byte by byte, when their requests go past the stages: a real edge that keeps no answers, before an
 * origin that records.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createTokens } from "#edge/waiting-room/token.ts";
import { roomKeysOf } from "#roles/room-keys.ts";
import { type RawOrigin, rawOrigin } from "../balancing/raw-origin.ts";
import { send } from "../wire/kit.ts";
import { edgeSecret, startRoomEdge } from "./room-edge.ts";

const rooms = [
  { id: "drop", match: { paths: ["/drop/*"] } },
  { id: "net", kind: "safety-net", match: { paths: ["/net/*"] } },
];
let origin: RawOrigin;
let world: Awaited<ReturnType<typeof startRoomEdge>>;
beforeAll(async () => {
  origin = await rawOrigin((socket, text) => {
    for (const head of text.split("\r\n\r\n").slice(0, -1)) {
      const said = head.includes("/leave") ? "Spillway-Room: release;room=drop\r\nCache-Control: max-age=60\r\n" : "";
      const body = head.startsWith("HEAD") ? "" : "yes";
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${said}Content-Length: 3\r\n\r\n${body}`);
    }
  });
  world = await startRoomEdge(rooms, {
    upstreams: [{ url: origin.url }],
    cache: { enabled: false },
  });
}, 60_000);
afterAll(async () => {
  await world?.stop();
  await origin?.close();
}, 30_000);

const heads = (): string[] => origin.received.flatMap((text) => text.split("\r\n\r\n").slice(0, -1));
const linesOf = (head: string, name: string): string[] =>
  head
    .split("\r\n")
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());

const keys = roomKeysOf(createHash("sha256").update(edgeSecret).digest());
const passes = createTokens(keys, { kind: "pass", room: "drop", epoch: 1 });
let given = 0;
const passOf = (): string =>
  passes.issue({
    seq: 1000 + given++,
    fromMs: Date.now() - 1000,
    untilMs: Date.now() + 900_000,
    generation: 0,
    thumbprint: null,
  });

async function ask(line: string, fields: string): Promise<string> {
  const text = `${line} HTTP/1.1\r\nHost: shop.example\r\nAccept: application/json\r\n${fields}\r\n`;
  const isWhole = (told: string): boolean => {
    const end = told.indexOf("\r\n\r\n");
    const length = line.startsWith("HEAD") ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(told)?.[1] ?? 0);
    return end >= 0 && told.length >= end + 4 + length;
  };
  return (await send(Number(new URL(world.url).port), text, { until: isWhole, quietMs: 20_000 })).text;
}

async function checksCounted(): Promise<number> {
  const metrics = await (await fetch(`${world.edge.opsUrl}/metrics`)).text();
  return Number(/^spillway_room_pass_checks_total\{room="drop",outcome="good"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
}

test("the origin sees one Spillway-Pass, and nothing that the client said in the room's name", async () => {
  const pass = passOf();
  const cookie = `Cookie: a=b; spillway_pass_drop=${pass}\r\n`;
  const asked = [
    cookie,
    `${cookie}Spillway-Pass: mine\r\nspillway-pass: mine too\r\nSpillway-Room: waiting\r\n`,
    `SPILLWAY-ROOM: release\r\nSpillway-Pass: ${pass}\r\nX-Last: 1\r\n`,
    `Spillway-Pass: not mine, ${pass}\r\nSpillway-Pass: mine\r\n`,
  ];
  const before = await checksCounted();
  for (const [index, fields] of asked.entries()) {
    for (const method of ["GET", "HEAD"]) {
      expect(await ask(`${method} /drop/${index}`, fields)).toStartWith("HTTP/1.1 200 OK\r\n");
      const head = heads().at(-1) ?? "";
      expect(head).toStartWith(`${method} /drop/${index} `);
      expect(linesOf(head, "spillway-pass")).toEqual([pass]);
      expect(linesOf(head, "spillway-room")).toEqual([]);
      expect(head).not.toContain("mine");
      expect(head.includes("X-Last: 1")).toBe(fields.includes("X-Last: 1"));
    }
  }
  expect((await checksCounted()) - before).toBe(asked.length * 2);
  // Whether they wait or are let in as somebody new, with a pass of their own.
  await ask("GET /drop/forged", "Spillway-Pass: mine\r\nSpillway-Room: waiting\r\n");
  expect(heads().flatMap((head) => linesOf(head, "spillway-room"))).toEqual([]);
  expect(heads().join("\n")).not.toContain("mine");
  expect((await checksCounted()) - before).toBe(asked.length * 2);
});

test("outside of the rooms, and in one that stands by, nobody brings a pass or speaks for a room", async () => {
  const pass = passOf();
  for (const path of ["/net/x", "/free"]) {
    await ask(`GET ${path}`, `Spillway-Pass: ${pass}\r\nSpillway-Room: waiting\r\n`);
    const head = heads().at(-1) ?? "";
    expect(head).toStartWith(`GET ${path} `);
    expect([path, linesOf(head, "spillway-pass"), linesOf(head, "spillway-room")]).toEqual([path, [], []]);
  }
});

test("an answer that lets go of its shopper asks the origin once, is shown to nobody and kept by nobody, and ends the pass", async () => {
  const pass = passOf();
  const came = heads().length;
  const answer = await ask("GET /drop/leave", `Cookie: spillway_pass_drop=${pass}\r\n`);
  expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
  expect(answer).toEndWith("\r\n\r\nyes");
  expect(linesOf(answer, "spillway-room")).toEqual([]);
  expect(linesOf(answer, "cache-control")).toEqual(["private, no-cache"]);
  expect(linesOf(answer, "set-cookie")).toEqual(["spillway_pass_drop=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"]);
  expect(heads().length).toBe(came + 1);
  expect(await ask("DELETE /drop/again", `Cookie: spillway_pass_drop=${pass}\r\n`)).toStartWith("HTTP/1.1 409");
  expect(heads().length).toBe(came + 1);
});
