/** The waiting room as its operator has it: the admin API, the words of the command line, who asked to be told, and limits that do not lock out who waits. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RoomState } from "#contract/edge-admin.ts";
import type { NowServing, PlaceView } from "#contract/waiting-room.ts";
import { startSmtpStandIn } from "../../conformance/smtp-stand-in.ts";
import { spillway, startShop } from "../../kit/running-shop.ts";
import { adminToken, startRoomEdge, Visitor } from "./room-edge.ts";

const stockSecret = "the shop and the edge know it";
let relay: Awaited<ReturnType<typeof startSmtpStandIn>>;
let world: Awaited<ReturnType<typeof startRoomEdge>>;
beforeAll(async () => {
  relay = await startSmtpStandIn({ tls: "none" });
  world = await startRoomEdge(
    [
      {
        id: "drop",
        title: "The drop",
        match: { paths: ["/drop"] },
        opensAt: "2026-01-01T00:00:00Z",
        outflowPerMinute: 600,
      },
    ],
    {
      // Everybody here comes from one address, and may look a few times.
      limits: {
        allow: [],
        policies: [
          {
            name: "polls",
            by: "address",
            perSecond: 1,
            burst: 5,
            routes: ["/.spillway/rooms/:id/place", "/.spillway/rooms/:id/claim"],
          },
        ],
      },
      waitingRooms: { smtpUrl: `smtp://127.0.0.1:${relay.port}`, mailFrom: "shop@shop.example", stockSecret },
    },
  );
}, 60_000);
afterAll(async () => {
  await world?.stop();
  await relay?.stop();
}, 30_000);

const mailTo = (address: string): string | undefined =>
  relay.mails.find(({ to }) => to.some((one) => one.includes(address)))?.text;
const rooms = async (...words: string[]) =>
  await spillway(world.edge.env, "rooms", ...words, "--ops", world.edge.opsUrl, "--token", adminToken);
const stateOf = async (): Promise<RoomState> => (await world.admin("GET", "/edge/rooms/drop")).body as RoomState;
const nowOf = async (): Promise<NowServing> =>
  ((await (await fetch(`${world.url}/.spillway/rooms/drop/now`)).json()) as { now: NowServing }).now;

test("limits do not lock out those who wait: a place is looked at as often as one likes, and the document by anybody", async () => {
  expect((await rooms("pause", "drop")).code).toBe(0);
  const ada = new Visitor(world.url);
  await ada.ask("/drop");
  const statuses = new Set<number>();
  for (let ask = 0; ask < 40; ask++) {
    statuses.add((await ada.ask("/.spillway/rooms/drop/place", { headers: { accept: "application/json" } })).status);
    statuses.add(
      (await ada.ask("/.spillway/rooms/drop/claim", { method: "POST", headers: { accept: "application/json" } }))
        .status,
    );
    statuses.add((await fetch(`${world.url}/.spillway/rooms/drop/now`)).status);
  }
  expect([...statuses].sort()).toEqual([200, 202]);
  // Whoever has no place is counted like everybody.
  const others = new Set<number>();
  for (let ask = 0; ask < 20; ask++) others.add((await fetch(`${world.url}/.spillway/rooms/drop/place`)).status);
  expect(others).toContain(429);
}, 30_000);

describe("the words of the command line", () => {
  test("turn a room live, and each says how it stands then", async () => {
    const said = async (...words: string[]): Promise<string> => {
      const { code, out, err } = await rooms(...words);
      expect([words, code, err]).toEqual([words, 0, ""]);
      return out;
    };
    expect(await said("pause", "drop")).toContain("paused");
    expect(await said("outflow", "drop", "77")).toContain("77");
    expect(await said("message", "drop", "Back", "in", "a", "minute")).toContain("Back in a minute");
    expect((await nowOf()).message).toBe("Back in a minute");
    expect(await said("drain", "drop")).toContain("draining");
    expect(await said("close", "drop")).toContain("closed");
    expect(await said("auto", "drop")).toContain("open");
    expect(await said("list")).toContain("drop");
    expect(await said("show", "drop")).toContain("beside the line");
    expect((await said("invite", "drop", "3")).trim().split("\n")).toHaveLength(3);
    expect(await said("preview", "drop", "turn")).toContain("Go in");
    await said("stock", "drop", "31", "9", "360");
    await until(async () => ((await nowOf()).stock?.remaining === 31 ? true : undefined));
    expect((await nowOf()).stock).toMatchObject({ remaining: 31, held: 9, sold: 360 });
    expect(await said("outflow", "drop", "600")).toContain("600");
  }, 60_000);

  test("say what is wrong: no edge, no token, no room, no number", async () => {
    const wrong = [
      [["show", "nowhere"], 1, 'no waiting room "nowhere"'],
      [["outflow", "drop", "many"], 2, "whole number"],
      [["fly", "drop"], 2, "usage:"],
      [["preview", "drop", "asleep"], 1, "There are before"],
    ] as const;
    for (const [words, code, words2] of wrong) {
      const result = await rooms(...words);
      expect([words, result.code]).toEqual([words, code]);
      expect(result.err).toContain(words2);
    }
    const nobody = await spillway(world.edge.env, "rooms", "list", "--ops", "http://127.0.0.1:1");
    expect([nobody.code, nobody.err.includes("No edge answers")]).toEqual([1, true]);
    const closed = await spillway(
      world.edge.env,
      "rooms",
      "list",
      "--ops",
      world.edge.opsUrl,
      "--token",
      "another-token-altogether",
    );
    expect(closed.err).toContain("admin token");
  }, 60_000);
});

test("an operator of this machine needs no address and no token; where nothing runs, or several do, it is said what to do", async () => {
  const folder = mkdtempSync(join(tmpdir(), "spillway-notes-"));
  const env = { ...world.edge.env, XDG_RUNTIME_DIR: folder, SPILLWAY_OPS_PORT: "" };
  const list = async (...words: string[]) => await spillway(env, "rooms", "list", ...words);
  const start = async () =>
    await startShop({
      word: "edge",
      env: { SPILLWAY_EDGE_CONFIG: join(world.folder, "spillway.config.json"), XDG_RUNTIME_DIR: folder },
    });
  const none = await list();
  expect([none.code, none.err.includes("No edge of this user runs on this machine")]).toEqual([2, true]);
  const one = await start();
  const alone = await list();
  expect([alone.code, alone.err]).toEqual([0, ""]);
  expect(alone.out).toContain("drop");
  const another = await start();
  const several = await list();
  expect(several.code).toBe(2);
  expect(several.err).toContain(`--ops ${another.opsUrl}`);
  expect((await list("--ops", another.opsUrl)).out).toContain("drop");
  const [note = ""] = readdirSync(join(folder, "spillway"));
  expect(statSync(join(folder, "spillway", note)).mode & 0o777).toBe(0o600);
  await another[Symbol.asyncDispose]();
  await one[Symbol.asyncDispose]();
  expect(readdirSync(join(folder, "spillway"))).toEqual([]);
  rmSync(folder, { recursive: true });
}, 60_000);

test("the admin API takes what is wrong for what it is", async () => {
  for (const [method, path, body] of [
    ["PATCH", "/edge/rooms/drop", {}],
    ["PATCH", "/edge/rooms/drop", { phase: "asleep" }],
    ["PATCH", "/edge/rooms/drop", { outflowPerMinute: 0 }],
    ["POST", "/edge/rooms/drop/invites", { count: 0 }],
    ["PUT", "/edge/rooms/drop/stock", { remaining: -1, held: 0, sold: 0 }],
  ] as const)
    expect([path, (await world.admin(method, path, body)).status]).toEqual([path, 422]);
  expect((await world.admin("GET", "/edge/rooms/nowhere")).status).toBe(404);
  const { body } = await world.admin("GET", "/edge/statistics");
  expect((body as { waitingRooms: Record<string, unknown> }).waitingRooms.drop).toMatchObject({ phase: "open" });
  const metrics = await (await fetch(`${world.edge.opsUrl}/metrics`)).text();
  for (const name of ["waiting", "active", "admitted_last_minute", "at_the_door", "reachable"])
    expect(metrics).toContain(`spillway_room_${name}{room="drop"}`);
});

test("stock is taken from whoever signs it, now, and from nobody else", async () => {
  const body = JSON.stringify({ remaining: 5, held: 1, sold: 4 });
  const send = async (secret: string, seconds: number, text = body): Promise<number> => {
    const signature = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
    const answer = await fetch(`${world.url}/.spillway/rooms/drop/stock`, {
      method: "POST",
      headers: { "spillway-signature": `t=${seconds},v1=${signature}` },
      body: text,
    });
    return answer.status;
  };
  const seconds = Math.floor(Date.now() / 1000);
  expect(await send(stockSecret, seconds)).toBe(204);
  expect(await send("another secret altogether", seconds)).toBe(401);
  expect(await send(stockSecret, seconds - 3600)).toBe(401);
  expect(await send(stockSecret, seconds, body.replace("5", "500"))).toBe(401);
}, 30_000);

describe("who asked to be told", () => {
  test("gets one e-mail when the turn is near, and the address is forgotten", async () => {
    await rooms("auto", "drop");
    const ada = new Visitor(world.url);
    await rooms("pause", "drop");
    await ada.ask("/drop");
    const headers = { accept: "application/json" };
    expect(
      (await ada.post("/.spillway/rooms/drop/tell-me", { about: "turn", email: "no address" }, headers)).status,
    ).toBe(422);
    expect(
      (await ada.post("/.spillway/rooms/drop/tell-me", { about: "turn", email: "Ada@Example.com" }, headers)).status,
    ).toBe(200);
    expect((await stateOf()).toTell.turn).toBe(1);
    await rooms("auto", "drop");
    const mail = await until(() => mailTo("ada@example.com"));
    expect(mail).toMatch(/turn/);
    expect(mail).toContain(`${world.url}/drop`);
    await until(async () => ((await stateOf()).toTell.turn === 0 ? true : undefined));
    expect(readFileSync(`${world.folder}/state/drop.told.jsonl`, "utf8")).not.toContain("ada@example.com");
  }, 60_000);

  test("of a restock are listed and told in the order of asking, over a restart of the list, and deleted by a link", async () => {
    const bob = new Visitor(world.url);
    await bob.ask("/drop");
    const place = await bob.json<PlaceView>("/.spillway/rooms/drop/place");
    expect(place.number).toBeNumber();
    for (const email of ["first@example.com", "second@example.com", "=third@example.com"])
      await bob.post("/.spillway/rooms/drop/tell-me", { about: "restock", email }, { accept: "application/json" });
    const csv = (await rooms("restock", "drop")).out;
    expect(
      csv
        .split(/\r?\n/)
        .slice(0, 4)
        .map((line) => line.split(",")[0]),
    ).toEqual(["email", '"first@example.com"', '"second@example.com"', `"'=third@example.com"`]);
    expect((await rooms("restock", "drop", "--tell", "1")).out).toContain("1 person was told");
    const mail = await until(() => mailTo("first@example.com"));
    const link = /forget\?mail=([0-9a-f]{32})/.exec(mail.replace(/=\r?\n/g, "").replaceAll("=3D", "="))?.[1];
    const address = `/.spillway/rooms/drop/forget?mail=${link}`;
    expect(await (await bob.ask(address)).text()).toContain("Delete my address");
    expect(await (await bob.post(address)).text()).toContain("It is gone");
    expect((await rooms("restock", "drop")).out).not.toContain("first@example.com");
    expect((await rooms("restock", "drop", "--forget")).code).toBe(0);
    expect((await stateOf()).toTell).toEqual({ turn: 0, restock: 0 });
    expect(existsSync(`${world.folder}/state/drop.told.jsonl`)).toBe(true);
  }, 60_000);
});

async function until<Value>(look: () => Value | undefined | Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await look();
    if (found !== undefined) return found;
    await Bun.sleep(100);
  }
  throw new Error("It did not happen within 20 seconds.");
}
