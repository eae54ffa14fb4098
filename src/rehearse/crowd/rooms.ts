/** What the whole crowd saw of the waiting rooms that it met: everybody's visits, and for a chart how many stood in line when. */
import { sum } from "../measure/merge.ts";
import type { LineVisit, RoomsSeen } from "../ports.ts";
import type { LineResult } from "../result.ts";

export function roomsSeenOf(parts: readonly RoomsSeen[]): RoomsSeen {
  return {
    visits: parts.flatMap(({ visits }) => visits),
    visitsCount: sum(parts.map(({ visitsCount }) => visitsCount)),
    sightings: parts.flatMap(({ sightings }) => sightings).sort((one, other) => one.atSecond - other.atSecond),
  };
}

export const visitsByRoom = ({ visits }: RoomsSeen): Map<string, LineVisit[]> =>
  Map.groupBy(visits, ({ room }) => room);

/** Second by second, from the measured time's beginning until the last was let in. */
export function linesOf(seen: RoomsSeen, seconds: number): LineResult[] {
  const last = Math.ceil(seen.visits.reduce((latest, { letIn }) => Math.max(latest, letIn?.[1] ?? 0), seconds));
  return [...visitsByRoom(seen)].map(([room, visits]) => {
    const inLine = new Int32Array(last + 2);
    const letIn = new Int32Array(last + 2);
    const at = (second: number): number => Math.min(Math.max(Math.floor(second), 0), last + 1);
    for (const visit of visits) {
      const from = at(visit.came[1]);
      const to = visit.letIn === undefined ? last + 1 : at(visit.letIn[1]);
      inLine[from] = (inLine[from] as number) + 1;
      inLine[to] = (inLine[to] as number) - 1;
      if (visit.letIn !== undefined) letIn[to] = (letIn[to] as number) + 1;
    }
    const told = seen.sightings.filter((sighting) => sighting.room === room);
    let waiting = 0;
    let lastMinute = 0;
    return {
      room,
      came: visits.length,
      letIn: visits.filter((visit) => visit.letIn !== undefined).length,
      allowedPerMinute: told.length === 0 ? null : Math.max(...told.map(({ outflowPerMinute }) => outflowPerMinute)),
      everySecond: Array.from({ length: last + 1 }, (_, second) => {
        waiting += inLine[second] as number;
        lastMinute += (letIn[second] as number) - (second >= 60 ? (letIn[second - 60] as number) : 0);
        return { atSecond: second, inLine: waiting, letInLastMinute: lastMinute };
      }),
      said: told.map(({ atSecond, waiting }) => ({ atSecond, waiting })),
    };
  });
}
