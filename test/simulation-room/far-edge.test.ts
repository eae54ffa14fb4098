/** Edges that are not equally near to their store: the far one is heard, however busy the others are. */
import { expect, test } from "bun:test";
import Value from "typebox/value";
import { Room } from "#contract/waiting-room.ts";
import type { Line } from "#edge/waiting-room/line.ts";
import { openLine } from "#edge/waiting-room/open-line.ts";
import { createDice } from "../simulation/dice.ts";
import { simulatedKeys } from "./keys.ts";
import { beginningMs, type Process, Scheduler, still } from "./scheduler.ts";
import { SimulatedStore } from "./store.ts";

const room = {
  ...Value.Parse(Room, Value.Default(Room, { id: "drop" })),
  opensAt: new Date(beginningMs - 60_000).toISOString(),
};
const joinEveryMs = 20;

type Edge = {
  readonly process: Process;
  line: Line | undefined;
  readonly numbers: number[];
  unheard: number;
  file?: string;
};

/** One room and its store; `startEdge`: one whose every message takes so long. Somebody new joins at each edge all the time. */
function openHouse(): {
  startEdge(latencyMs: number, file?: string): Edge;
  flush(): void;
  end(edge: Edge): void;
  run(seconds: number): Promise<void>;
} {
  const dice = createDice(7);
  const scheduler = new Scheduler(dice, false);
  const outside = scheduler.spawn("outside");
  const keys = simulatedKeys(dice);
  const latencies = new Map<Process, number>();
  const wire = {
    latencyMs: (process: Process) => (latencies.get(process) ?? 0) * (0.8 + 0.4 * dice.next()),
    isLost: () => false,
  };
  const store = new SimulatedStore(scheduler, wire, () => undefined);
  let shoppers = 0;

  function join(edge: Edge): typeof still {
    if (!edge.process.isAlive) return still;
    const leaf = new Uint8Array(32);
    new DataView(leaf.buffer).setUint32(0, ++shoppers);
    void edge.line?.join(leaf, scheduler.nowMs).then((joined) => {
      if (joined.kind === "joined") edge.numbers.push(joined.seq);
      else edge.unheard += 1;
    });
    scheduler.after(outside, joinEveryMs * (0.5 + dice.next()), () => join(edge));
    return still;
  }

  return {
    startEdge(latencyMs, file) {
      const process = scheduler.spawn("edge");
      latencies.set(process, latencyMs);
      const edge: Edge = { process, line: undefined, numbers: [], unheard: 0, ...(file === undefined ? {} : { file }) };
      void openLine(room, {
        store: store.reachedFrom(process),
        isShared: true,
        keys,
        checkpoint: {
          read: async () => edge.file,
          write: async (_room, text) => {
            edge.file = text;
          },
        },
        wallMs: () => scheduler.nowMs,
        monotonicMs: () => scheduler.monotonicMs(process),
        later: (ms, run) => scheduler.after(process, ms, run),
        joinsPerSecondMax: 500,
      }).then((line) => {
        edge.line = line;
      });
      scheduler.after(outside, 0, () => join(edge));
      return edge;
    },
    flush: () => store.flush(),
    end(edge) {
      edge.process.isAlive = false;
    },
    run: async (seconds) => await scheduler.runUntil(scheduler.nowMs + seconds * 1000),
  };
}

test("whoever joins at an edge far from the store gets a number, beside edges near to it that never pause", async () => {
  const { startEdge, run } = openHouse();
  startEdge(0.5);
  startEdge(0.5);
  const far = startEdge(40);
  // A line that begins where other edges may know of one waits for these.
  await run(15);
  far.numbers.length = 0;
  far.unheard = 0;
  await run(20);
  expect(far.numbers.length).toBeGreaterThan(800);
  expect(far.unheard).toBe(0);
  expect(far.line?.isReachable()).toBe(true);
});

test("after everything was lost, an edge that begins blind and in a hurry gives no number that a slow one's file knows of", async () => {
  const { startEdge, end, flush, run } = openHouse();
  const before = startEdge(1);
  await run(20);
  expect(before.numbers.length).toBeGreaterThan(200);
  end(before);
  flush();
  const blind = startEdge(1);
  await run(1);
  startEdge(250, before.file);
  await run(20);
  expect(blind.numbers.length).toBeGreaterThan(100);
  expect(Math.min(...blind.numbers)).toBeGreaterThan(Math.max(...before.numbers));
});
