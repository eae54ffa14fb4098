/**
 * An access log as the crowd that made it: who came (client and browser, half an hour apart), which pages in which order
 * with which pauses, and how many began in each minute. Reads nginx's and Apache's combined format and JSON lines. A log
 * has no bodies, so what was sent is counted and left out; so are static files, errors and those who say that they are bots.
 */
import {
  csvLine,
  type Imported,
  journeyOf,
  journeysMax,
  objectOf,
  planOf,
  refuse,
  stepOf,
  unknownTarget,
} from "./imported.ts";

type Line = {
  readonly client: string;
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly agent: string;
};

type Session = { readonly paths: string[]; readonly atMs: number[]; lastMs: number };

const sessionGapMs = 30 * 60_000;
/** Longer visits are told by their beginning. */
const sessionStepsMax = 12;
/** Where there are more ways than journeys. */
const cutStepsMax = 2;
const sessionsMax = 200_000;
const rowsMax = 5000;
const minutesMax = 10_080;
const pathMaxLength = 2000;
const robots = /bot\b|crawl|spider|slurp|curl\/|wget\/|python-requests|headless|monitor|pingdom|uptime/i;
const staticNames = /\.(?:png|jpe?g|gif|webp|avif|svg|ico|css|m?js|map|woff2?|ttf|eot|mp4|webm|wasm|txt|xml)$/i;

/** Takes lines one by one, so that a log need not fit into memory; `result` when there are no more. */
export function createLogImport(): { add(line: string): void; result(): Imported } {
  const open = new Map<string, Session>();
  const ended: Session[] = [];
  const minutes = new Map<number, number>();
  const mix = new Map<string, number>();
  const left = { unread: 0, static: 0, robots: 0, errors: 0, sent: 0, late: 0 };
  let read = 0;

  const pass = (line: Line): void => {
    const [pathname = "/"] = line.path.split("?");
    if (robots.test(line.agent)) left.robots += 1;
    else if (line.method !== "GET") left.sent += line.method === "HEAD" || line.method === "OPTIONS" ? 0 : 1;
    else if (staticNames.test(pathname)) left.static += 1;
    else if (line.status >= 400) left.errors += 1;
    else keep(line, pathname);
  };
  const keep = (line: Line, pathname: string): void => {
    const kind = kindOf(pathname);
    mix.set(kind, (mix.get(kind) ?? 0) + 1);
    const who = `${line.client} ${line.agent}`;
    let session = open.get(who);
    if (session === undefined || line.atMs - session.lastMs > sessionGapMs) {
      if (session !== undefined) ended.push(session);
      else if (open.size + ended.length >= sessionsMax) {
        left.late += 1;
        return;
      }
      session = { paths: [], atMs: [], lastMs: line.atMs };
      open.set(who, session);
      const minute = Math.floor(line.atMs / 60_000);
      if (minutes.has(minute) || minutes.size < minutesMax) minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
    }
    session.lastMs = line.atMs;
    if (session.paths.length < sessionStepsMax) {
      session.paths.push(line.path);
      session.atMs.push(line.atMs);
    }
  };

  return {
    add(text) {
      if (text.trim() === "") return;
      read += 1;
      const line = text.trimStart().startsWith("{") ? jsonLine(text) : combinedLine(text);
      if (line === undefined || line.path.length > pathMaxLength) left.unread += 1;
      else pass(line);
    },
    result() {
      const sessions = [...ended, ...open.values()].slice(0, sessionsMax);
      if (sessions.length === 0)
        refuse(
          read === 0
            ? "The log is empty."
            : `None of ${read} lines shows a page that was looked at. Lines must be in the combined format, or JSON with time, client, request and status.`,
        );
      return planFrom(sessions, minutes, mix, notesOf(left, read));
    },
  };
}

const combined = /^(\S+) \S+ \S+ \[([^\]]+)\] "([A-Z]+) (\S+)[^"]*" (\d{3}) \S+(?: "[^"]*" "([^"]*)")?/;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function combinedLine(text: string): Line | undefined {
  const found = combined.exec(text);
  if (found === null) return undefined;
  const [, client = "", time = "", method = "", path = "", status = "", agent = ""] = found;
  const atMs = logTime(time);
  return atMs === undefined || !path.startsWith("/")
    ? undefined
    : { client, atMs, method, path, status: Number(status), agent };
}

/** "10/Oct/2026:13:55:36 +0200" */
function logTime(text: string): number | undefined {
  const found = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{2})(\d{2})$/.exec(text);
  if (found === null) return undefined;
  const [, day, month, year, time, hours, minutes] = found;
  const atMs = Date.parse(
    `${year}-${String(months.indexOf(month ?? "") + 1).padStart(2, "0")}-${day}T${time}${hours}:${minutes}`,
  );
  return Number.isNaN(atMs) ? undefined : atMs;
}

/** Under the names that nginx' variables, ELB, Caddy and Elastic's schema give them. */
const names = {
  client: ["remote_addr", "client_ip", "clientip", "client", "remote_ip", "ip", "source.ip", "http_x_forwarded_for"],
  time: ["time_iso8601", "@timestamp", "timestamp", "time", "time_local", "ts", "msec"],
  method: ["request_method", "method", "http.request.method"],
  path: ["request_uri", "uri", "path", "url", "url.path", "url.original"],
  status: ["status", "response_status", "status_code", "http.response.status_code"],
  agent: ["http_user_agent", "user_agent", "userAgent", "agent", "user_agent.original"],
} as const;

function jsonLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const line = objectOf(value);
  if (line === undefined) return undefined;
  const inner = objectOf(line.request);
  const first = (of: keyof typeof names): string => {
    for (const name of names[of]) {
      const found =
        line[name] ?? inner?.[name] ?? name.split(".").reduce<unknown>((at, part) => objectOf(at)?.[part], line);
      if (typeof found === "string" || typeof found === "number") return String(found);
    }
    return "";
  };
  const [method = "", target = ""] =
    typeof line.request === "string" ? line.request.split(" ") : [first("method"), first("path")];
  const path = URL.canParse(target) ? new URL(target).pathname + new URL(target).search : target;
  const time = first("time");
  const atMs = /^\d+(?:\.\d+)?$/.test(time)
    ? Number(time) * (Number(time) > 1e11 ? 1 : 1000)
    : (logTime(time) ?? Date.parse(time));
  const status = Number(first("status"));
  if (Number.isNaN(atMs) || !path.startsWith("/") || !/^[A-Z]+$/.test(method) || !(status >= 100)) return undefined;
  return { client: first("client"), atMs, method, path, status, agent: first("agent") };
}

/** The kind of a page: its first part, and whether there is more behind it. */
function kindOf(pathname: string): string {
  const parts = pathname.split("/").filter((part) => part !== "");
  if (parts.length === 0) return "home";
  const [first = ""] = parts;
  return parts.length === 1 ? (/\d{3,}/.test(first) ? "page" : first) : `${first}/…`;
}

type Shape = [name: string, sessions: Session[]];

/** Visits that went the same way, the most frequent way first. */
function shapesOf(sessions: readonly Session[], stepsMost: number): Shape[] {
  const shapes = new Map<string, Session[]>();
  for (const session of sessions) {
    const kinds = session.paths.slice(0, stepsMost).map((path) => kindOf(path.split("?")[0] ?? "/"));
    const shape = kinds.join(" > ");
    const same = shapes.get(shape);
    if (same === undefined) shapes.set(shape, [session]);
    else same.push(session);
  }
  return [...shapes].sort(([, a], [, b]) => b.length - a.length);
}

function planFrom(
  sessions: readonly Session[],
  minutes: ReadonlyMap<number, number>,
  mix: ReadonlyMap<string, number>,
  notes: string[],
): Imported {
  const whole = shapesOf(sessions, sessionStepsMax);
  const told = whole.slice(0, whole.length > journeysMax ? journeysMax / 2 : journeysMax);
  const rare = whole.slice(told.length).flatMap(([, same]) => same);
  if (rare.length > 0) {
    const cut = shapesOf(rare, cutStepsMax).slice(0, journeysMax - told.length);
    const kept = cut.reduce((sum, [, same]) => sum + same.length, 0);
    told.push(...cut.map(([shape, same]): Shape => [`${shape} …`, same]));
    notes.push(
      `The ${told.length - cut.length} most frequent ways through the shop are journeys; ${kept} of ${sessions.length} visits went rarer ways and are told by their first ${cutStepsMax} pages${kept < rare.length ? `, ${rare.length - kept} are left out` : ""}.`,
    );
  }

  const files: { file: string; text: string }[] = [];
  const journeys = told.map(([shape, same], index) => {
    const kinds = shape.replace(/ …$/, "").split(" > ");
    const file = `visits-${index + 1}.csv`;
    const head = kinds.map((_kind, step) => `page${step + 1}`);
    const rows = same.slice(0, rowsMax).map(({ paths }) => csvLine(paths.slice(0, kinds.length)));
    files.push({ file, text: `${[csvLine(head), ...rows].join("\n")}\n` });
    const steps = kinds.map((kind, step) => {
      const pauses = same
        .map(({ atMs }) => ((atMs[step + 1] ?? Number.NaN) - (atMs[step] ?? 0)) / 1000)
        .filter((pause) => pause >= 0);
      const think = quantile(pauses, 0.25) ?? 0;
      const most = quantile(pauses, 0.75) ?? 0;
      return stepOf({
        name: kind,
        path: `{{page${step + 1}}}`,
        ...(most > 0 ? { think: { least: Math.min(think, 3600), most: Math.min(most, 3600) } } : {}),
      });
    });
    return journeyOf(shape, steps, { weight: same.length, data: { file, order: "random" } });
  });

  const [from, to] = [Math.min(...minutes.keys()), Math.max(...minutes.keys())];
  const span = Math.min(to - from + 1, minutesMax);
  const busiest = Math.max(...minutes.values());
  const lines = Array.from({ length: span }, (_, index) => {
    const minute = from + index;
    return `${new Date(minute * 60_000).toISOString().slice(0, 16)},${minutes.get(minute) ?? 0}`;
  });
  files.push({ file: "arrivals.csv", text: `minute,visits\n${lines.join("\n")}\n` });
  const all = [...mix.values()].reduce((sum, number) => sum + number, 0);
  const shares = [...mix].sort(([, a], [, b]) => b - a).slice(0, 8);
  notes.push(
    `The mix: ${shares.map(([kind, number]) => `${kind} ${Math.round((100 * number) / all)} %`).join(", ")}. The busiest minute began ${busiest} visits.`,
    "A log does not say whose it is: set target.url.",
  );
  return {
    plan: planOf({
      name: "from an access log",
      url: unknownTarget,
      journeys,
      arrivals: {
        shape: "history",
        file: "arrivals.csv",
        peakPerSecond: Math.ceil((1000 * busiest) / 60) / 1000,
        minuteSeconds: 60,
      },
    }),
    notes,
    files,
  };
}

function quantile(values: number[], share: number): number | undefined {
  const sorted = values.sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return value === undefined ? undefined : Math.round(10 * value) / 10;
}

function notesOf(left: Readonly<Record<string, number>>, read: number): string[] {
  const words: readonly [string, string][] = [
    ["unread", "lines are in no format that is known"],
    [
      "sent",
      "requests sent something (POST and the like); a log has no bodies, so they are left out: record a HAR for the checkout",
    ],
    ["static", "static files are left out"],
    ["errors", "answers with an error are left out"],
    ["robots", "requests of bots are left out"],
    ["late", "requests of later visits are left out; visits are bounded"],
  ];
  return words.flatMap(([kind, text]) => ((left[kind] ?? 0) > 0 ? [`${left[kind]} of ${read}: ${text}.`] : []));
}
