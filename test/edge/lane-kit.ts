/**
 * Edges for tests that hold one way through an edge to another: clock, luck and ids are given, and what an edge counts, logs, traces and
 * remembers is kept to be compared. Where the configuration has waiting rooms, those of lane-rooms.ts stand in front.
 */
import { Value } from "typebox/value";
import { createSigner } from "#adapters/system/signer.ts";
import { EdgeConfig } from "#contract/edge-config.ts";
import { createEdge, type EdgeDeps } from "#edge/edge.ts";
import type { Meter } from "#edge/ports.ts";
import { stillRooms } from "./lane-rooms.ts";

export const beginMs = 1_795_000_000_000;

export const settings = (given: object, upstreams = 1): EdgeConfig =>
  Value.Parse(
    EdgeConfig,
    Value.Default(EdgeConfig, {
      upstreams: Array.from({ length: upstreams }, (_, index) => ({ url: `http://127.0.0.1:${index + 1}` })),
      ...given,
    }),
  );

export const listenerOptions = {
  port: 0,
  hostname: "127.0.0.1",
  http2: false,
  http3: false,
  headersMaxBytes: 16_384,
  bodyMaxBytes: 1_000_000,
  bodyTimeoutSeconds: 10,
  idleTimeoutSeconds: 10,
};

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

export async function watchedEdge(
  config: EdgeConfig,
  clock: { readonly ms: number },
  behind: Partial<Pick<EdgeDeps, "open" | "shop">>,
) {
  const values = new Map<string, number>();
  const add = (name: string, labels: Readonly<Record<string, string>>): (() => void) => {
    const key = `${name} ${JSON.stringify(labels)}`;
    return () => void values.set(key, (values.get(key) ?? 0) + 1);
  };
  const meter: Meter = {
    counter: (name) => (labels) => add(name, labels),
    histogram: (name) => (labels) => add(name, labels),
    gauge: () => {},
  };
  const log: string[] = [];
  const spans: unknown[] = [];
  let ids = 0;
  const still = await stillRooms(config.waitingRooms, clock, { meter, random: seeded(11) });
  const edge = createEdge(config, {
    clock: { now: () => clock.ms, sleep: async () => {} },
    monotonicMs: () => clock.ms,
    steadyMs: () => clock.ms,
    later: () => () => {},
    random: seeded(7),
    signer: createSigner(new Uint8Array(32).fill(1)),
    newId: () => `id-0123456789-${ids++}`,
    meter,
    compress: async (bytes) => bytes.slice(0, bytes.length / 2),
    resolve: async () => [],
    open: () => {
      throw new Error("There is no upstream here.");
    },
    ...behind,
    rooms: still.rooms,
    spans: { add: (span) => spans.push(span) },
    writeLog: (lines) => {
      log.push(lines);
      return undefined;
    },
    name: "spillway",
  });
  return {
    edge,
    /** How often this has been counted: name and labels as they are. */
    counted: (name: string, labels: Readonly<Record<string, string>>) =>
      values.get(`${name} ${JSON.stringify(labels)}`) ?? 0,
    /** What it leaves behind. */
    async left() {
      await edge.seeing.flush();
      const { bytes: _bytes, ...cache } = edge.cache.stats();
      const { keyBytes: _keyBytes, ...limits } = edge.limits.stats();
      return { values: [...values].sort(), log: log.join(""), spans, cache, limits, lines: still.told };
    },
  };
}
