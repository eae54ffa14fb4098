/**
 * The chance that something is left for somebody with so many people ahead, once they are in and order as quickly as others do. Who comes first: those
 * inside who have not ordered yet, then those ahead who still come. How many of them order is learnt from admissions and orders, although an order comes minutes
 * after its admission: for a few mean times to order, side by side, it is counted how many of the admitted would have ordered by now if all did
 * (`exposure`); orders over exposure is the conversion, a Gamma-Poisson posterior for each, and how well each foretold the orders of every interval
 * decides how much it counts (Bayesian model averaging). The units that all of them want are spread like a negative binomial, wider than a Poisson
 * because neither conversion nor showing up is known or stays as it is.
 *
 * Memory is a handful of numbers; no clock is known here.
 */
import type { ByAhead } from "#contract/waiting-room.ts";
import { aheadsUpTo } from "./eta.ts";

/** Counts since the room began; `stock` as the shop tells it. */
export type SalesSeen = {
  readonly roomMs: number;
  readonly admitted: number;
  readonly orders: number;
  readonly units: number;
  readonly stock: { readonly remaining: number; readonly held: number; readonly sold: number };
  /** Of those ahead, the share that still comes when called: 0 to 1. */
  readonly showing: number;
};

export type Odds = {
  observe(seen: SalesSeen): void;
  /** 0 to 1. */
  chanceFor(ahead: number): number;
  /** People ahead of the last one whose chance is at least this; -1 when nobody's is. */
  lastAhead(chance: number): number;
  /** For some twenty values of ahead up to `aheadMax`. */
  table(aheadMax: number): ByAhead;
  /** To be kept over a restart. */
  state(): OddsState;
};

type Delay = {
  /** Admitted, and would not have ordered yet: in the first half of their way there, and in the second. */
  readonly looking: number;
  readonly buying: number;
  readonly exposure: number;
  readonly orders: number;
  /** Logarithm of how well it foretold. */
  readonly evidence: number;
};
export type OddsState = {
  readonly delays: readonly Delay[];
  readonly orders: number;
  readonly units: number;
  readonly released: number;
  readonly settled: number;
  readonly admittedPerSecond: number;
  readonly last: SalesSeen | null;
};

/** Mean seconds from admission to order; in two halves of exponential length (Erlang), for nobody orders in the first second. */
const delaySeconds = [30, 60, 120, 240, 480] as const;
/** What one person takes, in mean delays: six equally likely values. */
const ownDelays = [0.239, 0.481, 0.712, 0.98, 1.346, 2.059] as const;
/** The pace of admissions is that of the last minute. */
const paceSeconds = 60;
/** Conversion before anything is known: one in two, as sure as after four admissions. */
const priorOrders = 2;
const priorExposure = 4;
/** So many admissions are remembered: people further back are other people. */
const memoryAdmissions = 600;
/** Orders come in bursts, so an interval tells less than a Poisson's would. */
const temper = 0.2;
/** One unit an order, and a little more, before anything is known. */
const priorUnitOrders = 5;
const priorUnits = 6;
/** Of held units the share that comes back unsold. */
const priorReleased = 1;
const priorSettled = 25;
/** How far conversion and showing up may drift from what they were, relative, for people far behind. */
const drift = 0.16;
const showingDoubt = 0.06;

const nothing: OddsState = {
  delays: delaySeconds.map(() => ({ looking: 0, buying: 0, exposure: 0, orders: 0, evidence: 0 })),
  orders: 0,
  units: 0,
  released: 0,
  settled: 0,
  admittedPerSecond: 0,
  last: null,
};

export function createOdds(kept: OddsState = nothing): Odds {
  let state = kept;
  /** By ahead, until something new is seen. */
  let table: { readonly aheadMax: number; readonly rows: ByAhead } | undefined;

  function observe(seen: SalesSeen): void {
    const { last } = state;
    const seconds = last === null ? 0 : (seen.roomMs - last.roomMs) / 1000;
    if (last !== null && seconds < 0.9) return;
    table = undefined;
    const admitted = Math.max(0, seen.admitted - (last?.admitted ?? 0));
    const orders = Math.max(0, seen.orders - (last?.orders ?? 0));
    const units = Math.max(0, seen.units - (last?.units ?? 0));
    const sold = last === null ? 0 : Math.max(0, seen.stock.sold - last.stock.sold);
    // What was held is now sold, or is held no more.
    const settled = last === null ? 0 : Math.max(0, last.stock.held + units - seen.stock.held);
    // Nobody can order what is not there, and that says nothing about who wanted to.
    const isTelling = seen.stock.remaining > 0;
    state = {
      delays: state.delays.map((delay, at) =>
        after(delay, admitted, orders, seconds, delaySeconds[at] ?? 120, isTelling),
      ),
      orders: state.orders + orders,
      units: state.units + units,
      released: state.released + Math.max(0, settled - sold),
      settled: state.settled + settled,
      admittedPerSecond: seconds === 0 ? 0 : mixed(state.admittedPerSecond, admitted / seconds, seconds),
      last: seen,
    };
  }

  function chanceFor(ahead: number): number {
    const { last, delays } = state;
    if (last === null) return 1;
    const { remaining, held } = last.stock;
    const returned = (priorReleased + state.released) / (priorSettled + state.settled);
    const isOut = remaining <= 0 && held === 0;
    if (isOut) return 0;
    const perOrder = (priorUnits + state.units) / (priorUnitOrders + state.orders);
    const perOrderDoubt = (perOrder - 0.5) / (priorUnitOrders + state.orders);
    const coming = Math.max(0, ahead) * last.showing;
    const most = Math.max(...delays.map(({ evidence }) => evidence));
    let chance = 0;
    let weights = 0;
    for (const [at, delay] of delays.entries()) {
      const weight = Math.exp(delay.evidence - most);
      if (weight < 1e-3) continue;
      const shape = priorOrders + delay.orders;
      const conversion = shape / (priorExposure + delay.exposure);
      // Relative variance of what is not known about all of them at once.
      const far = coming / (coming + delay.exposure + 50);
      const doubt = 1 / shape + perOrderDoubt / perOrder + (drift * far) ** 2 + (showingDoubt * far) ** 2;
      for (const own of ownDelays) {
        const people = sooner(delay, delaySeconds[at] ?? 120, coming, own);
        const wanted = people * conversion * perOrder * (1 - returned);
        const variance = wanted * (perOrder + Math.max(0, perOrder - 1) / perOrder) + wanted ** 2 * doubt;
        chance += (weight / ownDelays.length) * atMost(remaining + held * returned - 1, wanted, variance);
      }
      weights += weight;
    }
    return chance / weights;
  }

  /**
   * How many have made up their minds before somebody who is called after `coming` others and then takes `own` mean delays: of those inside, of
   * those ahead, and of those behind who are quicker.
   */
  function sooner({ looking, buying }: Delay, meanSeconds: number, coming: number, own: number): number {
    const perSecond = Math.max(1e-6, state.admittedPerSecond);
    const seconds = coming / perSecond + own * meanSeconds;
    const half = meanSeconds / 2;
    const left = Math.exp(-seconds / half);
    const newcomers = Math.max(0, seconds - half * (2 - left * (2 + seconds / half)));
    return buying * (1 - left) + looking * (1 - left * (1 + seconds / half)) + perSecond * newcomers;
  }

  return {
    observe,
    chanceFor,
    lastAhead(chance) {
      if (chanceFor(0) < chance) return -1;
      let low = 0;
      let high = 1;
      while (high < 2 ** 31 && chanceFor(high) >= chance) {
        low = high;
        high *= 2;
      }
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (chanceFor(middle) >= chance) low = middle;
        else high = middle;
      }
      return low;
    },
    table(aheadMax) {
      if (table?.aheadMax === aheadMax) return table.rows;
      const rows: [number, number][] = [];
      for (const ahead of [0, ...aheadsUpTo(aheadMax)]) {
        // Nobody further behind has a better chance.
        rows.push([ahead, Math.min(Math.round(chanceFor(ahead) * 1000) / 1000, rows.at(-1)?.[1] ?? 1)]);
      }
      table = { aheadMax, rows };
      return rows;
    },
    state: () => state,
  };
}

function mixed(before: number, now: number, seconds: number): number {
  if (before === 0) return now;
  const kept = Math.exp(-seconds / paceSeconds);
  return before * kept + now * (1 - kept);
}

function after(
  delay: Delay,
  admitted: number,
  orders: number,
  seconds: number,
  meanSeconds: number,
  isTelling: boolean,
): Delay {
  const steps = seconds / (meanSeconds / 2);
  const left = Math.exp(-steps);
  const decided = delay.buying * (1 - left) + delay.looking * (1 - left * (1 + steps));
  const looking = delay.looking * left + admitted;
  const buying = delay.buying * left + delay.looking * left * steps;
  if (!isTelling) return { ...delay, looking, buying };
  // The negative binomial that Gamma and Poisson make of the orders to be expected of `decided`.
  const shape = priorOrders + delay.orders;
  const rate = priorExposure + delay.exposure;
  const share = decided / (rate + decided);
  const likely =
    logGamma(shape + orders) -
    logGamma(shape) -
    logGamma(orders + 1) +
    shape * Math.log(1 - share) +
    orders * Math.log(Math.max(share, 1e-9));
  const forget = Math.exp(-decided / memoryAdmissions);
  return {
    looking,
    buying,
    exposure: delay.exposure * forget + decided,
    orders: delay.orders * forget + orders,
    evidence: delay.evidence * 0.999 + temper * likely,
  };
}

/** P(X ≤ most) of a negative binomial with this mean and variance. */
export function atMost(most: number, mean: number, variance: number): number {
  if (most < 0) return 0;
  if (mean <= 0) return 1;
  const spread = Math.max(variance, mean * 1.02);
  const success = mean / spread;
  const shape = (mean * success) / (1 - success);
  return incompleteBeta(success, shape, Math.floor(most) + 1);
}

/** Lanczos' approximation (g = 7, nine coefficients), good to 15 digits for positive numbers. */
function logGamma(value: number): number {
  const coefficients = [
    676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
    -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
  ];
  const below = value - 1;
  let sum = 0.9999999999998099;
  for (const [at, coefficient] of coefficients.entries()) sum += coefficient / (below + at + 1);
  const top = below + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (below + 0.5) * Math.log(top) - top + Math.log(sum);
}

/** The regularised incomplete beta function I_x(a, b) by its continued fraction, evaluated as Lentz does (DLMF 8.17.22). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
  const least = 1e-300;
  let numerator = 1;
  let denominator = 1 / (1 - ((a + b) * x) / (a + 1) || least);
  let fraction = denominator;
  for (let m = 1; m <= 300; m++) {
    for (const step of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      denominator = 1 / (1 + step * denominator || least);
      numerator = 1 + step / numerator || least;
      fraction *= denominator * numerator;
    }
    if (Math.abs(denominator * numerator - 1) < 1e-9) break;
  }
  return Math.min(1, front * fraction);
}
