/**
 * `spillway rehearse import KIND FILE`: makes a plan of what is there already: a browser's recording, an API's description, a
 * sitemap, an access log, the options of a k6 script; and a k6 script of a plan. Notes about what could not be carried over
 * go to the standard error, so that the plan can be piped.
 */
import { createReadStream, existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import { SpillwayError } from "#kernel/error.ts";
import { createLogImport } from "#rehearse/import/access-log.ts";
import { importHar } from "#rehearse/import/har.ts";
import type { Imported } from "#rehearse/import/imported.ts";
import { importK6 } from "#rehearse/import/k6-options.ts";
import { importOpenApi } from "#rehearse/import/openapi.ts";
import { importSitemap } from "#rehearse/import/sitemap.ts";
import { addressOption, createFetcher, pagesFromSitemap, reason } from "./site-pages.ts";
import { args, print } from "./terminal.ts";

export const importHelp = `Makes a rehearsal's plan of what is there already. The plan goes to the standard output, or with --out into a folder
together with its data files; what could not be carried over is said on the standard error.

  har FILE           a browser's recording (HAR 1.2): one journey, with its pauses and tokens
  openapi FILE       an OpenAPI 3 document, JSON or YAML: a journey for each operation
  sitemap FILE|URL   a sitemap or an index of them, packed or not: looking around
  log FILE           an access log, combined format or JSON lines, packed or not; "-" for standard input
  k6 FILE            the options of a k6 script, or their JSON: arrivals and thresholds

  --out FOLDER       writes plan.json and its data files there
  --url URL          the target, where the source does not name it or another is meant

  bin/spillway rehearse import har checkout.har > plan.json
  bin/spillway rehearse import log access.log.gz --url https://staging.shop.example --out sale

Exit code 0: made. 2: wrong usage, or nothing to be made of it.`;

const kinds = ["har", "openapi", "sitemap", "log", "k6"];
const fileMaxBytes = 256 * 1024 * 1024;
const linesMax = 20_000_000;
const lineMaxLength = 64 * 1024;

/** Takes what stands behind `import`. */
export async function importTool(given: string[]): Promise<number> {
  if (given.includes("--help") || given.includes("-h")) {
    print(importHelp);
    return 0;
  }
  const { values, positionals } = args(given, { out: { type: "string" }, url: { type: "string" } });
  const [kind = "", file, ...more] = positionals;
  if (!kinds.includes(kind) || file === undefined || more.length > 0)
    throw new SpillwayError(
      "bad_usage",
      "usage: bin/spillway rehearse import har|openapi|sitemap|log|k6 FILE [--out FOLDER] [--url URL]. See --help",
    );
  const url = addressOption("url", values.url);
  const imported = await importFrom(kind, file);
  const plan: RehearsalPlan =
    url === undefined
      ? imported.plan
      : { ...imported.plan, target: { ...imported.plan.target, url: url.href.replace(/\/$/, ""), owned: [] } };
  const text = `${JSON.stringify(brief(plan), null, 2)}\n`;
  if (values.out === undefined && imported.files.length > 0)
    throw new SpillwayError(
      "bad_usage",
      `This plan needs ${imported.files.length} data files beside it. Give --out FOLDER, and they are written there with the plan.`,
    );
  if (values.out === undefined) process.stdout.write(text);
  else {
    const path = join(values.out, "plan.json");
    if (existsSync(path))
      throw new SpillwayError("bad_usage", `${path} is there already. Name another folder, or take it away.`);
    await mkdir(values.out, { recursive: true });
    for (const data of imported.files) await Bun.write(join(values.out, data.file), data.text);
    await Bun.write(path, text);
    print(`${path}, and ${imported.files.length} data files`);
  }
  for (const note of imported.notes) process.stderr.write(`- ${note}\n`);
  const { hostname } = new URL(plan.target.url);
  if (!/^(?:localhost|127\.|\[::1\])/.test(hostname))
    process.stderr.write(`- Before it is played, name ${hostname} under target.owned, if it is yours to load.\n`);
  return 0;
}

async function importFrom(kind: string, file: string): Promise<Imported> {
  switch (kind) {
    case "har":
      return importHar(await textOf(file));
    case "openapi":
      return importOpenApi(documentOf(file, await textOf(file)));
    case "sitemap":
      return importSitemap(await addressesOf(file));
    case "log":
      return await logOf(file);
    default:
      return importK6(await textOf(file));
  }
}

async function textOf(file: string): Promise<string> {
  const size = await sizeOf(file);
  if (size > fileMaxBytes)
    throw new SpillwayError(
      "bad_usage",
      `${file} has ${Math.round(size / 1e6)} MB; the most that is read is ${fileMaxBytes / 1024 / 1024} MB.`,
    );
  return await Bun.file(file).text();
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    throw new SpillwayError("bad_usage", `${file} cannot be read: ${reason(error)}`);
  }
}

function documentOf(file: string, text: string): unknown {
  try {
    return text.trimStart().startsWith("{") ? JSON.parse(text) : Bun.YAML.parse(text);
  } catch (error) {
    throw new SpillwayError("bad_usage", `${file} is neither JSON nor YAML: ${reason(error)}`);
  }
}

/** A file is read as if it were the only one of its host: an index in it is followed over the network. */
async function addressesOf(source: string): Promise<string[]> {
  const fetcher = createFetcher({
    agent: "spillway-rehearse",
    timeoutMs: 60_000,
    bodyMaxBytes: fileMaxBytes,
    unpack: false,
  });
  const isAddress = /^https?:\/\//.test(source);
  if (!isAddress) await sizeOf(source);
  const start = new URL(isAddress ? source : `file://local/${source.split("/").at(-1)}`);
  let body = isAddress ? undefined : await Bun.file(source).bytes();
  const first =
    body === undefined
      ? ""
      : /<loc>\s*([^<\s]+)/.exec(new TextDecoder().decode(unpackedIfGzip(body).subarray(0, 100_000)))?.[1];
  // The host that the file speaks for, so that its parts are found.
  const begin = first !== undefined && URL.canParse(first) ? new URL("/sitemap-from-file.xml", first) : start;
  const list = await pagesFromSitemap(begin, async (url, headers) => {
    if (url.href !== begin.href || body === undefined) return await fetcher(url, headers);
    const bytes = body;
    body = undefined;
    return { status: 200, headers: new Headers(), body: bytes };
  });
  for (const complaint of list.complaints.slice(0, 20)) process.stderr.write(`- ${complaint}\n`);
  return list.pages.map(({ href }) => href);
}

const unpackedIfGzip = (bytes: Uint8Array): Uint8Array =>
  bytes[0] === 0x1f && bytes[1] === 0x8b ? Bun.gunzipSync(bytes as Uint8Array<ArrayBuffer>) : bytes;

/** Line by line: a log may be larger than memory. */
async function logOf(file: string): Promise<Imported> {
  const log = createLogImport();
  if (file !== "-") await sizeOf(file);
  const raw = file === "-" ? process.stdin : createReadStream(file);
  const source = file.endsWith(".gz") ? raw.pipe(createGunzip()) : raw;
  const decoder = new TextDecoder();
  let rest = "";
  let lines = 0;
  try {
    for await (const chunk of source) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = (parts.pop() ?? "").slice(0, lineMaxLength);
      for (const line of parts) if (line.length <= lineMaxLength) log.add(line);
      lines += parts.length;
      if (lines > linesMax) break;
    }
  } catch (error) {
    throw new SpillwayError("bad_usage", `${file} cannot be read: ${reason(error)}`);
  }
  log.add(rest);
  const imported = log.result();
  return lines > linesMax
    ? { ...imported, notes: [...imported.notes, `The first ${linesMax} lines are taken.`] }
    : imported;
}

/** What the schema fills in by itself is left out: a plan is for people to go on with. */
function brief(plan: RehearsalPlan): unknown {
  const { target, model, arrivals, closed, journeys, thresholds, connections } = plan;
  return {
    name: plan.name,
    target: {
      url: target.url,
      ...(target.trustAnyCertificate ? { trustAnyCertificate: true } : {}),
    },
    ...(model === "closed" ? { model, closed } : { arrivals }),
    ...(connections === "shared" ? {} : { connections }),
    journeys: journeys.map(({ weight, steps, ...journey }) => ({
      ...journey,
      ...(weight === 1 ? {} : { weight }),
      steps: steps.map(({ name, method, headers, expect, expectedMs, extract, ...step }) => ({
        name,
        ...(method === "GET" ? {} : { method }),
        ...step,
        ...(Object.keys(headers).length === 0 ? {} : { headers }),
        ...(expect.length === 0 ? {} : { expect }),
        ...(expectedMs === 0 ? {} : { expectedMs }),
        ...(extract.length === 0 ? {} : { extract }),
      })),
    })),
    ...(thresholds.length === 0 ? {} : { thresholds }),
  };
}
