/** Numbers as Prometheus reads them: every line well formed, sums that grow, buckets that add up. */
import { describe, expect, test } from "bun:test";
import { Metrics } from "./metrics.ts";

test("a count grows by one for each time, apart for each of its labels", () => {
  const metrics = new Metrics();
  const count = metrics.counter("orders_total", "Orders.");
  const [placed, refused] = [count({ kind: "placed" }), count({ kind: "refused" })];
  placed();
  placed();
  refused();
  count({ kind: "placed" })();
  expect(metrics.text()).toBe(
    '# HELP orders_total Orders.\n# TYPE orders_total counter\norders_total{kind="placed"} 3\norders_total{kind="refused"} 1\n',
  );
});

test("a gauge is read when it is asked for, alone or by labels", () => {
  const metrics = new Metrics();
  let waiting = 1;
  metrics.gauge("waiting", "Waiting.", () => waiting);
  metrics.gauge("lanes", "By lane.", () => [
    [{ lane: "a" }, 1],
    [{ lane: "b" }, waiting],
  ]);
  waiting = 7;
  expect(metrics.text()).toContain("\nwaiting 7\n");
  expect(metrics.text()).toContain('\nlanes{lane="a"} 1\nlanes{lane="b"} 7\n');
});

describe("times", () => {
  const seconds = [0, 0.0005, 0.0006, 0.02, 0.02, 10, 11, 400];
  const metrics = new Metrics();
  const time = metrics.histogram("request_seconds", "Time.")({ route: "/" });
  for (const value of seconds) time(value);
  const lines = metrics.text().split("\n");
  const bucket = (le: string) => Number(lines.find((line) => line.includes(`le="${le}"`))?.split(" ")[1]);

  test("fall into each bucket that is not below them, and all into the last", () => {
    expect(["0.0005", "0.001", "0.025", "10", "+Inf"].map(bucket)).toEqual([2, 3, 5, 6, 8]);
    const counts = lines.filter((line) => line.includes("_bucket")).map((line) => Number(line.split(" ")[1]));
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });

  test("are summed and counted beside", () => {
    expect(lines).toContain('request_seconds_count{route="/"} 8');
    const sum = Number(lines.find((line) => line.startsWith("request_seconds_sum"))?.split(" ")[1]);
    expect(sum).toBeCloseTo(421.0411);
  });
});

test("labels may hold any sign and still be one line", () => {
  const metrics = new Metrics();
  metrics.counter("x", "X.")({ path: 'a"b\\c\nd', other: "é{}" })();
  metrics.counter("y", "Y.")({})();
  expect(metrics.text()).toContain('\nx{path="a\\"b\\\\c\\nd",other="é{}"} 1\n');
  expect(metrics.text()).toContain("\ny 1\n");
});

test("every line of it is one that Prometheus reads", () => {
  const metrics = new Metrics();
  metrics.counter("a_total", "A.")({ b: "c" })();
  metrics.histogram("d_seconds", "D.")({ e: "f" })(1);
  metrics.gauge("g", "G.", () => 0.5);
  for (const line of metrics.text().trimEnd().split("\n")) {
    expect(line).toMatch(/^# (HELP|TYPE) [a-z_]+ \S.*$|^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [\d.e+-]+$/);
  }
});
