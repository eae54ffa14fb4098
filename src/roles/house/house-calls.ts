/**
 * The words of the `spillway` provider: what a drill can do to a house and ask of it, each with what it touches. A table,
 * so that the documentation and the limits of a drill speak of the same words.
 */
import { existsSync } from "node:fs";
import { createAuditor } from "#adapters/postgres/auditor.ts";
import { openDatabase } from "#adapters/postgres/database.ts";
import { systemClock } from "#adapters/system/clock.ts";
import { SpillwayError } from "#kernel/error.ts";
import type { DrillHouse, HouseCall } from "#rehearse/drills/ports.ts";
import type { RunView } from "#rehearse/ports.ts";
import { botStorm } from "./bots.ts";
import { type House, houseProxies, houseRoles } from "./house.ts";

type Given = Readonly<Record<string, unknown>>;
type Word = {
  /** What it touches; probes touch nothing. */
  readonly target: (given: Given) => string;
  readonly perform: (given: Given, run: RunView | undefined, signal: AbortSignal) => Promise<unknown>;
};

const clockLibraries = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`,
);

const fillWalMaxMb = 400;
const clockMovedWithinSeconds = 30;

export function drillHouse(house: House): DrillHouse {
  const actions = actionsOf(house);
  const probes = probesOf(house);
  const find = ({ kind, word }: HouseCall): Word | undefined => {
    const words = kind === "action" ? actions : probes;
    return Object.hasOwn(words, word) ? words[word] : undefined;
  };
  return {
    configuration: {
      door_url: house.doorUrl,
      faults_url: house.faultsUrl,
      admin_token: house.adminToken,
      shop_ops_url: house.opsUrls.shop,
      worker_ops_url: house.opsUrls.worker,
      edge_ops_url: house.opsUrls.edge,
    },
    targetOf: (call) => find(call)?.target(call.arguments),
    async perform(call, run, signal) {
      const word = find(call);
      if (word === undefined) throw new SpillwayError("bad_usage", `There is no ${call.kind} "${call.word}".`);
      return await word.perform(call.arguments, run, signal);
    },
  };
}

function actionsOf(house: House): Readonly<Record<string, Word>> {
  const ofRole = (perform: (role: ReturnType<typeof roleOf>, given: Given) => Promise<unknown>): Word => ({
    target: (given) => String(given.role),
    perform: async (given) => {
      await perform(roleOf(house, given.role), given);
    },
  });
  const ofProxy = (perform: (path: string, given: Given) => Promise<unknown>): Word => ({
    target: (given) => `proxy:${String(given.proxy)}`,
    async perform(given) {
      const { proxy } = given;
      if (!houseProxies.some((name) => name === proxy))
        throw new SpillwayError(
          "bad_usage",
          `There is no proxy "${String(proxy)}"; there are ${houseProxies.join(", ")}.`,
        );
      return await perform(`/proxies/${String(proxy)}`, given);
    },
  });
  const faults = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const request = new Request(`http://faults${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await house.faults.handler(request);
    const text = await answer.text();
    if (answer.status >= 400) throw new SpillwayError("bad_usage", text.trim());
    return text === "" ? null : (JSON.parse(text) as unknown);
  };
  const disk = (perform: "fill" | "free"): Word => ({
    target: () => "disk",
    async perform() {
      if (house.disk === undefined)
        throw new SpillwayError(
          "internal",
          "There is no small disk here: the drill must need one, and only root can mount it.",
        );
      await house.disk[perform]();
      if (perform === "fill") await writeUntilRefused(house);
    },
  });

  return {
    kill: ofRole(async (role) => await role.kill()),
    stop: ofRole(async (role) => await role.stop()),
    start: ofRole(async (role, given) => {
      await role.start(clockOf(given));
      await clockIsMoved(house, given);
    }),
    restart: ofRole(async (role, given) => {
      await role.stop();
      await role.start(clockOf(given));
      await clockIsMoved(house, given);
    }),
    pause: ofRole(async (role) => role.pause()),
    resume: ofRole(async (role) => role.resume()),
    toxic: ofProxy(async (path, { toxic }) => await faults("POST", `${path}/toxics`, toxic)),
    cut: ofProxy(async (path) => await faults("PATCH", path, { enabled: false })),
    heal: ofProxy(async (path) => {
      for (const { name } of (await faults("GET", `${path}/toxics`)) as { name: string }[])
        await faults("DELETE", `${path}/toxics/${encodeURIComponent(name)}`);
      return await faults("PATCH", path, { enabled: true });
    }),
    payments: {
      target: () => "payments",
      perform: async ({ token, share }) =>
        await operate(house, "worker", "/sandbox/fault", token === undefined ? "DELETE" : "PUT", { token, share }),
    },
    purge: {
      target: () => "cache",
      perform: async () => await operate(house, "edge", "/edge/purge", "POST", { all: true }),
    },
    orders: {
      target: () => "crowd",
      perform: async ({ perSecond, seconds, token }, _run, signal) =>
        await house.orders.crowd(
          {
            perSecond: numberOf(perSecond, 5, 200),
            seconds: numberOf(seconds, 10, 600),
            token: typeof token === "string" ? token : "ok",
          },
          signal,
        ),
    },
    bots: {
      target: () => "crowd",
      perform: async ({ perSecond, seconds, path, addresses }, _run, signal) =>
        await botStorm(
          {
            url: `${house.doorUrl}${typeof path === "string" ? path : "/"}`,
            perSecond: numberOf(perSecond, 100, 500),
            seconds: numberOf(seconds, 10, 600),
            addresses: numberOf(addresses, 4, 200),
          },
          signal,
        ),
    },
    fillDisk: disk("fill"),
    freeDisk: disk("free"),
  };
}

function probesOf(house: House): Readonly<Record<string, Word>> {
  const probe = (perform: Word["perform"]): Word => ({ target: () => "nothing", perform });
  return {
    order: probe(
      async ({ token, withinSeconds }, _run, signal) =>
        await house.orders.order(
          { token: typeof token === "string" ? token : "ok", withinSeconds: numberOf(withinSeconds, 30, 600) },
          signal,
        ),
    ),
    orders: probe(
      async ({ withinSeconds }, _run, signal) => await house.orders.counts(numberOf(withinSeconds, 0, 600), signal),
    ),
    page: probe(async ({ path }, _run, signal) => await pageAt(`${house.doorUrl}${String(path ?? "/")}`, signal)),
    verify: probe(async () => await auditHouse(house)),
    run: probe(async ({ of, seconds }, run) => runMetric(run, String(of), numberOf(seconds, 10, 600))),
  };
}

function roleOf(house: House, name: unknown) {
  const role = houseRoles.find((each) => each === name);
  if (role === undefined)
    throw new SpillwayError("bad_usage", `There is no role "${String(name)}"; there are ${houseRoles.join(", ")}.`);
  if (role !== "postgres") return house.members[role];
  const cannot = (): never => {
    throw new SpillwayError(
      "bad_usage",
      "Postgres can be killed, stopped and started; pausing it would pause one process of many.",
    );
  };
  const { postgres } = house;
  return {
    start: async (_extra?: Readonly<Record<string, string>>) => await postgres.start(),
    kill: async () => await postgres.kill(),
    stop: async () => await postgres.stop(),
    pause: cannot,
    resume: cannot,
  };
}

/** The clock of a role that is started, moved by so many seconds. */
function clockOf({ clockOffsetSeconds }: Given): Readonly<Record<string, string>> {
  if (clockOffsetSeconds === undefined) return {};
  const library = clockLibraries.find((path) => existsSync(path));
  if (library === undefined)
    throw new SpillwayError(
      "internal",
      "A clock is moved by libfaketime, which is not on this machine: apt-get install faketime.",
    );
  const seconds = numberOf(clockOffsetSeconds, 0, 86_400);
  return { LD_PRELOAD: library, FAKETIME: `${seconds < 0 ? "" : "+"}${seconds}s`, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
}

/** A process that takes its time past the library would make the drill say what it has not tried. */
async function clockIsMoved(house: House, { role, clockOffsetSeconds }: Given): Promise<void> {
  if (clockOffsetSeconds === undefined) return;
  const opsUrl = house.opsUrls[role as keyof House["opsUrls"]];
  const metrics = opsUrl === undefined ? "" : await (await fetch(`${opsUrl}/metrics`)).text();
  const startedAtSeconds = Number(/^process_start_time_seconds (\S+)$/m.exec(metrics)?.[1]);
  const movedSeconds = startedAtSeconds - systemClock.now() / 1000;
  if (!(Math.abs(movedSeconds - Number(clockOffsetSeconds)) < clockMovedWithinSeconds))
    throw new SpillwayError(
      "internal",
      `The clock of ${String(role)} could not be moved by ${String(clockOffsetSeconds)} s.`,
    );
}

async function operate(
  house: House,
  member: "worker" | "edge",
  path: string,
  method: string,
  body: unknown,
): Promise<unknown> {
  const answer = await fetch(house.opsUrls[member] + path, {
    method,
    headers: { authorization: `Bearer ${house.adminToken}`, "content-type": "application/json" },
    ...(method === "DELETE" ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(5000),
  });
  const text = await answer.text();
  if (!answer.ok)
    throw new SpillwayError("internal", `${method} ${path} of the ${member}: ${answer.status} ${text.trim()}`);
  return text === "" ? null : text;
}

/**
 * A full disk is felt when the room that Postgres holds in advance is used up. Orders alone would take minutes for that,
 * so the write-ahead log is filled with messages that nobody reads, until one is refused.
 */
async function writeUntilRefused(house: House): Promise<void> {
  const database = openDatabase(house.databaseUrl);
  try {
    for (let mebibytes = 0; mebibytes < fillWalMaxMb; mebibytes++)
      await database.pool.unsafe("select pg_logical_emit_message(true, 'drill', repeat('x', 1048576))");
  } catch {
    return;
  } finally {
    await database.close().catch(() => undefined);
  }
  throw new SpillwayError("internal", `The disk took ${fillWalMaxMb} MiB more, though it should be full.`);
}

/** What a shopper gets who opens it; status 0 when nobody answers. */
async function pageAt(
  url: string,
  signal: AbortSignal,
): Promise<{ status: number; seconds: number; cache: string | null }> {
  const beganAt = performance.now();
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) }).catch(
    () => undefined,
  );
  await response?.arrayBuffer().catch(() => undefined);
  return {
    status: response?.status ?? 0,
    seconds: Math.round(performance.now() - beganAt) / 1000,
    cache: response?.headers.get("cache-status") ?? null,
  };
}

export async function auditHouse(house: House): Promise<{ checked: number; breaches: number; broken: string[] }> {
  const database = openDatabase(house.databaseUrl);
  try {
    const reports = await createAuditor(database.pool).audit();
    return {
      checked: reports.reduce((sum, report) => sum + report.checked, 0),
      breaches: reports.reduce((sum, report) => sum + report.breaches, 0),
      broken: reports.filter((report) => report.breaches > 0).map((report) => report.name),
    };
  } finally {
    await database.close();
  }
}

/** Null: there is no run, or it has not begun. */
function runMetric(run: RunView | undefined, of: string, seconds: number): number | null {
  const last = run?.everySecond().slice(-seconds) ?? [];
  if (last.length === 0) return null;
  const sum = (pick: (second: (typeof last)[number]) => number) => last.reduce((total, each) => total + pick(each), 0);
  const requests = sum((second) => second.requests);
  switch (of) {
    case "errors.share":
      return requests === 0 ? 0 : sum((second) => second.errors) / requests;
    case "requests.perSecond":
      return requests / last.length;
    case "response.p99":
      return Math.max(...last.map((second) => second.p99Ms));
    default:
      throw new SpillwayError("bad_usage", `A run has errors.share, requests.perSecond and response.p99, not "${of}".`);
  }
}

function numberOf(given: unknown, otherwise: number, most: number): number {
  if (given === undefined) return otherwise;
  if (typeof given !== "number" || !Number.isFinite(given) || Math.abs(given) > most)
    throw new SpillwayError("bad_usage", `${String(given)} must be a number up to ${most}.`);
  return given;
}
