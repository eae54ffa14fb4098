/** Expected times: a band of 80 % must hold 80 % of the time, at every distance, and fall as time passes. */
import { expect, test } from "bun:test";
import { createBands } from "#edge/waiting-room/eta.ts";
import { horizonNames, horizonOf, playRoom } from "./eta-world.ts";

const rooms = Number(process.env.SPILLWAY_ETA_ROOMS ?? 200);
/** Others than those with which the bands' priors were chosen. */
const firstSeed = 50_000;

test(`in ${rooms} rooms with ghosts, changed outflows and pauses, 80 % of the waits are within their band, near and far`, () => {
  const shares = new Map<string, number[]>();
  const ratios = new Map<string, number[]>();
  const add = (to: Map<string, number[]>, name: string, value: number) =>
    to.set(name, [...(to.get(name) ?? []), value]);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  let rises = 0;
  let riseWorst = 0;
  for (let seed = firstSeed; seed < firstSeed + rooms; seed++) {
    const played = playRoom(seed);
    rises += played.risesShare / rooms;
    riseWorst = Math.max(riseWorst, played.riseWorst);
    const groups = Map.groupBy(played.shown, (one): string => horizonNames[horizonOf(one)] ?? "");
    groups.set("all", [...played.shown]);
    for (const [name, shown] of groups) {
      if (shown.length === 0) continue;
      // Each room counts once, however many waits it has.
      add(shares, name, mean(shown.map(({ low, high, actual }) => (actual >= low && actual <= high ? 1 : 0))));
      add(
        ratios,
        name,
        shown.map(({ low, high }) => high / low).toSorted((a, b) => a - b)[shown.length >> 1] as number,
      );
    }
  }
  for (const name of [...horizonNames, "all"]) {
    const held = shares.get(name) ?? [];
    console.log(
      `${name.padEnd(12)} ${(100 * mean(held)).toFixed(1)} % within the band, high/low ${mean(ratios.get(name) ?? []).toFixed(2)}, ${held.length} rooms`,
    );
    expect(held.length).toBeGreaterThan(rooms / 5);
    expect(mean(held)).toBeGreaterThan(0.75);
    expect(mean(held)).toBeLessThan(0.85);
  }
  console.log(
    `seconds at which the band rose by over 0.5 %: ${(100 * rises).toFixed(2)} %; the most ${(100 * riseWorst).toFixed(1)} %`,
  );
  expect(rises).toBeLessThan(0.02);
  expect(riseWorst).toBeLessThan(0.1);
}, 60_000);

const steady = (seconds: number, outflowPerMinute = 600, callsEach = 2) => {
  const bands = createBands();
  for (let second = 0; second <= seconds; second++)
    bands.observe({
      roomMs: second * 1000,
      called: Math.round((second * outflowPerMinute * callsEach) / 60),
      outflowPerMinute,
    });
  return bands;
};

test("knows little when the doors open, and narrows within minutes", () => {
  const [low, high] = steady(1).bandFor(6000);
  expect(low).toBeGreaterThan(0);
  const [lowLater, highLater] = steady(900).bandFor(6000);
  // 6000 ahead at 20 calls a second: 300 seconds.
  expect(lowLater).toBeWithin(200, 300);
  expect(highLater).toBeWithin(300, 420);
  expect(highLater / lowLater).toBeLessThan(high / low);
});

test("an outflow that the operator doubles halves the wait at once", () => {
  const bands = steady(600);
  const [, before] = bands.bandFor(60_000);
  bands.observe({ roomMs: 601_000, called: 12_020, outflowPerMinute: 1200 });
  const [, after] = bands.bandFor(60_000);
  expect(after / before).toBeWithin(0.4, 0.62);
});

test("a pause neither empties the room nor lets the band run away", () => {
  const bands = steady(600);
  const [low, high] = bands.bandFor(6000);
  for (let second = 601; second < 900; second++)
    bands.observe({ roomMs: second * 1000, called: 12_000, outflowPerMinute: 0 });
  const [lowPaused, highPaused] = bands.bandFor(6000);
  expect(lowPaused).toBeWithin(low * 0.7, low * 1.1);
  // Some who were told before were called too late, which the far end remembers.
  expect(highPaused).toBeWithin(high, high * 1.8);
});

test("tells nobody further behind less, and little enough for a document of each second", () => {
  for (const bands of [createBands(), steady(1), steady(700)]) {
    const { waitLowSeconds, waitHighSeconds } = bands.table(1_234_567);
    expect(waitLowSeconds.length).toBeLessThan(24);
    expect(waitLowSeconds[0]).toEqual([0, 0]);
    expect(waitLowSeconds.at(-1)?.[0]).toBe(1_234_567);
    for (const [at, [ahead, low]] of waitLowSeconds.entries()) {
      const [same, high] = waitHighSeconds[at] as readonly [number, number];
      expect(same).toBe(ahead);
      expect(low).toBeLessThanOrEqual(high);
      expect(low).toBeGreaterThanOrEqual(waitLowSeconds[at - 1]?.[1] ?? 0);
      expect(high).toBeGreaterThanOrEqual(waitHighSeconds[at - 1]?.[1] ?? 0);
      expect(Number.isFinite(high)).toBe(true);
    }
  }
  expect(createBands().table(0).waitLowSeconds).toEqual([[0, 0]]);
});

test("goes on where it was after a restart", () => {
  const bands = steady(900);
  const text = JSON.stringify(bands.state());
  expect(text.length).toBeLessThan(1000);
  const again = createBands(JSON.parse(text));
  again.observe({ roomMs: 901_000, called: 18_020, outflowPerMinute: 600 });
  const [low, high] = bands.bandFor(5000);
  const [lowAgain, highAgain] = again.bandFor(5000);
  expect(lowAgain / low).toBeWithin(0.95, 1.05);
  expect(highAgain / high).toBeWithin(0.95, 1.05);
});
