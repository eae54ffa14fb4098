/** The machine's clock and luck: the only place that reads them. */
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Random } from "#kernel/clock.ts";

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== "AbortError") throw error;
    });
  },
};

export const systemRandom: Random = Math.random;
