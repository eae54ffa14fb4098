/** Which drills, truths, judges and reports a rehearsal has. */
import type { DrillHouse } from "#rehearse/drills/ports.ts";
import type { RehearsalParts } from "#rehearse/ports.ts";
import { writeReports } from "#rehearse/report/write-reports.ts";
import { judgeThresholds } from "#rehearse/verdict/thresholds.ts";
import { openDrill } from "../house/drill.ts";
import { truthOf } from "./truth-of.ts";

/** `house`: the Spillway that drills may hurt; without one, drills that ask for it are refused. */
export function rehearsalParts(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly house: DrillHouse | undefined;
  readonly log: (line: string) => void;
}): RehearsalParts {
  const { env, house, log } = options;
  return {
    judgeThresholds,
    truthOf,
    drillOf: async (file) => await openDrill(file, { env, log, ...(house === undefined ? {} : { house }) }),
    writers: [writeReports],
  };
}
