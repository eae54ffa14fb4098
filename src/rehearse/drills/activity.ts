/** Plays one activity and notes it as Chaos Toolkit's journal does. */
import type { Clock } from "#kernel/clock.ts";
import type { RunView } from "../ports.ts";
import type { Activity, JsonObject, Limits } from "./experiment.ts";
import { houseCallOf, refusal } from "./limits.ts";
import type { DrillProviders } from "./ports.ts";
import { substitute, type Values } from "./substitution.ts";
import { isWithin } from "./tolerance.ts";

export type Stage = {
  readonly clock: Clock;
  readonly providers: DrillProviders;
  readonly values: Values;
  readonly limits: Limits;
  readonly run: RunView | undefined;
  /** One line for whoever watches. */
  readonly log: (line: string) => void;
};

/** One entry of the journal. Times are ISO 8601 in UTC, `duration` is seconds. */
export type ActivityRun = {
  readonly activity: JsonObject;
  status: "succeeded" | "failed";
  output: unknown;
  readonly start: string;
  end: string;
  duration: number;
  exception?: readonly string[];
  tolerance_met?: boolean;
};

const httpTimeoutMs = 30_000;
const processTimeoutMs = 300_000;

/** Resolves in any case; an activity that could not be done has failed. `noted` gets the entry as soon as it begins. */
export async function playActivity(
  stage: Stage,
  activity: Activity,
  signal: AbortSignal,
  noted?: (entry: ActivityRun) => void,
): Promise<ActivityRun> {
  const { clock, values, log } = stage;
  await pause(stage, activity.pauses.before, signal);
  const beganAtMs = clock.now();
  const start = new Date(beganAtMs).toISOString();
  const entry: ActivityRun = {
    activity: activity.raw,
    status: "failed",
    output: null,
    start,
    end: start,
    duration: 0,
  };
  noted?.(entry);
  if (!signal.aborted) {
    log(`${activity.type} ${activity.name}${activity.background ? " (in the background)" : ""}`);
    try {
      entry.output = (await perform(stage, activity, signal)) ?? null;
      entry.status = "succeeded";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      entry.exception = [reason];
      log(`  failed: ${reason}`);
    }
  } else entry.exception = ["it was not played: the method had ended"];
  const endedAtMs = clock.now();
  entry.end = new Date(endedAtMs).toISOString();
  entry.duration = (endedAtMs - beganAtMs) / 1000;
  if (activity.tolerance !== undefined && entry.status === "succeeded")
    entry.tolerance_met = await meets(stage, activity, entry.output, values, signal);
  await pause(stage, activity.pauses.after, signal);
  return entry;
}

/** False also when the tolerance cannot be applied to what came. */
async function meets(
  stage: Stage,
  activity: Activity,
  output: unknown,
  values: Values,
  signal: AbortSignal,
): Promise<boolean> {
  const { tolerance } = activity;
  if (tolerance === undefined) return true;
  try {
    return await isWithin(tolerance, output, values, async (probe, value) => {
      const { provider, name } = probe as { provider?: JsonObject; name?: string };
      const given = { ...(provider?.arguments as JsonObject | undefined), value };
      const inner = await perform(
        stage,
        {
          ...activity,
          type: "probe",
          name: name ?? activity.name,
          provider: { ...provider, arguments: given } as unknown as Activity["provider"],
        },
        signal,
      );
      // What a program says is its exit code, and what an address says is its status.
      const status = typeof inner === "object" && inner !== null && "status" in inner ? inner.status : undefined;
      return status === undefined ? Boolean(inner) : status === 0 || (Number(status) >= 200 && Number(status) < 300);
    });
  } catch {
    return false;
  }
}

async function perform(stage: Stage, activity: Activity, signal: AbortSignal): Promise<unknown> {
  const { providers, values, limits, run } = stage;
  const refused = refusal(activity, limits, values, providers.house);
  if (refused !== undefined) throw new Error(refused);
  const provider = substitute(activity.provider, values);
  switch (provider.type) {
    case "http":
      return await providers.http(httpCallOf(provider), signal);
    case "process":
      return await providers.process(
        {
          path: String(provider.path),
          arguments: processArguments(provider.arguments),
          timeoutMs: secondsOf(provider.timeout, processTimeoutMs),
        },
        signal,
      );
    case "spillway":
      if (providers.house === undefined) throw new Error("nobody runs a Spillway for this drill");
      return await providers.house.perform(houseCallOf(activity, values), run, signal);
    case "python":
      throw new Error("Python functions are not played here");
  }
}

function httpCallOf(provider: JsonObject) {
  const method = String(provider.method ?? "GET").toUpperCase();
  const headers = Object.fromEntries(
    Object.entries((provider.headers ?? {}) as JsonObject).map(([name, value]) => [name, String(value)]),
  );
  const given = provider.arguments;
  let url = String(provider.url);
  let body: string | undefined;
  if (given !== undefined && given !== null) {
    const pairs = new URLSearchParams(
      typeof given === "object"
        ? Object.entries(given).map(([name, value]): [string, string] => [name, String(value)])
        : [],
    ).toString();
    const type = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
    if (method === "GET") url += pairs === "" ? "" : `${url.includes("?") ? "&" : "?"}${pairs}`;
    else if (type.startsWith("application/json")) body = JSON.stringify(given);
    else if (typeof given === "string") body = given;
    else {
      body = pairs;
      if (type === "") headers["Content-Type"] = "application/x-www-form-urlencoded";
    }
  }
  const timeoutMs = secondsOf(provider.timeout, httpTimeoutMs);
  return { url, method, headers, body, verifyTls: provider.verify_tls !== false, timeoutMs };
}

/** A list, one line, or options and their values in an object. */
function processArguments(given: unknown): readonly string[] | string {
  if (typeof given === "string") return given;
  const list = Array.isArray(given)
    ? given
    : typeof given === "object" && given !== null
      ? Object.entries(given).flat()
      : [];
  return list.filter((each) => each !== null && each !== undefined && each !== "").map(String);
}

/** Seconds, or a pair of them for connecting and answering. */
function secondsOf(given: unknown, otherwiseMs: number): number {
  const seconds = (Array.isArray(given) ? given : [given]).reduce<number>((sum, each) => sum + Number(each), 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : otherwiseMs;
}

async function pause(stage: Stage, given: unknown, signal: AbortSignal): Promise<void> {
  const seconds = Number(substitute(given, stage.values));
  if (!(seconds > 0) || signal.aborted) return;
  stage.log(`  waiting ${seconds} s`);
  await stage.clock.sleep(seconds * 1000, signal);
}
