/**
 * Drills on a real Spillway of separate processes: what is killed is killed with `kill -9`, and afterwards every order
 * that was acknowledged is paid and every promise holds. And what a drill is not allowed to do, it does not do.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunView } from "#rehearse/ports.ts";
import { openDrill } from "#roles/house/drill.ts";
import { type House, openHouse } from "#roles/house/house.ts";
import { auditHouse, drillHouse } from "#roles/house/house-calls.ts";

setDefaultTimeout(120_000);

let house: House;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-drill-test-"));
  house = await openHouse({ env: process.env, needs: [], log: () => undefined });
});
afterAll(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const run = (seconds: RunView["everySecond"] = () => []): RunView => ({ secondsNow: () => 7, everySecond: seconds });
const open = async (file: string) =>
  await openDrill(file, { env: process.env, house: drillHouse(house), log: () => undefined });
const written = async (name: string, experiment: Record<string, unknown>): Promise<string> => {
  const file = join(folder, `${name}.json`);
  await Bun.write(file, JSON.stringify({ title: name, description: name, method: [], ...experiment }));
  return file;
};
const ours = (more: Record<string, unknown>) => ({ extensions: [{ name: "spillway", ...more }] });
const action = (name: string, provider: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: "action",
  name,
  provider: { type: "spillway", ...provider },
  ...more,
});

async function everyOrderIsPaid(): Promise<number> {
  const counts = await house.orders.counts(60, new AbortController().signal);
  expect(counts).toMatchObject({ paid: counts.acknowledged, open: 0, lost: 0, other: 0, unanswered: 0 });
  const audit = await auditHouse(house);
  expect(audit).toMatchObject({ breaches: 0, broken: [] });
  expect(audit.checked).toBeGreaterThan(0);
  return counts.acknowledged;
}

for (const name of ["worker-killed", "postgres-killed"]) {
  test(`${name}: all orders that were acknowledged meanwhile are paid, and every promise holds`, async () => {
    const before = await everyOrderIsPaid();
    const drill = await open(name);
    const result = await drill.start(run());
    expect(result).toMatchObject({ status: "completed", rolledBack: true, startedSecond: 7, notes: [] });
    expect(drill.journal()?.run.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
    // It was no quiet time.
    expect((await everyOrderIsPaid()) - before).toBeGreaterThan(30);
  });
}

test("a run that fails ends the drill early, and the worker that it killed is there again", async () => {
  const file = await written("aborted", {
    method: [action("kills the worker", { action: "kill", role: "worker" }, { pauses: { after: 60 } })],
    rollbacks: [action("starts it", { action: "start", role: "worker" })],
    ...ours({
      limits: { targets: ["worker"] },
      abort: [
        {
          name: "errors",
          tolerance: { type: "range", range: [0, 0.1] },
          provider: { type: "spillway", probe: "run", of: "errors.share", seconds: 5 },
        },
      ],
    }),
  });
  const second = { atSecond: 0, arrivals: 10, requests: 100, errors: 50, underWay: 1, p50Ms: 1, p99Ms: 2 };
  const drill = await open(file);
  const result = await drill.start(run(() => (house.members.worker.state() === "down" ? [second] : [])));
  expect(result).toMatchObject({ status: "aborted", rolledBack: true });
  expect(house.members.worker.state()).toBe("up");
});

test("told to stop in the middle, a drill undoes what it did before `stop` resolves", async () => {
  const file = await written("stopped", {
    method: [
      action("cuts the way", { action: "cut", proxy: "sms" }),
      action("slows it", { action: "toxic", proxy: "shop", toxic: { type: "latency", attributes: { latency: 10 } } }),
      action("pauses the worker", { action: "pause", role: "worker" }, { pauses: { after: 60 } }),
    ],
    rollbacks: [
      action("heals one", { action: "heal", proxy: "sms" }),
      action("heals the other", { action: "heal", proxy: "shop" }),
      action("wakes the worker", { action: "resume", role: "worker" }),
    ],
    ...ours({ limits: { targets: ["proxy:sms", "proxy:shop", "worker"] } }),
  });
  const drill = await open(file);
  const playing = drill.start(run());
  while (house.members.worker.state() !== "paused") await Bun.sleep(10);
  const proxies = () => house.faults.proxies().map(({ name, enabled, toxics }) => [name, enabled, toxics.length]);
  expect(proxies()).toEqual([
    ["postgres", true, 0],
    ["shop", true, 1],
    ["sms", false, 0],
  ]);
  await drill.stop();
  expect(house.members.worker.state()).toBe("up");
  expect(proxies()).toEqual([
    ["postgres", true, 0],
    ["shop", true, 0],
    ["sms", true, 0],
  ]);
  expect(await playing).toMatchObject({ status: "aborted", rolledBack: true });
});

describe("a drill is refused", () => {
  const refused = async (experiment: Record<string, unknown>): Promise<string> =>
    await open(await written("refused", experiment)).then(
      () => "it was taken",
      (error: unknown) => String(error),
    );

  test("when it would touch what its limits do not name, before anything is played", async () => {
    const method = [action("kills", { action: "kill", role: "worker" })];
    expect(await refused({ method, ...ours({ limits: { targets: ["shop"] } }) })).toContain(
      '"kills" would touch worker, which `limits.targets` does not name',
    );
    expect(await refused({ method })).toContain("names no limits");
    expect(house.members.worker.state()).toBe("up");
  });

  test("when a rollback or a word is not allowed or not there", async () => {
    const rollbacks = [action("cuts", { action: "cut", proxy: "postgres" })];
    expect(await refused({ rollbacks, ...ours({ limits: { targets: [] } }) })).toContain("would touch proxy:postgres");
    const method = [action("explodes", { action: "explode", role: "worker" })];
    expect(await refused({ method, ...ours({ limits: { targets: ["worker"] } }) })).toContain('no action "explode"');
  });

  test("when it calls Python, by the name of the function", async () => {
    const method = [{ type: "action", name: "p", provider: { type: "python", module: "os", func: "remove" } }];
    expect(await refused({ method, ...ours({ limits: {} }) })).toContain("the Python function os.remove");
  });
});

test("the bank's troubles are switched with the token alone, and only troubles that there are", async () => {
  const url = `${house.opsUrls.worker}/sandbox/fault`;
  const put = async (body: unknown, token = house.adminToken) =>
    (await fetch(url, { method: "PUT", headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(body) }))
      .status;
  expect(await put({ token: "declined", share: 1 }, "wrong")).toBe(401);
  expect((await fetch(url)).status).toBe(401);
  expect(await put({ token: "nothing-known", share: 1 })).toBe(422);
  expect(await put({ token: "declined", share: 2 })).toBe(422);
  expect(await put({ token: "declined", share: 1 })).toBe(204);
  const signal = new AbortController().signal;
  expect((await house.orders.order({ token: "ok", withinSeconds: 3 }, signal)).status).toBe("action_required");
  const headers = { authorization: `Bearer ${house.adminToken}` };
  expect((await fetch(url, { method: "DELETE", headers })).status).toBe(204);
  expect((await house.orders.order({ token: "ok", withinSeconds: 30 }, signal)).status).toBe("paid");
});
