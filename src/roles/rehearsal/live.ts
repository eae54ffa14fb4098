/** What is seen while a rehearsal plays: on a terminal a few lines that are drawn again in place, elsewhere a line every few seconds. */
import { Histogram } from "#rehearse/measure/histogram.ts";
import { limitWords, subline, thresholdFigure } from "#rehearse/report/words.ts";
import type {
  DrillResult,
  PromiseResult,
  RunResult,
  SecondResult,
  StepResult,
  ThresholdResult,
} from "#rehearse/result.ts";
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
  return `${elapsed(second, secondsPlanned).padStart(12)}  ${whole(second.arrivals)} begun  ${whole(second.requests)} answered  ${whole(second.errors)} errors  p50 ${ms(second.p50Ms)}  p99 ${ms(second.p99Ms)}  ${whole(second.underWay)} under way${verdict}`;
}

function picture(second: SecondResult, { seconds, secondsPlanned, thresholds }: SoFar): string[] {
  const share = Math.min(1, (second.atSecond + 1) / Math.max(secondsPlanned, 1));
  const filled = Math.round(share * barWidth);
  const requests = seconds.reduce((sum, one) => sum + one.requests, 0);
  const errors = seconds.reduce((sum, one) => sum + one.errors, 0);
  const recent = seconds.slice(-barWidth);
  const errorShare = requests === 0 ? 0 : errors / requests;
  return [
    `[${"█".repeat(filled)}${"·".repeat(barWidth - filled)}] ${elapsed(second, secondsPlanned)}`,
    `begun a second     ${spark(recent.map((one) => one.arrivals))} ${whole(second.arrivals)}`,
    `answered a second  ${spark(recent.map((one) => one.requests))} ${whole(second.requests)}`,
    `p99                ${spark(recent.map((one) => one.p99Ms))} ${ms(second.p99Ms)} (p50 ${ms(second.p50Ms)})`,
    `errors             ${spark(recent.map((one) => one.errors))} ${whole(errors)} of ${whole(requests)} (${(errorShare * 100).toFixed(2)} %), ${whole(second.underWay)} under way`,
    ...(thresholds.length === 0 ? [] : [verdictSoFar(thresholds)]),
  ];
}

/** "5 of 8 s"; after that whoever is under way comes to an end: "8 of 8 s + 2". */
function elapsed({ atSecond }: SecondResult, secondsPlanned: number): string {
  const over = Math.floor(atSecond + 1 - secondsPlanned);
  return over > 0 ? `${secondsPlanned} of ${secondsPlanned} s + ${over}` : `${atSecond + 1} of ${secondsPlanned} s`;
}

function verdictSoFar(thresholds: readonly ThresholdResult[]): string {
  const broken = thresholds.filter(({ held }) => !held).map(thresholdLine);
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
  const requests = result.steps.reduce((sum, step) => sum + step.requests, 0);
  const errors = result.steps.reduce((sum, step) => sum + step.errors, 0);
  const inTime = result.everySecond.filter(({ atSecond }) => atSecond < result.seconds);
  const perSecond = inTime.reduce((sum, second) => sum + second.requests, 0) / Math.max(result.seconds, 0.001);
  const head = ["step", "requests", "errors", "p50", "p95", "p99", "p99.9", "max", "service p50", "p99"];
  const model =
    result.model === "open" ? "open model, from the intended start" : "closed model: a slow shop slowed the crowd down";
  return [
    table([head, ...result.steps.map(stepRow)], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    "",
    `${whole(result.journeysBegun)} journeys begun, ${whole(result.journeysDone)} done; ${whole(requests)} requests in ${result.seconds.toFixed(1)} s (${perSecond < 10 ? perSecond.toFixed(1) : whole(perSecond)} a second), ${whole(errors)} errors (${model})`,
    `generator: ${counted(generator.processes, "process", "processes")} on ${counted(generator.machines, "machine", "machines")}, at most ${Math.round(generator.cpuShareMax * 100)} % of a core, loop late p99 ${ms(generator.loopLagP99Ms)}, starts late p99 ${ms(generator.startLateP99Ms)}, ${whole(generator.connectionsMax)} connections`,
    ...(result.notes ?? []).map((note) => `  ${note}`),
    ...result.steps.flatMap(expectedRefusals),
    ...result.drills.flatMap(drillLines),
    ...result.thresholds.map((threshold) => `${threshold.held ? "held  " : "BROKEN"} ${thresholdLine(threshold)}`),
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

function stepRow({ journey, step, requests, errors, response, service }: StepResult): string[] {
  const [ofResponse, ofService] = [Histogram.from(response), Histogram.from(service)];
  const time = (value: number) => (response.count === 0 ? "-" : ms(value));
  return [
    `${journey}/${step}`,
    whole(requests),
    whole(errors),
    ...[50, 95, 99, 99.9].map((percentile) => time(ofResponse.percentileMs(percentile))),
    time(ofResponse.maxUs / 1000),
    time(ofService.percentileMs(50)),
    time(ofService.percentileMs(99)),
  ];
}

/** Refusals that the plan takes for answers, such as "sold out": no errors, but not to be overlooked. */
function expectedRefusals({ journey, step, statuses, failures, errors }: StepResult): string[] {
  const refused = Object.entries(statuses).filter(([status]) => Number(status) >= 400);
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const unanswered = sum(Object.values(failures));
  // With others among them nobody can say which of them the plan expected; they are told as errors.
  if (refused.length === 0 || errors > unanswered) return [];
  return [
    `  ${journey}/${step}: as expected, ${refused.map(([status, count]) => `${status} (${whole(count)})`).join(", ")}`,
  ];
}

function drillLines({ title, status, rolledBack, expectation, notes }: DrillResult): string[] {
  return [
    `drill: ${title}: ${status}${rolledBack ? "" : ", NOT rolled back"}`,
    ...(expectation === "" ? [] : [`  shoppers should see: ${expectation}`]),
    ...(status === "completed" ? [] : notes.map((note) => `  ${note}`)),
  ];
}

const thresholdLine = ({ of, step, limit, measured }: ThresholdResult): string =>
  `${of}${step === undefined ? "" : ` of ${step}`} ${limitWords(of, limit)}: ${thresholdFigure(of, measured)}`;

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
