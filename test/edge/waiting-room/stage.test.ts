/** The waiting room as those meet it who wait, and those who do not: a real edge in front of an origin that says what reached it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { NowServing, PlaceView } from "#contract/waiting-room.ts";
import { until } from "../../kit/until.ts";
import { startRoomEdge, Visitor } from "./room-edge.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const past = "2026-01-01T00:00:00Z";
const drop = {
  id: "drop",
  title: "The drop",
  match: { paths: ["/products/*", "/api/*"], except: ["/api/open"] },
  opensAt: past,
  outflowPerMinute: 60,
  bypass: { tokens: [sha256("staff")], codes: [sha256("GOLDEN")] },
  skus: ["DROP"],
};
const frozen = { ...drop, id: "frozen", title: "Frozen", match: { paths: ["/frozen/*", "/checkout/*"] }, bypass: {} };
const later = { id: "later", match: { paths: ["/later"] }, opensAt: "2100-01-01T09:00:00Z", preQueueMinutes: 15 };
const net = { id: "net", kind: "safety-net", match: { paths: ["/net/*"] }, staysOpenSeconds: 5 };
const tagged = { id: "tagged", match: { tags: ["collection-drop"] }, opensAt: past, outflowPerMinute: 60 };
const quiet = { id: "quiet", match: { paths: ["/quiet/*"] }, opensAt: past };
const rooms = [drop, frozen, later, net, tagged, quiet];

let world: Awaited<ReturnType<typeof startRoomEdge>>;
beforeAll(async () => {
  world = await startRoomEdge(rooms);
  // Nobody is let in: who comes waits for as long as a test needs.
  for (const id of ["frozen", "tagged"]) await setPhase(id, "paused");
}, 60_000);
afterAll(async () => await world?.stop(), 30_000);

const visitor = () => new Visitor(world.url);
const reached = (path: string): number => world.seen.filter((one) => one.path === path).length;
const nowOf = async (id: string): Promise<NowServing> =>
  ((await (await fetch(`${world.url}/.spillway/rooms/${id}/now`)).json()) as { now: NowServing }).now;

async function setPhase(id: string, phase: string | null): Promise<void> {
  expect((await world.admin("PATCH", `/edge/rooms/${id}`, { phase })).status).toBe(200);
  while ((await nowOf(id)).phase !== (phase ?? "open")) await Bun.sleep(50);
}

/** Claims until it is let in. */
async function goIn(who: Visitor, id = "drop"): Promise<PlaceView> {
  for (let tries = 0; tries < 60; tries++) {
    const answer = await who.json<PlaceView>(`/.spillway/rooms/${id}/claim`, { method: "POST" });
    if (answer.state === "admitted") return answer;
    await Bun.sleep(250);
  }
  throw new Error("was never let in");
}

describe("somebody who waits", () => {
  test("sees the page they came for, with the line where what buys would be, and nobody may keep it", async () => {
    const ada = visitor();
    const answer = await ada.ask("/frozen/lamp");
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("private, no-store");
    expect(answer.headers.get("etag")).toBeNull();
    expect(text).toContain("<h1>The page /frozen/lamp</h1>");
    expect(text).toMatch(/<div id="here"><section id="spillway-room"/);
    expect(text).not.toContain("<button>Buy</button>");
    expect(text).toContain('<link rel="stylesheet" href="/.spillway/room.css">');
    expect(text).toContain('http-equiv="refresh"');
    expect([...ada.cookies.keys()]).toEqual(["spillway_place_frozen"]);
  });

  test("has one place, however often the page is opened", async () => {
    const ada = visitor();
    await ada.ask("/frozen/lamp");
    const first = await ada.json<PlaceView>("/.spillway/rooms/frozen/place");
    const { next } = await nowOf("frozen");
    for (const path of ["/frozen/lamp", "/frozen/chair", "/frozen/lamp"]) await ada.ask(path);
    expect((await ada.json<PlaceView>("/.spillway/rooms/frozen/place")).number).toBe(first.number as number);
    expect((await nowOf("frozen")).next).toBe(next);
  });

  test("is to the origin as one who looks, and nothing of theirs reaches it", async () => {
    const before = reached("/frozen/many");
    const crowd = Array.from({ length: 30 }, visitor);
    for (const one of crowd) one.cookies.set("session", "secret");
    const answers = await Promise.all(crowd.map(async (one) => await (await one.ask("/frozen/many")).text()));
    for (const text of answers) expect(text).toContain("The page /frozen/many");
    expect(reached("/frozen/many")).toBe(before + 1);
    expect(world.seen.find((one) => one.path === "/frozen/many")).toMatchObject({ pass: null, room: "waiting" });
  });

  test("is sent back to the page of the room when a form would change something, and nothing is passed on", async () => {
    const ada = visitor();
    const referer = `${world.url}/frozen/lamp?colour=red`;
    const form = await ada.post("/frozen/cart", { sku: "DROP" }, { referer });
    expect([form.status, form.headers.get("location")]).toEqual([303, "/frozen/lamp?colour=red"]);
    const elsewhere = await ada.post("/products/buy", {}, { referer: "https://evil.example/x" });
    expect(elsewhere.headers.get("location")).toBe("/");
    const program = await ada.ask("/frozen/cart", { method: "POST", headers: { accept: "application/json" } });
    expect(program.status).toBe(409);
    expect(await program.json()).toMatchObject({ code: "room_waiting", state: "no-place" });
    expect(reached("/frozen/cart") + reached("/products/buy")).toBe(0);
  });

  test("waits on a page of the edge's own where there is no public page: a checkout, or an origin in trouble", async () => {
    for (const path of ["/checkout/pay", "/frozen/broken"]) {
      const answer = await visitor().ask(path);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.text()).toContain('class="spw-own"');
      expect(answer.headers.get("content-security-policy")).toContain("script-src 'self'");
    }
    expect(reached("/checkout/pay")).toBe(0);
  });

  test("is told by HEAD what GET would say, and gets no place for what a browser only fetches ahead", async () => {
    const { next } = await nowOf("frozen");
    const head = await visitor().ask("/frozen/lamp", { method: "HEAD" });
    expect([head.status, head.headers.get("cache-control")]).toEqual([200, "private, no-store"]);
    const early = await visitor().ask("/frozen/lamp", { headers: { "sec-purpose": "prefetch;prerender" } });
    expect(early.status).toBe(503);
    const picture = await visitor().ask("/frozen/lamp", { headers: { accept: "image/avif,image/webp,image/*" } });
    expect(picture.status).toBe(503);
    expect((await nowOf("frozen")).next).toBe(next);
  });

  test("may have the files that pages are made of, but not a page that calls itself one", async () => {
    expect(await (await visitor().ask("/frozen/site.css")).text()).toBe("body{}");
    expect(await (await visitor().ask("/frozen/checkout.png")).text()).toContain("spillway-room");
  });

  test("cannot spell themselves past it", async () => {
    for (const path of ["/Frozen/lamp", "//frozen/lamp", "/%66rozen/lamp", "/frozen//lamp", "/x/..%2ffrozen/lamp"])
      expect([path, (await (await visitor().ask(path)).text()).includes("spillway-room")]).toEqual([path, true]);
  });
});

describe("a program", () => {
  test("joins with 202, polls, claims, and goes in with what it was told, without a cookie", async () => {
    const headers = { accept: "application/json" };
    const joined = await fetch(`${world.url}/frozen/api`, { headers });
    expect(joined.status).toBe(202);
    expect(Number(joined.headers.get("retry-after"))).toBeGreaterThan(0);
    const { place = "" } = (await joined.json()) as PlaceView;
    const asked = await fetch(`${world.url}/.spillway/rooms/frozen/place`, {
      headers: { ...headers, "spillway-place": place },
    });
    expect(asked.status).toBe(202);
    expect(await asked.json()).toMatchObject({ state: "waiting", phase: "paused" });
    const early = await fetch(`${world.url}/.spillway/rooms/frozen/claim`, {
      method: "POST",
      headers: { ...headers, "spillway-place": place },
    });
    expect(early.status).toBe(202);
  });

  test("that finds no line is told in the answer what to show from then on", async () => {
    const answer = await fetch(`${world.url}/quiet/api`, { headers: { accept: "application/json" } });
    const pass = answer.headers.get("spillway-pass") ?? "";
    expect(answer.headers.getSetCookie().some((cookie) => cookie.startsWith(`spillway_pass_quiet=${pass};`))).toBe(
      true,
    );
    const { next } = await nowOf("quiet");
    expect((await fetch(`${world.url}/quiet/api`, { method: "POST", headers: { "spillway-pass": pass } })).status).toBe(
      200,
    );
    expect((await nowOf("quiet")).next).toBe(next);
  });

  test("is let in where nobody waits, and its pass goes to the shop and nobody else's does", async () => {
    const ada = visitor();
    await ada.ask("/products/lamp");
    if (!ada.cookies.has("spillway_pass_drop")) await goIn(ada);
    const pass = ada.cookies.get("spillway_pass_drop") as string;
    expect(await ada.json<{ pass: string | null }>("/api/orders", { method: "POST", body: "{}" })).toEqual({ pass });
    // Shown in the field, it is checked like the cookie.
    const shown = await fetch(`${world.url}/api/orders`, {
      headers: { accept: "application/json", "spillway-pass": pass },
    });
    expect(await shown.json()).toEqual({ pass });
    for (const made of ["x", `${pass.slice(0, -2)}AA`, ada.cookies.get("spillway_place_drop") ?? "y"]) {
      const answer = await fetch(`${world.url}/api/orders`, {
        method: "POST",
        headers: { accept: "application/json", "spillway-pass": made },
      });
      expect(answer.status).toBe(409);
    }
    // Nobody outside of the rooms can bring one either.
    const open = await fetch(`${world.url}/api/open`, {
      headers: { accept: "application/json", "spillway-pass": "mine", "spillway-room": "waiting" },
    });
    expect(await open.json()).toEqual({ pass: null });
    expect(world.seen.findLast((one) => one.path === "/api/open")?.room).toBeNull();
  });

  test("takes any order of JSON and HTML by their weights", async () => {
    const cases = [
      ["application/json", 202],
      ["application/json;q=0.9, text/html;q=0.1", 202],
      ["text/html, application/json;q=0.5", 200],
    ] as const;
    for (const [accept, status] of cases)
      expect((await visitor().ask("/frozen/x", { headers: { accept } })).status).toBe(status);
  });
});

describe("who is in", () => {
  test("stays in, is forgotten when the shop says so, and then waits like everybody", async () => {
    const ada = visitor();
    await ada.ask("/products/lamp");
    if (!ada.cookies.has("spillway_pass_drop")) await goIn(ada);
    const pass = ada.cookies.get("spillway_pass_drop") as string;
    expect(await (await ada.ask("/products/lamp")).text()).toContain("<button>Buy</button>");
    const ordered = await ada.ask("/api/orders", {
      method: "POST",
      headers: { accept: "application/json", "x-say": "ordered;units=2;room=drop, release;room=drop" },
    });
    expect(ordered.status).toBe(200);
    expect(ordered.headers.get("spillway-room")).toBeNull();
    expect(ada.cookies.has("spillway_pass_drop")).toBe(false);
    const again = await fetch(`${world.url}/api/orders`, {
      method: "POST",
      headers: { accept: "application/json", "spillway-pass": pass },
    });
    expect(again.status).toBe(409);
  });
});

describe("beside the line", () => {
  test("a token of the operator's lets in, is counted, and the count is published", async () => {
    const answer = await visitor().ask("/api/x", {
      headers: { accept: "application/json", "spillway-bypass": "staff" },
    });
    expect(((await answer.json()) as { pass: string | null }).pass).toBeString();
    await until(async () => ((await nowOf("drop")).bypassed.token ?? 0) > 0);
  });

  test("an invitation is good once, whoever wrote it and however it is typed", async () => {
    const { body } = await world.admin("POST", "/edge/rooms/frozen/invites", { count: 2 });
    const [code = "", other = ""] = (body as { codes: string[] }).codes;
    expect(code).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/);
    const ada = visitor();
    const used = await ada.post("/.spillway/rooms/frozen/invite", {
      code: code.toLowerCase().replaceAll("-", " "),
      to: "/frozen/lamp",
    });
    expect([used.status, used.headers.get("location")]).toEqual([303, "/frozen/lamp"]);
    expect(await (await ada.ask("/frozen/lamp")).text()).toContain("<button>Buy</button>");
    expect((await visitor().post("/.spillway/rooms/frozen/invite", { code })).status).toBe(404);
    // Opening a link with a code uses nothing up.
    expect(await (await visitor().ask(`/frozen/lamp?invite=${other}`)).text()).toContain(`value="${other}"`);
    expect((await visitor().post("/.spillway/rooms/frozen/invite", { code: other })).status).toBe(303);
    expect((await visitor().post("/.spillway/rooms/drop/invite", { code: "GOLDEN" })).status).toBe(303);
    expect((await visitor().post("/.spillway/rooms/drop/invite", { code: "GOLDEN" })).status).toBe(404);
  });
});

describe("another device", () => {
  test("takes the place over by a code that is good once, and the first gives it up", async () => {
    const [phone, laptop] = [visitor(), visitor()];
    await phone.ask("/frozen/lamp");
    const { number } = await phone.json<PlaceView>("/.spillway/rooms/frozen/place");
    const made = await phone.json<{ code: string; url: string; svg: string }>("/.spillway/rooms/frozen/code", {
      method: "POST",
    });
    expect(made.svg).toStartWith("<svg");
    const { pathname } = new URL(made.url);
    // Whoever previews a link opens it too: nothing happens by that.
    expect(await (await laptop.ask(pathname)).text()).toContain("Go on here");
    expect((await laptop.post(pathname)).status).toBe(303);
    expect((await laptop.json<PlaceView>("/.spillway/rooms/frozen/place")).number).toBe(number as number);
    expect((await visitor().post(pathname)).status).toBe(404);
    const old = await phone.ask("/.spillway/rooms/frozen/place", { headers: { accept: "application/json" } });
    expect(old.status).toBe(409);
    expect(await old.json()).toMatchObject({ code: "room_place_moved" });
    // And back again.
    const back = await laptop.json<{ code: string }>("/.spillway/rooms/frozen/code", { method: "POST" });
    await phone.post("/.spillway/rooms/frozen/invite", { code: back.code });
    expect((await phone.json<PlaceView>("/.spillway/rooms/frozen/place")).number).toBe(number as number);
  });

  test("that copied the cookie of a place bound to a key has no place", async () => {
    const ada = visitor();
    await ada.ask("/frozen/lamp");
    const { number } = await ada.json<PlaceView>("/.spillway/rooms/frozen/place");
    const now = await nowOf("frozen");
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    const base64 = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString("base64url");
    const proof = async (purpose: string, at = String(now.issuedAtMs)): Promise<Record<string, string>> => ({
      at,
      key: base64(await crypto.subtle.exportKey("raw", pair.publicKey)),
      signature: base64(
        await crypto.subtle.sign(
          { name: "ECDSA", hash: "SHA-256" },
          pair.privateKey,
          new TextEncoder().encode(`spillway ${purpose} frozen 1 ${number} ${at}`),
        ),
      ),
    });
    const json = { accept: "application/json" };
    expect(
      (await ada.post("/.spillway/rooms/frozen/bind", { ...(await proof("bind")), signature: "A".repeat(86) }, json))
        .status,
    ).toBe(422);
    expect((await ada.post("/.spillway/rooms/frozen/bind", await proof("bind"), json)).status).toBe(200);
    for (const [action, fields, status] of [
      ["claim", {}, 403],
      ["code", {}, 403],
      ["claim", await proof("bind"), 403],
      ["claim", await proof("claim", String(now.issuedAtMs - 3_600_000)), 403],
      ["claim", await proof("claim"), 202],
      ["code", await proof("code"), 200],
    ] as const)
      expect([action, (await ada.post(`/.spillway/rooms/frozen/${action}`, fields, json)).status]).toEqual([
        action,
        status,
      ]);
  });
});

describe("the addresses of a room", () => {
  test("give the signed document to everybody, for a second", async () => {
    const answer = await fetch(`${world.url}/.spillway/rooms/frozen/now`);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=1");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    const { keys } = (await (await fetch(`${world.url}/.spillway/keys`)).json()) as { keys: Record<string, string> };
    const { now, keyId, signature } = (await answer.json()) as { now: NowServing; keyId: number; signature: string };
    const key = await crypto.subtle.importKey(
      "raw",
      Buffer.from(keys[keyId] as string, "base64url"),
      "Ed25519",
      false,
      ["verify"],
    );
    const text = new TextEncoder().encode(JSON.stringify(now));
    expect(await crypto.subtle.verify("Ed25519", key, Buffer.from(signature, "base64url"), text)).toBe(true);
  });

  test("refuse forms of other sites, other methods, and rooms that are none", async () => {
    const ada = visitor();
    await ada.ask("/frozen/lamp");
    const claim = "/.spillway/rooms/frozen/claim";
    expect((await ada.post(claim, {}, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await ada.post(claim, {}, { origin: "https://evil.example" })).status).toBe(403);
    expect((await ada.post(claim, {}, { origin: world.url })).status).not.toBe(403);
    expect((await ada.ask(claim)).status).toBe(405);
    expect((await ada.ask("/.spillway/rooms/nowhere/place")).status).toBe(404);
    expect((await visitor().post(claim)).status).toBe(404);
  });

  test("lead nowhere but to pages of this site", async () => {
    const { body } = await world.admin("POST", "/edge/rooms/frozen/invites", { count: 5 });
    for (const to of [
      "//evil.example",
      "/\\evil.example",
      "https://evil.example",
      "/a\tb",
      "/.spillway/rooms/frozen/claim",
    ]) {
      const code = (body as { codes: string[] }).codes.pop() ?? "";
      const answer = await visitor().post("/.spillway/rooms/frozen/invite", { code, to });
      expect([to, answer.headers.get("location")]).toEqual([to, "/"]);
    }
  });

  test("give a receipt whose holder can show that they joined", async () => {
    const ada = visitor();
    await ada.ask("/frozen/lamp");
    const asked = async () =>
      await ada.ask("/.spillway/rooms/frozen/receipt", { headers: { accept: "application/json" } });
    await until(async () => (await asked()).status === 200);
    const receipt = await asked();
    expect(receipt.status).toBe(200);
    expect(receipt.headers.get("content-disposition")).toContain("attachment");
    const { number, inclusion } = (await receipt.json()) as { number: number; inclusion: { size: number } };
    expect(inclusion.size).toBeGreaterThanOrEqual(number);
    const leaves = await (await fetch(`${world.url}/.spillway/rooms/frozen/leaves`)).arrayBuffer();
    expect(leaves.byteLength % 32).toBe(0);
    expect(leaves.byteLength / 32).toBeGreaterThanOrEqual(number);
  });
});

test("before the doors and their pre-queue everybody looks around, and nobody buys", async () => {
  const text = await (await visitor().ask("/later")).text();
  expect(text).toContain("Doors open");
  expect(text).not.toContain("<button>Buy</button>");
  expect((await visitor().post("/later")).status).toBe(303);
  expect(await nowOf("later")).toMatchObject({ phase: "before", next: 1 });
});

test("a safety net that stands by is not felt", async () => {
  const ada = visitor();
  expect(await (await ada.ask("/net/page")).text()).toContain("<button>Buy</button>");
  expect(ada.cookies.size).toBe(0);
  expect((await ada.post("/net/buy")).status).toBe(200);
});

test("a room by tag takes the pages whose answers say so, the first time too", async () => {
  const path = "/tagged/collection-drop";
  expect(await (await visitor().ask(path)).text()).toContain("spillway-room");
  expect(await (await visitor().ask(path)).text()).toContain("spillway-room");
  for (let ask = 0; ask < 3; ask++)
    expect(await (await visitor().ask("/tagged/other")).text()).toContain("<button>Buy</button>");
  expect((await visitor().post(path)).status).toBe(303);
});

test("a page with a strict policy allows what the line needs and no more, and its cookies stay away", async () => {
  await setPhase("drop", "paused");
  const answer = await visitor().ask("/products/policy");
  const policy = answer.headers.get("content-security-policy") ?? "";
  await setPhase("drop", null);
  expect(await answer.text()).toContain("spillway-room");
  expect(policy).toContain(`script-src-elem ${world.url}/.spillway/`);
  expect(policy).toContain(`style-src-elem 'sha256-x' ${world.url}/.spillway/`);
  expect(policy).toContain("default-src 'none'");
  expect(answer.headers.getSetCookie().every((cookie) => cookie.startsWith("spillway_place_"))).toBe(true);
});

describe("a configuration that is read again", () => {
  test("keeps the lines of its rooms, gives new ones a line, and lets go of those that are gone", async () => {
    const ada = visitor();
    await ada.ask("/frozen/lamp");
    const { number } = await ada.json<PlaceView>("/.spillway/rooms/frozen/place");
    await world.reload([
      { ...frozen, message: "Hello" },
      { ...drop, match: { paths: ["/new"] }, id: "new" },
    ]);
    expect((await ada.json<PlaceView>("/.spillway/rooms/frozen/place")).number).toBe(number as number);
    expect((await nowOf("frozen")).phase).toBe("paused");
    expect(await (await visitor().ask("/later")).text()).toContain("<button>Buy</button>");
    expect((await fetch(`${world.url}/.spillway/rooms/later/now`)).status).toBe(404);
    await world.reload(rooms);
  });
});

test("while the line cannot be reached, an arrival is noted and kept, and nobody is let in", async () => {
  const alone = await startRoomEdge([{ ...drop, opensAt: past }], {
    waitingRooms: { storeUrl: "redis://127.0.0.1:1" },
  });
  try {
    const ada = new Visitor(alone.url);
    await Bun.sleep(2600);
    const text = await (await ada.ask("/products/lamp")).text();
    expect(text).toContain("Your arrival is noted");
    const place = ada.cookies.get("spillway_place_drop");
    expect(await ada.json<PlaceView>("/.spillway/rooms/drop/place")).toMatchObject({ state: "waiting", number: null });
    await ada.ask("/products/lamp");
    expect(ada.cookies.get("spillway_place_drop")).toBe(place);
    expect((await ada.ask("/api/x", { method: "POST", headers: { accept: "application/json" } })).status).toBe(409);
    expect(alone.seen.filter((one) => one.path === "/api/x")).toEqual([]);
  } finally {
    await alone.stop();
  }
}, 30_000);

test("a safety net opens by itself under pressure, lets in who finds no line, and closes again", async () => {
  const phaseOf = async (): Promise<string> => (await nowOf("net")).phase;
  await world.admin("PUT", "/edge/pressure", { level: 3 });
  while ((await phaseOf()) !== "open") await Bun.sleep(100);
  const ada = visitor();
  await ada.ask("/net/page");
  expect(ada.cookies.has("spillway_place_net")).toBe(true);
  await world.admin("PUT", "/edge/pressure", { level: null });
  while ((await phaseOf()) !== "standby") await Bun.sleep(100);
  const bob = visitor();
  expect(await (await bob.ask("/net/page")).text()).toContain("<button>Buy</button>");
  expect(bob.cookies.size).toBe(0);
}, 30_000);
