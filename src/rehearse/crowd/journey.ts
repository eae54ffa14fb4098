/**
 * Journeys made ready to be played: bytes of requests that are the same for everybody are written once, and of the others
 * everything but the gaps, so that a step costs its shopper as little as possible.
 */
import type { RehearsalJourney, RehearsalPlan, RehearsalStep } from "#contract/rehearsal-plan.ts";
import { type Extractor, extractorOf } from "./extract.ts";
import { cumulativeOf } from "./luck.ts";
import {
  asItIs,
  fill,
  intoField,
  intoForm,
  intoJson,
  intoPath,
  parseTemplate,
  type Template,
  type Writer,
} from "./template.ts";

export type Device = { readonly userAgent: string; readonly bytesPerSecond: number };

export type Step = {
  readonly name: string;
  /** Where its figures are kept; those of the line before it, where it has a waiting room. */
  readonly metric: number;
  readonly lineMetric: number;
  readonly isHead: boolean;
  readonly isSafe: boolean;
  /** By status: 1 is a success. */
  readonly expected: Uint8Array;
  readonly expectedMs: number;
  readonly thinkLeastMs: number;
  readonly thinkMostMs: number;
  readonly extractors: readonly Extractor[];
  readonly until: RehearsalStep["until"];
  readonly hasWaitingRoom: boolean;
  /** It takes an order's number or its address out of the answer. */
  readonly acknowledges: boolean;
  readonly keepBytes: number;
  /** `cookies`: the whole line, or nothing. */
  request(device: number, values: Values, cookies: string): Uint8Array;
};

/** Who knows what a {{name}} stands for. */
export type Values = { value(name: string): string };

export type Journey = {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Whether a shopper's cookies are ever sent: there is more than one request. */
  readonly usesCookies: boolean;
  readonly columns: ReadonlyMap<string, number>;
  readonly rows: readonly (readonly string[])[];
  readonly order: "in turn" | "random" | "once";
};

export type Repertoire = {
  readonly journeys: readonly Journey[];
  /** Cumulative weights. */
  readonly mix: Float64Array;
  readonly devices: readonly Device[];
  readonly deviceMix: Float64Array;
  /** What each metric counts; the line's have `isLine`. */
  readonly metrics: readonly { readonly journey: string; readonly step: string; readonly isLine: boolean }[];
  /** What a waiting room is asked beside the step: POST to claim a turn, GET for its document. */
  beside(method: "GET" | "POST", path: string, device: number, cookies: string): Uint8Array;
};

/** By file name, as the plan writes it: the header, then the rows. */
export type Tables = Readonly<Record<string, readonly (readonly string[])[]>>;

/** Enough for any answer of an API; the rest of a longer one is counted and dropped. */
const keepBytesMost = 1024 * 1024;
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

export function repertoireOf(plan: RehearsalPlan, tables: Tables, agent: string): Repertoire {
  const host = new URL(plan.target.url).host;
  const given = plan.devices.length === 0 ? [{ name: "any", weight: 1 }] : plan.devices;
  const devices = given.map(
    (device): Device => ({
      userAgent: ("userAgent" in device ? device.userAgent : undefined) ?? agent,
      bytesPerSecond: ("bytesPerSecond" in device ? device.bytesPerSecond : undefined) ?? 0,
    }),
  );
  const metrics: { journey: string; step: string; isLine: boolean }[] = [];
  const journeys = plan.journeys.map((journey): Journey => {
    const table = journey.data === undefined ? [] : (tables[journey.data.file] ?? []);
    return {
      name: journey.name,
      steps: journey.steps.map((step) => {
        const metric = metrics.push({ journey: journey.name, step: step.name, isLine: false }) - 1;
        const lineMetric =
          step.waitingRoom === true
            ? metrics.push({ journey: journey.name, step: lineName(step.name), isLine: true }) - 1
            : metric;
        return stepOf(step, { metric, lineMetric, host, devices });
      }),
      usesCookies: isRepeated(journey),
      columns: new Map(table[0]?.map((name, column) => [name.trim(), column])),
      rows: table.slice(1),
      order: journey.data?.order ?? "in turn",
    };
  });
  return {
    journeys,
    mix: cumulativeOf(plan.journeys.map(({ weight }) => weight)),
    devices,
    deviceMix: cumulativeOf(given.map(({ weight }) => weight)),
    metrics,
    beside: (method, path, device, cookies) =>
      Buffer.from(
        `${method} ${intoPath(path)} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${devices[device]?.userAgent}\r\nAccept: application/json\r\n${method === "POST" ? "Content-Length: 0\r\n" : ""}${cookies}\r\n`,
        "latin1",
      ),
  };
}

/** What the line before a step is called among the figures. */
export const lineName = (step: string): string => `${step} (in line)`;

const isRepeated = ({ steps }: RehearsalJourney): boolean =>
  steps.length > 1 || steps.some((step) => step.until !== undefined || step.waitingRoom === true);

type Place = {
  readonly metric: number;
  readonly lineMetric: number;
  readonly host: string;
  readonly devices: readonly Device[];
};

function stepOf(step: RehearsalStep, { metric, lineMetric, host, devices }: Place): Step {
  const expected = new Uint8Array(600);
  for (let status = 100; status < 600; status++)
    if (step.expect.length === 0 ? status < 400 : step.expect.includes(status)) expected[status] = 1;
  const think = typeof step.think === "number" ? { least: step.think, most: step.think } : step.think;
  const looksInside =
    step.until !== undefined ||
    step.waitingRoom === true ||
    step.extract.some(({ json, pattern }) => json !== undefined || pattern !== undefined);
  return {
    name: step.name,
    metric,
    lineMetric,
    isHead: step.method === "HEAD",
    isSafe: safeMethods.has(step.method),
    expected,
    expectedMs: step.expectedMs,
    thinkLeastMs: (think?.least ?? 0) * 1000,
    thinkMostMs: (think?.most ?? 0) * 1000,
    extractors: step.extract.map(extractorOf),
    until: step.until,
    hasWaitingRoom: step.waitingRoom === true,
    acknowledges: step.extract.some(({ name }) => name === "orderNumber" || name === "statusUrl"),
    keepBytes: looksInside ? keepBytesMost : 0,
    request: requestOf(step, host, devices),
  };
}

function requestOf(step: RehearsalStep, host: string, devices: readonly Device[]): Step["request"] {
  const isText = typeof step.body === "string";
  const bodyText = step.body === undefined ? undefined : isText ? (step.body as string) : JSON.stringify(step.body);
  const given = new Map(Object.entries(step.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const looksLikeJson = bodyText !== undefined && (!isText || /^\s*[[{]/.test(bodyText));
  const type = given.get("content-type") ?? (looksLikeJson ? "application/json" : "application/x-www-form-urlencoded");
  const defaults: readonly (readonly [string, string])[] = [
    ["Accept", step.waitingRoom === true || looksLikeJson ? "application/json" : "*/*"],
    ...(bodyText === undefined ? [] : [["Content-Type", type] as const]),
  ];
  const fields = [
    ...defaults.filter(([name]) => !given.has(name.toLowerCase())),
    ...Object.entries(step.headers).filter(([name]) => name.toLowerCase() !== "user-agent"),
  ];
  const path = parseTemplate(step.path);
  const lines = parseTemplate(fields.map(([name, value]) => `${name}: ${value}\r\n`).join(""));
  const body = bodyText === undefined ? undefined : parseTemplate(bodyText);
  const writeBody: Writer = isText ? (/form-urlencoded/i.test(type) ? intoForm : asItIs) : intoJson;
  const agents = devices.map(
    ({ userAgent }) => `Host: ${host}\r\nUser-Agent: ${given.get("user-agent") ?? userAgent}\r\n`,
  );

  const written = (device: number, values: Values, cookies: string): Buffer => {
    const first = `${step.method} ${pathOf(fill(path, values, intoPath))} HTTP/1.1\r\n`;
    const filled = body === undefined ? undefined : Buffer.from(fill(body, values, writeBody));
    const length = filled === undefined ? "" : `Content-Length: ${filled.length}\r\n`;
    const head = Buffer.from(
      `${first}${agents[device]}${fill(lines, values, intoField)}${length}${cookies}\r\n`,
      "latin1",
    );
    return filled === undefined ? head : Buffer.concat([head, filled]);
  };
  if (![path, lines, ...(body === undefined ? [] : [body])].every(isWhole)) return written;
  const prepared = devices.map((_device, at) => written(at, { value: () => "" }, ""));
  return (device, values, cookies) =>
    cookies === "" ? (prepared[device] as Buffer) : written(device, values, cookies);
}

const isWhole = ({ names }: Template): boolean => names.length === 0;

/** An address that an answer gave may be a whole one: what counts is the part behind the host, which stays the target's. */
export const pathOf = (text: string): string => {
  const path = text.replace(/^https?:\/\/[^/?]*/i, "");
  return path.startsWith("/") ? path : `/${path}`;
};
