/** The one page for those who decide: go or no-go, why, what gives in first, how much room is left, what to change. */
import type { GoNoGo } from "../verdict/go-no-go.ts";
import { runName } from "../verdict/go-no-go.ts";
import type { Knee } from "../verdict/knee.ts";
import { promiseWords } from "../verdict/promises.ts";
import { uslThroughput } from "../verdict/usl.ts";
import { drawChart, linearScale, type Point } from "./chart.ts";
import { dateWords, keyFigure, page, table } from "./html-report.ts";
import { cell, table as markdownTable } from "./markdown.ts";
import { type Markup, markup, none } from "./markup.ts";
import { duration, headline, perSecond, sentence, share, together, totalsOf, whole } from "./words.ts";

const decisionWords = { go: "Go.", "no-go": "No-go." } as const;

/** For a terminal: plain lines. */
export function goNoGoText(found: GoNoGo): string {
  const { cells, head } = runRows(found);
  const widths = head.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const lines = [head, ...cells].map((row) =>
    row
      .map((text, column) => (column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return `${[
    found.decision === "go" ? "GO" : "NO-GO",
    "",
    ...found.why.map((line) => `  ${line}`),
    "",
    ...lines.map((line) => `  ${line}`),
    "",
    `  ${bottleneckWords(found)}`,
    `  ${headRoomWords(found)}`,
    ...found.warnings.map((line) => `  Mind: ${line}`),
    ...found.change.map((line) => `  Change: ${line}`),
  ].join("\n")}\n`;
}

export function goNoGoMarkdown(found: GoNoGo): string {
  const { cells, head } = runRows(found);
  const list = (lines: readonly string[]) => lines.map((line) => `- ${cell(line)}`).join("\n");
  return `${[
    `# ${decisionWords[found.decision]} ${cell(found.name)}`,
    list(found.why),
    markdownTable(head, cells),
    `**What gives in first.** ${cell(bottleneckWords(found))}`,
    `**Head-room.** ${cell(headRoomWords(found))}`,
    found.change.length === 0 ? "" : `**What to change.**\n\n${list(found.change)}`,
    found.warnings.length === 0 ? "" : `**Mind.**\n\n${list(found.warnings)}`,
    signalRows(found).length === 0
      ? ""
      : markdownTable(["what was looked at", "a bottleneck from", "the worst of it"], signalRows(found)),
  ]
    .filter((block) => block !== "")
    .join("\n\n")}\n`;
}

export function goNoGoHtml(found: GoNoGo): string {
  const { cells, head } = runRows(found);
  const [first] = found.runs;
  return page(
    `${decisionWords[found.decision]} ${found.name}`,
    markup`<header class="${found.decision === "go" ? "held" : "bad"}"><div class="in">
<p class="mark"><b>Spillway rehearsal</b><span>${first === undefined ? "" : dateWords(first.result.startedAt)}</span></p>
<h1>${decisionWords[found.decision]}</h1>
<p class="sub">${found.name}, against ${found.target}.</p>
<ul class="why">${found.why.map((line) => markup`<li>${line}</li>`)}</ul>
<dl class="key">
${keyFigure("Room, of the plan's peak", found.headRoom === undefined ? "–" : `${whole(100 * found.headRoom.factor)} %`)}
${keyFigure("Gives in first", sentence(found.bottleneck?.first?.bottleneck ?? "nothing seen"))}
${keyFigure("Runs", whole(found.runs.length))}
</dl>
</div></header>
<main class="in">
<section aria-labelledby="runs"><h2 id="runs">What was rehearsed</h2>
${table(
  "Runs",
  head
    .map((name, index) => [name, index === 0 ? undefined : "n"] as const)
    .map(([name, kind]) => (kind === undefined ? [name] : [name, kind])),
  cells,
)}</section>
<section aria-labelledby="first"><h2 id="first">What gives in first</h2><p>${bottleneckWords(found)}</p>
${signalRows(found).length === 0 ? none : table("Signals", [["What was looked at"], ["A bottleneck from", "full"], ["The worst of it", "full"]], signalRows(found))}</section>
<section aria-labelledby="room"><h2 id="room">How much room is left</h2><p>${headRoomWords(found)}</p>${kneeChart(found.knee)}</section>
${lines("change", "What to change", found.change)}
${lines("mind", "Mind", found.warnings)}
</main>
<footer><div class="in"><p>Go asks that 150 % of the plan and every drill at its peak hold, and that no promise breaks at any load. 200 % may be slow, but must stay truthful.</p><p>Plan <code>${first?.result.planHash ?? ""}</code></p></div></footer>`,
  );
}

function lines(id: string, title: string, texts: readonly string[]): Markup {
  return texts.length === 0
    ? none
    : markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2><ul class="notes">${texts.map((text) => markup`<li>${text}</li>`)}</ul></section>`;
}

function runRows({ runs }: GoNoGo): { head: string[]; cells: string[][] } {
  return {
    head: ["Run", "Verdict", "Journeys", "At the peak", "99 % within", "Errors", "Promises broken"],
    cells: runs.map(({ kind, result }) => {
      const totals = totalsOf(result);
      const broken = result.promises.filter(({ held }) => !held);
      return [
        runName(kind, result),
        headline[result.verdict].replace(/\.$/, ""),
        whole(result.journeysBegun),
        perSecond(totals.peakArrivals),
        duration(together(result.steps, "response").percentileMs(99)),
        share(totals.errors, totals.requests),
        broken.length === 0 ? "none" : broken.map(({ promise }) => promiseWords(promise)).join("; "),
      ];
    }),
  };
}

const signalRows = ({ bottleneck }: GoNoGo): string[][] =>
  (bottleneck?.signals ?? []).map(({ bottleneck: name, rule, worst, sinceSecond }) => [
    sentence(name),
    rule,
    worst === undefined
      ? "the target does not tell"
      : `${worst}${sinceSecond === undefined ? "" : `, over it from second ${sinceSecond} on`}`,
  ]);

function bottleneckWords({ bottleneck }: GoNoGo): string {
  if (bottleneck === undefined) return "Nothing is known of it: the target's metrics were not read.";
  const { first } = bottleneck;
  return first === undefined
    ? "Nothing that was looked at reached its limit in the hardest run."
    : `The ${first.bottleneck}: ${first.worst ?? ""}, from second ${first.sinceSecond ?? 0} on. The rule: ${first.rule}.`;
}

function headRoomWords({ headRoom, knee }: GoNoGo): string {
  if (headRoom === undefined) return "Not known: no run at a share of the plan was valid.";
  const needed = `The plan's peak asks for ${whole(headRoom.neededPerSecond)} requests a second`;
  if (headRoom.from === "highest run that held" || knee?.found !== true)
    return `${needed}; the highest that was played and held is ${whole(100 * headRoom.factor)} % of it. Where it ends is not known.`;
  const { throughput, load, kind } = knee;
  return `${needed}; the target does ${whole(throughput.value)} at its ${kind} (95 % interval ${whole(throughput.low)} to ${whole(throughput.high)}, with ${whole(load.value)} under way, ${whole(load.low)} to ${whole(load.high)}). By the lower end that is ${whole(100 * headRoom.factor)} % of the plan.`;
}

function kneeChart(knee: Knee | undefined): Markup {
  if (knee?.fit === undefined) return none;
  const { fit, points } = knee;
  const most = Math.max(...points.map(({ load }) => load), knee.found ? knee.load.value : 0);
  const curve = Array.from({ length: 101 }, (_, index): Point => {
    const load = Math.max((index * most) / 100, 0.01);
    return [load, Math.max(0, uslThroughput(fit, load))];
  });
  const top = Math.max(...points.map(({ throughput }) => throughput), ...curve.map(([, throughput]) => throughput));
  return markup`<figure><p class="legend"><b>Requests a second, by how many are under way</b><span class="k-response">the law, fitted</span><span class="k-dots">measured</span></p>
${drawChart({
  says: `Throughput by load: ${points.map(({ load, throughput }) => `${whole(throughput)} a second with ${whole(load)} under way`).join(", ")}.`,
  x: linearScale(most, whole),
  y: linearScale(top, whole),
  tall: true,
  lines: [
    { kind: "response", points: curve },
    { kind: "dots", points: points.map(({ load, throughput }): Point => [load, throughput]) },
  ],
})}
${table(
  "Throughput by load",
  [["Under way"], ["Requests a second", "n"], ["The law says", "n"]],
  points.map(({ load, throughput }) => [
    load.toLocaleString("en", { maximumFractionDigits: 1 }),
    whole(throughput),
    whole(uslThroughput(fit, load)),
  ]),
  "The numbers",
)}
<p class="soft">Universal Scalability Law: contention ${fit.alpha.toPrecision(3)}, coherence ${fit.beta.toPrecision(3)}, one alone ${perSecond(fit.gamma)}.</p></figure>`;
}
