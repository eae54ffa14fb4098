/**
 * A plan as a k6 script, for those who want a second generator's word. What k6 does not know (latency from the intended
 * start, the truth, drills, waiting rooms, slow readers, recorded histories) is said in the script's head, and left out.
 * Source: https://grafana.com/docs/k6/latest/using-k6/scenarios/executors/
 */
import type { RehearsalPlan, Threshold } from "#contract/rehearsal-plan.ts";
import player from "./k6-player.txt" with { type: "text" };

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
  const files = plan.journeys.flatMap(({ data }) => (data === undefined ? [] : [data.file]));
  const constants: Readonly<Record<string, unknown>> = {
    options,
    target: plan.target.url.replace(/\/$/, ""),
    timeout: `${plan.timeoutSeconds}s`,
    dataFiles: [...new Set(files)],
    journeys: plan.journeys.map(({ name, weight, steps, data }) => ({ name, weight, steps, data })),
  };
  const written = Object.entries(constants)
    .map(([name, value]) => `${name === "options" ? "export " : ""}const ${name} = ${JSON.stringify(value, null, 2)};`)
    .join("\n\n");
  return `// ${oneLine(plan.name)}: made by \`bin/spillway rehearse export k6\`.
${lost.map((line) => `// - ${oneLine(line)}\n`).join("")}
${player.replace("// CONSTANTS", () => written)}`;
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

const oneLine = (text: string): string => text.replace(/[\r\n\u2028\u2029]+/g, " ");
