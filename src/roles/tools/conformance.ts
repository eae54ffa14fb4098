/**
 * `spillway conformance cache`: runs a local checkout of the public suite http-tests/cache-tests against an edge in front of
 * the suite's own origin, and prints its scores beside those that the checkout ships for other caches. The suite is an
 * assessment, no certificate: it says so itself.
 */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SpillwayError } from "#kernel/error.ts";
import { args, print, progress, table } from "./terminal.ts";

const usage = `usage: bin/spillway conformance cache --suite DIR [--edge URL --origin-port PORT] [--json] [--failed]

  --suite DIR          a checkout of github.com/http-tests/cache-tests
  --edge URL           an edge that runs already, with --origin http://127.0.0.1:PORT; without it one is started
  --origin-port PORT   where the suite's origin listens; any free port when left out
  --failed             names what did not pass
  --json               one JSON document instead of tables`;

type Result = true | readonly [kind: string, detail: string];
type Results = Readonly<Record<string, Result>>;
type Test = {
  readonly id: string;
  readonly kind?: "required" | "optimal" | "check";
  readonly browser_only?: boolean;
};
type Group = { readonly id: string; readonly name: string; readonly tests: readonly Test[] };
type Published = { readonly file: string; readonly name: string; readonly type: string; readonly version?: string };
type Suite = {
  readonly groups: readonly Group[];
  readonly published: readonly Published[];
  /** The suite's own judgement: "✅", "Y", "N", "⛔️", "⚠️", "⚪️" (a test it rests on failed), … */
  readonly judge: (id: string, results: Results) => string;
};

type Score = { passed: number; of: number };
type GroupScore = { required: Score; optimal: Score; checks: Score };

export async function conformanceTool(given: string[]): Promise<number> {
  const { values, positionals } = args(given, {
    suite: { type: "string" },
    edge: { type: "string" },
    "origin-port": { type: "string" },
    json: { type: "boolean" },
    failed: { type: "boolean" },
    help: { type: "boolean" },
  });
  if (values.help === true) {
    print(usage);
    return 0;
  }
  if (positionals[0] !== "cache" || values.suite === undefined) throw new SpillwayError("bad_usage", usage);
  if (values.edge !== undefined && values["origin-port"] === undefined) {
    throw new SpillwayError("bad_usage", "--edge needs --origin-port: the port that edge has its origin on.");
  }
  const directory = resolve(values.suite);
  const suite = await readSuite(directory);
  if (!existsSync(join(directory, "node_modules/undici"))) {
    process.stderr.write(`The suite's tests of interim answers need undici: run npm install in ${directory}.\n`);
  }
  const origin = await startOrigin(directory, Number(values["origin-port"] ?? freePort()));
  let results: Results;
  try {
    const edge =
      values.edge === undefined
        ? await startEdge(origin.url)
        : { url: values.edge.replace(/\/$/, ""), stop: async () => {} };
    try {
      results = await runClient(directory, edge.url, suite);
    } finally {
      await edge.stop();
    }
  } finally {
    await origin.stop();
  }
  return await report(directory, suite, results, {
    asJson: values.json === true,
    withFailed: values.failed === true,
    settings: values.edge === undefined ? conformanceSettings : undefined,
  });
}

async function readSuite(directory: string): Promise<Suite> {
  if (!existsSync(join(directory, "test-engine/cli.mjs"))) {
    throw new SpillwayError(
      "bad_usage",
      `${directory} holds no test-engine/cli.mjs. Name a checkout of github.com/http-tests/cache-tests with --suite.`,
    );
  }
  const load = async (file: string) => (await import(pathToFileURL(join(directory, file)).href)) as unknown;
  const { default: groups } = (await load("tests/index.mjs")) as { default: readonly Group[] };
  const { default: published } = (await load("results/index.mjs")) as { default: readonly Published[] };
  const { determineTestResult } = (await load("test-engine/lib/results.mjs")) as {
    determineTestResult: (groups: readonly Group[], id: string, results: Results) => readonly string[];
  };
  return { groups, published, judge: (id, results) => determineTestResult(groups, id, results)[2] ?? "" };
}

/** The suite is written for Node; where there is none, Bun runs it. */
const runtime = (): string => Bun.which("node") ?? process.execPath;

/** The suite reads its settings from npm's variables. */
const withVariables = (script: string, variables: Readonly<Record<string, string>>): string[] => [
  "env",
  ...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
  runtime(),
  script,
];

function freePort(): number {
  const server = Bun.listen({ port: 0, hostname: "127.0.0.1", socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}

async function startOrigin(directory: string, port: number): Promise<{ url: string; stop(): Promise<void> }> {
  const files = await mkdtemp(join(tmpdir(), "spillway-cache-tests-"));
  const child = Bun.spawn(
    withVariables("test-engine/server/server.mjs", {
      npm_config_protocol: "http",
      npm_config_port: String(port),
      npm_config_pidfile: join(files, "pid"),
    }),
    { cwd: directory, stdout: "ignore", stderr: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill();
    await child.exited;
    await rm(files, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 100; tries++) {
    if (child.exitCode !== null) break;
    const isUp = await fetch(`${url}/`).then(
      async (answer) => (await answer.text()) !== undefined,
      () => false,
    );
    if (isUp) return { url, stop };
    await Bun.sleep(100);
  }
  await stop();
  throw new SpillwayError("bad_usage", `The suite's origin did not start on port ${port}. Is the port in use?`);
}

/** The program itself, as `bin/spillway edge` runs it, with nothing that would refuse the suite's crowd. */
async function startEdge(origin: string): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-conformance-"));
  const file = join(folder, "spillway.config.json");
  const config = {
    listen: { port: freePort(), host: "127.0.0.1" },
    opsPort: freePort(),
    upstreams: [{ url: origin }],
    ...conformanceSettings,
  };
  await writeFile(file, JSON.stringify(config));
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../main.ts"), "edge", "--config", file], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const stop = async () => {
    child.kill();
    await child.exited;
    await rm(folder, { recursive: true, force: true });
  };
  let printed = "";
  for await (const piece of child.stdout) {
    printed += new TextDecoder().decode(piece);
    if (printed.includes("operations ")) return { url: `http://127.0.0.1:${config.listen.port}`, stop };
  }
  await stop();
  throw new SpillwayError("bad_usage", "The edge did not start; see above.");
}

/**
 * Where the suite asks for what RFC 9111 allows and a shop had better not have by default: answers with cookies from the
 * cache for being explicitly fresh, and stale answers when the origin breaks off. Its origin breaks off on purpose, several
 * times in a row, and is not to be taken for a dead one.
 */
const conformanceSettings = {
  cache: { setCookie: "explicit", staleIfErrorSeconds: 60 },
  limits: { policies: [] },
  balancing: { unhealthyAfter: 100 },
} as const;

async function runClient(directory: string, edge: string, suite: Suite): Promise<Results> {
  const of = suite.groups.flatMap(({ tests }) => tests).filter((test) => test.browser_only !== true).length;
  const bar = progress("cache-tests");
  // The suite prints its results at the end; meanwhile its pace is known: 25 tests at once, a few pauses of 3 s each.
  const startedAtMs = performance.now();
  const expectedMs = 55_000;
  const timer = setInterval(() => {
    bar.show(Math.min(of - 1, Math.round((of * (performance.now() - startedAtMs)) / expectedMs)), of);
  }, 250);
  try {
    const child = Bun.spawn(
      withVariables("test-engine/cli.mjs", { npm_config_base: edge, npm_config_id: "", npm_package_config_id: "" }),
      { cwd: directory, stdout: "pipe", stderr: "pipe" },
    );
    const [output, complaints, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (code !== 0) throw new SpillwayError("bad_usage", `The suite's client failed: ${complaints.trim()}`);
    return JSON.parse(output.slice(output.indexOf("{"))) as Results;
  } finally {
    clearInterval(timer);
    bar.end();
  }
}

function scoreOf(group: Group, suite: Suite, results: Results): GroupScore {
  const score = { required: { passed: 0, of: 0 }, optimal: { passed: 0, of: 0 }, checks: { passed: 0, of: 0 } };
  for (const test of group.tests) {
    if (test.browser_only === true) continue;
    const part = score[test.kind === "check" ? "checks" : (test.kind ?? "required")];
    part.of += 1;
    if (["✅", "Y"].includes(suite.judge(test.id, results))) part.passed += 1;
  }
  return score;
}

async function report(
  directory: string,
  suite: Suite,
  ours: Results,
  how: { readonly asJson: boolean; readonly withFailed: boolean; readonly settings: object | undefined },
): Promise<number> {
  const others: { name: string; results: Results }[] = [];
  for (const { file, name, type, version } of suite.published) {
    if (type === "browser") continue;
    const results = JSON.parse(await readFile(join(directory, "results", file), "utf8")) as Results;
    others.push({ name: version === undefined ? name : `${name} ${version.split("-")[0]}`, results });
  }
  const caches = [{ name: "Spillway", results: ours }, ...others].map(({ name, results }) => {
    const groups = suite.groups.map((group) => ({ id: group.id, name: group.name, ...scoreOf(group, suite, results) }));
    const sum = (part: keyof GroupScore): Score => ({
      passed: groups.reduce((total, group) => total + group[part].passed, 0),
      of: groups.reduce((total, group) => total + group[part].of, 0),
    });
    return { name, required: sum("required"), optimal: sum("optimal"), checks: sum("checks"), groups };
  });
  const [own] = caches;
  if (own === undefined) return 1;
  const failed = suite.groups
    .flatMap(({ tests }) => tests)
    .filter((test) => test.browser_only !== true && !["✅", "Y"].includes(suite.judge(test.id, ours)))
    .map((test) => ({
      id: test.id,
      kind: test.kind ?? "required",
      result: suite.judge(test.id, ours),
      detail: ours[test.id],
    }));
  const isWhole = own.required.passed === own.required.of;

  if (how.asJson) {
    print(JSON.stringify({ suite: "http-tests/cache-tests", settings: how.settings, caches, failed }, null, 2));
    return isWhole ? 0 : 1;
  }
  const scoreText = ({ passed, of }: Score) => (of === 0 ? "" : `${passed}/${of}`);
  print(
    table(
      [
        ["group", "required", "optimal", "yes"],
        ...own.groups.map((group) => [
          group.name,
          scoreText(group.required),
          scoreText(group.optimal),
          scoreText(group.checks),
        ]),
      ],
      [1, 2, 3],
    ),
  );
  print("");
  print(
    table(
      [
        ["cache", "required", "optimal", "CDN-Cache-Control"],
        ...caches.map((cache) => {
          const targeted = cache.groups.find(({ id }) => id === "cdn-cache-control");
          const parts = targeted === undefined ? [] : [targeted.required, targeted.optimal, targeted.checks];
          const all = parts.reduce((sum, part) => ({ passed: sum.passed + part.passed, of: sum.of + part.of }), {
            passed: 0,
            of: 0,
          });
          return [cache.name, scoreText(cache.required), scoreText(cache.optimal), scoreText(all)];
        }),
      ],
      [1, 2, 3],
    ),
  );
  print("");
  if (how.settings !== undefined) print(`Settings beyond the defaults: ${JSON.stringify(how.settings)}.`);
  print("The others' results are those that the suite's checkout ships, of their stock configurations.");
  if (how.withFailed || !isWhole) {
    for (const { id, kind, result, detail } of failed) {
      if (kind === "required" || how.withFailed) {
        print(`${result} ${kind} ${id}: ${Array.isArray(detail) ? detail.join(": ") : "a test that it rests on"}`);
      }
    }
  }
  return isWhole ? 0 : 1;
}
