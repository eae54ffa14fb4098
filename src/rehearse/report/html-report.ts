/**
 * The report of a run as one HTML file: no script, nothing fetched, so that it opens from a mail on a train, prints, and
 * still says in ten years what was found. The verdict comes first; every chart has its table.
 */
import type { LineResult, RunResult, SecondResult, StepResult } from "../result.ts";
import { promiseWords } from "../verdict/promises.ts";
import { type Band, drawChart, linearScale, logScale, percentileScale, timeScale } from "./chart.ts";
import { Markup, markup, none } from "./markup.ts";
import { reportStyle } from "./report-style.ts";
import {
  clock,
  count,
  drillWords,
  duration,
  headline,
  limitWords,
  percentileMs,
  perSecond,
  reasonsOf,
  sentence,
  share,
  subline,
  thresholdFigure,
  together,
  totalsOf,
  whatWentWrong,
  whole,
} from "./words.ts";

/** More points than this are not seen on any screen. */
const chartPointsMax = 400;
const tableRowsMax = 40;
const notesMax = 50;
const linesMax = 5;
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const percentilesShown = [50, 75, 90, 95, 99, 99.9, 99.99];

export function htmlReport(result: RunResult): string {
  const totals = totalsOf(result);
  const response = together(result.steps, "response");
  const reasons = reasonsOf(result);
  const seconds = Math.max(result.seconds, 1);
  return page(
    `${headline[result.verdict]} ${result.name}`,
    markup`<header class="${result.verdict === "held" ? "held" : result.verdict === "void" ? "void" : "bad"}"><div class="in">
<p class="mark"><b>Spillway rehearsal</b><span>${dateWords(result.startedAt)}</span></p>
<h1>${headline[result.verdict]}</h1>
<p class="sub">${subline(result)}</p>
${reasons.length === 0 ? none : markup`<ul class="why">${reasons.slice(0, 12).map((reason) => markup`<li>${reason}</li>`)}${reasons.length > 12 ? markup`<li>And ${whole(reasons.length - 12)} more, below.</li>` : none}</ul>`}
<dl class="key">
${keyFigure("Journeys begun", whole(result.journeysBegun))}
${keyFigure("At the peak", perSecond(totals.peakArrivals))}
${keyFigure("Requests", whole(totals.requests))}
${keyFigure("99 % within", response.count === 0 ? "–" : duration(response.percentileMs(99)))}
${keyFigure("Errors", share(totals.errors, totals.requests))}
</dl>
</div></header>
<main class="in">
${played(result, totals.requests / seconds)}
${latency(result)}
${overTime(result)}
${(result.lines ?? []).slice(0, linesMax).map((line, index) => inLine(line, index))}
${drills(result)}
${steps(result)}
${judged(result)}
${generator(result)}
${notes(result)}
</main>
<footer><div class="in"><p>Response times count from the moment a step was due, so a target that stops answering is charged for everybody who would have come meanwhile. Service times count from the moment a request was written.</p><p>Plan <code>${result.planHash}</code></p></div></footer>`,
  );
}

/** A whole document around a body; the policy lets nothing in, not even by accident. */
export function page(title: string, body: Markup): string {
  return `<!doctype html>\n${
    markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${new Markup(reportStyle)}</style>
</head>
<body>
${body}
</body>
</html>
`.text
  }`;
}

export const keyFigure = (name: string, value: string): Markup => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`;

export function dateWords(startedAt: string): string {
  const at = new Date(startedAt);
  return Number.isNaN(at.getTime())
    ? startedAt
    : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" })}, ${at.toISOString().slice(11, 16)} UTC`;
}

function played(result: RunResult, requestsPerSecond: number): Markup {
  const journeys = new Set(result.steps.map(({ journey }) => journey)).size;
  const facts: [string, string][] = [
    ["Target", result.target],
    [
      "Model",
      result.model === "open" ? "open: nobody waits for another's answer" : "closed: each user waits for answers",
    ],
    ["Scale", `${whole(result.scale * 100)} %`],
    ["Lasted", clock(result.seconds)],
    ["Journeys", `${whole(result.journeysDone)} of ${whole(result.journeysBegun)} came to their end`],
    ["Kinds of journeys", `${journeys}, in ${count(result.steps.length, "step")}`],
    ["Requests", `${perSecond(requestsPerSecond)} on average`],
  ];
  return markup`<section aria-labelledby="played"><h2 id="played">${result.name}</h2>
<dl class="facts">${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}

function latency({ steps: results }: RunResult): Markup {
  const response = together(results, "response");
  const service = together(results, "service");
  if (response.count === 0)
    return markup`<section><h2>How long it took</h2><p>Nothing was answered, so there is no time to show.</p></section>`;
  const x = percentileScale(response.count);
  const from = Math.min(response.minUs, service.minUs) / 1000;
  const y = logScale(Math.max(from, 0.01), Math.max(response.maxUs, service.maxUs) / 1000, duration);
  const places = Array.from({ length: 161 }, (_, index) => index / 160);
  const last = x.ticks.length === 0 ? 1 : x.place(100);
  const percentileAt = (place: number) => 100 * (1 - 10 ** (-(place * last) * nines(x)));
  const trace = (histogram: typeof response) =>
    places.map((place) => [percentileAt(place), histogram.percentileMs(percentileAt(place))] as const);
  const shown = percentilesShown.filter((percentile) => response.count >= 100 / (100 - percentile));
  return markup`<section aria-labelledby="latency"><h2 id="latency">How long it took</h2>
<p>All steps together. Half of the answers came within ${duration(response.percentileMs(50))}, ninety-nine of a hundred within ${duration(response.percentileMs(99))}, the slowest took ${duration(response.maxUs / 1000)}.</p>
<figure>
<p class="legend"><span class="k-response">Response, from when it was due</span><span class="k-service">Service, from when it was sent</span></p>
${drawChart({
  says: `Percentiles of response and service time. Response: ${shown.map((percentile) => `${percentile} % within ${duration(response.percentileMs(percentile))}`).join(", ")}.`,
  x,
  y,
  tall: true,
  lines: [
    { kind: "service", points: trace(service) },
    { kind: "response", points: trace(response) },
  ],
})}
${table(
  "Percentiles of response and service time",
  [["Share of answers"], ["Response", "n"], ["Service", "n"]],
  [
    ...shown.map((percentile) => [
      `${percentile} %`,
      duration(response.percentileMs(percentile)),
      duration(service.percentileMs(percentile)),
    ]),
    ["Mean", duration(response.meanUs / 1000), duration(service.meanUs / 1000)],
    ["Slowest", duration(response.maxUs / 1000), duration(service.maxUs / 1000)],
  ],
  "The numbers",
)}
</figure></section>`;
}

const nines = (scale: { place: (percentile: number) => number }): number => Math.round(1 / scale.place(90));

function overTime(result: RunResult): Markup {
  if (result.everySecond.length === 0) return none;
  const all = bundles(result.everySecond, chartPointsMax);
  const end = Math.max((result.everySecond.at(-1)?.atSecond ?? 0) + 1, result.seconds);
  const x = timeScale(end, clock);
  const bands: Band[] = result.drills.map((drill, index) => ({
    from: drill.startedSecond,
    to: drill.endedSecond,
    letter: letters[index % letters.length] as string,
  }));
  const most = (of: (second: SecondResult) => number) => all.reduce((top, second) => Math.max(top, of(second)), 0);
  const trace = (of: (second: SecondResult) => number) => all.map((second) => [second.atSecond, of(second)] as const);
  // A second in which nothing was answered has no time, rather than none at all.
  const times = (of: (second: SecondResult) => number) => trace(of).filter(([, ms]) => ms > 0);
  const slowest = most(({ p99Ms }) => p99Ms);
  const errorsMost = most(({ errors }) => errors);
  const least = all.reduce((low, { p50Ms }) => (p50Ms > 0 ? Math.min(low, p50Ms) : low), Number.POSITIVE_INFINITY);
  const inTable = bundles(result.everySecond, tableRowsMax);
  return markup`<section aria-labelledby="time"><h2 id="time">What happened when</h2>
<figure>
<p class="legend"><b>Requests a second</b>${bands.length > 0 ? markup`<span class="k-band">a drill, named below</span>` : none}</p>
${drawChart({
  says: `Requests a second over time, ${whole(most(({ requests }) => requests))} at most.`,
  x,
  y: linearScale(
    most(({ requests }) => requests),
    whole,
  ),
  bands,
  showBandLetters: true,
  lines: [{ kind: "area", filled: true, points: trace(({ requests }) => requests) }],
})}
<p class="legend"><b>Response time</b><span class="k-response">99 % within</span><span class="k-low">half within</span></p>
${drawChart({
  says: `Response times over time: the 99th percentile of the worst second was ${duration(slowest)}.`,
  x,
  y: logScale(Number.isFinite(least) ? least : 1, slowest, duration),
  bands,
  lines: [
    { kind: "low", points: times(({ p50Ms }) => p50Ms) },
    { kind: "response", points: times(({ p99Ms }) => p99Ms) },
  ],
})}
<p class="legend"><b>Errors a second</b></p>
${drawChart({ says: errorsMost === 0 ? "There were no errors at any time." : `Errors a second over time, ${whole(errorsMost)} at most.`, x, y: linearScale(Math.max(errorsMost, 1), (value) => value.toLocaleString("en", { maximumFractionDigits: 1 })), bands, lines: errorsMost === 0 ? [] : [{ kind: "errors", filled: true, points: trace(({ errors }) => errors) }] })}
${table(
  "Rate, times and errors over time",
  [
    ["At"],
    ["Journeys begun a second", "n"],
    ["Requests a second", "n"],
    ["Errors a second", "n"],
    ["Under way", "n"],
    ["Half within", "n"],
    ["99 % within", "n"],
  ],
  inTable.map((second) => [
    clock(second.atSecond),
    oneDigit(second.arrivals),
    oneDigit(second.requests),
    oneDigit(second.errors),
    whole(second.underWay),
    duration(second.p50Ms),
    duration(second.p99Ms),
  ]),
  "The numbers",
)}
</figure></section>`;
}

const oneDigit = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: 1 });

/** As many seconds in one as it takes: rates are their mean, times and what is under way their worst. */
function bundles(seconds: readonly SecondResult[], most: number): SecondResult[] {
  const size = Math.ceil(seconds.length / most);
  if (size <= 1) return [...seconds];
  return Array.from({ length: Math.ceil(seconds.length / size) }, (_, index) => {
    const part = seconds.slice(index * size, (index + 1) * size);
    const mean = (of: (second: SecondResult) => number) =>
      part.reduce((sum, second) => sum + of(second), 0) / part.length;
    const worst = (of: (second: SecondResult) => number) => Math.max(...part.map(of));
    return {
      atSecond: part[0]?.atSecond ?? 0,
      arrivals: mean(({ arrivals }) => arrivals),
      requests: mean(({ requests }) => requests),
      errors: mean(({ errors }) => errors),
      underWay: worst(({ underWay }) => underWay),
      p50Ms: worst(({ p50Ms }) => p50Ms),
      p99Ms: worst(({ p99Ms }) => p99Ms),
    };
  });
}

/** One waiting room: how many of the crowd stood in its line, and how many were let in against what was allowed. */
function inLine({ room, came, letIn, allowedPerMinute, everySecond, said }: LineResult, index: number): Markup {
  const points = thinned(everySecond, chartPointsMax);
  const words = thinned(said, chartPointsMax);
  const x = timeScale(Math.max(everySecond.length, 1), clock);
  const waitingMost = Math.max(1, ...points.map((one) => one.inLine), ...words.map(({ waiting }) => waiting));
  const letInMost = points.reduce((most, one) => Math.max(most, one.letInLastMinute), 0);
  const saidAt = (atSecond: number): string => {
    const last = said.findLast((one) => one.atSecond <= atSecond);
    return last === undefined ? "–" : whole(last.waiting);
  };
  const id = `line-${index}`;
  const end = everySecond.at(-1)?.atSecond ?? 0;
  return markup`<section aria-labelledby="${id}"><h2 id="${id}">In line before “${room}”</h2>
<p>${count(came, "shopper")} came to it and ${whole(letIn)} were let in${allowedPerMinute === null ? "" : `; ${whole(allowedPerMinute)} are allowed in any minute`}.</p>
<figure>
<p class="legend"><b>People in line</b><span class="k-response">of this crowd</span>${words.length === 0 ? none : markup`<span class="k-low">not called yet, as the room says</span>`}</p>
${drawChart({
  says: `People in line over time: of this crowd ${whole(points.reduce((most, one) => Math.max(most, one.inLine), 0))} at most.`,
  x,
  y: linearScale(waitingMost, whole),
  lines: [
    { kind: "area", filled: true, points: points.map((one) => [one.atSecond, one.inLine]) },
    { kind: "low", points: words.map(({ atSecond, waiting }) => [atSecond, waiting]) },
  ],
})}
<p class="legend"><b>Let in within the last minute</b><span class="k-response">of this crowd</span>${allowedPerMinute === null ? none : markup`<span class="k-service">allowed</span>`}</p>
${drawChart({
  says: `Let in within the last minute, over time: ${whole(letInMost)} at most${allowedPerMinute === null ? "" : `, ${whole(allowedPerMinute)} allowed`}.`,
  x,
  y: linearScale(Math.max(letInMost, allowedPerMinute ?? 1), whole),
  lines: [
    ...(allowedPerMinute === null
      ? []
      : [
          {
            kind: "service",
            points: [
              [0, allowedPerMinute],
              [end, allowedPerMinute],
            ] as const,
          },
        ]),
    { kind: "area", filled: true, points: points.map((one) => [one.atSecond, one.letInLastMinute]) },
  ],
})}
${table(
  `The line before ${room} over time`,
  [
    ["At"],
    ["In line, of this crowd", "n"],
    ["Not called yet, as the room says", "n"],
    ["Let in within the last minute", "n"],
  ],
  thinned(everySecond, tableRowsMax).map((one) => [
    clock(one.atSecond),
    whole(one.inLine),
    saidAt(one.atSecond),
    whole(one.letInLastMinute),
  ]),
  "The numbers",
)}
</figure></section>`;
}

/** Evenly, the last one always among them. */
const thinned = <Value>(values: readonly Value[], most: number): readonly Value[] => {
  const size = Math.ceil(values.length / most);
  return values.filter((_value, index) => index % size === 0 || index === values.length - 1);
};

function drills({ drills: played }: RunResult): Markup {
  if (played.length === 0) return none;
  return markup`<section aria-labelledby="drills"><h2 id="drills">What was done to it</h2>
${table(
  "Drills",
  [["Drill"], ["When", "n"], ["What shoppers should see", "full"], ["Outcome", "full"]],
  played.map((drill, index) => [
    markup`${letters[index % letters.length] as string}. ${drill.title}<small>${drill.file}</small>`,
    `${clock(drill.startedSecond)} to ${clock(drill.endedSecond)}`,
    drill.expectation,
    markup`<span class="${drill.status === "completed" ? "ok" : "no"}">${sentence(drillWords[drill.status])}</span>${drill.rolledBack ? none : markup`<small class="no">not rolled back</small>`}${drill.notes.map((note) => markup`<small>${note}</small>`)}`,
  ]),
)}</section>`;
}

function steps({ steps: results }: RunResult): Markup {
  if (results.length === 0) return none;
  const row = (step: StepResult): (Markup | string)[] => [
    markup`${step.step}<small>${step.journey}</small>${
      step.inLine === undefined
        ? none
        : markup`<small>${whole(step.inLine.count)} stood in line, half of them within ${duration(percentileMs(step.inLine, 50))}, all within ${duration(step.inLine.maxUs / 1000)}</small>`
    }`,
    whole(step.requests),
    ...[50, 95, 99].map((percentile) => duration(percentileMs(step.response, percentile))),
    duration(step.response.maxUs / 1000),
    duration(percentileMs(step.service, 99)),
    step.errors === 0
      ? "0 %"
      : markup`<span class="no">${share(step.errors, step.requests)}</span><small>${whatWentWrong(step)}</small>`,
  ];
  return markup`<section aria-labelledby="steps"><h2 id="steps">Step by step</h2>
${table("Steps", [["Step"], ["Requests", "n"], ["Half within", "n"], ["95 %", "n"], ["99 %", "n"], ["Slowest", "n"], ["Service, 99 %", "n"], ["Errors", "n"]], results.map(row))}</section>`;
}

function judged({ thresholds, promises }: RunResult): Markup {
  const sign = (held: boolean) => markup`<span class="${held ? "ok" : "no"}">${held ? "held" : "BROKEN"}</span>`;
  return markup`<section aria-labelledby="judged"><h2 id="judged">What it was held to</h2>
${
  thresholds.length === 0
    ? markup`<p>The plan has no thresholds.</p>`
    : table(
        "Thresholds",
        [["Threshold"], ["Asked", "n"], ["Measured", "n"], ["", "n"]],
        thresholds.map(({ of, step, limit, measured, held }) => [
          markup`${of}${step === undefined ? none : markup`<small>${step}</small>`}`,
          limitWords(of, limit),
          thresholdFigure(of, measured),
          sign(held),
        ]),
      )
}
<h3>The truth, from the shop's own books and what shoppers saw</h3>
${
  promises.length === 0
    ? markup`<p>Nobody looked into the books: the target's kind has no adapter, or none was named.</p>`
    : table(
        "Promises",
        [["Promise"], ["Looked at", "n"], ["Broken", "n"], ["", "n"]],
        promises.map(({ promise, held, looked, broken, detail }) => [
          markup`${promiseWords(promise)}${detail === "" ? none : markup`<small>${sentence(detail)}</small>`}`,
          whole(looked),
          whole(broken),
          looked === 0 && held ? markup`<span class="soft">not looked at</span>` : sign(held),
        ]),
      )
}</section>`;
}

function generator({ generator: own, voidReasons }: RunResult): Markup {
  const facts: [string, string][] = [
    ["Processes", `${own.processes} on ${count(own.machines, "machine")}`],
    ["CPU, busiest second of the busiest", share(own.cpuShareMax, 1)],
    ["Event loop late, 99 %", duration(own.loopLagP99Ms)],
    ["Requests late by its own fault, 99 %", duration(own.startLateP99Ms)],
    ["Starts missed", whole(own.startsMissed)],
    ["Connections at most", whole(own.connectionsMax)],
    ...(own.cpuSeconds === undefined ? [] : [["CPU time in all", duration(1000 * own.cpuSeconds)] as [string, string]]),
  ];
  return markup`<section aria-labelledby="generator"><h2 id="generator">Whether the crowd kept up</h2>
<p>${voidReasons.length === 0 ? "It did: what was measured is the target, not the generator." : "It did not, so this run says nothing about the target."}</p>
<dl class="facts">${facts.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}

function notes({ notes: written = [] }: RunResult): Markup {
  if (written.length === 0) return none;
  return markup`<section aria-labelledby="notes"><h2 id="notes">Also worth knowing</h2>
<ul class="notes">${written.slice(0, notesMax).map((note) => markup`<li>${note}</li>`)}</ul></section>`;
}

/** A column: its name and how it is set ("n": figures, "full": a line of its own on a phone). */
type Column = readonly [name: string, kind?: "n" | "full"];

export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (Markup | string)[])[],
  behind?: string,
): Markup {
  const head = columns.map(([name, kind]) =>
    name === "" ? markup`<td></td>` : markup`<th scope="col" class="${kind ?? ""}">${name}</th>`,
  );
  const body = rows.map(
    (row) =>
      markup`<tr>${row.map((cell, index) => {
        const [name = "", kind = ""] = columns[index] ?? [];
        return index === 0
          ? markup`<th scope="row">${cell}</th>`
          : markup`<td class="${kind}" data-of="${name}">${cell}</td>`;
      })}</tr>`,
  );
  const whole = markup`<div class="scroll${behind === undefined ? " cards" : ""}"${behind === undefined ? none : markup` tabindex="0" role="region" aria-label="${caption}"`}><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
  return behind === undefined ? whole : markup`<details><summary>${behind}</summary>${whole}</details>`;
}
