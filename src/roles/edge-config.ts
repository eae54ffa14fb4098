/**
 * The edge's settings, from a file, the environment and the command line, in this order: what is named later wins. Every
 * complaint at once, each with its place and a hint, so that a file is mended in one go; nothing is taken from a bad one.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { Compile } from "typebox/compile";
import { Settings } from "typebox/system";
import Value from "typebox/value";
import { EdgeConfig } from "#contract/edge-config.ts";
import { covers, patternComplaint } from "#edge/routes.ts";
import { SpillwayError } from "#kernel/error.ts";
import { type Complain, networkComplaint, shown } from "./config-complaints.ts";
import { roomComplaints } from "./room-config.ts";

/** What a `spillway.config.ts` may export: every field may be left out. */
export type EdgeConfigFile = Partially<EdgeConfig>;
type Partially<Shape> = Shape extends readonly (infer Item)[]
  ? readonly Item[]
  : Shape extends object
    ? { readonly [Name in keyof Shape]?: Partially<Shape[Name]> }
    : Shape;

export type EdgeConfigSources = {
  /** A path ending in .ts, .js, .mjs or .json. Left out: `--config`, SPILLWAY_EDGE_CONFIG, then `spillway.config.ts` or `.json` where it stands. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly args: readonly string[];
  /** Where relative paths begin; the working folder when left out. */
  readonly folder?: string;
  /** False for the shop's own edge, whose origin is in the same process. */
  readonly originNeeded?: boolean;
};

/** For `--help`: each setting that the environment may give, in one line. */
export const edgeSettings: readonly (readonly [name: string, meaning: string])[] = [
  ["SPILLWAY_EDGE_CONFIG", "the config file (spillway.config.ts or spillway.config.json where it stands)"],
  ["SPILLWAY_EDGE_PORT or PORT", "the port that clients reach (8000)"],
  ["SPILLWAY_OPS_PORT", "the operations port: /livez /readyz /metrics and the admin API (8001)"],
  ["SPILLWAY_ORIGINS", "addresses of the upstreams, with commas between"],
  ["SPILLWAY_ADMIN_TOKEN", "opens the admin API"],
  ["SPILLWAY_EDGE_SECRET", "signs cookies and challenges; the same for edges that stand beside each other"],
  ["SPILLWAY_EDGE_NAME", "this edge's name in Via (spillway)"],
  ["SPILLWAY_CACHE_BYTES", "memory for cached answers (268435456)"],
  ["SPILLWAY_TRUSTED_PROXIES", "addresses and CIDRs whose forwarding fields are believed, with commas between"],
  ["SPILLWAY_TLS_CERT, SPILLWAY_TLS_KEY", "PEM files"],
  ["SPILLWAY_SNAPSHOT", "the folder of `bin/spillway publish`"],
  ["SPILLWAY_SITE_NAME", "stands in the page that is shown while the origin is gone"],
  ["SPILLWAY_ACCESS_SAMPLE", "share of requests in the access log, 0 to 1 (0)"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "spans go there"],
];

type Raw = Record<string, unknown>;
type Complaint = { readonly pointer: string; readonly message: string };
/** By pointer: what to call a value that did not come from the file. */
type Origins = Map<string, string>;

const complaintsMax = 100;
const compiled = Compile(EdgeConfig);

export async function readEdgeConfig(sources: EdgeConfigSources): Promise<EdgeConfig> {
  const folder = sources.folder ?? process.cwd();
  const complaints: Complaint[] = [];
  const origins: Origins = new Map();
  const flags = readFlags(sources.args, complaints);
  const file = fileFrom(sources, flags.config, folder, complaints);
  const raw = file === undefined ? {} : await readConfigFile(file, complaints);
  if (raw !== undefined) {
    fromEnvironment(raw, sources.env, origins, complaints);
    fromFlags(raw, flags, origins);
  }

  const config = raw === undefined ? undefined : Value.Default(EdgeConfig, raw);
  if (config !== undefined) {
    if (!compiled.Check(config)) complaints.push(...schemaComplaints(errorsOf(config), config));
    complaints.push(...crossComplaints(config, sources.originNeeded ?? true, folder, complaints));
  }
  if (complaints.length === 0) return withWholePaths(config as EdgeConfig, folder);
  throw new SpillwayError("bad_config", report(complaints, file, origins));
}

/** Typebox stops at eight by itself, and a choice of five is six of them; the setting is everybody's, so it is put back. */
function errorsOf(config: unknown): SchemaError[] {
  const { maxErrors } = Settings.Get();
  Settings.Set({ maxErrors: complaintsMax * 10 });
  try {
    return [...compiled.Errors(config)];
  } finally {
    Settings.Set({ maxErrors });
  }
}

/** The schema for editors and checks: what has a default need not be there. */
export function edgeConfigSchemaJson(): string {
  const published = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(published);
    if (typeof value !== "object" || value === null) return value;
    const copy = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, published(part)])) as Raw;
    const { required, properties } = copy as { required?: unknown; properties?: Record<string, { default?: unknown }> };
    if (Array.isArray(required) && properties !== undefined) {
      const needed = required.filter((name: string) => properties[name]?.default === undefined);
      if (needed.length > 0) copy.required = needed;
      else delete copy.required;
    }
    return copy;
  };
  const schema = { $schema: "https://json-schema.org/draft/2020-12/schema", ...(published(EdgeConfig) as Raw) };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** What was found readable here is what will be read, wherever the reader stands. */
function withWholePaths(config: EdgeConfig, folder: string): EdgeConfig {
  const { listen, fallback, waitingRooms } = config;
  if (listen.tls !== undefined) {
    listen.tls.certFile = resolve(folder, listen.tls.certFile);
    listen.tls.keyFile = resolve(folder, listen.tls.keyFile);
  }
  if (fallback.snapshotDir !== undefined) fallback.snapshotDir = resolve(folder, fallback.snapshotDir);
  if (waitingRooms.stateDir !== undefined) waitingRooms.stateDir = resolve(folder, waitingRooms.stateDir);
  return config;
}

function report(complaints: readonly Complaint[], file: string | undefined, origins: Origins): string {
  const lines = complaints.slice(0, complaintsMax).map(({ pointer, message }) => {
    const origin = nearest(origins, pointer);
    if (origin !== undefined) return `  ${origin} ${message}`;
    return pointer === "" ? `  ${message}` : `  ${pointer} ${message}`;
  });
  const one = complaints.length === 1;
  const place = file === undefined ? "The edge's settings" : file;
  const head = `${place}: ${one ? "one thing is wrong" : `${complaints.length} things are wrong`}.`;
  return [head, ...new Set(lines), "Every field is described by: bin/spillway edge --schema"].join("\n");
}

function nearest(origins: Origins, pointer: string): string | undefined {
  for (let at = pointer; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const origin = origins.get(at);
    if (origin !== undefined) return origin;
  }
  return undefined;
}

// The file.

const defaultFiles = ["spillway.config.ts", "spillway.config.json"];

function fileFrom(
  { file, env }: EdgeConfigSources,
  flag: string | undefined,
  folder: string,
  complaints: Complaint[],
): string | undefined {
  const named = file ?? flag ?? trimmed(env.SPILLWAY_EDGE_CONFIG);
  if (named !== undefined) return resolve(folder, named);
  const found = defaultFiles.map((name) => resolve(folder, name)).filter((path) => existsSync(path));
  if (found.length > 1)
    complaints.push({ pointer: "", message: `both ${found.join(" and ")} are there: keep one, or say --config FILE.` });
  return found[0];
}

/** Each reading of a module is a new one: it is asked for under an address that was never used. */
let readings = 0;

async function readConfigFile(file: string, complaints: Complaint[]): Promise<Raw | undefined> {
  const complain = (message: string): undefined => {
    complaints.push({ pointer: "", message });
  };
  if (!existsSync(file)) return complain("is not there. Name the file by --config FILE, or leave it out.");
  let value: unknown;
  if (/\.json$/i.test(file)) {
    const text = await readFile(file, "utf8").catch((error: unknown) => complain(`cannot be read: ${said(error)}`));
    if (text === undefined) return undefined;
    try {
      value = JSON.parse(text.replace(/^\uFEFF/, ""));
    } catch (error) {
      return complain(`is not JSON: ${said(error)}. Comments and commas at an end belong in a .ts file.`);
    }
  } else if (/\.[mc]?[jt]s$/i.test(file)) {
    readings += 1;
    try {
      const module = (await import(`${file}?reading=${Date.now()}-${readings}`)) as { default?: unknown };
      if (module.default === undefined) return complain("has no default export. Write: export default { … };");
      value = module.default;
    } catch (error) {
      const { line, column } = ((error as { position?: unknown }).position ?? {}) as { line?: number; column?: number };
      return complain(
        `cannot be loaded: ${said(error)}${line === undefined ? "" : ` (line ${line}, column ${column})`}`,
      );
    }
  } else return complain("must end in .ts, .js or .json.");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return complain("must hold one object: { upstreams: [ … ], … }.");
  // A copy: the module's own object is not ours to fill in.
  try {
    return structuredClone(value) as Raw;
  } catch {
    return complain("must hold plain data alone: no functions, no class instances.");
  }
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ");

// Environment and command line.

const trimmed = (text: string | undefined): string | undefined => {
  const value = text?.trim();
  return value === "" ? undefined : value;
};
const listed = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
/** What is no number stays as it is, for the schema to complain of. */
const numeral = (text: string): unknown => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text);
const upstreamsOf = (urls: readonly string[]): Raw[] => urls.map((url) => ({ url: url.replace(/\/+$/, "") }));

function put(raw: Raw, origins: Origins, pointer: string, value: unknown, origin: string): void {
  const names = pointer.slice(1).split("/");
  const last = names.pop() ?? "";
  let at: Raw = raw;
  for (const name of names) {
    const next = at[name];
    if (next === undefined) at[name] = {};
    // Of the wrong shape in the file: that is told by its own complaint.
    else if (typeof next !== "object" || next === null || Array.isArray(next)) return;
    at = at[name] as Raw;
  }
  at[last] = value;
  origins.set(pointer, origin);
}

const environment: readonly (readonly [name: string, pointer: string, read: (text: string) => unknown])[] = [
  ["PORT", "/listen/port", numeral],
  ["SPILLWAY_EDGE_PORT", "/listen/port", numeral],
  ["SPILLWAY_OPS_PORT", "/opsPort", numeral],
  ["SPILLWAY_ADMIN_TOKEN", "/adminToken", (text) => text],
  ["SPILLWAY_CACHE_BYTES", "/cache/maxBytes", numeral],
  ["SPILLWAY_TRUSTED_PROXIES", "/listen/trustedProxies", listed],
  ["SPILLWAY_TLS_CERT", "/listen/tls/certFile", (text) => text],
  ["SPILLWAY_TLS_KEY", "/listen/tls/keyFile", (text) => text],
  ["SPILLWAY_SNAPSHOT", "/fallback/snapshotDir", (text) => text],
  ["SPILLWAY_SITE_NAME", "/fallback/siteName", (text) => text],
  ["SPILLWAY_ACCESS_SAMPLE", "/log/accessSample", numeral],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "/log/otlpUrl", (text) => text],
  ["SPILLWAY_ORIGINS", "/upstreams", (text) => upstreamsOf(listed(text))],
];

/** Not part of the file: which file it is, and what must not stand in one. */
const readElsewhere = ["SPILLWAY_EDGE_CONFIG", "SPILLWAY_EDGE_SECRET", "SPILLWAY_EDGE_NAME"];

function fromEnvironment(raw: Raw, env: EdgeConfigSources["env"], origins: Origins, complaints: Complaint[]): void {
  for (const [name, pointer, read] of environment) {
    const text = trimmed(env[name]);
    if (text === undefined) continue;
    const shown = /TOKEN/.test(name) ? name : `${name}=${text}`;
    put(raw, origins, pointer, read(text), `${shown} (${pointer})`);
  }
  const known = new Set([...environment.map(([name]) => name), ...readElsewhere]);
  for (const name of Object.keys(env)) {
    if (!name.startsWith("SPILLWAY_EDGE_") || known.has(name)) continue;
    const hint = closest(name, [...known]);
    complaints.push({
      pointer: "",
      message: `${name} is no setting${hint === undefined ? "" : `; did you mean ${hint}?`}`,
    });
  }
}

type Flags = {
  readonly origins: string[];
  port?: string;
  opsPort?: string;
  config?: string;
};

/** The words of the command line; anything else is told with its nearest relative. */
function readFlags(args: readonly string[], complaints: Complaint[]): Flags {
  const flags: Flags = { origins: [] };
  const known = ["--origin", "--port", "--ops-port", "--config"];
  for (let index = 0; index < args.length; index++) {
    const [word = "", ...rest] = (args[index] ?? "").split("=");
    if (!known.includes(word)) {
      const hint = closest(word, known);
      const message = word.startsWith("-")
        ? `${word} is no option of the edge${hint === undefined ? "" : `; did you mean ${hint}?`} See bin/spillway edge --help.`
        : `"${word}" is in excess. Write --origin ${word} if it is the origin's address.`;
      complaints.push({ pointer: "", message });
      // What stands behind an unknown option belongs to it.
      if (word.startsWith("-") && rest.length === 0 && args[index + 1]?.startsWith("-") === false) index += 1;
      continue;
    }
    const following = args[index + 1];
    const value = rest.length > 0 ? rest.join("=") : following?.startsWith("--") === false ? following : undefined;
    if (rest.length === 0 && value !== undefined) index += 1;
    if (value === undefined || value === "") {
      complaints.push({ pointer: "", message: `${word} needs a value behind it.` });
      continue;
    }
    if (word === "--origin") flags.origins.push(value);
    else if (word === "--port") flags.port = value;
    else if (word === "--ops-port") flags.opsPort = value;
    else flags.config = value;
  }
  return flags;
}

function fromFlags(raw: Raw, flags: Flags, origins: Origins): void {
  if (flags.port !== undefined) put(raw, origins, "/listen/port", numeral(flags.port), `--port ${flags.port}`);
  if (flags.opsPort !== undefined) put(raw, origins, "/opsPort", numeral(flags.opsPort), `--ops-port ${flags.opsPort}`);
  if (flags.origins.length === 0) return;
  put(raw, origins, "/upstreams", upstreamsOf(flags.origins), "--origin");
  for (const [index, origin] of flags.origins.entries()) origins.set(`/upstreams/${index}`, `--origin ${origin}`);
}

// What the schema says.

type SchemaNode = {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly description?: string;
};
type SchemaError = {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
};

function schemaComplaints(errors: readonly SchemaError[], config: unknown): Complaint[] {
  const told: Complaint[] = [];
  const choices = new Map<string, string[]>();
  for (const { keyword, instancePath, params } of errors) {
    if (keyword !== "const") continue;
    const allowed = choices.get(instancePath) ?? [];
    allowed.push(String((params as { allowedValue?: unknown }).allowedValue));
    choices.set(instancePath, allowed);
  }
  for (const { keyword, instancePath, params, message } of errors) {
    const given = valueAt(config, instancePath);
    const limits = params as Readonly<Record<string, unknown>>;
    switch (keyword) {
      case "additionalProperties":
      case "const":
        continue;
      case "boolean": {
        const at = instancePath.lastIndexOf("/");
        const name = instancePath
          .slice(at + 1)
          .replaceAll("~1", "/")
          .replaceAll("~0", "~");
        told.push({ pointer: instancePath, message: `is no setting${spelling(name, instancePath.slice(0, at))}` });
        continue;
      }
      case "required":
        for (const name of (limits.requiredProperties as readonly string[] | undefined) ?? [])
          told.push({ pointer: `${instancePath}/${name}`, message: `is missing${meaning(`${instancePath}/${name}`)}` });
        continue;
      case "anyOf": {
        const allowed = choices.get(instancePath);
        if (allowed === undefined) break;
        const hint = typeof given === "string" ? closest(given, allowed) : undefined;
        told.push({
          pointer: instancePath,
          message: `must be one of ${allowed.map((value) => `"${value}"`).join(", ")}, not ${shown(given)}${hint === undefined ? "" : `; did you mean "${hint}"?`}`,
        });
        continue;
      }
      case "type":
        told.push({
          pointer: instancePath,
          message: `must be ${kinds[String(limits.type)] ?? limits.type}, not ${shown(given)}`,
        });
        continue;
      case "minimum":
        told.push({ pointer: instancePath, message: `must be at least ${limits.limit}, not ${shown(given)}` });
        continue;
      case "maximum":
        told.push({ pointer: instancePath, message: `must be at most ${limits.limit}, not ${shown(given)}` });
        continue;
      case "minLength":
        told.push({ pointer: instancePath, message: `must have at least ${limits.limit} characters` });
        continue;
      case "minItems":
      case "maxItems":
        told.push({
          pointer: instancePath,
          message: `must have ${keyword === "minItems" ? "at least" : "at most"} ${limits.limit} values, not ${Array.isArray(given) ? given.length : "so many"}`,
        });
        continue;
      case "pattern":
        told.push({ pointer: instancePath, message: patternHint(instancePath, given) });
        continue;
    }
    if (keyword !== "anyOf") told.push({ pointer: instancePath, message });
  }
  return told;
}

const kinds: Readonly<Record<string, string>> = {
  integer: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  object: "an object { … }",
  array: "a list [ … ]",
};

function patternHint(pointer: string, given: unknown): string {
  if (/^\/upstreams\/\d+\/url$/.test(pointer))
    return `must be written like https://shop.example or http://10.0.0.7:8080, with no path, not ${shown(given)}`;
  if (/\/pattern$|\/routes\/\d+$|\/healthPath$/.test(pointer)) return `must begin with "/", not ${shown(given)}`;
  if (/\/methods\/\d+$/.test(pointer)) return `must be a method in capitals such as "POST", not ${shown(given)}`;
  if (/\/(?:policies\/\d+\/name|rooms\/\d+\/id)$/.test(pointer))
    return `must be of small letters, digits and "-", beginning with a letter, at most 41, not ${shown(given)}`;
  return `is not written as it should be: ${shown(given)}${meaning(pointer)}`;
}

function nodeAt(pointer: string): SchemaNode | undefined {
  let node: SchemaNode | undefined = EdgeConfig as SchemaNode;
  for (const name of pointer.split("/").slice(1)) node = /^\d+$/.test(name) ? node?.items : node?.properties?.[name];
  return node;
}

const meaning = (pointer: string): string => {
  const { description } = nodeAt(pointer) ?? {};
  return description === undefined ? "" : ` (${description})`;
};

/** A near name of the same object; else where in the file a field of this very name belongs. */
function spelling(name: string, parent: string): string {
  const here = Object.keys(nodeAt(parent)?.properties ?? {});
  const near = closest(name, here);
  if (near !== undefined) return `; did you mean "${near}"?`;
  const elsewhere: string[] = [];
  for (const [group, node] of Object.entries((EdgeConfig as SchemaNode).properties ?? {}))
    if (node.properties?.[name] !== undefined) elsewhere.push(`/${group}/${name}`);
  if ((EdgeConfig as SchemaNode).properties?.[name] !== undefined) elsewhere.push(`/${name}`);
  if (elsewhere.length > 0) return `; it belongs at ${elsewhere.join(" or ")}`;
  return here.length === 0 ? "" : `; there are ${here.join(", ")}`;
}

function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const name of pointer.split("/").slice(1)) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Raw)[name.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
}

/** The nearest of the names if it could be a slip of the fingers: at most two of five letters differ. */
function closest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const other of names) {
    const distance = distanceOf(name.slice(0, 80).toLowerCase(), other.toLowerCase());
    if (distance < least && distance <= Math.max(1, Math.floor(other.length / 2.5))) [best, least] = [other, distance];
  }
  return best;
}

/** Levenshtein's, with two swapped neighbours as one slip (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_value, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      next.push(cost);
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}

// What no schema says: fields that must agree with each other or with the world.

function crossComplaints(
  given: unknown,
  originNeeded: boolean,
  folder: string,
  already: readonly Complaint[],
): Complaint[] {
  const told: Complaint[] = [];
  const wrong = new Set(already.map(({ pointer }) => pointer));
  const complain = (pointer: string, message: string): void => {
    if (!wrong.has(pointer)) told.push({ pointer, message });
  };
  const config = given as EdgeConfig;
  // Each look is apart from the others: where a part has the wrong shape, what it should agree with is left alone.
  const look = (check: () => void): void => {
    try {
      check();
    } catch (error) {
      if (already.length === 0) throw error;
    }
  };

  look(() => {
    if (originNeeded && config.upstreams.length === 0)
      complain(
        "/upstreams",
        "is empty: say where the shop is, by --origin https://shop.example, SPILLWAY_ORIGINS or upstreams: [{ url: … }].",
      );
  });
  look(() => checkUpstreams(config, complain));
  look(() => {
    const { listen } = config;
    if (listen.http3 && listen.tls === undefined)
      complain(
        "/listen/http3",
        "needs listen.tls: QUIC is always encrypted. Add certFile and keyFile, or take http3 away.",
      );
    // The shop's own edge has the shop's ports, which are checked with the shop's settings.
    if (originNeeded && listen.port !== 0 && listen.port === config.opsPort)
      complain("/opsPort", `is ${listen.port} like /listen/port: give them two different ports.`);
    for (const [index, host] of listen.hosts.entries())
      if (!/^(?:\[[\da-f:.]+\]|[a-z\d](?:[a-z\d.-]*[a-z\d])?)(?::\d{1,5})?$/i.test(host))
        complain(`/listen/hosts/${index}`, `must be a host name such as "shop.example", not ${shown(host)}`);
  });
  for (const name of ["certFile", "keyFile"] as const)
    look(() => {
      const file = config.listen.tls?.[name];
      if (typeof file !== "string") return;
      try {
        accessSync(resolve(folder, file), constants.R_OK);
      } catch (error) {
        complain(`/listen/tls/${name}`, `cannot be read: ${said(error)}`);
      }
    });
  for (const [place, list] of [
    ["/listen/trustedProxies", () => config.listen.trustedProxies],
    ["/limits/allow", () => config.limits.allow],
    ["/limits/deny", () => config.limits.deny],
  ] as const)
    look(() => {
      for (const [index, text] of list().entries()) {
        const message = typeof text === "string" ? networkComplaint(text) : undefined;
        if (message !== undefined) complain(`${place}/${index}`, message);
      }
    });
  look(() => checkRoutes(config, complain));
  look(() => checkLimits(config, complain));
  look(() => roomComplaints(config.waitingRooms, complain));
  look(() => {
    const { least, initial, most } = config.shedding;
    if (least > most) complain("/shedding/least", `is ${least}, more than most (${most}).`);
    else if (initial < least || initial > most)
      complain("/shedding/initial", `is ${initial}: it must lie between least (${least}) and most (${most}).`);
  });
  for (const name of ["queueWaitMs", "errorPercent", "slowdown"] as const)
    look(() => {
      const [one = 0, two = 0, three = 0] = config.pressure[name];
      if (!(one <= two && two <= three))
        complain(`/pressure/${name}`, `must rise from level 1 to level 3, not ${shown(config.pressure[name])}`);
    });
  look(() => {
    const { enabled, maxBytes, objectMaxBytes } = config.cache;
    if (enabled && maxBytes > 0 && objectMaxBytes > maxBytes)
      complain(
        "/cache/objectMaxBytes",
        `is ${objectMaxBytes}, more than the whole cache (/cache/maxBytes, ${maxBytes}).`,
      );
  });
  look(() => {
    const { adminToken } = config;
    if (adminToken !== undefined && !/^[\x21-\x7e]{16,200}$/.test(adminToken))
      complain("/adminToken", "must have 16 to 200 printable characters and no spaces: it is sent in a header.");
    const { otlpUrl } = config.log;
    if (otlpUrl !== undefined && !/^https?:\/\//.test(URL.canParse(otlpUrl) ? otlpUrl : ""))
      complain("/log/otlpUrl", `must be an address such as http://collector:4318, not ${shown(otlpUrl)}`);
  });
  return told;
}

function checkUpstreams({ upstreams, listen }: EdgeConfig, complain: Complain): void {
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  for (const [index, upstream] of upstreams.entries()) {
    if (!URL.canParse(upstream.url)) {
      if (/^https?:\/\/[^/?#]+$/.test(upstream.url))
        complain(`/upstreams/${index}/url`, `is no address: ${shown(upstream.url)}`);
      continue;
    }
    const url = new URL(upstream.url);
    if (url.username !== "" || url.password !== "")
      complain(`/upstreams/${index}/url`, "must hold no user name and password.");
    const name = upstream.name ?? url.host;
    const sameName = names.get(name);
    const sameAddress = addresses.get(url.origin);
    if (sameAddress !== undefined)
      complain(
        `/upstreams/${index}/url`,
        `is the address of upstream ${sameAddress} too; to give it more work, raise its weight.`,
      );
    else if (sameName !== undefined)
      complain(`/upstreams/${index}/name`, `"${name}" is the name of upstream ${sameName} too: each needs its own.`);
    names.set(name, names.get(name) ?? index);
    addresses.set(url.origin, addresses.get(url.origin) ?? index);
    const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
    if (port === listen.port && /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0)$/.test(url.hostname))
      complain(`/upstreams/${index}/url`, `leads back to the edge itself, which listens on port ${port}.`);
  }
}

function checkRoutes({ routes }: EdgeConfig, complain: Complain): void {
  for (const [index, route] of routes.entries()) {
    const message = patternComplaint(route.pattern);
    if (message !== undefined) {
      complain(`/routes/${index}/pattern`, `${shown(route.pattern)} ${message}.`);
      continue;
    }
    const earlier = routes.slice(0, index).findIndex((other) => covers(other, route));
    if (earlier >= 0)
      complain(
        `/routes/${index}/pattern`,
        `${shown(route.pattern)} is never reached: ${shown(routes[earlier]?.pattern)} (route ${earlier}) stands before it and takes all of it. Put it further up, or take it away.`,
      );
  }
}

function checkLimits({ limits }: EdgeConfig, complain: Complain): void {
  const names = new Map<string, number>();
  for (const [index, policy] of limits.policies.entries()) {
    const same = names.get(policy.name);
    if (same !== undefined)
      complain(
        `/limits/policies/${index}/name`,
        `"${policy.name}" is the name of policy ${same} too: each needs its own.`,
      );
    else names.set(policy.name, index);
    for (const [at, pattern] of (policy.routes ?? []).entries()) {
      const message = patternComplaint(pattern);
      if (message !== undefined) complain(`/limits/policies/${index}/routes/${at}`, `${shown(pattern)} ${message}.`);
    }
  }
}
