/** The command itself, with its processes, its exit codes and its machines, against real servers. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Histogram } from "#rehearse/measure/histogram.ts";
import type { RunResult, StepResult } from "#rehearse/result.ts";
import { type Ran, rehearse, rehearseValidly, startFreezingServer, startRehearse } from "./tool-kit.ts";

const only = (result: RunResult): StepResult => result.steps[0] as StepResult;

test("a real server that stands still for two of four seconds is measured as theory says, not as it looks from its own side", async () => {
  await using ground = planGround();
  const servers: AsyncDisposable[] = [];
  const ran = await rehearseValidly(async () => {
    const server = await startFreezingServer(2000, 2000);
    servers.push(server);
    // Against seconds of standing still, a start that is late by tenths says nothing wrong.
    const plan = { arrivals: { shape: "constant", perSecond: 200, seconds: 4 }, lateStartMs: 300 };
    return [ground.plan(server.url, plan), "--json"];
  });
  for (const server of servers) await server[Symbol.asyncDispose]();
  expect(ran.exitCode, ran.errors).toBe(0);
  const response = Histogram.from(only(ran.result()).response);
  // Half came while it was well; of the others the middle one waited a second, the first two. A tenth for the clock's and the
  // machine's part.
  expect(Math.abs(response.percentileMs(75) - 1000)).toBeLessThan(150);
  expect(Math.abs(response.percentileMs(99.9) - 2000)).toBeLessThan(200);
  expect(Math.abs(response.meanUs / 1000 - 500)).toBeLessThan(75);
  expect(response.percentileMs(45)).toBeLessThan(100);
}, 60_000);

test("a crowd of several processes sends what the plan says, once, and prints one result", async () => {
  await using server = await startFreezingServer();
  const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
  const plan = join(folder, "plan.yaml");
  writeFileSync(
    plan,
    `name: even
target: { url: ${server.url} }
arrivals: { shape: constant, perSecond: 100, seconds: 2 }
spacing: even
lateStartMs: 5000
journeys:
  - name: look
    steps:
      - { name: page, path: "/{{number}}" }
`,
  );
  const ran = await rehearse(plan, "--scale", "1.5", "--processes", "3", "--json", "--report", join(folder, "report"));
  const result = ran.result();
  expect(result.verdict, JSON.stringify(result.voidReasons)).toBe("held");
  expect(ran.exitCode).toBe(0);
  expect(only(result)).toMatchObject({ requests: 300, errors: 0, statuses: { "200": 300 } });
  const { model, scale, seconds, journeysBegun, journeysDone } = result;
  expect({ model, scale, seconds, journeysBegun, journeysDone }).toEqual({
    model: "open",
    scale: 1.5,
    seconds: 2,
    journeysBegun: 300,
    journeysDone: 300,
  });
  expect(result.generator).toMatchObject({ processes: 3, machines: 1, startsMissed: 0 });
  expect(result.everySecond.slice(0, 2).map(({ arrivals }) => arrivals)).toEqual([150, 150]);
  expect(result.everySecond.reduce((sum, { requests }) => sum + requests, 0)).toBe(300);
  expect(readdirSync(join(folder, "report"))).toContain("result.json");
  rmSync(folder, { recursive: true });
}, 30_000);

test("machines that join play their share, and one with another token is turned away", async () => {
  await using server = await startFreezingServer();
  const token = "a-token-for-this-test";
  const leader = startRehearse([
    ...["--url", server.url, "--rate", "60", "--seconds", "2", "--timeout", "5", "--processes", "1", "--json"],
    ...["--listen", "127.0.0.1:0", "--machines", "1", "--token", token],
  ]);
  let port: string | undefined;
  while (port === undefined) {
    await Bun.sleep(20);
    port = /waiting for 1 machines on 127\.0\.0\.1:(\d+)/.exec(leader.errors())?.[1];
  }
  const place = `127.0.0.1:${port}`;
  const stranger = await rehearse("--join", place, "--token", "another-token-than-that", "--processes", "1");
  expect(stranger.exitCode).toBe(2);
  expect(stranger.errors).toContain("The token is another one there");
  const friend = rehearse("--join", place, "--token", token, "--processes", "2");
  const [led, joined] = [await leader.ended, await friend];
  expect(joined.exitCode, joined.errors).toBe(0);
  expect(joined.out).toContain(`will load ${server.url}`);
  const result = led.result();
  expect(result.generator).toMatchObject({ processes: 3, machines: 2 });
  expect(result.journeysBegun).toBe(only(result).requests);
  expect(Math.abs(result.journeysBegun - 120)).toBeLessThan(66);
  expect(led.errors).toContain("was turned away");
}, 30_000);

function planGround() {
  const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
  return {
    plan(url: string, more: object): string {
      const file = join(folder, "plan.json");
      const journeys = [{ name: "look", steps: [{ name: "page", path: "/" }] }];
      writeFileSync(file, JSON.stringify({ target: { url }, journeys, ...more }));
      return file;
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true });
    },
  };
}

/** The worker that plays for it. */
function onlyChildOf(pid: number): number {
  const { stdout } = Bun.spawnSync(["ps", "-A", "-o", "pid=,ppid="]);
  const children = stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
  expect(children).toHaveLength(1);
  return children[0] as number;
}

const isVoid = (ran: Ran, reason: RegExp) => {
  expect(ran.exitCode, ran.errors).toBe(3);
  const result = ran.result();
  expect(result.verdict).toBe("void");
  expect(result.voidReasons.join("\n")).toMatch(reason);
};

test("a generator that stood still says that its run is void: what it sent late, and what it could not send at all", async () => {
  const isUnderWay = Promise.withResolvers<void>();
  let asked = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      asked += 1;
      if (asked === 100) isUnderWay.resolve();
      return new Response("ok");
    },
  });
  const running = startRehearse([
    ...["--url", `http://127.0.0.1:${server.port}`, "--rate", "2000", "--seconds", "2", "--timeout", "1"],
    ...["--processes", "1", "--json"],
  ]);
  await isUnderWay.promise;
  const worker = onlyChildOf(running.pid);
  process.kill(worker, "SIGSTOP");
  // Until it is over: two seconds, and one for the last answers.
  await Bun.sleep(4000);
  process.kill(worker, "SIGCONT");
  const stalled = await running.ended;
  await server.stop(true);
  isVoid(stalled, /late by the generator's own doing; 50 ms are allowed[\s\S]*\d+ starts were missed/);
  const { generator } = stalled.result();
  expect(generator.startLateP99Ms).toBeGreaterThan(2000);
  expect(generator.startsMissed).toBeGreaterThan(1000);
}, 30_000);

test("a run that lacked connections, or was stopped, is void too", async () => {
  await using server = await startFreezingServer(0, 1500);
  await using ground = planGround();
  const plan = ground.plan(server.url, {
    arrivals: { shape: "constant", perSecond: 50, seconds: 2 },
    connectionsMax: 2,
  });
  isVoid(await rehearse(plan, "--json"), /had to wait since all 2 connections were taken/);

  const long = startRehearse(["--url", server.url, "--rate", "20", "--seconds", "600", "--plain", "--json"]);
  while (!long.errors().includes(" of 600 s")) await Bun.sleep(50);
  const stoppedAt = performance.now();
  long.kill("SIGINT");
  const stopped = await long.ended;
  expect(performance.now() - stoppedAt).toBeLessThan(3000);
  isVoid(stopped, /It was stopped after \d+\.\d of 600 seconds/);
  expect(only(stopped.result()).requests).toBeGreaterThan(0);
}, 60_000);

test("a closed crowd is labelled as one, wherever its figures stand", async () => {
  await using server = await startFreezingServer();
  const plain = await rehearse("--url", server.url, "--users", "3", "--seconds", "1", "--plain");
  expect(plain.errors).toContain("closed: 3 users for 1 s");
  expect(plain.out).toContain("closed model: a slow shop slowed the crowd down");
  const json = await rehearse("--url", server.url, "--users", "3", "--seconds", "1", "--json");
  expect(json.result().model).toBe("closed");
}, 30_000);

test("nothing is sent to a host that the plan does not call its own, to nobody who listens, or for a plan that is wrong", async () => {
  const foreign = await rehearse("--url", "http://shop.example", "--rate", "1", "--seconds", "1");
  expect(foreign.exitCode).toBe(2);
  expect(foreign.errors).toContain('write owned: ["shop.example"]');

  const nobody = await rehearse("--url", "http://127.0.0.1:1", "--rate", "1", "--seconds", "1");
  expect(nobody.exitCode).toBe(3);
  expect(nobody.errors).toContain("http://127.0.0.1:1 cannot be reached: nobody listens there.");

  let asked = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      asked += 1;
      return new Response("ok");
    },
  });
  const noTls = await rehearse("--url", `https://127.0.0.1:${server.port}`, "--rate", "1", "--seconds", "1");
  expect(noTls.exitCode).toBe(3);
  expect(noTls.errors).toContain("does not speak TLS");
  const dry = await rehearse("--url", `http://127.0.0.1:${server.port}`, "--shop", "--rate", "5", "--dry-run");
  expect(dry.exitCode).toBe(0);
  expect(dry.errors).toContain("open: about 150 journeys in 30 s, at most 5 a second");
  expect(asked).toBe(0);
  await server.stop(true);

  const flags = await rehearse(
    "--url",
    "http://127.0.0.1:1",
    "--rat",
    "1",
    "--seconds",
    "soon",
    "--users",
    "-1",
    "--machines",
  );
  expect(flags.exitCode).toBe(2);
  expect(flags.errors.split("\n").filter((line) => line.startsWith("  "))).toEqual([
    "  --rat is no option; did you mean --rate?",
    "  --machines needs a value behind it.",
    '  --seconds must be a number from 1 to 86400, not "soon".',
    '  --users must be a whole number from 1 to 1000000, not "-1".',
  ]);
}, 60_000);
