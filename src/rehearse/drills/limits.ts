/**
 * What a drill may hurt. Checked before anything is played, and again when names have their values: an action touches a
 * role, proxy, program or address that the file's limits name, or it is not played.
 */
import type { Activity, Experiment, Limits } from "./experiment.ts";
import type { DrillHouse, HouseCall } from "./ports.ts";
import { substitute, type Values } from "./substitution.ts";

/** Why this activity may not be played; undefined when it may. */
export function refusal(
  activity: Activity,
  limits: Limits,
  values: Values,
  house: DrillHouse | undefined,
): string | undefined {
  const provider = substitute(activity.provider, values);
  const where = `${activity.type} "${activity.name}"`;
  switch (provider.type) {
    case "spillway": {
      const call = houseCallOf(activity, values);
      if (house === undefined) return `${where} asks for a Spillway that is run for the drill, and there is none`;
      const target = house.targetOf(call);
      if (target === undefined) return `${where}: there is no ${call.kind} "${call.word}"`;
      if (activity.type === "probe" || limits.targets.includes(target)) return undefined;
      return `${where} would touch ${target}, which \`limits.targets\` does not name`;
    }
    case "process": {
      const path = String(provider.path);
      const name = path.split("/").at(-1) ?? path;
      // A probe runs a program too.
      return limits.commands.includes(name) || limits.commands.includes(path)
        ? undefined
        : `${where} would run ${path}, which \`limits.commands\` does not name`;
    }
    case "http": {
      const method = String(provider.method ?? "GET").toUpperCase();
      if (activity.type === "probe" && (method === "GET" || method === "HEAD")) return undefined;
      const url = String(provider.url);
      if (!URL.canParse(url)) return `${where}: ${url} is no address`;
      const { host, hostname } = new URL(url);
      return limits.hosts.includes(host) || limits.hosts.includes(hostname)
        ? undefined
        : `${where} would ${method} ${host}, which \`limits.hosts\` does not name`;
    }
    case "python":
      return undefined;
  }
}

/** Every activity that would be played and may not. */
export function refusals(experiment: Experiment, values: Values, house: DrillHouse | undefined): readonly string[] {
  const { limits } = experiment;
  if (limits === undefined)
    return [
      'it names no limits of what may be hurt: give it {"extensions": [{"name": "spillway", "limits": {"targets": [], "commands": [], "hosts": []}}]}',
    ];
  const all = [
    ...(experiment.hypothesis?.probes ?? []),
    ...experiment.aborts.map(({ probe }) => probe),
    ...experiment.method,
    ...experiment.rollbacks,
  ];
  return [...new Set(all.flatMap((activity) => refusal(activity, limits, values, house) ?? []))];
}

export function houseCallOf(activity: Activity, values: Values): HouseCall {
  const provider = substitute(activity.provider, values) as Readonly<Record<string, unknown>>;
  const { type: _type, [activity.type]: word, ...rest } = provider;
  return { kind: activity.type, word: String(word), arguments: rest };
}
