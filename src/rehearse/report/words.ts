/** What every report says in the same words: the verdict, and figures as people read them. */
import { Histogram } from "../measure/histogram.ts";
import type { HistogramData, RunResult, StepResult, Verdict } from "../result.ts";
import { promiseWords } from "../verdict/promises.ts";

export const headline: Readonly<Record<Verdict, string>> = {
  held: "It held.",
  "threshold broken": "It was not good enough.",
  "invariant broken": "A promise was broken.",
  void: "This run is void.",
};

export function subline(result: RunResult): string {
  const looked = result.promises.filter((promise) => promise.looked > 0).length;
  const thresholds = result.thresholds.length;
  const drills = result.drills.length;
  switch (result.verdict) {
    case "held": {
      if (thresholds + looked + drills === 0) return "But nothing was asked of it: the plan has no threshold.";
      const parts = [
        ...(thresholds > 0 ? [count(thresholds, "threshold")] : []),
        ...(looked > 0 ? [count(looked, "promise")] : []),
        ...(drills > 0 ? [count(drills, "drill")] : []),
      ];
      return `${join(parts)}: all of them held.`;
    }
    case "threshold broken":
      return "It told the truth, but not within what the plan allows.";
    case "invariant broken":
      return "Whatever the speed: the shop's own books, or what its shoppers were told, do not add up.";
    case "void":
      return "Nothing may be concluded from it, good or bad.";
  }
}

export const drillWords: Readonly<Record<RunResult["drills"][number]["status"], string>> = {
  completed: "was borne",
  deviated: "was not borne: the steady state did not come back",
  aborted: "was stopped by its own condition",
  failed: "could not be played",
};

/** The verdict's reasons, each a sentence, the gravest first; what held needs none. */
export function reasonsOf({
  voidReasons,
  promises,
  thresholds,
  drills,
}: Pick<RunResult, "voidReasons" | "promises" | "thresholds" | "drills">): string[] {
  return [
    ...promises
      .filter(({ held }) => !held)
      .map(({ promise, broken, looked, detail }) =>
        looked === 0
          ? `${promiseWords(promise)}: ${detail}`
          : `${promiseWords(promise)}: broken ${count(broken, "time")} in ${whole(looked)}. ${sentence(detail)}`.trim(),
      ),
    ...voidReasons,
    ...thresholds
      .filter(({ held }) => !held)
      .map(
        ({ of, step, limit, measured }) =>
          `${of}${step === undefined ? "" : ` of ${step}`} was to be ${limitWords(of, limit)} and ${measured === null ? "was not measured" : `is ${thresholdFigure(of, measured)}`}.`,
      ),
    ...drills
      .filter(({ status }) => status !== "completed")
      .map(({ title, status, notes }) => `The drill “${title}” ${drillWords[status]}. ${notes.join(" ")}`.trim()),
  ];
}

export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
export const count = (number: number, noun: string): string => `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;
export const whole = (value: number): string => Math.round(value).toLocaleString("en");
const join = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;

/** "0.84 ms", "12 ms", "1.24 s": three digits at most, so that a column of them can be compared at a glance. */
export function duration(ms: number): string {
  if (ms === 0) return "0 ms";
  const [value, unit] = ms < 999.5 ? [ms, "ms"] : ms < 119_500 ? [ms / 1000, "s"] : [ms / 60_000, "min"];
  return `${value >= 99.5 ? Math.round(value) : Number(value.toPrecision(value >= 9.95 ? 2 : 3)).toLocaleString("en", { maximumFractionDigits: 2 })} ${unit}`;
}

/** "0", "0.02 %", "2.5 %": never rounded to nothing when there was something. */
export function share(part: number, of: number): string {
  if (part === 0 || of === 0) return "0 %";
  const percent = (100 * part) / of;
  return percent < 0.01
    ? "< 0.01 %"
    : `${percent.toLocaleString("en", { maximumSignificantDigits: percent >= 10 ? 3 : 2 })} %`;
}

export const perSecond = (value: number): string =>
  `${value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 })}/s`;

/** "1:05" or "1:02:05". */
export function clock(seconds: number): string {
  const at = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(at / 60);
  return minutes < 60
    ? `${minutes}:${two(at % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(at % 60)}`;
}

export function together(steps: readonly StepResult[], kind: "response" | "service"): Histogram {
  const all = new Histogram();
  for (const step of steps) all.merge(step[kind]);
  return all;
}

export const percentileMs = (data: HistogramData, percentile: number): number =>
  Histogram.from(data).percentileMs(percentile);

export type Totals = {
  readonly requests: number;
  readonly errors: number;
  readonly bytesIn: number;
  readonly peakArrivals: number;
};

export function totalsOf({ steps, everySecond }: RunResult): Totals {
  const sum = (of: (step: StepResult) => number) => steps.reduce((total, step) => total + of(step), 0);
  return {
    requests: sum(({ requests }) => requests),
    errors: sum(({ errors }) => errors),
    bytesIn: sum(({ bytesIn }) => bytesIn),
    peakArrivals: everySecond.reduce((most, { arrivals }) => Math.max(most, arrivals), 0),
  };
}

/** "503: 94, reset: 2", the most frequent first; answers that were expected are left out. */
export function whatWentWrong({ statuses, failures, errors }: StepResult): string {
  if (errors === 0) return "";
  const bad = Object.entries(statuses).filter(([status]) => Number(status) >= 400);
  return [...bad, ...Object.entries(failures)]
    .filter(([, number]) => number > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 4)
    .map(([what, number]) => `${what}: ${whole(number)}`)
    .join(", ");
}

export const thresholdFigure = (of: string, value: number | null): string => {
  if (value === null) return "not measured";
  if (/^(response|service)\./.test(of)) return duration(value);
  if (of.endsWith(".share")) return `${(100 * value).toLocaleString("en", { maximumSignificantDigits: 3 })} %`;
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
};

/** "below 800" of a time is "below 800 ms", of a share "below 1 %". */
export const limitWords = (of: string, limit: string): string =>
  limit.replace(/\d[\d.e+-]*/g, (number) => thresholdFigure(of, Number(number)));
