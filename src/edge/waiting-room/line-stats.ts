/** A line for its operators: what all edges agreed on last, beside what this edge has counted itself. */
import type { Room } from "#contract/waiting-room.ts";
import type { AdmissionRecord } from "./admission-record.ts";
import type { LineStats } from "./line.ts";
import { activeMaxOf, outflowOf } from "./rates.ts";
import type { Reporter } from "./reporter.ts";
import { insideOf } from "./sessions.ts";
import { admittedLastMinuteOf, type LineState, waitingOf } from "./state.ts";
import { showingOf } from "./turns.ts";
import { totalOf } from "./window.ts";

type OfThisEdge = Pick<LineStats, "isReachable" | "admittedCutOff" | "usedTwice"> & {
  readonly record: AdmissionRecord;
  readonly reporter: Reporter;
};

export function lineStats(line: LineState, room: Room, { record, reporter, ...own }: OfThisEdge): LineStats {
  return {
    isReachable: own.isReachable,
    edges: Object.keys(line.edges).length,
    waiting: waitingOf(line),
    atTheDoor: Object.values(line.edges).reduce((sum, edgeState) => sum + edgeState.door.count, 0),
    active: insideOf(line.sessions),
    admittedLastMinute: admittedLastMinuteOf(line),
    admitted: line.admitted,
    mostInMinute: record.mostInMinute,
    beyondOutflow: record.beyond,
    outflowPerMinute: outflowOf(line, room),
    activeMax: activeMaxOf(line, room),
    strandedLastMinute: totalOf(line.stranded),
    showRate: showingOf(line.turns, line.roomMs).rate,
    resumed: line.resumed,
    silentMs: reporter.silentMs,
    reportMs: reporter.reportMs,
    reportsFailed: reporter.failures,
    admittedCutOff: own.admittedCutOff,
    usedTwice: own.usedTwice,
  };
}
