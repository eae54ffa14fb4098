/**
 * How many requests may be under way at once at something whose capacity nobody knows: found from how its answer times
 * change. After Netflix's concurrency-limits (Apache-2.0, github.com/Netflix/concurrency-limits): Vegas and
 * Gradient2, and the window that gathers samples for them. Pure: times are arguments, in any one unit.
 */
export type Sample = {
  /** From the request sent to the answer's head; above 0. */
  readonly rtt: number;
  /** How many were under way, this one included. */
  readonly inFlight: number;
  /** It was refused, reset or timed out: a sign of too much, whatever its time. */
  readonly dropped: boolean;
};

export type AdaptiveLimit = {
  /** A whole number, at least 1. */
  readonly limit: number;
  sample(sample: Sample): void;
};

export function createFixedLimit(limit: number): AdaptiveLimit {
  return { limit, sample() {} };
}

/** Whole decades, at least one: how quickly steps grow with the limit. */
const decades = (limit: number): number => Math.max(1, Math.trunc(Math.log10(Math.max(1, Math.trunc(limit)))));

export type VegasOptions = {
  readonly initial: number;
  readonly most: number;
  readonly least?: number;
  /** 1 takes each new limit as it is; less moves only part of the way. */
  readonly smoothing?: number;
  /** Fewer than this wait at the other end: the limit may grow. */
  readonly alpha?: (limit: number) => number;
  /** More than this wait: it must shrink. */
  readonly beta?: (limit: number) => number;
  readonly decrease?: (limit: number) => number;
  /** The quiet time is measured anew after about this many times the limit of samples. */
  readonly probeMultiplier?: number;
  /** In [0, 1): keeps many limits from probing at once. */
  readonly random: () => number;
};

/**
 * TCP Vegas: of `limit` under way, `limit * (1 - quiet time / time)` are waiting in a queue somewhere. The limit grows
 * while few wait and shrinks when many do.
 */
export function createVegasLimit(options: VegasOptions): AdaptiveLimit {
  const {
    most,
    least = 1,
    smoothing = 1,
    alpha = (limit) => 3 * decades(limit),
    beta = (limit) => 6 * decades(limit),
    decrease = (limit) => limit - decades(limit),
    probeMultiplier = 30,
    random,
  } = options;
  let limit = options.initial;
  let quiet = 0;
  let sinceProbe = 0;
  let jitter = 0.5 + random() / 2;

  function next(waiting: number): number | undefined {
    if (waiting <= decades(limit)) return limit + beta(Math.trunc(limit));
    if (waiting < alpha(Math.trunc(limit))) return limit + decades(limit);
    if (waiting > beta(Math.trunc(limit))) return decrease(limit);
    return undefined;
  }

  return {
    get limit() {
      return Math.trunc(limit);
    },
    sample({ rtt, inFlight, dropped }) {
      sinceProbe++;
      if (jitter * probeMultiplier * limit <= sinceProbe) {
        jitter = 0.5 + random() / 2;
        sinceProbe = 0;
        quiet = rtt;
        return;
      }
      if (quiet === 0 || rtt < quiet) {
        quiet = rtt;
        return;
      }
      // What is not used says nothing about more of it.
      if (!dropped && inFlight * 2 < limit) return;
      const wanted = dropped ? decrease(limit) : next(Math.ceil(limit * (1 - quiet / rtt)));
      if (wanted === undefined) return;
      limit += smoothing * (Math.max(least, Math.min(most, wanted)) - limit);
    },
  };
}

/** The mean of its first samples, from then on exponential: how a value was over the long run. */
export function createLongMean(
  window: number,
  warmup: number,
): { readonly value: number; add(sample: number): void; scale(by: number): void } {
  const factor = 2 / (window + 1);
  let value = 0;
  let count = 0;
  return {
    get value() {
      return value;
    },
    add(sample) {
      if (count < warmup) value += (sample - value) / ++count;
      else value += factor * (sample - value);
    },
    scale(by) {
      value *= by;
    },
  };
}

export type GradientOptions = {
  readonly initial: number;
  readonly least: number;
  readonly most: number;
  readonly smoothing?: number;
  /** How many may wait at the other end while times stay good: what lets the limit grow. */
  readonly queue?: (limit: number) => number;
  /** Samples that the long mean looks back on. */
  readonly longWindow?: number;
  /** How much slower than in the long run is still no sign of too much. */
  readonly tolerance?: number;
  /** After about so many samples with the limit in use, two are taken at half of it; 0: never, as in Gradient2. */
  readonly probeEvery?: number;
  /** In [0, 1): keeps many limits from probing at once. */
  readonly random?: () => number;
};

/**
 * Gradient2: the limit follows the ratio of the long run's time to the present one. Its long run learns from times that
 * the limit itself has made long, so under a load that lasts it creeps up to where the upstream is stuck. Therefore, now
 * and then while the limit is in use, half of it: the times found there are what the long run should be.
 *
 * following -> (`probeEvery` samples with the limit in use) -> halved, emptying -> halved, measuring -> following
 */
export function createGradientLimit(options: GradientOptions): AdaptiveLimit {
  const { least, most, smoothing = 0.2, queue = () => 4, longWindow = 600, tolerance = 1.5 } = options;
  const { probeEvery = 0, random = () => 0.5 } = options;
  const long = createLongMean(longWindow, 10);
  let limit = options.initial;
  let state: "following" | "emptying" | "measuring" = "following";
  const pause = (): number => (probeEvery === 0 ? Number.POSITIVE_INFINITY : probeEvery * (0.75 + random() / 2));
  let probeIn = pause();
  /** The time just before the limit was halved. */
  let before = 0;

  return {
    get limit() {
      return Math.max(least, Math.trunc(state === "following" ? limit : limit / 2));
    },
    sample({ rtt, inFlight, dropped }) {
      if (state === "emptying") {
        state = "measuring";
        return;
      }
      if (state === "measuring") {
        state = "following";
        probeIn = pause();
        // Hardly shorter with half as many: the upstream itself has become slower, and that is its long run now. Much
        // shorter: what came before was waiting, and the long run is at most this.
        if (dropped) return;
        // Nothing but drops so far: this is the first time that says anything.
        if (long.value === 0) long.add(rtt);
        else if (rtt < long.value || rtt > 0.8 * before) long.scale(rtt / long.value);
        return;
      }
      if (!dropped) long.add(rtt);
      // After a long time of too much, the long run is brought down sooner than its own pace would.
      const slow = long.value;
      if (slow / rtt > 2) long.scale(0.95);
      if (!dropped && inFlight < limit / 2) return;
      const gradient = dropped ? 0.5 : Math.max(0.5, Math.min(1, (tolerance * slow) / rtt));
      const wanted = limit * gradient + (dropped ? 0 : queue(Math.trunc(limit)));
      limit = Math.max(least, Math.min(most, limit * (1 - smoothing) + wanted * smoothing));
      if (inFlight >= limit * 0.9 && --probeIn <= 0) {
        state = "emptying";
        before = rtt;
      }
    },
  };
}

export type WindowOptions = {
  /** A window lasts at least this long, and at least twice the shortest time in it. */
  readonly ms: number;
  /** One with fewer samples decides nothing yet and goes on. */
  readonly samplesMin: number;
  /** From this share of drops on the window counts as dropped: one reset connection in a thousand is no overload. */
  readonly dropShare: number;
};

/**
 * Gathers samples and gives the limit their mean once in a window, so that one slow page neither shrinks it nor becomes
 * the long run. True when the limit was asked to think again.
 */
export function createSampleWindow(
  inner: AdaptiveLimit,
  { ms, samplesMin, dropShare }: WindowOptions,
): (sample: Sample, nowMs: number) => boolean {
  let endsMs = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let shortest = Number.POSITIVE_INFINITY;
  let inFlightMost = 0;
  let count = 0;
  let drops = 0;
  return ({ rtt, inFlight, dropped }, nowMs) => {
    count++;
    sum += rtt;
    if (rtt < shortest) shortest = rtt;
    if (inFlight > inFlightMost) inFlightMost = inFlight;
    if (dropped) drops++;
    if (nowMs < endsMs || count < samplesMin) return false;
    inner.sample({ rtt: sum / count, inFlight: inFlightMost, dropped: drops >= count * dropShare });
    endsMs = nowMs + Math.max(ms, Math.min(shortest * 2, 10 * ms));
    sum = count = drops = inFlightMost = 0;
    shortest = Number.POSITIVE_INFINITY;
    return true;
  };
}
