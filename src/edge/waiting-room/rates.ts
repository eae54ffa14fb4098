/** How many may be admitted: as an operator said last, else as configured. */
import type { Room } from "#contract/waiting-room.ts";
import { type Gcra, gcra } from "#resilience/gcra.ts";
import type { LineState } from "./state.ts";

export const outflowOf = ({ control }: Pick<LineState, "control">, room: Room): number =>
  control.outflowPerMinute ?? room.outflowPerMinute;

/** 0: any number. */
export const activeMaxOf = ({ control }: Pick<LineState, "control">, room: Room): number =>
  control.activeMax ?? room.activeMax;

/**
 * The pace of admissions, so that they are spread over the minute; how many there may be is the window's to say. It is a little faster than the
 * outflow and has a burst of a second, never of fewer than three, so that admissions that came late or to nothing are made up for.
 */
export const paceOf = (perMinute: number): Gcra =>
  gcra({ perSecond: (paceFactor * perMinute) / 60, burst: Math.max(3, perMinute / 60 + 1) });

/** After so long without a grant, those of the pace before and after it are within the outflow in any 60 seconds. */
export const paceLullMs = (perMinute: number): number => 60_000 * (1 - 1 / paceFactor) + paceOf(perMinute).burstMs;

const paceFactor = 1.04;
