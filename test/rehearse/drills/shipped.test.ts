/** The drills that come with Spillway, the page about them, the words of the command line, and public examples. */
import { describe, expect, test } from "bun:test";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import { readExperiment } from "#rehearse/drills/experiment.ts";
import { readDrill, shippedDrills } from "#roles/house/drill.ts";
import { spillway } from "../../kit/running-shop.ts";

const names = (await Array.fromAsync(new Glob("*.json").scan(shippedDrills))).sort();
const page = await Bun.file(`${import.meta.dir}/../../../docs/drills.md`).text();
const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/" };

describe("each drill that comes along", () => {
  for (const name of names) {
    test(`${name} is right, says what shoppers should see, undoes what it does, and may hurt no more than it does`, async () => {
      const { experiment, unplayable, notes } = await readDrill(`${shippedDrills}/${name}`);
      expect([unplayable, notes]).toEqual([[], []]);
      expect(experiment.expectation).not.toBe(experiment.description);
      expect(experiment.rollbackStrategy).toBe("always");
      expect(experiment.aborts.length).toBeGreaterThan(0);
      expect(experiment.hypothesis?.probes.map((probe) => probe.name)).toContain("every promise holds");
      const touched = [...experiment.method, ...experiment.rollbacks].flatMap(({ type, provider }) => {
        if (type !== "action" || provider.type !== "spillway") return [];
        if (typeof provider.role === "string") return [provider.role];
        if (typeof provider.proxy === "string") return [`proxy:${provider.proxy}`];
        const others = {
          payments: "payments",
          purge: "cache",
          orders: "crowd",
          bots: "crowd",
          fillDisk: "disk",
          freeDisk: "disk",
        };
        return [others[provider.action as keyof typeof others] ?? `unknown ${String(provider.action)}`];
      });
      expect([...new Set(touched)].sort()).toEqual([...(experiment.limits?.targets ?? [])].sort());
    });
  }

  test("is in docs/drills.md, and no other", () => {
    const listed = [...(page.split("## ")[1] ?? "").matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => `${name}.json`);
    expect(listed.sort()).toEqual(names);
  });
});

describe("bin/spillway drill", () => {
  test("--list names them all with what shoppers should see", async () => {
    const { code, out } = await spillway(env, "drill", "--list");
    expect(code).toBe(0);
    expect(out.trim().split("\n").length).toBe(names.length);
    expect(out).toContain("None is lost or charged twice.");
  });

  test("--dry prints what it would do and starts nothing", async () => {
    const { code, out, err } = await spillway(env, "drill", "postgres-killed", "--dry");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain('{"type":"spillway","action":"kill","role":"postgres"}');
    expect(out).toContain("limits: targets postgres, crowd");
  });

  test("wrong usage is told in a sentence, with exit code 2", async () => {
    const folder = await mkdtemp(join(tmpdir(), "spillway-drill-words-"));
    const file = join(folder, "wrong.yaml");
    await Bun.write(file, "title: wrong\nmethod:\n  - type: deed\n    name: x\n");
    for (const [words, said] of [
      [["drill"], "usage: bin/spillway drill FILE"],
      [["drill", "no-such-drill"], "There is no drill no-such-drill"],
      [["drill", "worker-killed", "--strategy", "sometimes"], "--strategy must be one of default, always"],
      [["drill", file], "an experiment needs a `description`"],
      [["faults", "--listen", "x"], "must be a port"],
    ] as const) {
      const { code, err } = await spillway(env, ...words);
      expect([words.join(" "), code]).toEqual([words.join(" "), 2]);
      expect(err).toContain(said);
    }
  });

  test("an experiment that asks for no Spillway is played as it is, and leaves a journal", async () => {
    const folder = await mkdtemp(join(tmpdir(), "spillway-drill-plain-"));
    const file = join(folder, "plain.yaml");
    const journal = join(folder, "journal.json");
    await Bun.write(
      file,
      `
title: a file is there
description: from Chaos Toolkit's tutorials, with programs for Python
configuration: { what: { type: env, key: NOT_SET, default: hello } }
steady-state-hypothesis:
  title: echo answers
  probes:
    - { type: probe, name: echo, tolerance: { type: regex, target: stdout, pattern: "^hello" }, provider: { type: process, path: echo, arguments: ["$\{what}"] } }
method:
  - { type: action, name: nothing, provider: { type: process, path: "true" } }
extensions:
  - { name: spillway, limits: { commands: [echo, "true"] } }
`,
    );
    const { code, out } = await spillway(env, "drill", file, "--journal", journal);
    expect(code).toBe(0);
    expect(out).toContain("a file is there: all is as before");
    expect(await Bun.file(journal).json()).toMatchObject({
      status: "completed",
      deviated: false,
      steady_states: { before: { steady_state_met: true }, after: { steady_state_met: true } },
      run: [{ status: "succeeded", output: { status: 0 } }],
      rollbacks: [],
    });
    const deviating = await spillway(env, "drill", file, "--journal", "-", "--var", "what=bye");
    expect(deviating.code).toBe(3);
  });
});

test("bin/spillway faults listens, begins with the proxies of a file, and ends when it is told to", async () => {
  const folder = await mkdtemp(join(tmpdir(), "spillway-faults-"));
  await Bun.write(
    join(folder, "proxies.json"),
    JSON.stringify([{ name: "db", listen: "127.0.0.1:0", upstream: "localhost:5432" }]),
  );
  const bin = `${import.meta.dir}/../../../bin/spillway`;
  const child = Bun.spawn([bin, "faults", "--listen", "0", "--config", join(folder, "proxies.json")], {
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  for await (const chunk of child.stdout) {
    output += new TextDecoder().decode(chunk);
    const url = /^faults (http\S+)$/m.exec(output)?.[1];
    if (url === undefined || !output.includes("db:")) continue;
    expect(Object.keys((await (await fetch(`${url}/proxies`)).json()) as object)).toEqual(["db"]);
    child.kill("SIGTERM");
  }
  expect(await child.exited).toBe(0);
});

/** A checkout of repositories with experiments, such as chaostoolkit-incubator/community-playground and chaostoolkit-lib. */
const examples = process.env.SPILLWAY_TEST_CHAOS_EXAMPLES;
if (examples === undefined)
  console.warn("SKIPPED: SPILLWAY_TEST_CHAOS_EXAMPLES names no folder with public experiments.");
test.skipIf(examples === undefined)(
  "public experiments are read without a complaint; what Python does in them is named",
  async () => {
    let read = 0;
    for await (const path of new Glob("**/*.{json,yaml,yml}").scan(examples as string)) {
      const text = await Bun.file(join(examples as string, path)).text();
      if (!/steady-state-hypothesis/.test(text) || !/\bmethod\b/.test(text)) continue;
      const experiment = path.endsWith("json") ? JSON.parse(text) : Bun.YAML.parse(text);
      if (typeof experiment !== "object" || experiment === null || !("method" in experiment)) continue;
      const { complaints, unplayable } = readExperiment(experiment);
      expect({ path, complaints }).toEqual({ path, complaints: [] });
      const { method, rollbacks } = experiment as Record<string, { provider?: { type?: string; func?: string } }[]>;
      for (const { provider } of [...(method ?? []), ...(rollbacks ?? [])])
        if (provider?.type === "python") expect(unplayable.join("\n")).toContain(`.${provider.func}`);
      read += 1;
    }
    expect(read).toBeGreaterThan(0);
  },
);
