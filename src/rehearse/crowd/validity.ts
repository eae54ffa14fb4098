/**
 * Whether a run may be believed: the generator looks at itself, and where it fell behind, what it measured was itself. Each
 * reason is a sentence that says what to change.
 */
import { Histogram } from "../measure/histogram.ts";
import type { WorkerPart } from "./outcome.ts";

/** Of one core, in one second; a process that is busier than this does not come to everything in time. */
const cpuShareMost = 0.95;
/** So many of a hundred seconds may be that busy: a compilation or a collection is no overload. */
const busySecondsPercent = 5;
const loopLagMostMs = 100;

export type Played = {
  readonly isOpen: boolean;
  readonly lateStartMs: number;
  readonly connectionsMax: number;
  readonly secondsPlanned: number;
  readonly isStopped: boolean;
};

export function voidReasonsOf(played: Played, parts: readonly WorkerPart[], lost: readonly string[]): string[] {
  const reasons = [...lost];
  if (parts.length === 0 && lost.length === 0) reasons.push("No part of the generator has told what it measured.");
  const total = (of: (part: WorkerPart) => number): number => parts.reduce((sum, part) => sum + of(part), 0);
  const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  const more = "Take more processes (--processes), more machines (--join), or a smaller crowd.";

  const startLate = new Histogram();
  const loopLag = new Histogram();
  for (const part of parts) {
    startLate.merge(part.startLate);
    loopLag.merge(part.loopLag);
  }
  if (startLate.percentileMs(99) > played.lateStartMs)
    reasons.push(
      `One start in a hundred was more than ${ms(startLate.percentileMs(99))} late by the generator's own doing; ${ms(played.lateStartMs)} are allowed. ${more}`,
    );
  if (loopLag.percentileMs(99) > loopLagMostMs)
    reasons.push(
      `The generator's event loop came back more than ${ms(loopLag.percentileMs(99))} late one time in a hundred; ${loopLagMostMs} ms are allowed. ${more}`,
    );
  for (const [at, part] of parts.entries()) {
    const busy = part.cpuShares.filter((share) => share > cpuShareMost).length;
    if (busy * 100 > part.cpuShares.length * busySecondsPercent && part.cpuShares.length > 0)
      reasons.push(
        `Process ${at + 1} of the generator needed more than ${cpuShareMost * 100} % of a core in ${busy} of ${part.cpuShares.length} seconds: ${played.isOpen ? "it may have been what was slow" : "the loop went as fast as the generator, not as the target"}. ${more}`,
      );
  }
  const missed = total((part) => part.startsMissed);
  if (missed > 0) reasons.push(`${missed} starts were missed: they were due and nothing could be sent. ${more}`);
  const capped = total((part) => part.capped);
  if (capped > 0)
    reasons.push(
      `${capped} requests had to wait since all ${played.connectionsMax} connections were taken. Raise connectionsMax; where this machine sets the limit (ulimit -n, net.ipv4.ip_local_port_range), take more machines (--join).`,
    );
  if (parts.some((part) => part.isRequestsMaxReached))
    reasons.push("The run ended at requestsMax before its time. Raise it, or make the plan shorter.");
  const seconds = parts.reduce((least, part) => Math.min(least, part.seconds), Number.POSITIVE_INFINITY);
  if (played.isStopped && seconds < played.secondsPlanned)
    reasons.push(`It was stopped after ${seconds.toFixed(1)} of ${played.secondsPlanned} seconds.`);
  return reasons;
}
