/**
 * Room time: never ahead of time, because each edge only reckons on from what it was told. But it may be behind, differently for each edge, and catches up when
 * one reports that is less behind; then a minute of it would be shorter than a minute. So an edge's reckoning is only taken up to a bound beyond its
 * last report, and what happens now is booked at the latest moment to which the others could still take it: from there on a minute is a minute at least.
 */
import { type Report, reckonedMaxMs } from "./report.ts";
import type { LineState } from "./state.ts";

/** The line's time with this report. Where nobody else has changed the line since, all that the edge reckons has passed. */
export function advancedTime(line: LineState, { edge, roomMs }: Pick<Report, "edge" | "roomMs">): number {
  const self = line.edges[edge];
  if (self === undefined) return line.roomMs;
  const isLast = self.serial === line.serial;
  return Math.max(line.roomMs, isLast ? roomMs : Math.min(roomMs, self.seenMs + reckonedMaxMs));
}

/** What happened until now happened before this moment, whoever reports next. */
export function bookingMs(line: LineState, edge: string): number {
  let latest = line.roomMs;
  for (const [id, { seenMs }] of Object.entries(line.edges)) {
    if (id !== edge) latest = Math.max(latest, seenMs + reckonedMaxMs);
  }
  return latest;
}
