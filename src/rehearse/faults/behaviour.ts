/**
 * What each toxic does to one direction of one connection, as a rule without sockets or timers: given the chunk at the
 * head of the line it says what happens to it. `stage.ts` carries it out.
 */
import type { Random } from "#kernel/clock.ts";
import type { Toxic } from "./toxic.ts";

/** Bytes, and since when they are on their way: latency counts from there. */
export type Chunk = { readonly data: Uint8Array; readonly atMs: number };

export type Turn =
  /** On to the next toxic; `rest` stays at the head of the line. */
  | { readonly kind: "pass"; readonly chunk: Chunk; readonly rest?: Chunk }
  /** Asked again after so long, with `isDue`. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Not before the toxic is changed or removed. */
  | { readonly kind: "hold" }
  | { readonly kind: "drop" }
  /** Closes the connection, after `last` has passed. */
  | { readonly kind: "close"; readonly last?: Chunk }
  /** Tears it down. */
  | { readonly kind: "reset" };

export type Behaviour = {
  /** `isDue`: the wait that it asked for is over. */
  turn(chunk: Chunk, nowMs: number, isDue: boolean): Turn;
  /** The sender sends no more, and all that it sent has passed. */
  end(isDue: boolean): Turn;
  /** Closes after so long without a chunk. */
  readonly silenceMs?: number;
  /** It keeps taking when nobody behind it does. */
  readonly isSink?: true;
};

/** What outlives a change of the toxic's attributes on the same connection. */
export type Memory = { bytesPassed: number };

const closes: Turn = { kind: "close" };
const passes: Behaviour = { turn: (chunk) => ({ kind: "pass", chunk }), end: () => closes };
/** Low rates are sent in portions of so many milliseconds. */
const portionMs = 100;
/** Timers are no finer; shorter pauses add up to one. */
const shortestPauseMs = 1;

export function behaviourOf(toxic: Toxic, memory: Memory, random: Random): Behaviour {
  const { attributes } = toxic;
  const of = (name: string): number => attributes[name] ?? 0;
  switch (toxic.type) {
    case "latency":
      return latency(of("latency"), of("jitter"), random);
    case "bandwidth":
      return bandwidth(of("rate"));
    case "slow_close":
      return { ...passes, end: (isDue) => (isDue ? closes : { kind: "wait", ms: of("delay") }) };
    case "timeout": {
      const silenceMs = of("timeout");
      return {
        turn: () => ({ kind: "drop" }),
        end: () => closes,
        isSink: true,
        ...(silenceMs > 0 ? { silenceMs } : {}),
      };
    }
    case "reset_peer": {
      const after = (isDue: boolean): Turn => (isDue ? { kind: "reset" } : { kind: "wait", ms: of("timeout") });
      return { turn: (_chunk, _nowMs, isDue) => after(isDue), end: after, isSink: true };
    }
    case "slicer":
      return slicer(of("average_size"), of("size_variation"), of("delay") / 1000, random);
    case "limit_data":
      return limitData(of("bytes"), memory);
    case "noop":
      return passes;
  }
}

export const withoutEffect = passes;

function latency(latencyMs: number, jitterMs: number, random: Random): Behaviour {
  let delayMs = 0;
  return {
    turn(chunk, nowMs, isDue) {
      if (!isDue) {
        delayMs = latencyMs + (jitterMs > 0 ? Math.floor(random() * jitterMs * 2) - jitterMs : 0);
        const ms = delayMs - (nowMs - chunk.atMs);
        if (ms > 0) return { kind: "wait", ms };
      }
      // The next latency toxic counts from here, so that two of them add.
      return { kind: "pass", chunk: { data: chunk.data, atMs: chunk.atMs + delayMs } };
    },
    end: () => closes,
  };
}

/** A KB/s is a byte per millisecond. What a sleep was too long is taken from the next. */
function bandwidth(bytesPerMs: number): Behaviour {
  let owedMs = 0;
  let counted: Chunk | undefined;
  let sleepsSinceMs = 0;
  return {
    turn(chunk, nowMs, isDue) {
      if (bytesPerMs <= 0) return { kind: "hold" };
      if (counted !== chunk) {
        owedMs += chunk.data.length / bytesPerMs;
        counted = chunk;
      }
      const portion = bytesPerMs * portionMs;
      if (chunk.data.length > portion) {
        if (!isDue) return { kind: "wait", ms: portionMs };
        owedMs -= portionMs;
        counted = { data: chunk.data.subarray(portion), atMs: chunk.atMs };
        return { kind: "pass", chunk: { data: chunk.data.subarray(0, portion), atMs: chunk.atMs }, rest: counted };
      }
      if (!isDue) {
        sleepsSinceMs = nowMs;
        if (owedMs >= shortestPauseMs) return { kind: "wait", ms: owedMs };
      }
      owedMs -= nowMs - sleepsSinceMs;
      return { kind: "pass", chunk };
    },
    end: () => closes,
  };
}

function slicer(averageSize: number, sizeVariation: number, delayMs: number, random: Random): Behaviour {
  let slices: Chunk[] = [];
  let rest: Chunk | undefined;
  let owedMs = 0;
  return {
    turn(chunk, _nowMs, isDue) {
      if (isDue) owedMs = 0;
      else if (owedMs >= shortestPauseMs) return { kind: "wait", ms: owedMs };
      if (rest !== chunk) {
        slices = cut(0, chunk.data.length, Math.max(averageSize, 1), Math.max(sizeVariation, 0), random).map(
          ([from, to]) => ({ data: chunk.data.subarray(from, to), atMs: chunk.atMs }),
        );
      }
      const slice = slices.shift() ?? chunk;
      owedMs += delayMs;
      const [next] = slices;
      if (next === undefined) return { kind: "pass", chunk: slice };
      rest = { data: chunk.data.subarray(slice.data.length), atMs: chunk.atMs };
      return { kind: "pass", chunk: slice, rest };
    },
    end: () => closes,
  };
}

/** Halves until a piece is of the size, each cut moved by up to the variation: no piece is likelier to be small. */
function cut(
  from: number,
  to: number,
  averageSize: number,
  variation: number,
  random: Random,
): (readonly [from: number, to: number])[] {
  if (to - from - averageSize <= variation) return [[from, to]];
  const moved =
    from + Math.floor((to - from) / 2) + (variation > 0 ? Math.floor(random() * variation * 2) - variation : 0);
  const middle = Math.min(Math.max(moved, from + 1), to - 1);
  return [...cut(from, middle, averageSize, variation, random), ...cut(middle, to, averageSize, variation, random)];
}

function limitData(bytes: number, memory: Memory): Behaviour {
  return {
    turn(chunk) {
      const left = Math.max(bytes - memory.bytesPassed, 0);
      const data = chunk.data.subarray(0, left);
      memory.bytesPassed += data.length;
      const passed = { data, atMs: chunk.atMs };
      if (memory.bytesPassed < bytes) return { kind: "pass", chunk: passed };
      return data.length > 0 ? { kind: "close", last: passed } : closes;
    },
    end: () => closes,
  };
}
