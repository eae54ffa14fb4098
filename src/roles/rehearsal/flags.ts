/** The words behind `rehearse`: read all at once, every complaint together, each with a hint. */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { SpillwayError } from "#kernel/error.ts";
import { closest } from "../schema-complaints.ts";

const options = {
  help: { type: "boolean", short: "h" },
  schema: { type: "boolean" },
  url: { type: "string" },
  path: { type: "string", multiple: true },
  shop: { type: "boolean" },
  rate: { type: "string" },
  seconds: { type: "string" },
  spike: { type: "boolean" },
  peak: { type: "string" },
  users: { type: "string" },
  scale: { type: "string" },
  seed: { type: "string" },
  timeout: { type: "string" },
  owned: { type: "string", multiple: true },
  "trust-any-certificate": { type: "boolean" },
  processes: { type: "string" },
  listen: { type: "string" },
  machines: { type: "string" },
  join: { type: "string" },
  token: { type: "string" },
  house: { type: "boolean" },
  drill: { type: "string", multiple: true },
  "go-no-go": { type: "boolean" },
  report: { type: "string" },
  json: { type: "boolean" },
  plain: { type: "boolean" },
  "dry-run": { type: "boolean" },
} as const;

export type RehearseFlags = {
  readonly plan: string | undefined;
  readonly isHelp: boolean;
  readonly isSchema: boolean;
  readonly url: string | undefined;
  readonly paths: readonly string[];
  readonly isShop: boolean;
  readonly rate: number | undefined;
  readonly seconds: number | undefined;
  readonly isSpike: boolean;
  readonly peak: number | undefined;
  readonly users: number | undefined;
  readonly scale: number | undefined;
  readonly seed: number | undefined;
  readonly timeout: number | undefined;
  readonly owned: readonly string[];
  readonly trustsAnyCertificate: boolean;
  readonly processes: number | undefined;
  readonly listen: Place | undefined;
  readonly machines: number;
  readonly join: Place | undefined;
  readonly token: string | undefined;
  /** Against a Spillway of its own, which drills may hurt. */
  readonly isHouse: boolean;
  readonly drills: readonly string[];
  readonly isGoNoGo: boolean;
  readonly report: string | undefined;
  readonly isJson: boolean;
  readonly isPlain: boolean;
  readonly isDryRun: boolean;
};

export type Place = { readonly host: string; readonly port: number };

export function readFlags(given: readonly string[]): RehearseFlags {
  const complaints: string[] = [];
  const { values, tokens } = parseArgs({
    args: [...given],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const positionals: string[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token.kind === "positional") {
      const before = tokens[at - 1];
      // What stands behind an unknown option belongs to it.
      const isBehindUnknown =
        before?.kind === "option" && !Object.hasOwn(options, before.name) && before.value === undefined;
      if (!isBehindUnknown) positionals.push(token.value);
    }
    if (token.kind !== "option") continue;
    const known = Object.hasOwn(options, token.name) ? options[token.name as keyof typeof options] : undefined;
    if (known === undefined) {
      const hint = closest(token.name, Object.keys(options));
      complaints.push(`${token.rawName} is no option${hint === undefined ? "" : `; did you mean --${hint}?`}`);
    } else if (known.type === "string" && (token.value === undefined || token.value === ""))
      complaints.push(`${token.rawName} needs a value behind it.`);
    else if (known.type === "boolean" && token.value !== undefined) complaints.push(`${token.rawName} takes no value.`);
  }
  const text = (name: keyof typeof options): string | undefined => {
    const value = values[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const texts = (name: keyof typeof options): string[] => {
    const value = values[name];
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
  };
  const number = (name: keyof typeof options, least: number, most: number, isWhole = false): number | undefined => {
    const written = text(name);
    if (written === undefined) return undefined;
    const value = Number(written);
    if (Number.isFinite(value) && value >= least && value <= most && (!isWhole || Number.isInteger(value)))
      return value;
    complaints.push(`--${name} must be a ${isWhole ? "whole " : ""}number from ${least} to ${most}, not "${written}".`);
    return undefined;
  };
  const place = (name: keyof typeof options, example: string): Place | undefined => {
    const written = text(name);
    if (written === undefined) return undefined;
    const found = /^(?:\[([\da-f:]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(written);
    if (found !== null && Number(found[3]) <= 65_535)
      return { host: (found[1] ?? found[2]) as string, port: Number(found[3]) };
    complaints.push(`--${name} must be written like ${example}, not "${written}".`);
    return undefined;
  };

  const flags: RehearseFlags = {
    plan: positionals[0],
    isHelp: values.help === true,
    isSchema: values.schema === true,
    url: text("url"),
    paths: texts("path"),
    isShop: values.shop === true,
    rate: number("rate", 0.01, 1_000_000),
    seconds: number("seconds", 1, 86_400),
    isSpike: values.spike === true,
    peak: number("peak", 0.01, 1_000_000),
    users: number("users", 1, 1_000_000, true),
    scale: number("scale", 0.01, 100),
    seed: number("seed", 0, 4_294_967_295, true),
    timeout: number("timeout", 0.1, 3600),
    owned: texts("owned"),
    trustsAnyCertificate: values["trust-any-certificate"] === true,
    processes: number("processes", 1, 1024, true),
    listen: place("listen", "0.0.0.0:7070"),
    machines: number("machines", 1, 1000, true) ?? 1,
    join: place("join", "10.0.0.5:7070"),
    token: text("token"),
    isHouse: values.house === true,
    drills: texts("drill"),
    isGoNoGo: values["go-no-go"] === true,
    report: text("report"),
    isJson: values.json === true,
    isPlain: values.plain === true,
    isDryRun: values["dry-run"] === true,
  };
  if (!flags.isHelp && !flags.isSchema) complaints.push(...disagreements(flags, positionals));
  if (complaints.length === 0) return flags;
  const head = complaints.length === 1 ? "one thing is wrong" : `${complaints.length} things are wrong`;
  throw new SpillwayError(
    "bad_usage",
    [`rehearse: ${head}.`, ...complaints.map((line) => `  ${line}`), "Examples: bin/spillway rehearse --help"].join(
      "\n",
    ),
  );
}

function* disagreements(flags: RehearseFlags, positionals: readonly string[]): Generator<string> {
  if (positionals.length > 1) yield `"${positionals[1]}" is in excess: one plan is played at a time.`;
  if (flags.join !== undefined) {
    if (flags.plan !== undefined || flags.url !== undefined || flags.listen !== undefined)
      yield "--join lends this machine to another, which has the plan: say neither a plan, --url nor --listen.";
    if (flags.token === undefined) yield "--join needs the --token that the other machine has printed.";
    return;
  }
  if (flags.plan === undefined && flags.url === undefined && !flags.isHouse)
    yield "say a plan, --url URL, or --house for a Spillway of its own.";
  if (flags.url !== undefined && !/^https?:\/\/[^/]/i.test(flags.url))
    yield `--url must be written like https://shop.example or http://localhost:8080, not "${flags.url}".`;
  if (flags.isHouse && flags.url !== undefined) yield "--house brings its own target: leave out --url.";
  if (flags.isHouse && flags.plan === undefined && flags.paths.length > 0)
    yield "--house without a plan plays the demonstration shop's sale: leave out --path.";
  if (flags.drills.length > 0 && flags.users !== undefined)
    yield "--drill is played at the peak of an open crowd: leave out --users.";
  if (flags.isGoNoGo && flags.users !== undefined) yield "--go-no-go asks for a peak, which --users has not.";
  if (flags.plan !== undefined) {
    for (const [name, isThere] of [
      ["rate", flags.rate !== undefined],
      ["seconds", flags.seconds !== undefined],
      ["spike", flags.isSpike],
      ["peak", flags.peak !== undefined],
      ["users", flags.users !== undefined],
      ["path", flags.paths.length > 0],
      ["shop", flags.isShop],
    ] as const)
      if (isThere)
        yield `--${name} makes a plan of its own: it cannot stand beside ${flags.plan}. Use --scale, or change the plan.`;
  }
  if (flags.users !== undefined && (flags.rate !== undefined || flags.isSpike || flags.peak !== undefined))
    yield "--users is a closed crowd, which has no rate: leave out --rate, --spike and --peak.";
  if (flags.isShop && flags.paths.length > 0) yield "--shop brings its own addresses: leave out --path.";
  if (flags.listen === undefined && flags.token !== undefined) yield "--token is for --listen and --join.";
  if (flags.token !== undefined && flags.token.length < 16) yield "--token must have at least 16 characters.";
}

/** As many as a peak of so many requests a second needs, on the cores that are here beside the target's. */
export function processesFor(requestsPerSecond: number): number {
  const perProcess = 10_000;
  return Math.max(1, Math.min(availableParallelism() - 1, Math.ceil(requestsPerSecond / perProcess)));
}
