/** Every report of a run, as files: what `--report DIR` writes beside `result.json`. */
import { hgrmOf } from "../measure/hgrm.ts";
import type { ReportWriter } from "../ports.ts";
import { htmlReport } from "./html-report.ts";
import { junitReport } from "./junit.ts";
import { markdownReport } from "./markdown.ts";
import { openMetricsReport } from "./open-metrics.ts";
import { together } from "./words.ts";

export const writeReports: ReportWriter = (result) => [
  { file: "report.html", text: htmlReport(result) },
  { file: "report.md", text: markdownReport(result) },
  { file: "junit.xml", text: junitReport(result) },
  { file: "metrics.txt", text: openMetricsReport(result) },
  { file: "response.hgrm", text: hgrmOf(together(result.steps, "response").toData()) },
  { file: "service.hgrm", text: hgrmOf(together(result.steps, "service").toData()) },
];
