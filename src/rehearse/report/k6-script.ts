/**
 * A plan as a k6 script, for those who want a second generator's word. What k6 does not know (latency from the intended
 * start, the truth, drills, waiting rooms, slow readers, recorded histories) is said in the script's head, and left out.
 * Source: https://grafana.com/docs/k6/latest/using-k6/scenarios/executors/
 */
import type { RehearsalPlan, Threshold } from "#contract/rehearsal-plan.ts";

type Stage = { readonly target: number; readonly duration: string };
type Scenario = Record<string, unknown>;

export function k6Script(plan: RehearsalPlan): string {
  const lost: string[] = [];
  const options = {
    scenarios: { shoppers: scenarioOf(plan, lost) },
    thresholds: thresholdsOf(plan.thresholds, lost),
    ...(plan.target.trustAnyCertificate ? { insecureSkipTLSVerify: true } : {}),
    ...(plan.connections === "shared" ? {} : { noVUConnectionReuse: true }),
  };
  if (plan.drills.length > 0) lost.push("Drills are not played.");
  if (plan.devices.some(({ bytesPerSecond }) => bytesPerSecond !== undefined))
    lost.push("Slow devices read at full speed.");
  if (plan.journeys.some(({ steps }) => steps.some(({ waitingRoom }) => waitingRoom === true)))
    lost.push("Nobody stands in line: an answer of a waiting room is taken as any other.");
  lost.push(
    "k6 measures from when it sends: what waits behind a stalled target shows as dropped_iterations, not as latency.",
  );
  const journeys = plan.journeys.map(({ name, weight, steps, data }) => ({ name, weight, steps, data }));
  return `// ${oneLine(plan.name)}: made by \`bin/spillway rehearse export k6\`.
${lost.map((line) => `// - ${oneLine(line)}\n`).join("")}
import http from "k6/http";
import { check, sleep } from "k6";
import exec from "k6/execution";
${journeys.some(({ data }) => data !== undefined) ? 'import { SharedArray } from "k6/data";\n' : ""}
export const options = ${JSON.stringify(options, null, 2)};

const target = ${JSON.stringify(plan.target.url.replace(/\/$/, ""))};
const journeys = ${JSON.stringify(journeys, null, 2)};
${journeys.some(({ data }) => data !== undefined) ? csvReader(journeys.flatMap(({ data }) => (data === undefined ? [] : [data.file]))) : "\nfunction rowOf() {\n  return {};\n}\n"}
const weights = journeys.reduce((sum, journey) => sum + journey.weight, 0);
const run = Date.now().toString(36);

export default function () {
  let luck = Math.random() * weights;
  const journey = journeys.find((candidate) => (luck -= candidate.weight) < 0) || journeys[0];
  const values = { number: String(exec.scenario.iterationInTest + 1), run, ...rowOf(journey) };
  for (const step of journey.steps) if (!play(journey, step, values)) return;
}

function play(journey, step, values) {
  const uuid = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () => Math.floor(Math.random() * 16).toString(16));
  const fill = (text, write) => text.replace(/\\{\\{\\s*([a-zA-Z][\\w-]*)\\s*\\}\\}/g, (_whole, name) => write(String((name === "uuid" ? uuid : values[name]) || "")));
  const asItIs = (value) => value;
  const isJson = step.body !== undefined && typeof step.body !== "string";
  const body = step.body === undefined ? null : isJson ? fill(JSON.stringify(step.body), (value) => JSON.stringify(value).slice(1, -1)) : fill(step.body, asItIs);
  const headers = isJson ? { "content-type": "application/json" } : {};
  for (const name of Object.keys(step.headers || {})) headers[name] = fill(step.headers[name], asItIs);
  const path = fill(step.path, asItIs);
  const url = /^https?:/.test(path) ? path : target + path;
  const params = { headers, timeout: ${JSON.stringify(`${plan.timeoutSeconds}s`)}, tags: { name: journey.name + "/" + step.name } };
  if (step.expect && step.expect.length > 0) params.responseCallback = http.expectedStatuses(...step.expect);
  let answer;
  for (let asked = 0; asked < (step.until ? step.until.most : 1); asked += 1) {
    if (asked > 0) sleep(step.until.everySeconds);
    answer = http.request(step.method || "GET", url, body, params);
    if (!step.until || step.until.is.includes(String(at(answer, step.until.json)))) break;
  }
  const good = step.expect && step.expect.length > 0 ? step.expect.includes(answer.status) : answer.status > 0 && answer.status < 400;
  check(answer, { [journey.name + "/" + step.name]: () => good });
  if (!good) return false;
  for (const wanted of step.extract || []) values[wanted.name] = take(answer, wanted);
  if (step.think) sleep(typeof step.think === "number" ? step.think : step.think.least + Math.random() * (step.think.most - step.think.least));
  return true;
}

function take(answer, wanted) {
  if (wanted.json !== undefined) return at(answer, wanted.json);
  if (wanted.header !== undefined) {
    const name = Object.keys(answer.headers).find((candidate) => candidate.toLowerCase() === wanted.header.toLowerCase());
    return name === undefined ? undefined : answer.headers[name];
  }
  const found = new RegExp(wanted.pattern).exec(answer.body || "");
  return found === null ? undefined : found[1] === undefined ? found[0] : found[1];
}

function at(answer, pointer) {
  let value;
  try {
    value = JSON.parse(answer.body);
  } catch {
    return undefined;
  }
  for (const name of pointer.split("/").slice(1)) {
    if (value === null || typeof value !== "object") return undefined;
    value = value[name.replace(/~1/g, "/").replace(/~0/g, "~")];
  }
  return value;
}
`;
}

/** k6 wants whole numbers of iterations; slow rates are said by the minute or the hour. */
function scenarioOf({ arrivals, closed, model, scale }: RehearsalPlan, lost: string[]): Scenario {
  if (model === "closed" && closed !== undefined)
    return { executor: "constant-vus", vus: closed.users, duration: seconds(closed.seconds) };
  if (arrivals === undefined) {
    lost.push("The plan says nothing of arrivals; one iteration a second stands in for them.");
    return { executor: "constant-arrival-rate", rate: 1, timeUnit: "1s", duration: "60s", preAllocatedVUs: 50 };
  }
  if (arrivals.shape === "history") {
    lost.push(
      `The recorded arrivals of ${arrivals.file} are not in it: their peak, ${arrivals.peakPerSecond} a second, is held for ten minutes instead.`,
    );
    return constant(arrivals.peakPerSecond * scale, 600);
  }
  if (arrivals.shape === "constant") return constant(arrivals.perSecond * scale, arrivals.seconds);
  const [from, legs] = legsOf(arrivals);
  const rates = [from, ...legs.map(([rate]) => rate)].map((rate) => rate * scale);
  const unit = unitFor(rates);
  const stages: Stage[] = legs.map(([rate, duration]) => ({
    target: Math.round(rate * scale * unit.seconds),
    duration: seconds(duration),
  }));
  const most = Math.max(...rates);
  return {
    executor: "ramping-arrival-rate",
    startRate: Math.round(from * scale * unit.seconds),
    timeUnit: unit.name,
    stages,
    ...shoppersFor(most),
  };
}

type Leg = readonly [perSecond: number, seconds: number];

/** Where it begins, and the rate at the end of each leg. A jump is a leg of no length. */
function legsOf(
  arrivals: Exclude<NonNullable<RehearsalPlan["arrivals"]>, { shape: "constant" | "history" }>,
): [number, Leg[]] {
  switch (arrivals.shape) {
    case "ramp":
      return [arrivals.fromPerSecond, [[arrivals.toPerSecond, arrivals.seconds]]];
    case "spike": {
      const { basePerSecond: base, peakPerSecond: peak } = arrivals;
      return [
        base,
        [
          [base, arrivals.beforeSeconds],
          [peak, arrivals.riseSeconds],
          [peak, arrivals.holdSeconds],
          [base, arrivals.fallSeconds],
          [base, arrivals.afterSeconds],
        ],
      ];
    }
    case "steps": {
      const legs = arrivals.steps.flatMap((step): Leg[] => [
        [step.perSecond, 0],
        [step.perSecond, step.seconds],
      ]);
      return [arrivals.steps[0]?.perSecond ?? 0, legs.slice(1)];
    }
  }
}

function constant(perSecond: number, lastsSeconds: number): Scenario {
  const unit = unitFor([perSecond]);
  return {
    executor: "constant-arrival-rate",
    rate: Math.max(1, Math.round(perSecond * unit.seconds)),
    timeUnit: unit.name,
    duration: seconds(lastsSeconds),
    ...shoppersFor(perSecond),
  };
}

const units = [
  { name: "1s", seconds: 1 },
  { name: "1m", seconds: 60 },
  { name: "1h", seconds: 3600 },
] as const;

const unitFor = (rates: readonly number[]) =>
  units.find((unit) =>
    rates.every(
      (rate) => Math.abs(Math.round(rate * unit.seconds) - rate * unit.seconds) <= 0.001 * rate * unit.seconds,
    ),
  ) ?? units[2];

/** A journey may take a while: ten seconds of it fit, and k6 may make ten times as many. */
const shoppersFor = (perSecond: number) => {
  const most = Math.max(Math.ceil(perSecond * 10), 10);
  return { preAllocatedVUs: most, maxVUs: most * 10 };
};

const seconds = (value: number): string => (Number.isInteger(value) ? `${value}s` : `${Math.round(value * 1000)}ms`);

function thresholdsOf(thresholds: readonly Threshold[], lost: string[]): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (const { of, step, below, above } of thresholds) {
    const [, kind, percentile, word] = /^(response|service)\.(?:p([\d.]+)|(mean|min|max))$/.exec(of) ?? [];
    const aggregate = percentile !== undefined ? `p(${percentile})` : word === "mean" ? "avg" : word;
    const [metric, left] =
      kind !== undefined
        ? ["http_req_duration", aggregate]
        : of === "errors.share"
          ? ["http_req_failed", "rate"]
          : of === "requests.perSecond"
            ? ["http_reqs", "rate"]
            : of === "requests.count"
              ? ["http_reqs", "count"]
              : [undefined, undefined];
    if (metric === undefined) {
      lost.push(`The threshold on ${of} has no like in k6.`);
      continue;
    }
    const name = step === undefined ? metric : `${metric}{name:${step}}`;
    const rules = [
      ...(below === undefined ? [] : [`${left}<${below}`]),
      ...(above === undefined ? [] : [`${left}>${above}`]),
    ];
    out[name] = [...(out[name] ?? []), ...rules];
  }
  return out;
}

function csvReader(files: readonly string[]): string {
  return `
const rows = {${[...new Set(files)].map((file) => `\n  ${JSON.stringify(file)}: new SharedArray(${JSON.stringify(file)}, () => parseCsv(open(${JSON.stringify(file)}))),`).join("")}
};

function parseCsv(text) {
  const lines = [[""]];
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    const line = lines[lines.length - 1];
    if (char === '"' && quoted && text[index + 1] === '"') line[line.length - 1] += text[(index += 1)];
    else if (char === '"') quoted = !quoted;
    else if (char === "," && !quoted) line.push("");
    else if (char === "\\n" && !quoted) lines.push([""]);
    else if (char !== "\\r" || quoted) line[line.length - 1] += char;
  }
  const [head, ...rest] = lines.filter((line) => line.length > 1 || line[0] !== "");
  return rest.map((line) => Object.fromEntries(head.map((name, index) => [name, line[index] || ""])));
}

function rowOf(journey) {
  if (!journey.data) return {};
  const all = rows[journey.data.file];
  const turn = exec.scenario.iterationInTest;
  return all[journey.data.order === "random" ? Math.floor(Math.random() * all.length) : turn % all.length] || {};
}
`;
}

const oneLine = (text: string): string => text.replace(/[\r\n\u2028\u2029]+/g, " ");
