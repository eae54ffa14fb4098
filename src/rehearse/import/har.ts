/**
 * A browser's recording (HAR 1.2) as a journey: what one person asked one shop for, in order, with the pauses that they made.
 * Other hosts and static files are left out. Tokens that an answer brought and a later request sent back are found by their
 * value and taken anew by each shopper; names that look like such tokens and have no source are pointed out.
 * Source: http://www.softwareishard.com/blog/har-12-spec/
 */
import type { RehearsalStep } from "#contract/rehearsal-plan.ts";
import {
  type Imported,
  journeyOf,
  listOf,
  objectOf,
  planOf,
  refuse,
  stepOf,
  stepsMax,
  textOf,
  withoutGaps,
} from "./imported.ts";

type Entry = {
  readonly url: URL;
  readonly method: string;
  readonly startedMs: number;
  readonly lastsMs: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string | undefined;
  readonly bodyLost: boolean;
  readonly status: number;
  readonly answer: string;
  readonly answerType: string;
};

/** Shorter pauses are the browser's, not a person's. */
const thinkMinMs = 300;
const staticTypes = /^(?:image|font|audio|video)\/|css|javascript|wasm|application\/manifest/i;
const staticNames = /\.(?:png|jpe?g|gif|webp|avif|svg|ico|css|m?js|map|woff2?|ttf|eot|mp4|webm|wasm)$/i;
const headersKept =
  /^(?:accept|accept-language|content-type|x-requested-with|x-csrf-token|x-xsrf-token|x-[\w-]*token|prefer|idempotency-key)$/;
const tokenName = /csrf|xsrf|authenticity|nonce|verification_?token|^_token$|-token$/i;
/** Longer stretches of an answer are not searched. */
const answerMaxLength = 2_000_000;

export function importHar(text: string): Imported {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    refuse(`This is no HAR: it is not JSON (${error instanceof Error ? error.message : String(error)}).`);
  }
  const log = objectOf(objectOf(document)?.log);
  if (log === undefined) refuse('This is no HAR: it has no "log". Save it from the network panel of a browser.');
  const notes: string[] = [];
  const read = listOf(log.entries).map(entryOf);
  const entries = read.filter((entry) => entry !== undefined).sort((a, b) => a.startedMs - b.startedMs);
  if (read.length > entries.length)
    notes.push(`${read.length - entries.length} entries have no http address or no method and are left out.`);
  const [first] = entries;
  if (first === undefined) refuse("This HAR has no request that could be played.");

  const { origin } = mainEntry(entries).url;
  const foreign = entries.filter(({ url }) => url.origin !== origin);
  if (foreign.length > 0)
    notes.push(
      `${foreign.length} requests to other hosts are left out: ${[...new Set(foreign.map(({ url }) => url.host))].slice(0, 8).join(", ")}.`,
    );
  const own = entries.filter(({ url }) => url.origin === origin);
  const files = own.filter(isStatic);
  if (files.length > 0)
    notes.push(`${files.length} static files are left out: browsers keep them, and a cache serves them.`);
  const kept = own.filter((entry) => !isStatic(entry));
  if (kept.length === 0) refuse(`Nothing but static files was asked of ${origin}, so there is no journey in this HAR.`);
  if (kept.length > stepsMax) notes.push(`The first ${stepsMax} of ${kept.length} requests are taken.`);
  const played = kept.slice(0, stepsMax);

  if (played.some(({ headers }) => headers.has("authorization")))
    notes.push(
      "Authorization was in the recording. It is left out: give each shopper their own by data or an extract.",
    );
  if (played.some(({ headers }) => headers.has("cookie")))
    notes.push("Cookies are not carried over: each shopper keeps those that the target sets.");
  const lost = played.filter(({ bodyLost }) => bodyLost);
  if (lost.length > 0)
    notes.push(
      `The recording does not hold the body of ${lost.map(({ method, url }) => `${method} ${url.pathname}`).join(", ")}.`,
    );

  const steps = played.map((entry, index) => stepFor(entry, played[index + 1]));
  notes.push(...correlate(played, steps));
  const firstPage = objectOf(listOf(log.pages)[0]);
  const title = textOf(firstPage?.title) ?? first.url.host;
  notes.push("One recording is one kind of shopper: record others, and give each journey its weight.");
  return {
    plan: planOf({ name: `from a recording of ${first.url.host}`, url: origin, journeys: [journeyOf(title, steps)] }),
    notes,
    files: [],
  };
}

function entryOf(value: unknown): Entry | undefined {
  const entry = objectOf(value);
  const request = objectOf(entry?.request);
  const address = textOf(request?.url) ?? "";
  const method = (textOf(request?.method) ?? "").toUpperCase();
  if (entry === undefined || request === undefined || !/^https?:/.test(address) || !URL.canParse(address))
    return undefined;
  if (!/^[A-Z]+$/.test(method) || method === "CONNECT") return undefined;
  const headers = new Map<string, string>();
  for (const header of listOf(request.headers).map(objectOf)) {
    const name = textOf(header?.name)?.toLowerCase();
    const content = textOf(header?.value);
    if (name !== undefined && content !== undefined) headers.set(name, content);
  }
  const posted = objectOf(request.postData);
  const mime = textOf(posted?.mimeType);
  if (posted !== undefined && mime !== undefined && !headers.has("content-type")) headers.set("content-type", mime);
  const params = listOf(posted?.params).map(objectOf);
  const isForm =
    params.every((param) => param?.fileName === undefined) &&
    /urlencoded/i.test(headers.get("content-type") ?? "urlencoded");
  const body =
    textOf(posted?.text) ??
    (params.length > 0 && isForm
      ? new URLSearchParams(
          params.map((param): [string, string] => [textOf(param?.name) ?? "", textOf(param?.value) ?? ""]),
        ).toString()
      : undefined);
  const response = objectOf(entry.response);
  const content = objectOf(response?.content);
  const started = Date.parse(textOf(entry.startedDateTime) ?? "");
  return {
    url: new URL(address),
    method,
    startedMs: Number.isNaN(started) ? 0 : started,
    lastsMs: typeof entry.time === "number" && entry.time > 0 ? entry.time : 0,
    headers,
    body,
    bodyLost: posted !== undefined && body === undefined,
    status: typeof response?.status === "number" ? response.status : 0,
    answer: content?.encoding === "base64" ? "" : (textOf(content?.text) ?? "").slice(0, answerMaxLength),
    answerType: textOf(content?.mimeType) ?? "",
  };
}

/** The first page that was answered, or else the first request. */
function mainEntry(entries: readonly Entry[]): Entry {
  return (entries.find(({ answerType, status }) => /html/i.test(answerType) && status < 400) ?? entries[0]) as Entry;
}

const isStatic = ({ url, method, answerType }: Entry): boolean =>
  method === "GET" && (staticNames.test(url.pathname) || (answerType !== "" && staticTypes.test(answerType)));

function stepFor(entry: Entry, next: Entry | undefined): RehearsalStep {
  const pauseMs = next === undefined ? 0 : next.startedMs - entry.startedMs - entry.lastsMs;
  const headers = Object.fromEntries(
    [...entry.headers].filter(([name]) => headersKept.test(name)).map(([name, value]) => [name, withoutGaps(value)]),
  );
  const known = entry.startedMs > 0 && (next?.startedMs ?? 0) > 0;
  return stepOf({
    name: `${entry.method} ${entry.url.pathname}`,
    method: entry.method,
    path: withoutGaps(entry.url.pathname + entry.url.search),
    headers,
    ...(entry.body === undefined ? {} : { body: withoutGaps(entry.body) }),
    ...(entry.status >= 400 ? { expect: [entry.status] } : {}),
    expectedMs: Math.round(entry.lastsMs),
    ...(known && pauseMs >= thinkMinMs ? { think: Math.min(Math.round(pauseMs / 100) / 10, 3600) } : {}),
  });
}

type Sent = { readonly name: string; readonly value: string };

/** Values that a request sends and an earlier answer brought: the earlier step extracts them. The steps are changed. */
function correlate(entries: readonly Entry[], steps: RehearsalStep[]): string[] {
  const notes: string[] = [];
  const taken = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    for (const { name, value } of sentBy(entry)) {
      const looksSecret = tokenName.test(name);
      if (value.length < (looksSecret ? 6 : 16) || (!looksSecret && !/\d/.test(value))) continue;
      let variable = taken.get(value);
      if (variable === undefined) {
        const source = sourceOf(entries.slice(0, index), value);
        if (source === undefined) {
          if (looksSecret)
            notes.push(
              `${entry.method} ${entry.url.pathname} sends "${name}", which looks like a token, and no answer in the recording shows where it comes from.`,
            );
          continue;
        }
        variable = freshName(name, new Set(taken.values()));
        const from = steps[source.index] as RehearsalStep;
        if (from.extract.length >= 20) continue;
        steps[source.index] = { ...from, extract: [...from.extract, { name: variable, pattern: source.pattern }] };
        taken.set(value, variable);
        notes.push(`"${name}" of ${entry.method} ${entry.url.pathname} is taken from the answer of ${from.name}.`);
      }
      const step = steps[index] as RehearsalStep;
      const gap = `{{${variable}}}`;
      const swap = (text: string) => text.replaceAll(value, gap).replaceAll(encodeURIComponent(value), gap);
      steps[index] = {
        ...step,
        path: swap(step.path),
        headers: Object.fromEntries(Object.entries(step.headers).map(([key, text]) => [key, swap(text)])),
        ...(typeof step.body === "string" ? { body: swap(step.body) } : {}),
      };
    }
  }
  return notes;
}

function sentBy({ url, headers, body }: Entry): Sent[] {
  const sent: Sent[] = [...url.searchParams].map(([name, value]) => ({ name, value }));
  for (const [name, value] of headers) if (tokenName.test(name)) sent.push({ name, value });
  const type = headers.get("content-type") ?? "";
  if (body !== undefined && /urlencoded/i.test(type))
    for (const [name, value] of new URLSearchParams(body)) sent.push({ name, value });
  if (body !== undefined && /json/i.test(type))
    for (const match of body.matchAll(/"([^"\\]{1,80})"\s*:\s*"([^"\\]{6,2000})"/g))
      sent.push({ name: match[1] as string, value: match[2] as string });
  for (const value of url.pathname.split("/")) if (value.length >= 16) sent.push({ name: "id", value });
  return sent;
}

/** The latest earlier answer that holds the value, with an expression whose first match is just that. */
function sourceOf(entries: readonly Entry[], value: string): { index: number; pattern: string } | undefined {
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const { answer } = entries[index] as Entry;
    const at = answer.indexOf(value);
    if (at < 0) continue;
    const before = answer.slice(Math.max(0, at - 80), at);
    const after = answer[at + value.length] ?? "";
    const body =
      after === "" || /\w/.test(after)
        ? "([\\w.~+/=-]+)"
        : `([^${after === "]" || after === "\\" || after === "^" ? `\\${after}` : after}]+)`;
    for (const length of [12, 24, 40, 80]) {
      const pattern = `${before
        .slice(-length)
        .replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
        .replace(/\s+/g, "\\s+")}${body}`;
      if (new RegExp(pattern).exec(answer)?.[1] === value) return { index, pattern };
    }
  }
  return undefined;
}

function freshName(from: string, used: ReadonlySet<string>): string {
  const words = from.split(/[^a-zA-Z0-9]+/).filter((word) => word !== "");
  const camel = words
    .map((word, index) => (index === 0 ? word.toLowerCase() : word[0]?.toUpperCase() + word.slice(1).toLowerCase()))
    .join("");
  const base = /^[a-zA-Z]/.test(camel) ? camel : "token";
  let name = base;
  for (let number = 2; used.has(name) || name === "uuid" || name === "number" || name === "run"; number += 1)
    name = `${base}${number}`;
  return name;
}
