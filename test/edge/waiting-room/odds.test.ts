/** The chance that something is left: what is said to happen in seven of ten cases must happen in seven of ten. */
import { expect, test } from "bun:test";
import { atMost, createOdds, type SalesSeen } from "#edge/waiting-room/odds.ts";
import { type Asked, brierOf, playSale } from "./odds-world.ts";

const sales = Number(process.env.SPILLWAY_ODDS_SALES ?? 250);
/** Others than those with which priors and drift were chosen. */
const firstSeed = 60_000;

test(`in ${sales} sales that run out, chances are what they say, and worth more than the base rate and than counting heads`, () => {
  const asked: Asked[] = [];
  for (let seed = firstSeed; seed < firstSeed + sales; seed++) asked.push(...playSale(seed));
  const base = asked.filter(({ wasLeft }) => wasLeft).length / asked.length;
  const ours = brierOf(asked, ({ chance }) => chance);
  const always = brierOf(asked, () => base);
  const naive = brierOf(asked, ({ naive }) => naive);
  console.log(
    `${asked.length} chances in ${sales} sales; Brier ${ours.toFixed(4)}, base rate ${always.toFixed(4)}, units > people ahead ${naive.toFixed(4)}`,
  );
  let error = 0;
  for (let decile = 0; decile < 10; decile++) {
    const group = asked.filter(({ chance }) => Math.min(9, Math.floor(chance * 10)) === decile);
    const said = group.reduce((sum, { chance }) => sum + chance, 0) / group.length;
    const came = group.filter(({ wasLeft }) => wasLeft).length / group.length;
    error += (Math.abs(said - came) * group.length) / asked.length;
    console.log(
      `said ${(100 * said).toFixed(1).padStart(5)} %  came ${(100 * came).toFixed(1).padStart(5)} %  of ${group.length}`,
    );
    expect(group.length).toBeGreaterThan(100);
    expect(Math.abs(said - came)).toBeLessThan(0.1);
  }
  console.log(`mean distance of said and came: ${(100 * error).toFixed(2)} percentage points`);
  expect(error).toBeLessThan(0.035);
  expect(ours).toBeLessThan(always * 0.75);
  expect(ours).toBeLessThan(naive * 0.6);
}, 60_000);

const seen = (change: Partial<SalesSeen>): SalesSeen => ({
  roomMs: 1000,
  admitted: 0,
  orders: 0,
  units: 0,
  stock: { remaining: 100, held: 0, sold: 0 },
  showing: 0.8,
  ...change,
});

test("adds up a negative binomial as its definition does", () => {
  for (const [mean, variance] of [
    [3, 5],
    [40, 90],
    [800, 30_000],
  ] as const) {
    const success = mean / variance;
    const shape = (mean * success) / (1 - success);
    let term = success ** shape;
    let sum = term;
    for (let count = 0; count < mean * 3; count++) {
      expect(Math.abs(atMost(count, mean, variance) - sum)).toBeLessThan(1e-6);
      term *= ((shape + count) * (1 - success)) / (count + 1);
      sum += term;
    }
  }
  expect(atMost(-1, 3, 5)).toBe(0);
  expect(atMost(0, 0, 0)).toBe(1);
});

test("nobody further behind has a better chance, the first ones have a good one, and those far behind have none", () => {
  const odds = createOdds();
  odds.observe(seen({}));
  const rows = odds.table(2_000_000);
  expect(rows.length).toBeLessThan(25);
  for (const [at, [, chance]] of rows.entries()) {
    expect(chance).toBeWithin(0, 1.0001);
    expect(chance).toBeLessThanOrEqual(rows[at - 1]?.[1] ?? 1);
  }
  expect(rows[0]?.[1]).toBeGreaterThan(0.99);
  expect(rows.at(-1)?.[1]).toBe(0);
});

test("finds the last one for whom something may be left", () => {
  const odds = createOdds();
  odds.observe(seen({}));
  const last = odds.lastAhead(0.01);
  expect(odds.chanceFor(last)).toBeGreaterThanOrEqual(0.01);
  expect(odds.chanceFor(last + 1)).toBeLessThan(0.01);
  odds.observe(seen({ roomMs: 2000, stock: { remaining: 0, held: 0, sold: 100 } }));
  expect(odds.lastAhead(0.01)).toBe(-1);
  expect(odds.chanceFor(0)).toBe(0);
});

test("what is held may come back, so that a chance remains until all is sold", () => {
  const odds = createOdds();
  odds.observe(seen({ stock: { remaining: 0, held: 60, sold: 40 } }));
  expect(odds.chanceFor(0)).toBeGreaterThan(0.2);
  expect(odds.chanceFor(200)).toBeLessThan(0.1);
});

/** Ten a second are admitted; this share orders, so many seconds later. */
function sale(conversion: number, delaySeconds: number, seconds: number) {
  const odds = createOdds();
  for (let second = 1; second <= seconds; second++) {
    const orders = Math.floor(conversion * 10 * Math.max(0, second - delaySeconds));
    odds.observe(
      seen({
        roomMs: second * 1000,
        admitted: 10 * second,
        orders,
        units: orders,
        stock: { remaining: 1000, held: 0, sold: orders },
        showing: 1,
      }),
    );
  }
  return odds;
}

test("learns that few buy, or that nearly all do, although orders come minutes after their admission", () => {
  const few = sale(0.1, 90, 600);
  const most = sale(0.9, 90, 600);
  expect(few.chanceFor(3000)).toBeGreaterThan(0.9);
  expect(most.chanceFor(3000)).toBeLessThan(0.05);
  // In the first minute nobody has ordered, which is not taken for that nobody will.
  const early = sale(0.9, 90, 60);
  expect(early.chanceFor(20_000)).toBeLessThan(0.5);
});

test("goes on where it was after a restart, out of less than two kilobytes", () => {
  const odds = sale(0.3, 60, 300);
  const text = JSON.stringify(odds.state());
  expect(text.length).toBeLessThan(2000);
  const again = createOdds(JSON.parse(text));
  for (const ahead of [0, 1000, 3000, 5000]) expect(again.chanceFor(ahead)).toBe(odds.chanceFor(ahead));
});
