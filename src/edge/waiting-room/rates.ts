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
 * The pace of admissions: the outflow spread evenly. The burst is a second of it, and one more, so that an admission that was given a little late is made up
 * for by the next.
 */
export const paceOf = (perMinute: number): Gcra =>
  gcra({ perSecond: perMinute / 60, burst: Math.max(1, perMinute / 60) + 1 });
