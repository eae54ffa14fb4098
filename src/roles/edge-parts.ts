/** What the edge needs of this machine, the same for the edge on its own and for the one in front of the shop in this process. */
import { lookup } from "node:dns/promises";
import { createSocketOrigin } from "#adapters/bun/socket-origin.ts";
import { systemClock, systemRandom } from "#adapters/system/clock.ts";
import { compress } from "#adapters/system/compress.ts";
import { createOtlpExporter, type OtlpExporter } from "#adapters/system/otlp-exporter.ts";
import { createSigner } from "#adapters/system/signer.ts";
import { openSnapshotFiles } from "#adapters/system/snapshot-files.ts";
import type { RoomState } from "#contract/edge-admin.ts";
import type { EdgeConfig } from "#contract/edge-config.ts";
import type { Edge, EdgeDeps } from "#edge/edge.ts";
import type { Meter } from "#edge/ports.ts";
import type { OpenRoom } from "#edge/waiting-room/open-room.ts";
import { previewsOf } from "#edge/waiting-room/previews.ts";
import type { Rooms } from "#edge/waiting-room/rooms.ts";
import type { EdgeControls } from "#http/edge-api.ts";
import type { RoomControl } from "#http/room-api.ts";
import type { Metrics } from "#watch/metrics.ts";
import type { EdgeSecrets } from "./edge-secrets.ts";
import { createRoomParts, type RoomPartsOptions } from "./room-parts.ts";
import { version } from "./version.ts";

/** Kept: asking for it takes as long as asking for the time. */
const startedAtMs = performance.timeOrigin;

export type EdgeParts = {
  readonly deps: EdgeDeps;
  /** Brings the waiting rooms to this configuration; before an edge is made of it. What it gives must be purged from its cache. */
  configureRooms(config: EdgeConfig): Promise<readonly string[]>;
  close(): Promise<void>;
};

export async function createEdgeParts(
  config: EdgeConfig,
  metrics: Metrics,
  options: {
    /** The same on every edge that stands beside this one: what one has signed, the others believe. */
    readonly secrets: EdgeSecrets;
    readonly name: string;
    readonly log: (line: string) => void;
    readonly shop?: EdgeDeps["shop"];
    readonly rooms: Pick<RoomPartsOptions, "pressure" | "mailbox" | "stateDir">;
  },
): Promise<EdgeParts> {
  const meter = onceEach(metrics);
  const { snapshotDir } = config.fallback;
  const { otlpUrl } = config.log;
  const spans: OtlpExporter | undefined =
    otlpUrl === undefined
      ? undefined
      : createOtlpExporter({ url: otlpUrl, serviceName: "spillway-edge", serviceVersion: version, meter });
  const roomParts = createRoomParts({ secrets: options.secrets, meter, log: options.log, ...options.rooms });
  await roomParts.configure(config);
  return {
    configureRooms: async (next) => await roomParts.configure(next),
    deps: {
      get rooms() {
        return roomParts.rooms();
      },
      clock: systemClock,
      monotonicMs: () => performance.now(),
      steadyMs: () => startedAtMs + performance.now(),
      later: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      random: systemRandom,
      signer: createSigner(...options.secrets),
      newId: () => crypto.randomUUID(),
      meter,
      compress,
      resolve: async (hostname) => (await lookup(hostname, { all: true })).map(({ address }) => address),
      open: (balancing, url, address) => createSocketOrigin({ ...balancing, url, address }),
      ...(options.shop === undefined ? {} : { shop: options.shop }),
      snapshot:
        snapshotDir === undefined ? undefined : await openSnapshotFiles({ dir: snapshotDir, report: options.log }),
      spans,
      writeLog: (lines) => {
        if (process.stdout.write(lines)) return undefined;
        return new Promise((resolve) => process.stdout.once("drain", resolve));
      },
      name: options.name,
    },
    close: async () => {
      await roomParts.close();
      await spans?.stop();
    },
  };
}

/** A part that is made again under another configuration goes on with the counts that it had. */
function onceEach(metrics: Metrics): Meter {
  const counters = new Map<string, ReturnType<Meter["counter"]>>();
  const histograms = new Map<string, ReturnType<Meter["histogram"]>>();
  const kept = <Made>(map: Map<string, Made>, name: string, make: () => Made): Made => {
    const made = map.get(name) ?? make();
    map.set(name, made);
    return made;
  };
  return {
    counter: (name, help) => kept(counters, name, () => metrics.counter(name, help)),
    histogram: (name, help) => kept(histograms, name, () => metrics.histogram(name, help)),
    gauge: (name, help, read) => metrics.gauge(name, help, read),
  };
}

/** What an operator may turn; `edge` is asked each time, because a reload makes another one. */
export function controlsOf(edge: () => Edge, reload: () => Promise<void>): EdgeControls {
  const noUpstreams = "This edge asks the shop in its own process; it has no other upstreams.";
  let policies: EdgeConfig["limits"]["policies"] | undefined;
  /** Each upstream has a limit of its own on what is under way. */
  const limitEach = (): void => {
    const { balancer, shedding, config } = edge();
    if (balancer !== undefined && config.balancing.resolveSeconds === 0)
      shedding.setUpstreams(balancer.upstreams().map(({ name }) => name));
  };
  return {
    purge: (what) => {
      const soft = what.soft ?? false;
      const { cache } = edge();
      if ("urls" in what) return what.urls.reduce((sum, url) => sum + cache.purge({ url, soft }), 0);
      return cache.purge({ ...what, soft });
    },
    upstreams: () => edge().balancer?.upstreams() ?? [],
    addUpstream: (upstream) => {
      const { balancer } = edge();
      if (balancer === undefined) return noUpstreams;
      if (!balancer.add(upstream)) return "There is an upstream of that name already; give it another name.";
      limitEach();
      return undefined;
    },
    weighUpstream: (name, weight) => edge().balancer?.setWeight(name, weight) ?? false,
    drainUpstream: (name) => edge().balancer?.drain(name) ?? false,
    resumeUpstream: (name) => edge().balancer?.resume(name) ?? false,
    removeUpstream: (name) => {
      const isGone = edge().balancer?.remove(name) ?? false;
      if (isGone) limitEach();
      return isGone;
    },
    limits: () => policies ?? edge().config.limits.policies,
    setLimits: (given) => {
      policies = given;
      edge().limits.configure({ ...edge().config.limits, policies: given });
    },
    pressure: () => {
      const { level, override } = edge().pressure.stats();
      return { level, override };
    },
    overridePressure: (level) => edge().pressure.override(level),
    rooms: {
      list: () => (edge().rooms?.all() ?? []).map(stateOf),
      find: (id) => {
        const { rooms, config } = edge();
        const room = rooms?.all().find((one) => one.config.id === id);
        return rooms === undefined || room === undefined
          ? undefined
          : controlOf(rooms, room, config.fallback.siteName ?? "Your shop");
      },
    },
    statistics: () => {
      const { cache, limits, shedding, pressure, balancer, seeing } = edge();
      return {
        underWay: seeing.underWay(),
        limits: limits.stats(),
        cache: cache.stats(),
        shedding: shedding.stats(),
        waitingRooms: edge().rooms?.stats() ?? {},
        pressure: pressure.stats(),
        upstreams: balancer?.upstreams() ?? [],
      };
    },
    reload: async () => {
      await reload();
      policies = undefined;
    },
  };
}

const stateOf = ({ config, line, tellers }: OpenRoom): RoomState => ({
  id: config.id,
  kind: config.kind,
  now: line.now(),
  line: line.stats(),
  toTell: tellers.counts(),
});

function controlOf(rooms: Rooms, room: OpenRoom, site: string): RoomControl {
  const { line, bypass, tellers, places } = room;
  const previews = (): ReturnType<typeof previewsOf> => previewsOf(places.panel(undefined));
  return {
    state: () => stateOf(room),
    change: async (change) => await line.control(change),
    invite: async (count) => await bypass.invite(count),
    preview: (name) => {
      const views = previews();
      const view = Object.hasOwn(views, name) ? views[name] : undefined;
      return view === undefined ? undefined : rooms.preview(room, view, site);
    },
    previews: Object.keys(previews()),
    stock: (told) => line.stock(told),
    restock: async () => await tellers.list("restock"),
    tellRestock: async (count) => await tellers.tellRestock(count),
    forgetAll: async () => await tellers.forgetAll(),
  };
}
