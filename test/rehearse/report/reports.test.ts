/** The reports of a run: what they say, that nothing of a target can break them, and how they look to a browser. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Browser, chromium } from "playwright-core";
import { goNoGoHtml } from "#rehearse/report/go-no-go-report.ts";
import { htmlReport } from "#rehearse/report/html-report.ts";
import { junitReport } from "#rehearse/report/junit.ts";
import { markdownReport } from "#rehearse/report/markdown.ts";
import { openMetricsReport } from "#rehearse/report/open-metrics.ts";
import { duration, share } from "#rehearse/report/words.ts";
import { writeReports } from "#rehearse/report/write-reports.ts";
import type { RunResult } from "#rehearse/result.ts";
import { goNoGo } from "#rehearse/verdict/go-no-go.ts";
import { chromiumIsThere, chromiumPath, launchOptions } from "../../browser/chromium.ts";
import { htmlComplaints } from "../../browser/html-complaints.ts";
import { at, steps, withDrills } from "../sample-decision.ts";
import { sampleResult } from "../sample-result.ts";

const nasty = `</script><img src=x onerror=alert(1)>"'&]]>|\`\u0000\ud800`;
const hostile: RunResult = (() => {
  const result = sampleResult({
    name: nasty,
    target: `https://x.example/${nasty}`,
    notes: [nasty],
    voidReasons: [nasty],
    verdict: "void",
  });
  const [step] = result.steps;
  return {
    ...result,
    steps: step === undefined ? [] : [{ ...step, journey: nasty, step: nasty }],
    promises: [{ promise: nasty, held: false, looked: 1, broken: 1, detail: nasty }],
    thresholds: [{ of: nasty, limit: nasty, measured: 1, held: false }],
    drills: result.drills.map((drill) => ({ ...drill, title: nasty, notes: [nasty], status: "aborted" as const })),
  };
})();
const nothing = sampleResult({
  steps: [],
  everySecond: [],
  thresholds: [],
  promises: [],
  drills: [],
  journeysBegun: 0,
  journeysDone: 0,
  seconds: 0,
  verdict: "held",
});

test("every report is written, and none says what did not happen", () => {
  expect(writeReports(sampleResult()).map(({ file }) => file)).toEqual([
    "report.html",
    "report.md",
    "junit.xml",
    "metrics.txt",
    "response.hgrm",
    "service.hgrm",
  ]);
  for (const { text } of writeReports(nothing)) expect(text).not.toMatch(/NaN|Infinity|undefined/);
  expect(htmlReport(nothing)).toContain("nothing was asked of it");
});

test("figures are rounded for people, and never to nothing", () => {
  expect([0, 0.0841, 9.96, 12.34, 999.4, 999.6, 1240, 119_600].map(duration)).toEqual([
    "0 ms",
    "0.08 ms",
    "10 ms",
    "12 ms",
    "999 ms",
    "1 s",
    "1.24 s",
    "1.99 min",
  ]);
  expect([share(0, 5), share(1, 1_000_000), share(25, 1000), share(5, 0)]).toEqual(["0 %", "< 0.01 %", "2.5 %", "0 %"]);
});

test("the pages are sound HTML: a label stands where its style says, and nothing else is out of the standard", async () => {
  for (const text of [
    htmlReport(sampleResult()),
    htmlReport(hostile),
    goNoGoHtml(goNoGo([at(1.5), withDrills(), steps(5)])),
  ])
    expect((await htmlComplaints(text)).filter((complaint) => !complaint.startsWith("an inline style"))).toEqual([]);
});

describe("nothing that a target or a plan says", () => {
  test("becomes markup in the HTML report", () => {
    const text = htmlReport(hostile);
    expect(text).not.toContain("<img");
    expect(text).not.toContain("</script>");
    expect(text).toContain("&lt;/script&gt;");
  });

  test("breaks the XML of JUnit", async () => {
    const text = junitReport(hostile);
    const elements: string[] = [];
    await new HTMLRewriter()
      .on("*", { element: (element) => void elements.push(element.tagName) })
      .transform(new Response(text))
      .text();
    expect(new Set(elements)).toEqual(new Set(["testsuites", "testsuite", "testcase", "failure"]));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 forbids them
    expect(text).not.toMatch(/[\u0000-\u0008]|&(?!amp;|lt;|gt;|quot;|#39;)/);
  });

  test("breaks a line of OpenMetrics or a cell of Markdown", () => {
    for (const line of openMetricsReport(hostile).trimEnd().split("\n"))
      expect(line).toMatch(
        /^(?:# (?:TYPE|UNIT|HELP|EOF)\b.*|[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? -?[\d.e+-]+)$/s,
      );
    const table = markdownReport(hostile)
      .split("\n")
      .filter((line) => line.startsWith("| "));
    for (const line of table) expect(line.match(/(?<!\\)\|/g)?.length).toBeGreaterThanOrEqual(4);
    expect(markdownReport(hostile)).not.toContain("\n</script>");
  });
});

test("JUnit counts what failed, and skips what nobody could look at", () => {
  const text = junitReport(sampleResult());
  expect(text).toContain('tests="12" failures="1" skipped="1"');
  expect(text).toContain('<skipped message="not looked at: no waiting room was open"/>');
  expect(text).toContain('name="errors.share of buy/place order below 1 %"');
});

if (!chromiumIsThere && process.env.SPILLWAY_TEST_NOTHING_SKIPPED === "1")
  throw new Error(`${chromiumPath} is missing, and nothing may be skipped`);
if (!chromiumIsThere)
  console.warn(`\n*** ${chromiumPath} is not there: the reports were NOT looked at in a browser ***\n`);

describe.skipIf(!chromiumIsThere)("in Chromium", () => {
  let browser: Browser;
  let axe = "";
  beforeAll(async () => {
    browser = await chromium.launch(launchOptions);
    axe = await Bun.file(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir)).text();
  }, 30_000);
  afterAll(async () => {
    await browser?.close();
  });

  const pages: readonly (readonly [string, string])[] = [
    ["a broken threshold", htmlReport(sampleResult())],
    ["a run that held", htmlReport(sampleResult({ verdict: "held", thresholds: [] }))],
    ["hostile words", htmlReport(hostile)],
    ["nothing at all", htmlReport(nothing)],
    ["a decision", goNoGoHtml(goNoGo([at(1.5), at(2), withDrills(), steps()]))],
  ];

  for (const [name, html] of pages)
    test(`${name}: clean to axe, wide in the light and narrow in the dark, opened or not, with nothing fetched and nothing cut off`, async () => {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
      try {
        const asked: string[] = [];
        const complaints: string[] = [];
        page.on("request", (request) => asked.push(request.url()));
        page.on("console", (message) => complaints.push(message.text()));
        await page.route(
          "**/*",
          async (route) => await route.fulfill({ contentType: "text/html; charset=utf-8", body: html }),
        );
        await page.goto("http://report.test/");
        const violations = async () =>
          await page.evaluate<string[]>(
            `axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`,
          );
        await page.evaluate(axe);
        expect(await violations()).toEqual([]);
        await page.setViewportSize({ width: 360, height: 740 });
        await page.emulateMedia({ colorScheme: "dark" });
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
        expect(await violations()).toEqual([]);
        expect(await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
        expect(asked.filter((url) => !url.endsWith("/favicon.ico"))).toEqual(["http://report.test/"]);
        expect(complaints.filter((text) => !text.includes("favicon"))).toEqual([]);
      } finally {
        await page.close();
      }
    }, 30_000);
});
