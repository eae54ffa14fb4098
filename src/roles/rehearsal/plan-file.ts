/**
 * A rehearsal's plan from its file or from a value, checked, filled in and with the files that it names: every complaint at
 * once, each with its place and a hint. Files are looked for beside the plan.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Compile } from "typebox/compile";
import Value from "typebox/value";
import { csvText, readCsv } from "#adapters/csv/read.ts";
import { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { SpillwayError } from "#kernel/error.ts";
import { massOf, type Piece, peakOf, piecesOf, secondsOf } from "#rehearse/crowd/arrivals.ts";
import type { Tables } from "#rehearse/crowd/journey.ts";
import { complainOfPlan } from "#rehearse/crowd/plan-complaints.ts";
import { thresholdComplaint } from "#rehearse/verdict/thresholds.ts";
import { type Complaint, schemaComplaints, schemaJson, shown } from "../schema-complaints.ts";
import { readSettingsFile, said } from "../settings-file.ts";

/** What a plan file may export: what has a default may be left out. */
export type RehearsalPlanFile = Partially<RehearsalPlan>;
type Partially<Shape> = Shape extends readonly (infer Item)[]
  ? readonly Partially<Item>[]
  : Shape extends object
    ? { readonly [Name in keyof Shape]?: Partially<Shape[Name]> }
    : Shape;

export type ReadyPlan = {
  readonly plan: RehearsalPlan;
  /** Where its relative files are. */
  readonly folder: string;
  /** SHA-256 of the plan as it will be played, hex. */
  readonly hash: string;
  readonly pieces: readonly Piece[];
  readonly tables: Tables;
};

type Raw = Record<string, unknown>;
const compiled = Compile(RehearsalPlan);
const complaintsMax = 100;
const tableMaxBytes = 64 * 1024 * 1024;
const journeysMax = 1_000_000_000;

export const rehearsalSchemaJson = (): string => schemaJson(RehearsalPlan);

/** `change`: what the command line says otherwise, put in before the plan is checked. */
export async function readPlanFile(file: string, change: (raw: Raw) => void): Promise<ReadyPlan> {
  const complaints: Complaint[] = [];
  const path = resolve(file);
  const raw = await readSettingsFile(
    path,
    {
      missing: "Name a plan: bin/spillway rehearse PLAN, or say --url URL alone.",
      example: "{ target: { url: … }, arrivals: { … }, journeys: [ … ] }",
    },
    complaints,
  );
  if (raw === undefined) throw new SpillwayError("bad_config", report(complaints, file));
  change(raw);
  return await readyPlan(raw, dirname(path), file);
}

/** `name`: what the complaints call it. */
export async function readyPlan(raw: unknown, folder: string, name: string): Promise<ReadyPlan> {
  const complaints: Complaint[] = [];
  const plan = Value.Default(RehearsalPlan, raw) as RehearsalPlan;
  if (!compiled.Check(plan)) complaints.push(...schemaComplaints(RehearsalPlan, plan, patternHint));
  const wrong = new Set(complaints.map(({ pointer }) => pointer));
  const complain = (pointer: string, message: string): void => {
    if (!wrong.has(pointer)) complaints.push({ pointer, message });
  };
  const tables: Record<string, readonly (readonly string[])[]> = {};
  let history: readonly number[] = [];
  try {
    for (const [at, journey] of plan.journeys.entries()) {
      const { data } = journey;
      if (data === undefined || Object.hasOwn(tables, data.file)) continue;
      const rows = await readTable(resolve(folder, data.file), `/journeys/${at}/data/file`, complain);
      if (rows !== undefined) tables[data.file] = rows;
    }
    const { arrivals } = plan;
    if (arrivals?.shape === "history") {
      const rows = await readTable(resolve(folder, arrivals.file), "/arrivals/file", complain);
      if (rows !== undefined) history = historyOf(rows, arrivals, complain);
    }
    complainOfPlan(plan, (file) => tables[file]?.[0], complain);
    for (const [at, threshold] of plan.thresholds.entries()) {
      const hasLimit = threshold.below !== undefined || threshold.above !== undefined;
      const message = hasLimit ? thresholdComplaint(threshold) : undefined;
      if (message !== undefined) complain(`/thresholds/${at}`, message);
    }
  } catch (error) {
    // Where a part has the wrong shape, what it should agree with is left alone.
    if (complaints.length === 0) throw error;
  }
  if (complaints.length > 0) throw new SpillwayError("bad_config", report(complaints, name));

  const pieces = plan.arrivals === undefined ? [] : piecesOf(plan.arrivals, plan.scale, history);
  if (plan.model === "open" && !(massOf(pieces) > 0))
    throw new SpillwayError("bad_config", report([{ pointer: "/arrivals", message: "ask for nobody at all." }], name));
  if (massOf(pieces) > journeysMax)
    throw new SpillwayError(
      "bad_config",
      report([{ pointer: "/arrivals", message: `ask for more than ${journeysMax} journeys.` }], name),
    );
  const hash = createHash("sha256").update(JSON.stringify({ plan, pieces, tables })).digest("hex");
  return { plan: plan.model === "closed" ? scaledUsers(plan) : plan, folder, hash, pieces, tables };
}

/** Of a closed crowd the scale is of its users. */
function scaledUsers(plan: RehearsalPlan): RehearsalPlan {
  if (plan.closed === undefined) return plan;
  return { ...plan, closed: { ...plan.closed, users: Math.max(1, Math.round(plan.closed.users * plan.scale)) } };
}

async function readTable(
  file: string,
  pointer: string,
  complain: (pointer: string, message: string) => void,
): Promise<string[][] | undefined> {
  try {
    if ((await stat(file)).size > tableMaxBytes)
      throw new Error(`it is larger than ${tableMaxBytes / 1024 / 1024} MB; take a part of it`);
    const text = csvText(await readFile(file));
    if (text === undefined) throw new Error("it is neither UTF-8 nor UTF-16");
    const rows: string[][] = [];
    for (const { line, cells, fault } of readCsv(text)) {
      if (fault !== null) throw new Error(`line ${line}: ${fault}`);
      rows.push([...cells]);
    }
    if (rows.length < 2) throw new Error("it has no rows below its header");
    return rows;
  } catch (error) {
    complain(pointer, `${file} cannot be used: ${said(error)}`);
    return undefined;
  }
}

type History = Extract<NonNullable<RehearsalPlan["arrivals"]>, { shape: "history" }>;

/** The last column of each row is its count. */
function historyOf(
  rows: readonly (readonly string[])[],
  { from, minutes }: History,
  complain: (pointer: string, message: string) => void,
): number[] {
  const body = rows.slice(1);
  const first = from === undefined ? 0 : body.findIndex(([period]) => period === from);
  if (first < 0) {
    complain("/arrivals/from", `"${from}" is no minute of the file; its first is "${body[0]?.[0]}".`);
    return [];
  }
  const counts = body
    .slice(first, minutes === undefined ? undefined : first + minutes)
    .map((row) => Number(row.at(-1)));
  const wrong = counts.findIndex((count) => !Number.isFinite(count) || count < 0);
  if (wrong >= 0)
    complain("/arrivals/file", `row ${first + wrong + 2} has no count: ${shown(rows[first + wrong + 1])}`);
  if (minutes !== undefined && counts.length < minutes)
    complain("/arrivals/minutes", `asks for ${minutes} minutes; from there the file has ${counts.length}.`);
  return counts;
}

/** A plan made of a log has dozens. */
const journeysTold = 12;

/** What it will do, in sentences, before it does it. */
export function intentOf({ plan, pieces }: ReadyPlan): string[] {
  const number = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 1 });
  const weights = plan.journeys.reduce((sum, { weight }) => sum + weight, 0);
  const mix = plan.journeys
    .slice(0, journeysTold)
    .map(
      ({ name, weight, steps }) =>
        `  ${name} ${number((weight / weights) * 100)} %: ${steps.map(({ method, path }) => `${method} ${path}`).join(", ")}`,
    );
  if (plan.journeys.length > journeysTold) mix.push(`  and ${plan.journeys.length - journeysTold} more journeys`);
  const steps = plan.journeys.reduce((sum, { weight, steps }) => sum + (weight / weights) * steps.length, 0);
  const crowd =
    plan.model === "open"
      ? `open: about ${number(Math.round(massOf(pieces)))} journeys in ${number(secondsOf(pieces))} s, at most ${number(peakOf(pieces))} a second (about ${number(peakOf(pieces) * steps)} requests); nobody waits for anybody's answer`
      : `closed: ${number(plan.closed?.users ?? 0)} users for ${number(plan.closed?.seconds ?? 0)} s, each begins again when done. A slow shop slows this crowd down: use it to find a capacity, not to promise a latency`;
  return [
    `${plan.name} at ${plan.scale * 100} % against ${plan.target.url}`,
    crowd,
    ...mix,
    `never more than ${number(plan.connectionsMax)} connections and ${number(plan.requestsMax)} requests; an answer may take ${plan.timeoutSeconds} s`,
  ];
}

function patternHint(pointer: string, given: unknown): string | undefined {
  if (pointer === "/target/url")
    return `must be written like https://shop.example or http://localhost:8080, not ${shown(given)}`;
  if (pointer.endsWith("/method")) return `must be a method in capitals such as "POST", not ${shown(given)}`;
  if (/\/extract\/\d+\/name$/.test(pointer))
    return `must be of letters and digits, beginning with a letter, not ${shown(given)}`;
  return undefined;
}

function report(complaints: readonly Complaint[], name: string): string {
  const lines = complaints.map(({ pointer, message }) => (pointer === "" ? `  ${message}` : `  ${pointer} ${message}`));
  const shownLines = [...new Set(lines)].slice(0, complaintsMax);
  const head = `${name}: ${shownLines.length === 1 ? "one thing is wrong" : `${shownLines.length} things are wrong`}.`;
  return [head, ...shownLines, "Every field is described by: bin/spillway rehearse --schema"].join("\n");
}
