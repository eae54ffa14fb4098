/** The report for a pull request or a chat: verdict, why, the figures, and nothing that needs a picture. */
import type { RunResult } from "../result.ts";
import { promiseWords } from "../verdict/promises.ts";
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
  whole,
} from "./words.ts";

export function markdownReport(result: RunResult): string {
  const totals = totalsOf(result);
  const response = together(result.steps, "response");
  const service = together(result.steps, "service");
  const blocks = [
    `# ${headline[result.verdict]} ${cell(result.name)}`,
    subline(result),
    reasonsOf(result)
      .map((reason) => `- ${cell(reason)}`)
      .join("\n"),
    `${cell(result.target)}, ${result.model} model, ${whole(result.scale * 100)} %, ${clock(result.seconds)} from ${result.startedAt}: ${count(result.journeysBegun, "journey")} (${perSecond(totals.peakArrivals)} at the peak), ${count(totals.requests, "request")}, ${share(totals.errors, totals.requests)} errors.`,
    table(
      ["", "50 %", "95 %", "99 %", "99.9 %", "slowest"],
      (
        [
          ["response, from when it was due", response],
          ["service, from when it was sent", service],
        ] as const
      ).map(([name, times]) => [
        name,
        ...[50, 95, 99, 99.9].map((percentile) => duration(times.percentileMs(percentile))),
        duration(times.maxUs / 1000),
      ]),
    ),
    result.thresholds.length === 0
      ? ""
      : table(
          ["threshold", "asked", "measured", ""],
          result.thresholds.map(({ of, step, limit, measured, held }) => [
            step === undefined ? of : `${of} of ${step}`,
            limitWords(of, limit),
            thresholdFigure(of, measured),
            held ? "held" : "**BROKEN**",
          ]),
        ),
    result.promises.length === 0
      ? ""
      : table(
          ["promise", "looked at", "broken", ""],
          result.promises.map(({ promise, looked, broken, held, detail }) => [
            promiseWords(promise),
            whole(looked),
            whole(broken),
            held && looked === 0 ? detail : `${held ? "held" : "**BROKEN**"} ${detail}`.trim(),
          ]),
        ),
    result.drills.length === 0
      ? ""
      : table(
          ["drill", "when", "outcome"],
          result.drills.map(({ title, startedSecond, endedSecond, status }) => [
            title,
            `${clock(startedSecond)} to ${clock(endedSecond)}`,
            sentence(drillWords[status]),
          ]),
        ),
    table(
      ["step", "requests", "50 %", "99 %", "slowest", "service 99 %", "errors"],
      result.steps.map((step) => [
        `${step.journey}/${step.step}`,
        whole(step.requests),
        duration(percentileMs(step.response, 50)),
        duration(percentileMs(step.response, 99)),
        duration(step.response.maxUs / 1000),
        duration(percentileMs(step.service, 99)),
        share(step.errors, step.requests),
      ]),
    ),
    `The crowd: ${result.generator.processes === 1 ? "one process" : `${result.generator.processes} processes`}, ${share(result.generator.cpuShareMax, 1)} of a core at most, starts late by ${duration(result.generator.startLateP99Ms)} at the 99th percentile, ${whole(result.generator.startsMissed)} missed. Plan \`${result.planHash.slice(0, 12)}\`.`,
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map((_name, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** Nothing of a name or an answer may end a cell, or begin markup. */
export const cell = (text: string): string => text.replace(/[\r\n]+/g, " ").replace(/[|<>\\`]/g, (char) => `\\${char}`);
