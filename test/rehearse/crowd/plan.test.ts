/** Plans as people write them: in three languages, with mistakes, with files beside them. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SpillwayError } from "#kernel/error.ts";
import { arrivalSeconds, massOf, peakOf } from "#rehearse/crowd/arrivals.ts";
import { luckOf } from "#rehearse/crowd/luck.ts";
import { planOfFlags, planOfShop } from "#roles/rehearsal/flag-plan.ts";
import { readPlanFile, readyPlan, rehearsalSchemaJson } from "#roles/rehearsal/plan-file.ts";

const root = `${import.meta.dir}/../../..`;
const written = async (files: Readonly<Record<string, string>>, first: string) => {
  const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    return await readPlanFile(join(folder, first), () => undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
};
const complaintsOf = async (raw: unknown): Promise<string[]> => {
  try {
    await readyPlan(raw, "/nowhere", "plan");
    return [];
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    expect(error.code).toBe("bad_config");
    return error.message
      .split("\n")
      .slice(1, -1)
      .map((line) => line.trim());
  }
};
const step = { name: "page", path: "/" };
const good = {
  target: { url: "http://localhost:8080" },
  arrivals: { shape: "constant", perSecond: 5, seconds: 2 },
  journeys: [{ name: "look", steps: [step] }],
};

test("TypeScript, YAML and JSON say the same, and what is left out is filled in", async () => {
  const json = JSON.stringify(good);
  const ts = `export default ${json} satisfies object;`;
  const yaml = `
target: { url: "http://localhost:8080" }
arrivals: { shape: constant, perSecond: 5, seconds: 2 }
journeys:
  - name: look
    steps: [{ name: page, path: / }]
`;
  const plans = [
    await written({ "plan.ts": ts }, "plan.ts"),
    await written({ "plan.yaml": yaml }, "plan.yaml"),
    await written({ "plan.json": json }, "plan.json"),
  ];
  expect(new Set(plans.map(({ hash }) => hash)).size).toBe(1);
  expect(plans[0]?.plan).toMatchObject({
    model: "open",
    spacing: "random",
    scale: 1,
    timeoutSeconds: 30,
    target: { kind: "http", owned: [] },
    journeys: [{ weight: 1, steps: [{ method: "GET", expect: [], expectedMs: 0 }] }],
  });
});

test("ten mistakes are ten complaints, each with its place and a hint", async () => {
  expect(
    await complaintsOf({
      target: { url: "http://localhost:8080/shop", knid: "spillway" },
      arrivals: { shape: "spke", perSecond: 3 },
      connectionsMax: 0,
      journeys: [
        {
          name: "buy",
          steps: [
            { name: "one", path: "cart" },
            { name: "one", path: "/{{sku}}", method: "get" },
            { name: "two", path: "/", headers: { Host: "x" }, extract: [{ name: "a", pattern: "(" }] },
          ],
        },
      ],
      thresholds: [{ of: "response.p99", step: "buy/three" }],
    }),
  ).toEqual([
    '/arrivals has shape "spke"; it must be one of "constant", "ramp", "spike", "steps", "history"; did you mean "spike"?',
    '/target/knid is no setting; did you mean "kind"?',
    '/journeys/0/steps/1/method must be a method in capitals such as "POST", not "get"',
    "/connectionsMax must be at least 1, not 0",
    "/target/url must end with the host or its port: http://localhost:8080; paths stand in the steps.",
    '/journeys/0/steps/0/path must begin with "/", not "cart"',
    '/journeys/0/steps/1/name "one" comes twice in "buy": each step needs its own name.',
    "/journeys/0/steps/1/path asks for {{sku}}, which nothing before it gives. There are uuid, number, run, address.",
    "/journeys/0/steps/2/headers/Host is written by the crowd itself: take it away.",
    expect.stringMatching(/^\/journeys\/0\/steps\/2\/extract\/0\/pattern is no regular expression: /),
    "/thresholds/0 has no limit: write below or above.",
    '/thresholds/0/step there is no step "buy/three"; they are written journey/step, such as "buy/one".',
  ]);
});

test("fields that must agree are told where they do not", async () => {
  const wrong = async (more: object, complaint: string) =>
    expect((await complaintsOf({ ...good, ...more })).join("\n")).toContain(complaint);
  await wrong({ arrivals: undefined }, "/arrivals is missing");
  await wrong({ model: "closed" }, "/closed is missing");
  await wrong({ model: "closed", closed: { users: 1, seconds: 1 } }, "/arrivals is for an open crowd");
  await wrong({ closed: { users: 1, seconds: 1 } }, "/closed is for a closed crowd");
  await wrong({ target: { url: "http://10.0.0.1" } }, "/target/owned does not name 10.0.0.1");
  await wrong({ target: { url: "http://me:secret@localhost" } }, "/target/url must hold no user name");
  await wrong({ arrivals: { shape: "constant", perSecond: 0, seconds: 9 } }, "/arrivals ask for nobody at all");
  await wrong(
    { arrivals: { shape: "history", file: "no.csv", peakPerSecond: 5 } },
    "/arrivals/file /nowhere/no.csv cannot be used",
  );
  const withStep = (more: object) => ({ journeys: [{ name: "look", steps: [{ ...step, ...more }] }] });
  await wrong(withStep({ think: { least: 2, most: 1 } }), "/think has least (2) above most (1)");
  await wrong(withStep({ method: "HEAD", extract: [{ name: "a", json: "/a" }] }), "which HEAD does not have");
  await wrong(withStep({ extract: [{ name: "uuid", json: "/a" }] }), '/extract/0/name "uuid" has a meaning already');
  await wrong(withStep({ extract: [{ name: "a" }] }), "/extract/0 must say where from");
  await wrong(
    withStep({ headers: { "Accept-Encoding": "br" }, until: { json: "/a", is: ["b"] } }),
    "does not unpack answers",
  );
  expect(await complaintsOf(good)).toEqual([]);
  expect(await complaintsOf({ ...good, target: { url: "http://10.0.0.1", owned: ["10.0.0.1"] } })).toEqual([]);
});

test("data and a recorded history are read from beside the plan", async () => {
  const plan = {
    ...good,
    arrivals: { shape: "history", file: "traffic.csv", from: "12:01", minutes: 2, peakPerSecond: 30, minuteSeconds: 1 },
    journeys: [{ name: "look", steps: [{ name: "page", path: "/{{handle}}" }], data: { file: "pages.csv" } }],
  };
  const { pieces, tables } = await written(
    {
      "plan.json": JSON.stringify(plan),
      "traffic.csv": "period,count\n12:00,1000\n12:01,10\n12:02,30\n12:03,1\n",
      "pages.csv": 'handle\r\nlamp\r\n"a ""b"", c"\r\n',
    },
    "plan.json",
  );
  expect(pieces.map(({ fromPerSecond }) => fromPerSecond)).toEqual([10, 30]);
  expect(tables).toEqual({ "pages.csv": [["handle"], ["lamp"], ['a "b", c']] });
});

test("the plans of the command line are sound", async () => {
  const flags = { rate: 5, seconds: 10, peak: 50, users: undefined, paths: ["/", "/a"] };
  const target = { url: "http://localhost:8080" };
  const simple = await readyPlan({ ...planOfFlags(flags), target }, ".", "flags");
  expect(peakOf(simple.pieces)).toBe(50);
  expect(
    (await readyPlan({ ...planOfShop({ ...flags, users: 3 }), target, scale: 2 }, ".", "shop")).plan.closed?.users,
  ).toBe(6);
});

test("the published schema is what the program prints", async () => {
  expect(await Bun.file(`${root}/docs/rehearsal.schema.json`).text()).toBe(rehearsalSchemaJson());
});

const traffic = process.env.SPILLWAY_TRAFFIC;
const worldCup = traffic === undefined ? undefined : join(traffic, "worldcup98-per-minute.csv");
const hasTraffic = worldCup !== undefined && existsSync(worldCup);
if (!hasTraffic)
  console.warn("NOT CHECKED: a real history, because SPILLWAY_TRAFFIC names no folder with worldcup98-per-minute.csv.");

test.skipIf(!hasTraffic)(
  "a real month of the 1998 World Cup keeps its shape when its busiest minute becomes the peak",
  async () => {
    const counts = (await Bun.file(worldCup as string).text())
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => Number(line.split(",")[1]));
    const busiest = counts.reduce((most, count) => Math.max(most, count), 0);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const { pieces } = await readyPlan(
      {
        ...good,
        arrivals: { shape: "history", file: worldCup, peakPerSecond: 20, minuteSeconds: 0.1 },
        spacing: "even",
      },
      ".",
      "plan",
    );
    expect(pieces.length).toBe(counts.length);
    expect(peakOf(pieces)).toBeCloseTo(20, 9);
    expect(Math.abs(massOf(pieces) / ((total / busiest) * 20 * 0.1) - 1)).toBeLessThan(1e-9);
    const arrivals = [...arrivalSeconds(pieces, "even", luckOf(1, 0))].length;
    expect(Math.abs(arrivals - massOf(pieces))).toBeLessThanOrEqual(1);
  },
);
