/**
 * The `options` of a k6 script as arrivals and thresholds of a plan. What the script does in its functions cannot be read
 * without running it, so each scenario becomes a journey with one step that is to be filled in (a HAR is the way for that).
 * Source: https://grafana.com/docs/k6/latest/using-k6/scenarios/executors/ and …/using-k6/thresholds/
 */
import type { RehearsalJourney, RehearsalPlan, Threshold } from "#contract/rehearsal-plan.ts";
import {
  type Imported,
  journeyOf,
  journeysMax,
  listOf,
  objectOf,
  planOf,
  refuse,
  stepOf,
  textOf,
  unknownTarget,
} from "./imported.ts";
import { optionsLiteral } from "./script-literal.ts";

type Dictionary = Record<string, unknown>;
/** A rate that goes in a straight line from one second to another. */
type Leg = { readonly fromSecond: number; readonly toSecond: number; readonly from: number; readonly to: number };
type Crowd =
  | { readonly kind: "open"; readonly legs: readonly Leg[] }
  | { readonly kind: "closed"; readonly users: number; readonly seconds: number };

const crowdWords = ["scenarios", "stages", "vus", "duration", "iterations", "thresholds"];
/** Ramps are played as this many steps at most, all scenarios together. */
const stepsPerPlan = 1000;

/** Takes the JSON of `options`, or a script that has them as a literal. */
export function importK6(text: string): Imported {
  const notes: string[] = [];
  const options = read(text, notes);
  if (!crowdWords.some((word) => options[word] !== undefined))
    refuse(`These options say nothing of a crowd: none of ${crowdWords.join(", ")} is there.`);
  const crowds = scenariosOf(options, notes);
  if (crowds.length === 0) refuse("No scenario of these options has a like here.");
  const address = /["'`](https?:\/\/[^"'`\s$]+)/.exec(text)?.[1];
  const url = address !== undefined && URL.canParse(address) ? new URL(address) : new URL(unknownTarget);
  if (address === undefined) notes.push("The script names no address: set target.url.");

  const open = crowds.filter(({ crowd }) => crowd.kind === "open");
  const isOpen = open.length > 0;
  const played = (isOpen ? open : crowds).slice(0, journeysMax);
  if (played.length < crowds.length)
    notes.push(
      `A plan is either open or closed: ${crowds
        .filter((one) => !played.includes(one))
        .map(({ name }) => name)
        .join(", ")} is left out.`,
    );
  const journeys = played.map(
    ({ name, crowd }): RehearsalJourney =>
      journeyOf(name, [stepOf({ name: "first page", path: url.pathname + url.search })], {
        weight: Math.max(amountOf(crowd), 0.001),
      }),
  );
  notes.push("What the script's functions do is not carried over: put the steps in, or record them as a HAR.");
  const thresholds = thresholdsOf(objectOf(options.thresholds) ?? {}, notes);
  const model: Partial<RehearsalPlan> = isOpen
    ? {
        arrivals: arrivalsOf(
          played.flatMap(({ crowd }) => (crowd.kind === "open" ? crowd.legs : [])),
          notes,
        ),
      }
    : { model: "closed", closed: closedOf(played.flatMap(({ crowd }) => (crowd.kind === "closed" ? [crowd] : []))) };
  if (!isOpen)
    notes.push(
      "These scenarios are a closed model: each user waits for answers, so a slow target is asked less. Arrival rates tell more.",
    );
  return {
    plan: planOf({
      name: "from k6 options",
      url: url.origin,
      journeys,
      thresholds,
      ...model,
      ...(options.insecureSkipTLSVerify === true
        ? { target: { url: url.origin, kind: "http", owned: [], trustAnyCertificate: true, settings: {} } }
        : {}),
      ...(options.noConnectionReuse === true || options.noVUConnectionReuse === true ? { connections: "own" } : {}),
    }),
    notes,
    files: [],
  };
}

function read(text: string, notes: string[]): Dictionary {
  if (text.trimStart().startsWith("{")) {
    try {
      const value = objectOf(JSON.parse(text));
      if (value !== undefined) return objectOf(value.options) ?? value;
    } catch {
      // A script may begin with a brace, too.
    }
  }
  const found = optionsLiteral(text);
  const options = objectOf(found?.value);
  if (found === undefined || options === undefined)
    refuse("There is no `export const options = {…}` in this script, and it is not the JSON of options either.");
  for (const unread of found.unread.slice(0, 20)) notes.push(`Computed by the script and left out: ${unread}.`);
  return options;
}

function scenariosOf(options: Dictionary, notes: string[]): { name: string; crowd: Crowd }[] {
  const scenarios = Object.entries(objectOf(options.scenarios) ?? {});
  // Options without scenarios are a short way to write one (k6: "shortcut" options).
  if (scenarios.length === 0) {
    if (options.stages !== undefined) scenarios.push(["default", { ...options, executor: "ramping-vus" }]);
    else if (options.iterations !== undefined)
      scenarios.push(["default", { ...options, executor: "shared-iterations" }]);
    else if (options.vus !== undefined || options.duration !== undefined)
      scenarios.push(["default", { ...options, executor: "constant-vus" }]);
    else scenarios.push(["default", { executor: "shared-iterations" }]);
  }
  return scenarios.flatMap(([name, given]) => {
    const crowd = crowdOf(name, objectOf(given) ?? {}, notes);
    return crowd === undefined ? [] : [{ name, crowd }];
  });
}

function crowdOf(name: string, scenario: Dictionary, notes: string[]): Crowd | undefined {
  const number = (key: string, otherwise: number) =>
    typeof scenario[key] === "number" ? (scenario[key] as number) : otherwise;
  const start = seconds(scenario.startTime, 0);
  const unit = seconds(scenario.timeUnit, 1) || 1;
  const stages = listOf(scenario.stages).map((stage) => objectOf(stage) ?? {});
  switch (scenario.executor) {
    case "constant-arrival-rate": {
      const rate = number("rate", 0) / unit;
      const end = start + seconds(scenario.duration, 0);
      return { kind: "open", legs: [{ fromSecond: start, toSecond: end, from: rate, to: rate }] };
    }
    case "ramping-arrival-rate": {
      const legs: Leg[] = [];
      let at = start;
      let rate = number("startRate", 0) / unit;
      for (const stage of stages) {
        const to = (typeof stage.target === "number" ? stage.target : 0) / unit;
        const end = at + seconds(stage.duration, 0);
        if (end > at) legs.push({ fromSecond: at, toSecond: end, from: rate, to });
        [at, rate] = [end, to];
      }
      return { kind: "open", legs };
    }
    case "constant-vus":
      return { kind: "closed", users: number("vus", 1), seconds: seconds(scenario.duration, 600) };
    case "ramping-vus": {
      const most = Math.max(
        number("startVUs", 1),
        ...stages.map((stage) => (typeof stage.target === "number" ? stage.target : 0)),
      );
      notes.push(`"${name}" ramps its users; here the most of them (${most}) are there all the time.`);
      return {
        kind: "closed",
        users: most,
        seconds: stages.reduce((sum, stage) => sum + seconds(stage.duration, 0), 0),
      };
    }
    case "shared-iterations":
    case "per-vu-iterations":
      notes.push(
        `"${name}" ends after ${number("iterations", 1)} iterations${scenario.executor === "per-vu-iterations" ? " of each user" : ""}; here it ends after its time.`,
      );
      return { kind: "closed", users: number("vus", 1), seconds: seconds(scenario.maxDuration, 600) };
    default:
      notes.push(`"${name}" has the executor ${textOf(scenario.executor) ?? "(none)"}, which has no like here.`);
      return undefined;
  }
}

/** "1h30m", "90s", "500ms", or milliseconds as a number. */
function seconds(value: unknown, otherwise: number): number {
  if (typeof value === "number") return value / 1000;
  const text = textOf(value);
  if (text === undefined || !/^(?:[\d.]+(?:d|h|ms|m|s))+$/.test(text)) return otherwise;
  const units: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 };
  return [...text.matchAll(/([\d.]+)(d|h|ms|m|s)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * (units[unit ?? "s"] ?? 1),
    0,
  );
}

const amountOf = (crowd: Crowd): number =>
  crowd.kind === "closed"
    ? crowd.users
    : crowd.legs.reduce((sum, leg) => sum + ((leg.from + leg.to) / 2) * (leg.toSecond - leg.fromSecond), 0);

const closedOf = (crowds: readonly { readonly users: number; readonly seconds: number }[]) => ({
  users: Math.max(1, Math.round(crowds.reduce((sum, { users }) => sum + users, 0))),
  seconds: Math.max(1, ...crowds.map((crowd) => crowd.seconds)),
});

/** The sum of all legs. One that is flat or straight stays so; anything else becomes steps as fine as there is room for. */
function arrivalsOf(legs: readonly Leg[], notes: string[]): NonNullable<RehearsalPlan["arrivals"]> {
  const cuts = [...new Set([0, ...legs.flatMap(({ fromSecond, toSecond }) => [fromSecond, toSecond])])].sort(
    (a, b) => a - b,
  );
  const rateIn = (leg: Leg, at: number): number =>
    leg.from + ((leg.to - leg.from) * (at - leg.fromSecond)) / (leg.toSecond - leg.fromSecond);
  const pieces = cuts.slice(1).map((to, index) => {
    const from = cuts[index] as number;
    const active = legs.filter((leg) => leg.fromSecond <= from && leg.toSecond >= to);
    const sum = (at: number) => round(active.reduce((total, leg) => total + rateIn(leg, at), 0));
    return { seconds: to - from, from: sum(from), to: sum(to) };
  });
  const [only] = pieces;
  if (only === undefined) return { shape: "constant", perSecond: 0, seconds: 0 };
  if (pieces.length === 1)
    return only.from === only.to
      ? { shape: "constant", perSecond: only.from, seconds: only.seconds }
      : { shape: "ramp", fromPerSecond: only.from, toPerSecond: only.to, seconds: only.seconds };
  const ramps = pieces.filter(({ from, to }) => from !== to);
  const room = Math.floor((stepsPerPlan - pieces.length) / Math.max(ramps.length, 1));
  if (room < 1) refuse("The scenarios have more stages than a plan has steps (1000).");
  if (ramps.length > 0) notes.push("Ramps are played as fine steps, a second or more each.");
  const steps = pieces.flatMap(({ seconds: lasts, from, to }) => {
    const parts = from === to ? 1 : Math.max(1, Math.min(room, Math.floor(lasts)));
    return Array.from({ length: parts }, (_, part) => ({
      perSecond: round(from + ((to - from) * (part + 0.5)) / parts),
      seconds: lasts / parts,
    }));
  });
  return { shape: "steps", steps };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

function thresholdsOf(given: Dictionary, notes: string[]): Threshold[] {
  const out: Threshold[] = [];
  for (const [metric, rules] of Object.entries(given)) {
    const [, name = metric, tags] = /^([^{]+)(?:\{(.*)\})?$/.exec(metric) ?? [];
    const step = /^name:([^,]+\/[^,]+)$/.exec(tags ?? "")?.[1];
    const texts = listOf(Array.isArray(rules) ? rules : [rules]).map(
      (rule) => textOf(rule) ?? textOf(objectOf(rule)?.threshold) ?? "",
    );
    for (const rule of texts) {
      const threshold = tags !== undefined && step === undefined ? undefined : thresholdOf(name, rule);
      if (threshold === undefined) notes.push(`The threshold "${rule}" on ${metric} has no like here.`);
      else out.push({ ...threshold, ...(step === undefined ? {} : { step }) });
    }
  }
  if (out.some(({ of }) => of.startsWith("service.")))
    notes.push(
      "k6 measures from when it sends, which is the service time here. Hold response times to the same limits to be told of waiting, too.",
    );
  return out.slice(0, 200);
}

const timed = /^http_req_(?:duration|waiting)$/;

function thresholdOf(metric: string, rule: string): Threshold | undefined {
  const found = /^\s*(?:p\(([\d.]+)\)|(avg|med|min|max|rate|count))\s*(<=?|>=?)\s*([\d.]+)\s*$/.exec(rule);
  if (found === null) return undefined;
  const [, percentile, word = "", comparison = "", figure] = found;
  const limit = comparison.startsWith("<") ? { below: Number(figure) } : { above: Number(figure) };
  const words: Readonly<Record<string, string>> = { avg: "mean", med: "p50", min: "min", max: "max" };
  if (timed.test(metric)) {
    const kind = percentile === undefined ? words[word] : `p${percentile}`;
    return kind === undefined ? undefined : { of: `service.${kind}`, ...limit };
  }
  if (metric === "http_req_failed" && word === "rate") return { of: "errors.share", ...limit };
  if (metric === "http_reqs" && word === "rate") return { of: "requests.perSecond", ...limit };
  if (metric === "http_reqs" && word === "count") return { of: "requests.count", ...limit };
  return undefined;
}
