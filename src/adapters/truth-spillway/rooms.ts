/**
 * What waiting rooms say of themselves: by the metrics of an edge, read before and after the run; where nobody gives those, the outflow alone, by
 * the document that everybody reads. In front of any shop: a room in front of a foreign one is asked the same.
 */
import type { Outcomes, RoomsSeen, Truth } from "#rehearse/ports.ts";
import type { PromiseResult } from "#rehearse/result.ts";
import { judgeRooms, type RoomBooks } from "#rehearse/verdict/room-truth.ts";
import { readMetrics, type Samples, sum } from "./metrics.ts";

/** An edge tells the line what it has let in within half a second, and the line's other edges hear of it then. */
const askAgainMs = 500;
const asksMax = 8;
const documentMaxBytes = 1024 * 1024;

export type RoomQuestion = {
  readonly metricsUrl: string | undefined;
  /** Of the shop, for the public document; undefined: it is not asked. */
  readonly targetUrl: string | undefined;
};

const none: RoomsSeen = { visits: [], visitsCount: 0, sightings: [] };

export async function roomPromises(
  { rooms = none }: Pick<Outcomes, "rooms">,
  { metricsUrl, targetUrl }: RoomQuestion,
  before: Samples | undefined,
): Promise<readonly PromiseResult[]> {
  const met = [...new Set(rooms.visits.map(({ room }) => room))];
  let books: RoomBooks[] = [];
  for (let asked = 0; asked < asksMax && metricsUrl !== undefined && before !== undefined && met.length > 0; asked++) {
    const after = await readMetrics(metricsUrl).catch(() => undefined);
    if (after !== undefined) books = met.flatMap((room) => booksOf(room, before, after));
    const isWhole = books.every(({ room, admitted = Number.POSITIVE_INFINITY }) => admitted >= letInOf(rooms, room));
    if (after !== undefined && isWhole) break;
    await Bun.sleep(askAgainMs);
  }
  if (targetUrl !== undefined)
    for (const room of met) {
      if (books.some((one) => one.room === room) || rooms.sightings.some((one) => one.room === room)) continue;
      const outflowPerMinute = await publicOutflow(targetUrl, room);
      if (outflowPerMinute !== undefined)
        books.push({
          room,
          admitted: undefined,
          bypassed: 0,
          outflowPerMinute,
          mostInMinute: undefined,
          isRestarted: false,
          beyond: 0,
          edges: 0,
        });
    }
  return judgeRooms(rooms, books);
}

const letInOf = ({ visits }: RoomsSeen, room: string): number =>
  visits.filter((visit) => visit.room === room && visit.letIn !== undefined).length;

/** Nothing for a room that this edge does not have. */
function booksOf(room: string, before: Samples, after: Samples): RoomBooks[] {
  const name = "spillway_room_outflow_per_minute";
  if (!after.some((sample) => sample.name === name && sample.labels.room === room)) return [];
  const of = (samples: Samples, metric: string): number => sum(samples, metric, { room });
  const since = (metric: string): number => {
    const grown = of(after, metric) - of(before, metric);
    // A process that was restarted counts from nothing again.
    return grown >= 0 ? grown : of(after, metric);
  };
  const admitted = of(after, "spillway_room_admitted_total") - of(before, "spillway_room_admitted_total");
  // A line that was made again may have forgotten its last second, and a process that began anew may have begun another line.
  const isRestarted = sum(after, "process_start_time_seconds") !== sum(before, "process_start_time_seconds");
  const isResumed = of(after, "spillway_room_resumed_total") !== of(before, "spillway_room_resumed_total");
  return [
    {
      room,
      admitted: isRestarted || isResumed ? undefined : admitted,
      bypassed: since("spillway_room_bypassed_total"),
      outflowPerMinute: Math.max(of(before, name), of(after, name)),
      mostInMinute: of(after, "spillway_room_admitted_in_minute_most"),
      isRestarted,
      beyond: since("spillway_room_admitted_beyond_total"),
      edges: Math.max(of(before, "spillway_room_edges"), of(after, "spillway_room_edges")),
    },
  ];
}

async function publicOutflow(targetUrl: string, room: string): Promise<number | undefined> {
  try {
    const answer = await fetch(new URL(`/.spillway/rooms/${room}/now`, targetUrl), {
      signal: AbortSignal.timeout(5000),
      redirect: "error",
    });
    const { now } = JSON.parse((await answer.text()).slice(0, documentMaxBytes)) as {
      now?: { outflowPerMinute?: unknown };
    };
    return typeof now?.outflowPerMinute === "number" ? now.outflowPerMinute : undefined;
  } catch {
    return undefined;
  }
}

/** For shops whose own books know nothing of a line in front of them. */
export function withRooms(shop: Truth | undefined, question: RoomQuestion): Truth {
  const { metricsUrl } = question;
  let before: Samples | undefined;
  return {
    async before() {
      await shop?.before();
      if (metricsUrl !== undefined) before = await readMetrics(metricsUrl);
    },
    after: async (outcomes) => [
      ...((await shop?.after(outcomes)) ?? []),
      ...(await roomPromises(outcomes, question, before)),
    ],
    close: async () => await shop?.close(),
  };
}
