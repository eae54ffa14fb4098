/** Which drills, truths, judges and reports a rehearsal has. */
import type { RehearsalParts } from "#rehearse/ports.ts";
import { writeReports } from "#rehearse/report/write-reports.ts";
import { judgeThresholds } from "#rehearse/verdict/thresholds.ts";
import { truthOf } from "./truth-of.ts";

export const rehearsalParts: RehearsalParts = { judgeThresholds, truthOf, writers: [writeReports] };
