/** The result as JUnit XML: each threshold, promise and drill is a test, so that any build server shows it. */
import type { RunResult } from "../result.ts";
import { promiseWords } from "../verdict/promises.ts";
import { type Markup, markup, none } from "./markup.ts";
import { drillWords, limitWords, sentence, thresholdFigure } from "./words.ts";

type Case = { readonly name: string; readonly outcome: "passed" | "failed" | "skipped"; readonly message: string };

export function junitReport(result: RunResult): string {
  const suites: [string, Case[]][] = [
    [
      "the crowd kept up",
      [
        {
          name: "valid run",
          outcome: result.voidReasons.length === 0 ? "passed" : "failed",
          message: result.voidReasons.join(" "),
        },
      ],
    ],
    [
      "thresholds",
      result.thresholds.map(({ of, step, limit, measured, held }) => ({
        name: `${of}${step === undefined ? "" : ` of ${step}`} ${limitWords(of, limit)}`,
        outcome: held ? "passed" : "failed",
        message: thresholdFigure(of, measured),
      })),
    ],
    [
      "promises",
      result.promises.map(({ promise, held, looked, broken, detail }) => ({
        name: promiseWords(promise),
        outcome: !held ? "failed" : looked === 0 ? "skipped" : "passed",
        message: held ? detail : `${broken} of ${looked}. ${detail}`.trim(),
      })),
    ],
    [
      "drills",
      result.drills.map(({ title, status, notes }) => ({
        name: title,
        outcome: status === "completed" ? "passed" : "failed",
        message: [`${sentence(drillWords[status])}.`, ...notes].join(" "),
      })),
    ],
  ];
  const all = suites.flatMap(([, cases]) => cases);
  const counts = (cases: readonly Case[]) =>
    markup`tests="${cases.length}" failures="${cases.filter(({ outcome }) => outcome === "failed").length}" skipped="${cases.filter(({ outcome }) => outcome === "skipped").length}"`;
  return markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="${result.name}" ${counts(all)} time="${result.seconds}">
${suites
  .filter(([, cases]) => cases.length > 0)
  .map(
    ([name, cases]) => markup`<testsuite name="${name}" ${counts(cases)} timestamp="${result.startedAt}">
${cases.map((one) => element(result.name, name, one))}</testsuite>
`,
  )}</testsuites>
`.text;
}

function element(run: string, suite: string, { name, outcome, message }: Case): Markup {
  const inside =
    outcome === "failed"
      ? markup`<failure message="${message}"/>`
      : outcome === "skipped"
        ? markup`<skipped message="${message}"/>`
        : none;
  return markup`<testcase classname="${run}.${suite}" name="${name}">${inside}</testcase>
`;
}
