/**
 * Servers whose behaviour is known: c clerks with exponential service times, first come first served, and arrivals at random
 * (M/M/c). What the crowd measures of them must be what Erlang's C formula says. In virtual time there is nothing to disturb it;
 * what is left is the chance of a finite sample, which the stated errors allow for (the sequence is the same every time).
 */
import { expect, test } from "bun:test";
import { luckOf } from "#rehearse/crowd/luck.ts";
import { Histogram } from "#rehearse/measure/histogram.ts";
import type { StepResult } from "#rehearse/result.ts";
import { rehearseValidly } from "./tool-kit.ts";
import { playVirtually, type Target } from "./virtual-world.ts";

/** The share that has to wait. `load`: arrivals times service time, in clerks (Erlang 1917). */
function erlangC(clerks: number, load: number): number {
  let blocking = 1;
  for (let clerk = 1; clerk <= clerks; clerk++) blocking = (load * blocking) / (clerk + load * blocking);
  const busy = load / clerks;
  return blocking / (1 - busy * (1 - blocking));
}

function clerks(count: number, meanMs: number, seed: number): Target & { busyMs: number } {
  const random = luckOf(seed, 0);
  const line: (() => void)[] = [];
  let free = count;
  const target: Target = (_asked, reply, world) => {
    const serve = (): void => {
      const takesMs = -meanMs * Math.log(1 - random());
      counted.busyMs += takesMs;
      world.at(world.nowMs + takesMs, () => {
        reply();
        const next = line.shift();
        if (next === undefined) free += 1;
        else next();
      });
    };
    if (free > 0) {
      free -= 1;
      serve();
    } else line.push(serve);
  };
  const counted = Object.assign(target, { busyMs: 0 });
  return counted;
}

test("Erlang's formula itself is right where the textbooks tell its values", () => {
  expect(erlangC(1, 0.5)).toBeCloseTo(0.5, 10);
  expect(erlangC(2, 1.5)).toBeCloseTo(0.642857, 6);
  expect(erlangC(10, 8)).toBeCloseTo(0.40918, 5);
});

for (const { count, perSecond, meanMs } of [
  { count: 1, perSecond: 25, meanMs: 20 },
  { count: 2, perSecond: 75, meanMs: 20 },
  { count: 10, perSecond: 400, meanMs: 20 },
])
  test(`${count} clerks at ${((perSecond * meanMs) / 10 / count).toFixed(0)} % are measured as Erlang says`, () => {
    const seconds = Math.round(150_000 / perSecond);
    const target = clerks(count, meanMs, 7);
    const { part } = playVirtually(
      {
        arrivals: { shape: "constant", perSecond, seconds },
        timeoutSeconds: 600,
        journeys: [{ name: "ask", steps: [{ name: "clerk", path: "/" }] }],
        seed: 3,
      },
      target,
    );
    const [step] = part.steps as [StepResult];
    const load = (perSecond * meanMs) / 1000;
    const waits = erlangC(count, load);
    const waitMs = (waits * meanMs) / (count - load);
    const response = Histogram.from(step.response);
    const within = (measured: number, theory: number, share: number) =>
      expect(Math.abs(measured / theory - 1), `${measured} where theory says ${theory}`).toBeLessThan(share);
    within(step.requests / seconds, perSecond, 0.01);
    within(target.busyMs / (seconds * 1000 * count), load / count, 0.015);
    within(response.meanUs / 1000, meanMs + waitMs, 0.04);
    // Of M/M/1 the whole distribution is known: exponential with the mean response.
    if (count === 1)
      for (const percentile of [50, 90, 99])
        within(response.percentileMs(percentile), -(meanMs + waitMs) * Math.log(1 - percentile / 100), 0.05);
  });

test("arrivals by default are a Poisson process: as many seconds without anybody as chance says", () => {
  const { seconds } = playVirtually(
    {
      arrivals: { shape: "constant", perSecond: 2, seconds: 5000 },
      journeys: [{ name: "ask", steps: [{ name: "clerk", path: "/" }] }],
    },
    (_asked, reply) => reply(),
  );
  const arrivals = seconds.slice(0, 5000).map((second) => second.arrivals);
  const mean = arrivals.reduce((sum, count) => sum + count, 0) / arrivals.length;
  const variance = arrivals.reduce((sum, count) => sum + (count - mean) ** 2, 0) / arrivals.length;
  expect(Math.abs(variance / mean - 1)).toBeLessThan(0.06);
  const empty = arrivals.filter((count) => count === 0).length / arrivals.length;
  expect(Math.abs(empty / Math.exp(-2) - 1)).toBeLessThan(0.1);
});

test("a real server of two clerks is measured as its own books say, and not far from Erlang in a few seconds' sample", async () => {
  const meanMs = 20;
  const perSecond = 80;
  const seconds = 6;
  let books = { served: 0, busyMs: 0, insideMs: 0 };
  let random = luckOf(11, 0);
  const line: (() => void)[] = [];
  let free = 2;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch() {
      const cameMs = performance.now();
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => line.push(resolve));
      const begunMs = performance.now();
      await Bun.sleep(-meanMs * Math.log(1 - random()));
      const doneMs = performance.now();
      books.served += 1;
      books.busyMs += doneMs - begunMs;
      books.insideMs += doneMs - cameMs;
      const next = line.shift();
      if (next === undefined) free += 1;
      else next();
      return new Response("served");
    },
  });
  const ran = await rehearseValidly(async () => {
    books = { served: 0, busyMs: 0, insideMs: 0 };
    random = luckOf(11, 0);
    const url = `http://127.0.0.1:${server.port}`;
    return ["--url", url, "--rate", String(perSecond), "--seconds", String(seconds), "--seed", "3", "--json"];
  });
  await server.stop(true);
  expect(ran.exitCode, ran.errors).toBe(0);
  const [step] = ran.result().steps as [StepResult];
  const responseMs = Histogram.from(step.response).meanUs / 1000;
  const [serviceMs, insideMs] = [books.busyMs / books.served, books.insideMs / books.served];
  expect(step.requests).toBe(books.served);
  // What lies between the two is the way there and back, and the generator's timer of a millisecond.
  expect(responseMs).toBeGreaterThan(insideMs);
  expect(responseMs).toBeLessThan(insideMs * 1.1 + 10);
  // Five hundred arrivals say little about a line's length: half as much again, or half of it, is chance.
  const load = (step.requests / seconds) * (serviceMs / 1000);
  expect(load).toBeLessThan(2);
  const theoryMs = serviceMs + (erlangC(2, load) * serviceMs) / (2 - load);
  expect(responseMs / theoryMs).toBeGreaterThan(0.5);
  expect(responseMs / theoryMs).toBeLessThan(2);
}, 60_000);
