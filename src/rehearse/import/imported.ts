/**
 * What every importer gives: a plan, the data files that it names, and in sentences what could not be carried over. A plan
 * from elsewhere is a beginning: its arrivals are low on purpose, and nothing is sent to a host before somebody owns it.
 */
import type { RehearsalJourney, RehearsalPlan, RehearsalStep } from "#contract/rehearsal-plan.ts";
import { SpillwayError } from "#kernel/error.ts";

export type Imported = {
  readonly plan: RehearsalPlan;
  readonly notes: readonly string[];
  readonly files: readonly { readonly file: string; readonly text: string }[];
};

/** What the plan's schema allows. */
export const journeysMax = 100;
export const stepsMax = 100;

/** Stands where a source does not say whom it is about. */
export const unknownTarget = "http://127.0.0.1:8080";

export function planOf(
  given: Pick<RehearsalPlan, "name" | "journeys"> & Partial<RehearsalPlan> & { readonly url: string },
): RehearsalPlan {
  const { url, name, journeys, ...rest } = given;
  const closed = rest.model === "closed";
  return {
    name: name.slice(0, 120),
    target: { url, kind: "http", owned: [], trustAnyCertificate: false, settings: {} },
    model: "open",
    ...(closed ? {} : { arrivals: { shape: "constant", perSecond: 1, seconds: 60 } as const }),
    spacing: "random",
    scale: 1,
    journeys,
    devices: [],
    thresholds: [],
    drills: [],
    timeoutSeconds: 30,
    connections: "shared",
    lateStartMs: 50,
    connectionsMax: 20_000,
    requestsMax: 100_000_000,
    warmUpSeconds: 0,
    seed: 1,
    ...rest,
  };
}

export function stepOf(given: Pick<RehearsalStep, "name" | "path"> & Partial<RehearsalStep>): RehearsalStep {
  return {
    method: "GET",
    headers: {},
    expect: [],
    expectedMs: 0,
    extract: [],
    ...given,
    name: nameOf(given.name),
  };
}

export function journeyOf(
  name: string,
  steps: readonly RehearsalStep[],
  more: Partial<RehearsalJourney> = {},
): RehearsalJourney {
  return { weight: 1, ...more, name: nameOf(name), steps: uniqueNames(steps) };
}

/** A step is found again by its name, so no two of a journey may share one. */
function uniqueNames(steps: readonly RehearsalStep[]): RehearsalStep[] {
  const seen = new Map<string, number>();
  return steps.map((step) => {
    const times = (seen.get(step.name) ?? 0) + 1;
    seen.set(step.name, times);
    return times === 1 ? step : { ...step, name: `${step.name.slice(0, 74)} (${times})` };
  });
}

const nameOf = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 80) || "unnamed";

/** Braces of the source are not ours to fill. */
export const withoutGaps = (text: string): string => text.replace(/\{\{/g, "{ {");

export function refuse(what: string): never {
  throw new SpillwayError("bad_usage", what);
}

export function csvLine(cells: readonly string[]): string {
  return cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",");
}

/** A JSON value as an object, or nothing. */
export function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
