/**
 * Experiments in Chaos Toolkit's format, played against a real server and real programs: what they find, what they undo
 * under each strategy, what ends them early, and what they are not allowed to touch.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { systemClock } from "#adapters/system/clock.ts";
import { createDrillProviders } from "#adapters/system/drill-providers.ts";
import { type ReadExperiment, readExperiment, rollbackStrategies } from "#rehearse/drills/experiment.ts";
import { drillResultOf, type Journal } from "#rehearse/drills/journal.ts";
import { refusals } from "#rehearse/drills/limits.ts";
import { playExperiment } from "#rehearse/drills/play.ts";
import { valuesOf } from "#rehearse/drills/values.ts";

/** A world with one state, that experiments look at, hurt and heal. */
const world = { health: "well", log: [] as string[] };
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const url = new URL(request.url);
    const body = await request.text();
    if (request.method !== "GET") {
      world.log.push(`${url.pathname}${body === "" ? "" : ` ${body}`}`);
      if (url.pathname === "/hurt") world.health = "hurt";
      if (url.pathname === "/heal") world.health = "well";
    }
    return url.pathname === "/gone"
      ? new Response("gone", { status: 410 })
      : Response.json({ health: world.health, count: 3, query: url.search });
  },
});
afterAll(async () => await server.stop(true));
const host = `127.0.0.1:${server.port}`;
/** As experiments name a value of theirs. */
const base = "$".concat("{base}");

const call = (name: string, path: string, more: Record<string, unknown> = {}) => ({
  type: "action",
  name,
  provider: { type: "http", url: `${base}${path}`, method: "POST" },
  ...more,
});
const look = (tolerance: unknown, more: Record<string, unknown> = {}) => ({
  type: "probe",
  name: "is it well",
  tolerance,
  provider: { type: "http", url: `${base}/`, ...more },
});
const isWell = look({ type: "jsonpath", path: "$.health", expect: "well", target: "body" });

function experiment(more: Record<string, unknown>, extension: Record<string, unknown> = {}) {
  return {
    title: "a drill",
    description: "hurts and heals",
    configuration: { base: { type: "env", key: "TEST_BASE", default: `http://${host}` } },
    "steady-state-hypothesis": { title: "it is well", probes: [isWell] },
    method: [call("hurt", "/hurt")],
    rollbacks: [call("heal", "/heal")],
    extensions: [
      {
        name: "spillway",
        expectation: "nobody notices",
        limits: { hosts: [host], commands: ["sleep", "sh", "true", "echo"], seconds: 20 },
        ...extension,
      },
    ],
    ...more,
  };
}

async function play(
  given: Record<string, unknown>,
  stopping: AbortSignal = new AbortController().signal,
): Promise<{ journal: Journal; read: ReadExperiment }> {
  world.health = "well";
  world.log = [];
  const read = readExperiment(given);
  expect(read.complaints).toEqual([]);
  const { values, complaints } = valuesOf(read.experiment, { TEST_BASE: `http://${host}` }, {});
  expect(complaints).toEqual([]);
  const { limits } = read.experiment;
  if (limits === undefined) throw new Error("it has no limits");
  const journal = await playExperiment(read.experiment, {
    stage: {
      clock: systemClock,
      providers: createDrillProviders(process.env),
      values,
      limits,
      run: undefined,
      log: () => undefined,
    },
    machine: { version: "0", platform: "test", node: "test" },
    stopping,
  });
  return { journal, read };
}

const resultOf = ({ journal, read }: { journal: Journal; read: ReadExperiment }) =>
  drillResultOf(read.experiment, "drill.json", journal, [], { started: 0, ended: 1 });

describe("a drill that is played", () => {
  test("finds that the steady state is not met again, and heals", async () => {
    const played = await play(experiment({}));
    expect(played.journal).toMatchObject({ status: "completed", deviated: true });
    expect(world).toMatchObject({ health: "well", log: ["/hurt", "/heal"] });
    expect(resultOf(played)).toMatchObject({ status: "deviated", rolledBack: true, expectation: "nobody notices" });
  });

  test("is complete when what it hurt has healed by the end of its method", async () => {
    const method = [call("hurt", "/hurt", { pauses: { after: 0.05 } }), { ref: "is it well" }, call("cure", "/heal")];
    const played = await play(experiment({ method }));
    expect(resultOf(played).status).toBe("completed");
    expect(played.journal.run.map(({ activity, status }) => [activity.name, status])).toEqual([
      ["hurt", "succeeded"],
      ["is it well", "succeeded"],
      ["cure", "succeeded"],
    ]);
    expect(played.journal.run[1]?.tolerance_met).toBe(false);
    expect(played.journal.steady_states.after?.steady_state_met).toBe(true);
    expect(Date.parse(played.journal.end)).toBeGreaterThan(Date.parse(played.journal.start));
  });

  test("plays nothing when the steady state is not met to begin with", async () => {
    const played = await play(experiment({ "steady-state-hypothesis": { title: "no", probes: [look(500)] } }));
    expect(played.journal.run).toEqual([]);
    expect(world.log).not.toContain("/hurt");
    expect(resultOf(played).status).toBe("failed");
    expect(resultOf(played).notes[0]).toContain("is outside of its tolerance");
  });

  test("plays what is in the background beside the rest, and waits for it at the end", async () => {
    const slow = {
      type: "action",
      name: "slow",
      background: true,
      provider: { type: "process", path: "sleep", arguments: ["0.4"] },
    };
    const { journal } = await play(experiment({ method: [slow, call("first", "/first"), call("cure", "/heal")] }));
    expect(journal.run.map(({ activity }) => activity.name)).toEqual(["slow", "first", "cure"]);
    expect(journal.run[0]?.duration).toBeGreaterThanOrEqual(0.39);
    expect(journal.run[0]?.output).toMatchObject({ status: 0 });
    expect(Date.parse(journal.run[2]?.end ?? "")).toBeLessThan(Date.parse(journal.run[0]?.end ?? ""));
  });

  test("sends arguments as a form, as JSON and as a query, and runs programs with one line or a list", async () => {
    const json = { type: "http", url: `${base}/json`, method: "PUT", headers: { "Content-Type": "application/json" } };
    const program = (given: unknown) => ({
      type: "probe",
      name: "echo",
      provider: { type: "process", path: "echo", arguments: given },
    });
    const { journal } = await play(
      experiment({
        "steady-state-hypothesis": undefined,
        method: [
          {
            ...call("form", "/form"),
            provider: { type: "http", url: `${base}/form`, method: "POST", arguments: { a: "b c" } },
          },
          { ...call("json", "/json"), provider: { ...json, arguments: { deep: [base] } } },
          look(200, { arguments: { q: 1 } }),
          program(`one $((1 + 1)) ${base}`),
          program(["one", "", base]),
          program({ "--a": "b" }),
        ],
      }),
    );
    expect(world.log).toContain("/form a=b+c");
    expect(world.log).toContain(`/json {"deep":["http://${host}"]}`);
    const outputs = journal.run.map(({ output }) => output as { body?: unknown; stdout?: string });
    expect(outputs[2]?.body).toMatchObject({ query: "?q=1" });
    expect(outputs.slice(3).map(({ stdout }) => stdout)).toEqual([
      `one 2 http://${host}\n`,
      `one http://${host}\n`,
      "--a b\n",
    ]);
  });
});

describe("rollbacks", () => {
  const unreachable = { ...isWell, provider: { type: "http", url: "http://127.0.0.1:1/" } };
  const scenes = {
    "when all is as before": experiment({ method: [] }),
    "when it has deviated": experiment({}),
    "when the steady state was not met to begin with": experiment({
      "steady-state-hypothesis": { title: "no", probes: [look(500)] },
    }),
    "when the steady state could not be asked": experiment({
      "steady-state-hypothesis": { title: "no", probes: [unreachable] },
    }),
    "when it was ended early": experiment(
      { method: [call("hurt", "/hurt", { pauses: { after: 30 } })] },
      { abort: [isWell] },
    ),
  };
  /** As chaostoolkit-lib decides it in run.py, an early end of ours standing where its "aborted" stands. */
  const played: Record<keyof typeof scenes, readonly string[]> = {
    "when all is as before": ["default", "always"],
    "when it has deviated": ["default", "always", "deviated"],
    "when the steady state was not met to begin with": ["default", "always"],
    "when the steady state could not be asked": ["always"],
    "when it was ended early": ["default", "always"],
  };
  for (const [scene, given] of Object.entries(scenes)) {
    for (const strategy of rollbackStrategies) {
      const isPlayed = played[scene as keyof typeof scenes].includes(strategy);
      test(`${strategy}: are ${isPlayed ? "" : "not "}played ${scene}`, async () => {
        const { journal } = await play({ ...given, runtime: { rollbacks: { strategy } } });
        expect(world.log.includes("/heal")).toBe(isPlayed);
        expect(journal.rollbacks.length).toBe(isPlayed ? 1 : 0);
      });
    }
  }

  test("one that fails does not keep the next from being played", async () => {
    const broken = { type: "action", name: "broken", provider: { type: "process", path: "there-is-no-such-program" } };
    const limits = { hosts: [host], commands: ["there-is-no-such-program"] };
    const played = await play(experiment({ rollbacks: [broken, call("heal", "/heal")] }, { limits }));
    expect(world.log).toContain("/heal");
    expect(resultOf(played).rolledBack).toBe(false);
    expect(resultOf(played).notes.join()).toContain("there is no program there-is-no-such-program");
  });
});

describe("an early end", () => {
  test("an abort condition ends the method where it is, a waiting program included, and undoes it", async () => {
    const method = [
      call("hurt", "/hurt"),
      { type: "action", name: "waits", provider: { type: "process", path: "sleep", arguments: ["60"] } },
      call("never", "/never"),
    ];
    const beganAt = performance.now();
    const played = await play(experiment({ method }, { abort: [isWell] }));
    expect(performance.now() - beganAt).toBeLessThan(15_000);
    expect(world.log).not.toContain("/never");
    expect(world.health).toBe("well");
    expect(resultOf(played)).toMatchObject({ status: "aborted", rolledBack: true });
    expect(resultOf(played).notes.join()).toContain('"is it well" is outside of its tolerance');
    expect(played.journal.status).toBe("aborted");
  });

  test("a condition that must hold for a while ends nothing before", async () => {
    const method = [call("hurt", "/hurt", { pauses: { after: 1.5 } }), call("cure", "/heal")];
    const played = await play(experiment({ method }, { abort: [{ ...isWell, forSeconds: 10 }] }));
    expect(resultOf(played).status).toBe("completed");
  });

  test("a method that takes longer than its limit is ended", async () => {
    const played = await play(
      experiment(
        { method: [call("hurt", "/hurt", { pauses: { after: 60 } })] },
        { limits: { hosts: [host], seconds: 0.3 } },
      ),
    );
    expect(resultOf(played)).toMatchObject({ status: "aborted", rolledBack: true });
    expect(played.journal.abort_reason).toContain("longer than its limit of 0.3 s");
  });

  test("told to stop, it undoes what it did", async () => {
    const stopping = new AbortController();
    const method = [call("hurt", "/hurt", { pauses: { after: 60 } }), call("never", "/never")];
    const playing = play(experiment({ method }), stopping.signal);
    while (!world.log.includes("/hurt")) await Bun.sleep(5);
    stopping.abort();
    expect(resultOf(await playing)).toMatchObject({ status: "aborted", rolledBack: true });
    expect(world).toMatchObject({ health: "well", log: ["/hurt", "/heal"] });
  });
});

describe("the limits", () => {
  const refusalsOf = (given: Record<string, unknown>) => {
    const read = readExperiment(given);
    return refusals(read.experiment, valuesOf(read.experiment, {}, {}).values, undefined).join("\n");
  };
  const naming = (limits: Record<string, unknown>) => experiment({}, { limits });

  test("an experiment without any is not played", () => {
    expect(refusalsOf(experiment({ extensions: [] }))).toContain("names no limits");
  });

  test("an address that they do not name is not called, a program not run; looking is free", () => {
    expect(refusalsOf(naming({ hosts: [] }))).toContain(`"hurt" would POST ${host}`);
    expect(refusalsOf(naming({ hosts: ["127.0.0.1"] }))).toBe("");
    const method = [{ type: "probe", name: "runs", provider: { type: "process", path: "/bin/rm", arguments: ["x"] } }];
    expect(refusalsOf(experiment({ method }))).toContain('probe "runs" would run /bin/rm');
  });

  test("they are checked again when it is played: a name may turn out to be another address", async () => {
    const given = experiment(
      { "steady-state-hypothesis": undefined, rollbacks: [] },
      { limits: { hosts: ["elsewhere"] } },
    );
    const played = await play(given);
    expect(world.log).toEqual([]);
    expect(resultOf(played).status).toBe("failed");
    expect(resultOf(played).notes.join()).toContain("`limits.hosts` does not name");
  });
});

test("a file with ten mistakes gets ten complaints", () => {
  const { complaints } = readExperiment({
    description: "no title",
    "steady-state-hypothesis": { probes: [{ type: "probe", name: "a", provider: { type: "http", url: "http://x" } }] },
    method: [
      { type: "deed", name: "b" },
      { type: "action", provider: {} },
      { type: "action", name: "c", provider: { type: "ftp" } },
      { type: "action", name: "d", provider: { type: "http" } },
      { type: "action", name: "e", provider: { type: "process", path: "true" }, pauses: { after: "soon" } },
      { ref: "nowhere" },
    ],
    runtime: { rollbacks: { strategy: "perhaps" } },
    extensions: [{ name: "spillway", limit: {} }],
  });
  expect(complaints).toEqual([
    "an experiment needs a `title`",
    "the steady-state-hypothesis needs a `title`",
    'probe "a" of the steady state needs a `tolerance`',
    'step 1 "b": its `type` must be "action" or "probe"',
    "step 2: it needs a `name`",
    'step 3 "c": its provider\'s `type` must be http, process or spillway, not "ftp"',
    'step 4 "d": its http provider needs a `url`',
    `step 5 "e": the pause \`after\` must be seconds, or a name in ${"$"}{…}`,
    'step 6 refers to "nowhere", which is nowhere in the experiment',
    "our extension has no `limit`; it has expectation, abort, limits and needs",
    "the rollback strategy must be one of default, always, never, deviated",
  ]);
});

test("Python functions and Vaults are told apart from mistakes, by name", () => {
  const { complaints, unplayable } = readExperiment({
    title: "kubernetes",
    description: "a pod",
    secrets: { k8s: { token: { type: "vault", path: "x" } } },
    method: [
      {
        type: "action",
        name: "kill",
        provider: { type: "python", module: "chaosk8s.pod.actions", func: "terminate_pods" },
      },
    ],
  });
  expect(complaints).toEqual([]);
  expect(unplayable.join("\n")).toContain("chaosk8s.pod.actions.terminate_pods");
  expect(unplayable.join("\n")).toContain("Vault");
});
