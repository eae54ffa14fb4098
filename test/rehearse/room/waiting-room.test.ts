/** The crowd through a waiting room, as people and as programs: through an edge's own, and through rooms that cheat. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PromiseResult, RunResult } from "#rehearse/result.ts";
import { startShop } from "../../kit/running-shop.ts";
import { rehearseValidly } from "../crowd/tool-kit.ts";
import { startCheatingRoom } from "./cheating-room.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-room-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let plans = 0;
function planFile(plan: object): string {
  plans += 1;
  const file = join(folder, `plan-${plans}.json`);
  writeFileSync(file, JSON.stringify({ lateStartMs: 500, ...plan }));
  return file;
}

const found = (result: RunResult, name: string): PromiseResult =>
  result.promises.find(({ promise }) => promise === name) as PromiseResult;

/** `asPerson`: with a browser's Accept, so that it gets the page and looks at the document. */
const comes = (name: string, weight: number, steps: object[]) => ({ name, weight, steps });
const asPerson = { Accept: "text/html" };

test("a spike of people and programs goes through an edge's real room: everybody in turn, none beyond the rate, and the truth says so", async () => {
  const origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ headers, method }) =>
      headers.has("spillway-pass")
        ? new Response(method === "POST" ? "ordered" : "<!doctype html><title>The sale</title>", {
            headers: { "content-type": "text/html", "cache-control": "no-store" },
          })
        : new Response("nobody let you in", { status: 500 }),
  });
  const config = join(folder, "edge.json");
  writeFileSync(
    config,
    JSON.stringify({
      upstreams: [{ url: `http://127.0.0.1:${origin.port}` }],
      limits: { policies: [{ name: "address", by: "address", perSecond: 100_000, burst: 100_000 }] },
      waitingRooms: {
        stateDir: folder,
        rooms: [{ id: "drop", match: { paths: ["/sale", "/order"] }, outflowPerMinute: 600, page: "standalone" }],
      },
    }),
  );
  try {
    const ran = await rehearseValidly(async () => {
      // A room of its own for each try: what was given and admitted before is not this run's.
      await edge?.[Symbol.asyncDispose]();
      rmSync(join(folder, "report"), { recursive: true, force: true });
      edge = await startShop({ word: "edge", env: { SPILLWAY_EDGE_CONFIG: config } });
      const plan = planFile({
        target: { url: edge.url, settings: { metricsUrl: `${edge.opsUrl}/metrics` } },
        arrivals: {
          shape: "spike",
          basePerSecond: 3,
          peakPerSecond: 35,
          beforeSeconds: 2,
          riseSeconds: 1,
          holdSeconds: 3,
          fallSeconds: 1,
          afterSeconds: 9,
        },
        timeoutSeconds: 15,
        journeys: [
          comes("person", 4, [
            { name: "sale", path: "/sale", headers: asPerson, waitingRoom: true, expect: [200] },
            { name: "again", path: "/sale", headers: asPerson, waitingRoom: true, expect: [200] },
          ]),
          comes("program", 4, [{ name: "sale", path: "/sale", waitingRoom: true, expect: [200] }]),
          comes("buyer", 2, [
            { name: "order", method: "POST", path: "/order", body: { sku: "LAMP" }, waitingRoom: true, expect: [200] },
          ]),
        ],
        thresholds: [{ of: "errors.count", below: 1 }],
      });
      return [plan, "--json", "--report", join(folder, "report")];
    });
    const result = ran.result();
    expect(ran.exitCode, JSON.stringify([result.voidReasons, result.promises, result.notes])).toBe(0);
    expect(result.journeysDone).toBe(result.journeysBegun);
    const [admission, fairness] = [found(result, "admission"), found(result, "fairness")];
    expect(admission).toMatchObject({ held: true, broken: 0, looked: result.journeysBegun });
    expect(admission.detail).toMatch(
      new RegExp(
        `^600 allowed in any 60 s at "drop"; the crowd saw (\\d+) at most, by its own count \\1; ${result.journeysBegun} of the crowd were let in, ${result.journeysBegun} in its books$`,
      ),
    );
    expect(fairness).toMatchObject({ held: true, broken: 0 });
    expect(fairness.looked).toBeGreaterThan(50);
    expect(fairness.detail).toMatch(/^0 overtakings at "drop"; Kendall's tau 0\.\d{3} between/);
    // People looked at the document, programs at their place, and somebody who wanted to buy was given a place first.
    const line = result.lines?.[0];
    expect(line).toMatchObject({ room: "drop", allowedPerMinute: 600, letIn: result.journeysBegun });
    expect(Math.max(...(line?.everySecond ?? []).map(({ inLine }) => inLine))).toBeGreaterThan(20);
    expect(line?.said.length).toBeGreaterThan(5);
    for (const name of ["person", "program", "buyer"])
      expect(
        result.steps.find((step) => step.journey === name && step.inLine !== undefined)?.inLine?.count,
      ).toBeGreaterThan(0);
    const report = await Bun.file(join(folder, "report", "report.html")).text();
    expect(report.includes("In line before “drop”")).toBe(true);
  } finally {
    await edge?.[Symbol.asyncDispose]();
    await origin.stop(true);
  }
}, 90_000);
let edge: Awaited<ReturnType<typeof startShop>> | undefined;

const cheats = [
  ["gives one number to two people", "twice", "fairness", /numbers given twice/],
  ["lets somebody in who came later", "later", "fairness", /[1-9]\d* overtakings at "stand-in", one shopper by/],
  ["moves a place back", "back", "fairness", /places moved back/],
  [
    "lets in twice as many as it says",
    "double",
    "admission",
    /^60 allowed in any 60 s at "stand-in"; the crowd saw (?:[7-9]\d|1\d\d) at most/,
  ],
] as const;

for (const [what, cheat, broken, words] of cheats)
  test.concurrent(`a room that ${what} is found out: the run ends with 4 and names the truth`, async () => {
    using room = startCheatingRoom(cheat);
    const ran = await rehearseValidly(async () => {
      room.beginAnew();
      const plan = planFile({
        target: { url: room.url },
        arrivals: { shape: "constant", perSecond: 25, seconds: 5 },
        timeoutSeconds: 8,
        journeys: [
          comes("person", 1, [{ name: "sale", path: "/sale", headers: asPerson, waitingRoom: true }]),
          comes("program", 1, [{ name: "sale", path: "/sale", waitingRoom: true }]),
        ],
      });
      return [plan, "--json"];
    });
    const result = ran.result();
    const said = JSON.stringify([result.voidReasons, result.promises, result.notes]);
    expect(ran.exitCode, said).toBe(4);
    expect(found(result, broken), said).toMatchObject({ held: false });
    expect(found(result, broken).detail).toMatch(words);
    expect(found(result, broken === "fairness" ? "admission" : "fairness"), said).toMatchObject({ held: true });
  }, 60_000);

test("a room that is honest is not accused by the same questions", async () => {
  using room = startCheatingRoom("not at all");
  const plan = planFile({
    target: { url: room.url },
    arrivals: { shape: "constant", perSecond: 20, seconds: 4 },
    timeoutSeconds: 8,
    journeys: [comes("program", 1, [{ name: "sale", path: "/sale", waitingRoom: true }])],
  });
  const ran = await rehearseValidly(async () => {
    room.beginAnew();
    return [plan, "--json"];
  });
  const result = ran.result();
  expect(found(result, "fairness")).toMatchObject({ held: true, broken: 0 });
  expect(found(result, "admission")).toMatchObject({ held: true, broken: 0 });
}, 60_000);
