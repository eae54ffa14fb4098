/** Configuration and secrets of an experiment, with what stands in the environment in its place. */
import type { JsonObject } from "./experiment.ts";
import type { Values } from "./substitution.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** What is given from outside goes before what the file says; the configuration before secrets of the same name. */
export function valuesOf(
  parts: { readonly configuration: JsonObject; readonly secrets: JsonObject },
  env: Env,
  given: Values,
): { readonly values: Values; readonly complaints: readonly string[] } {
  const complaints: string[] = [];
  const secrets: Record<string, unknown> = {};
  for (const [group, entries] of Object.entries(parts.secrets)) {
    if (typeof entries !== "object" || entries === null) continue;
    if ((entries as JsonObject).type === "env") secrets[group] = fromEnv(entries as JsonObject, env, group, complaints);
    else for (const [name, value] of Object.entries(entries)) secrets[name] = resolved(value, env, name, complaints);
  }
  const configuration = Object.fromEntries(
    Object.entries(parts.configuration)
      .filter(([name]) => !Object.hasOwn(given, name))
      .map(([name, value]) => [name, resolved(value, env, name, complaints)]),
  );
  return { values: { ...secrets, ...configuration, ...given }, complaints };
}

function resolved(value: unknown, env: Env, name: string, complaints: string[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { type } = value as JsonObject;
  if (type === "probe") {
    complaints.push(`configuration "${name}" is found by a probe; give it by \`env\` or as a value`);
    return undefined;
  }
  return type === "env" ? fromEnv(value as JsonObject, env, name, complaints) : value;
}

function fromEnv(entry: JsonObject, env: Env, name: string, complaints: string[]): unknown {
  const key = String(entry.key ?? "");
  const found = env[key];
  if (found === undefined && !("default" in entry)) {
    complaints.push(`"${name}" is to come from the environment, and ${key} is not set`);
    return undefined;
  }
  const converted = convertedTo(entry.env_var_type, found ?? entry.default);
  if (converted === undefined) complaints.push(`${key} is not of the type ${String(entry.env_var_type)}`);
  return converted;
}

/** The types of `env_var_type`; undefined when the value is not of it. */
function convertedTo(type: unknown, value: unknown): unknown {
  switch (type) {
    case undefined:
    case null:
    case "str":
    case "string":
    case "bytes":
      return value;
    case "int":
    case "integer":
    case "float":
    case "number":
      return Number.isFinite(Number(value)) ? Number(value) : undefined;
    case "bool":
      return typeof value === "boolean" ? value : !["false", "0", "no"].includes(String(value).toLowerCase());
    case "json":
      try {
        return typeof value === "string" && value !== "" ? (JSON.parse(value) as unknown) : value;
      } catch {
        return undefined;
      }
    default:
      return undefined;
  }
}
