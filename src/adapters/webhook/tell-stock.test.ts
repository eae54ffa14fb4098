/** The stock as edges elsewhere are told it: each of them, signed, in time. */
import { afterAll, expect, test } from "bun:test";
import { isTimedSignature } from "../internal/timed-signature.ts";
import { createTellStock } from "./tell-stock.ts";

const secret = "a secret that both sides know";
const got: { path: string; body: unknown; isSigned: boolean }[] = [];
let status = 200;
const edge = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/elsewhere") return new Response();
    if (status === 303) return Response.redirect("/elsewhere", 303);
    const body = new Uint8Array(await request.arrayBuffer());
    const isSigned = isTimedSignature(request.headers.get("spillway-signature"), body, [secret], Date.now());
    got.push({ path: pathname, body: JSON.parse(new TextDecoder().decode(body)), isSigned });
    return new Response("", { status });
  },
});
afterAll(async () => await edge.stop(true));
const address = (name: string) => `http://127.0.0.1:${edge.port}/${name}/{room}/stock`;
const teller = (urls: readonly string[]) =>
  createTellStock({ urls, secret, clock: { now: Date.now, sleep: async () => undefined } });
const stock = { remaining: 31, held: 9, sold: 360 };

test("every edge is told, in a body that it can check", async () => {
  got.length = 0;
  await teller([address("one"), address("two")])("drop", stock);
  expect(got.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
    { path: "/one/drop/stock", body: stock, isSigned: true },
    { path: "/two/drop/stock", body: stock, isSigned: true },
  ]);
});

test("an edge that refuses or leads elsewhere was not told, and the others are all the same", async () => {
  for (status of [401, 303])
    expect(await teller([address("one")])("drop", stock).catch(() => "not told")).toBe("not told");
  status = 200;
  got.length = 0;
  const both = teller(["http://127.0.0.1:1/{room}", address("two")]);
  expect(await both("drop", stock).catch(() => "not told")).toBe("not told");
  expect(got).toHaveLength(1);
});
