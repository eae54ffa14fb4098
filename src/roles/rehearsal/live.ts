/** What is seen while a rehearsal plays: on a terminal a few lines that are drawn again in place, elsewhere a line every few seconds. */
import { Histogram } from "#rehearse/measure/histogram.ts";
import { subline } from "#rehearse/report/words.ts";
import type { PromiseResult, RunResult, SecondResult, ThresholdResult } from "#rehearse/result.ts";
import { decisionOf } from "#rehearse/verdict/go-no-go.ts";
import { promiseWords } from "#rehearse/verdict/promises.ts";
import { table } from "../tools/terminal.ts";
import type { SoFar } from "./play.ts";

export type Live = { show(second: SecondResult, soFar: SoFar): void; end(): void };

const barWidth = 40;
const linesEverySeconds = 5;
const bars = " ▁▂▃▄▅▆▇█";

export function liveView(output: { readonly isTTY?: boolean; write(text: string): unknown }, isPlain: boolean): Live {
  const isDrawn = output.isTTY === true && !isPlain;
  let drawn = 0;
  return {
    show(second, soFar) {
      if (!isDrawn) {
        if ((second.atSecond + 1) % linesEverySeconds === 0) output.write(`${plainLine(second, soFar)}\n`);
        return;
      }
      const lines = picture(second, soFar);
      output.write(`${drawn > 0 ? `\u001b[${drawn}A` : ""}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
      drawn = lines.length;
    },
    end() {
      drawn = 0;
    },
  };
}

function plainLine(second: SecondResult, { secondsPlanned, thresholds }: SoFar): string {
  const verdict =
    thresholds.length === 0 ? "" : `  ${thresholds.every(({ held }) => held) ? "holds" : "broken"} so far`;
  return `${String(second.atSecond + 1).padStart(5)} of ${secondsPlanned} s  ${whole(second.arrivals)} begun  ${whole(second.requests)} answered  ${whole(second.errors)} errors  p50 ${ms(second.p50Ms)}  p99 ${ms(second.p99Ms)}  ${whole(second.underWay)} under way${verdict}`;
}

function picture(second: SecondResult, { seconds, secondsPlanned, thresholds }: SoFar): string[] {
  const share = Math.min(1, (second.atSecond + 1) / Math.max(secondsPlanned, 1));
  const filled = Math.round(share * barWidth);
  const requests = seconds.reduce((sum, one) => sum + one.requests, 0);
  const errors = seconds.reduce((sum, one) => sum + one.errors, 0);
  const recent = seconds.slice(-barWidth);
  const errorShare = requests === 0 ? 0 : errors / requests;
  return [
    `[${"█".repeat(filled)}${"·".repeat(barWidth - filled)}] ${second.atSecond + 1} of ${secondsPlanned} s`,
    `begun a second     ${spark(recent.map((one) => one.arrivals))} ${whole(second.arrivals)}`,
    `answered a second  ${spark(recent.map((one) => one.requests))} ${whole(second.requests)}`,
    `p99                ${spark(recent.map((one) => one.p99Ms))} ${ms(second.p99Ms)} (p50 ${ms(second.p50Ms)})`,
    `errors             ${spark(recent.map((one) => one.errors))} ${whole(errors)} of ${whole(requests)} (${(errorShare * 100).toFixed(2)} %), ${whole(second.underWay)} under way`,
    ...(thresholds.length === 0 ? [] : [verdictSoFar(thresholds)]),
  ];
}

function verdictSoFar(thresholds: readonly ThresholdResult[]): string {
  const broken = thresholds.filter(({ held }) => !held).map(({ of, limit, measured }) => `${of} ${limit}: ${measured}`);
  return `so far             ${broken.length === 0 ? "everything holds" : `broken: ${broken.join(", ")}`}`;
}

function spark(values: readonly number[]): string {
  const most = Math.max(...values, 0);
  return values
    .map((value) => bars[most === 0 || value === 0 ? 0 : Math.max(1, Math.round((value / most) * 8))])
    .join("")
    .padStart(barWidth);
}

/** The whole result on a page of a terminal. */
export function resultText(result: RunResult): string {
  const { generator } = result;
  const rows = result.steps.map((step) => {
    const [response, service] = [Histogram.from(step.response), Histogram.from(step.service)];
    return [
      `${step.journey}/${step.step}`,
      whole(step.requests),
      whole(step.errors),
      ...[50, 95, 99, 99.9].map((percentile) => ms(response.percentileMs(percentile))),
      ms(response.maxUs / 1000),
      ms(service.percentileMs(50)),
      ms(service.percentileMs(99)),
    ];
  });
  const requests = result.steps.reduce((sum, step) => sum + step.requests, 0);
  const errors = result.steps.reduce((sum, step) => sum + step.errors, 0);
  const head = ["step", "requests", "errors", "p50", "p95", "p99", "p99.9", "max", "service p50", "p99"];
  const model =
    result.model === "open" ? "open model, from the intended start" : "closed model: a slow shop slowed the crowd down";
  return [
    table([head, ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    "",
    `${whole(result.journeysBegun)} journeys begun, ${whole(result.journeysDone)} done; ${whole(requests)} requests in ${result.seconds.toFixed(1)} s (${whole(requests / Math.max(result.seconds, 0.001))} a second), ${whole(errors)} errors (${model})`,
    `generator: ${counted(generator.processes, "process", "processes")} on ${counted(generator.machines, "machine", "machines")}, at most ${Math.round(generator.cpuShareMax * 100)} % of a core, loop late p99 ${ms(generator.loopLagP99Ms)}, starts late p99 ${ms(generator.startLateP99Ms)}, ${whole(generator.connectionsMax)} connections`,
    ...(result.notes ?? []).map((note) => `  ${note}`),
    ...result.drills.map(
      ({ title, status, rolledBack }) => `drill: ${title}: ${status}${rolledBack ? "" : ", NOT rolled back"}`,
    ),
    ...result.thresholds.map(
      ({ of, step, limit, measured, held }) =>
        `${held ? "held  " : "BROKEN"} ${of}${step === undefined ? "" : ` of ${step}`} ${limit}: ${measured ?? "not measured"}`,
    ),
    ...result.promises.map(promiseLine),
    "",
    ...(result.voidReasons.length === 0
      ? []
      : ["Nothing may be concluded from this run:", ...result.voidReasons.map((reason) => `  ${reason}`)]),
    `verdict: ${result.verdict}`,
  ].join("\n");
}

/** The last word on a run that was played by itself. */
export function decisionLine(result: RunResult): string {
  const decision = decisionOf(result);
  return `${decision === undefined ? "" : `${decision.toUpperCase()}: `}${subline(result)}`;
}

function promiseLine({ promise, held, looked, detail }: PromiseResult): string {
  const words = promiseWords(promise);
  // What was not looked at is not said to hold.
  if (held && looked === 0) return `  -    ${words}: ${detail}`;
  return `${held ? "holds " : "BROKEN"} ${words} (${whole(looked)} looked at)${detail === "" ? "" : `: ${detail}`}`;
}

const counted = (count: number, one: string, many: string): string => `${whole(count)} ${count === 1 ? one : many}`;
const whole = (value: number): string => Math.round(value).toLocaleString("en");
const ms = (value: number): string =>
  value >= 10_000
    ? `${(value / 1000).toFixed(1)} s`
    : value >= 100
      ? `${Math.round(value)} ms`
      : `${value.toFixed(1)} ms`;
