/** Asks each upstream regularly for its health path, so that one that is away is known before shoppers find out. */
import type { Clock, Random } from "#kernel/clock.ts";
import type { Upstream } from "./upstream.ts";

export type HealthCheckSettings = {
  readonly path: string;
  readonly everyMs: number;
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
};

/** Until `signal` aborts. `changed` is called when it turns unhealthy or healthy again, `good` after each good answer. */
export async function checkHealth(
  upstream: Upstream,
  settings: HealthCheckSettings,
  deps: {
    readonly clock: Clock;
    readonly random: Random;
    readonly good: () => void;
    readonly changed: () => void;
  },
  signal: AbortSignal,
): Promise<void> {
  let inRow = 0;
  while (!signal.aborted) {
    const isGood = await ask(upstream, settings, deps.clock, signal);
    if (signal.aborted) return;
    if (isGood) deps.good();
    inRow = isGood === upstream.isUnhealthy ? inRow + 1 : 0;
    if (inRow >= (isGood ? settings.healthyAfter : settings.unhealthyAfter)) {
      upstream.isUnhealthy = !isGood;
      inRow = 0;
      deps.changed();
    }
    // Not all at once, though all began at once.
    await deps.clock.sleep(settings.everyMs * (0.9 + deps.random() * 0.2), signal);
  }
}

/** An answer below 400 within the time between two checks, a second at least. */
async function ask(
  upstream: Upstream,
  settings: HealthCheckSettings,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const answer = upstream.origin
    .send({
      method: "GET",
      target: settings.path,
      headers: new Headers({ host: new URL(upstream.url).host, "user-agent": "spillway-health-check" }),
      body: null,
      signal: either,
    })
    .then(
      async (response) => {
        await response.body?.cancel();
        return response.status < 400;
      },
      () => false,
    );
  const tooLate = clock.sleep(Math.max(1000, settings.everyMs), either).then(() => false);
  const isGood = await Promise.race([answer, tooLate]);
  over.abort();
  return isGood;
}
