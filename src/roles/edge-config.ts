/**
 * The edge's settings, from a file, the environment and the command line, in this order: what is named later wins. Every
 * complaint at once, each with its place and a hint, so that a file is mended in one go; nothing is taken from a bad one.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { resolve } from "node:path";
import { Compile } from "typebox/compile";
import Value from "typebox/value";
import { EdgeConfig } from "#contract/edge-config.ts";
import { patternComplaint } from "#edge/path-pattern.ts";
import { covers } from "#edge/routes.ts";
import { SpillwayError } from "#kernel/error.ts";
import { type Complain, networkComplaint } from "./config-complaints.ts";
import { roomComplaints } from "./room-config.ts";
import { type Complaint, closest, schemaComplaints, schemaJson, shown } from "./schema-complaints.ts";
import { readSettingsFile, said } from "./settings-file.ts";

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
  [
    "SPILLWAY_EDGE_SECRET",
    "signs places, passes, cookies and challenges; the same for edges that stand beside each other. Several with commas between: the first signs, the others are still believed",
  ],
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
/** By pointer: what to call a value that did not come from the file. */
type Origins = Map<string, string>;

const complaintsMax = 100;
const fileHints = {
  missing: "Name the file by --config FILE, or leave it out.",
  example: "{ upstreams: [ … ], … }",
};
const compiled = Compile(EdgeConfig);

export async function readEdgeConfig(sources: EdgeConfigSources): Promise<EdgeConfig> {
  const folder = sources.folder ?? process.cwd();
  const complaints: Complaint[] = [];
  const origins: Origins = new Map();
  const flags = readFlags(sources.args, complaints);
  const file = fileFrom(sources, flags.config, folder, complaints);
  const raw = file === undefined ? {} : await readSettingsFile(file, fileHints, complaints);
  if (raw !== undefined) {
    fromEnvironment(raw, sources.env, origins, complaints);
    fromFlags(raw, flags, origins);
  }

  const config = raw === undefined ? undefined : Value.Default(EdgeConfig, raw);
  if (config !== undefined) {
    if (!compiled.Check(config)) complaints.push(...schemaComplaints(EdgeConfig, config, patternHint));
    complaints.push(...crossComplaints(config, sources.originNeeded ?? true, folder, complaints));
  }
  if (complaints.length === 0) return withWholePaths(config as EdgeConfig, folder);
  throw new SpillwayError("bad_config", report(complaints, file, origins));
}

/** The schema for editors and checks. */
export const edgeConfigSchemaJson = (): string => schemaJson(EdgeConfig);

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

function patternHint(pointer: string, given: unknown): string | undefined {
  if (/^\/upstreams\/\d+\/url$/.test(pointer))
    return `must be written like https://shop.example or http://10.0.0.7:8080, with no path, not ${shown(given)}`;
  if (/\/pattern$|\/routes\/\d+$|\/healthPath$/.test(pointer)) return `must begin with "/", not ${shown(given)}`;
  if (/\/methods\/\d+$/.test(pointer)) return `must be a method in capitals such as "POST", not ${shown(given)}`;
  if (/\/(?:policies\/\d+\/name|rooms\/\d+\/id)$/.test(pointer))
    return `must be of small letters, digits and "-", beginning with a letter, at most 41, not ${shown(given)}`;
  return undefined;
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
