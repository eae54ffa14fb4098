/**
 * Decides by a provider's recent calls whether it still does its work, so that new attempts go to the backup provider
 * while it does not. Time is an argument.
 *
 * - `healthy`, until too large a share of the calls in the window went wrong;
 * - `resting` begins then, and ends when its pause is over;
 * - `probing` lets one call through at a time. Enough good ones in a row: healthy again, with an empty window. One that
 *   goes wrong: resting once more, for twice as long, up to a bound.
 *
 * A call goes wrong when it ends in `failed` or `unknown`, or takes too long. A card that is declined is a good call,
 * and a `rate_limited` one says something about our pace and not about the provider: do not record it.
 */
export type ProviderHealthOptions = {
  readonly windowMs: number;
  /** Fewer calls than this in the window decide nothing. */
  readonly callsMin: number;
  /** From this share of calls gone wrong on, between 0 and 1, the provider rests. */
  readonly wrongShareMax: number;
  /** A call that takes longer counts as gone wrong, whatever it answered. */
  readonly slowMs: number;
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
  readonly probesNeeded: number;
};

export type ProviderCallEnd = { readonly isWrong: boolean; readonly tookMs: number };

export type ProviderHealth = {
  /** `use` it; `probe` it with this one call, whose end must be recorded; or `avoid` it. */
  ask(nowMs: number): "use" | "probe" | "avoid";
  record(nowMs: number, end: ProviderCallEnd): void;
};

type State =
  | { readonly kind: "healthy" }
  | { readonly kind: "resting"; readonly untilMs: number; readonly pauseMs: number }
  | {
      readonly kind: "probing";
      /** The next pause, if a probe goes wrong. */
      readonly pauseMs: number;
      readonly good: number;
      /** When the probe under way was let through; one whose end is never told is given up after `slowMs`. */
      readonly probeAtMs: number | null;
    };

/** The window is kept in slices of equal length, so that it costs the same at any rate of calls. */
const slicesInWindow = 10;

export function createProviderHealth(options: ProviderHealthOptions): ProviderHealth {
  const sliceMs = options.windowMs / slicesInWindow;
  let slices: { readonly number: number; calls: number; wrong: number }[] = [];
  let state: State = { kind: "healthy" };

  function rest(nowMs: number, pauseMs: number): void {
    slices = [];
    state = { kind: "resting", untilMs: nowMs + pauseMs, pauseMs };
  }

  function countInWindow(nowMs: number, isWrong: boolean): void {
    const number = Math.floor(nowMs / sliceMs);
    // Slices of a clock that was set back are dropped with the old ones.
    slices = slices.filter((slice) => slice.number > number - slicesInWindow && slice.number <= number);
    let current = slices.find((slice) => slice.number === number);
    if (current === undefined) {
      current = { number, calls: 0, wrong: 0 };
      slices.push(current);
    }
    current.calls += 1;
    if (isWrong) current.wrong += 1;
    const calls = slices.reduce((sum, slice) => sum + slice.calls, 0);
    const wrong = slices.reduce((sum, slice) => sum + slice.wrong, 0);
    if (calls >= options.callsMin && wrong / calls >= options.wrongShareMax) rest(nowMs, options.pauseMs);
  }

  return {
    ask(nowMs) {
      if (state.kind === "healthy") return "use";
      if (state.kind === "resting") {
        if (nowMs < state.untilMs) return "avoid";
        const pauseMs = Math.min(state.pauseMs * 2, options.pauseMaxMs);
        state = { kind: "probing", pauseMs, good: 0, probeAtMs: null };
      }
      if (state.probeAtMs !== null && nowMs - state.probeAtMs < options.slowMs) return "avoid";
      state = { ...state, probeAtMs: nowMs };
      return "probe";
    },

    record(nowMs, end) {
      const isWrong = end.isWrong || end.tookMs > options.slowMs;
      switch (state.kind) {
        case "healthy":
          countInWindow(nowMs, isWrong);
          return;
        case "resting":
          // The end of a call from before: it has nothing new to say.
          return;
        case "probing":
          // A call from before the pause that ends only now is no probe.
          if (state.probeAtMs === null || nowMs - end.tookMs < state.probeAtMs) return;
          if (isWrong) rest(nowMs, state.pauseMs);
          else if (state.good + 1 >= options.probesNeeded) state = { kind: "healthy" };
          else state = { ...state, good: state.good + 1, probeAtMs: null };
      }
    },
  };
}
