/**
 * Whether waiting rooms kept what they promise: by their own books, by what the crowd saw, and by whether the two agree. The crowd may be a part
 * only of those who came, so that it can show that too many were let in and never that all were few enough.
 */
import { visitsByRoom } from "../crowd/rooms.ts";
import type { LineVisit, RoomsSeen } from "../ports.ts";
import type { PromiseResult } from "../result.ts";
import { notLookedAt, promise } from "./promises.ts";
import { type RoomOrder, roomOrderOf } from "./room-order.ts";

/** What a room says of itself, of the time of the run. */
export type RoomBooks = {
  readonly room: string;
  /** By all edges; undefined when the line was made anew meanwhile, and may have forgotten some. */
  readonly admitted: number | undefined;
  /** Beside the line: codes, addresses, the floor rate. */
  readonly bypassed: number;
  /** The greatest outflow that is known. */
  readonly outflowPerMinute: number;
  /** In any 60 seconds at most, and how many beyond what was allowed in theirs; of the edge that was asked. */
  readonly mostInMinute: number | undefined;
  /** That edge was restarted meanwhile, and counts since then. */
  readonly isRestarted: boolean;
  readonly beyond: number;
  /** How many edges share the line, as far as is known. */
  readonly edges: number;
};

/** A minute of the crowd's is shorter by what the clocks of its processes may differ. */
const minuteSeconds = 59.9;

/** `books`: rooms that were met and are not in it have nobody who speaks for them. */
export function judgeRooms(seen: RoomsSeen, books: readonly RoomBooks[]): [PromiseResult, PromiseResult] {
  const rooms = [...visitsByRoom(seen)].map(([room, visits]) => ({
    room,
    visits,
    seenOutflow: seen.sightings.reduce(
      (most, one) => (one.room === room ? Math.max(most, one.outflowPerMinute) : most),
      0,
    ),
    book: books.find((one) => one.room === room),
  }));
  if (rooms.length === 0) {
    const why = "the crowd met no waiting room that speaks as a Spillway's does";
    return [notLookedAt("admission", why), notLookedAt("fairness", why)];
  }
  const left = seen.visitsCount - seen.visits.length;
  const more = left > 0 ? [`${left} more shoppers came than are kept`] : [];
  const admissions = rooms.map(admissionOf);
  const orders = rooms.map(({ room, visits, book }) => ({
    room,
    order: roomOrderOf(visits),
    isOneEdge: book?.edges === 1,
  }));
  const placed = orders.reduce((total, { order }) => total + order.placed, 0);
  const looked = admissions.reduce((total, one) => total + one.looked, 0);
  const words = [...admissions.map((one) => one.words), ...more].join(". ");
  return [
    looked === 0
      ? notLookedAt("admission", words)
      : promise(
          "admission",
          looked,
          admissions.reduce((total, one) => total + one.broken, 0),
          words,
        ),
    placed === 0
      ? notLookedAt("fairness", "everybody was let in at once, and nobody was told a number")
      : promise(
          "fairness",
          placed,
          orders.reduce((total, { order, isOneEdge }) => total + brokenIn(order, isOneEdge), 0),
          [...orders.map(({ room, order, isOneEdge }) => orderWords(room, order, isOneEdge)), ...more].join(". "),
        ),
  ];
}

const whole = (value: number): string => value.toLocaleString("en");

type Met = {
  readonly room: string;
  readonly visits: readonly LineVisit[];
  readonly seenOutflow: number;
  readonly book: RoomBooks | undefined;
};

function admissionOf({ room, visits, seenOutflow, book }: Met): { looked: number; broken: number; words: string } {
  const letIn = visits.flatMap((visit) => (visit.letIn === undefined ? [] : [visit.letIn]));
  const allowed = Math.max(seenOutflow, book?.outflowPerMinute ?? 0);
  if (allowed === 0) return { looked: 0, broken: 0, words: `nobody says how many "${room}" may let in a minute` };
  const most = mostWithin(letIn, minuteSeconds);
  const bypassed = book?.bypassed ?? 0;
  const tooMany = Math.max(0, most - allowed - bypassed);
  const admitted = book?.admitted;
  const unbooked = admitted === undefined ? 0 : Math.max(0, letIn.length - admitted - bypassed);
  const beyond = book?.beyond ?? 0;
  const own =
    book?.mostInMinute === undefined
      ? "nobody was asked for its own books"
      : `by ${book.edges > 1 ? `the count of one of ${book.edges} edges` : "its own count"} ${whole(book.mostInMinute)}${book.isRestarted ? " since a restart" : ""}${beyond > 0 ? `, ${beyond} of them beyond what was allowed` : ""}`;
  const words = [
    `${whole(allowed)} allowed in any 60 s at "${room}"; the crowd saw ${whole(most)} at most, ${own}`,
    `${whole(letIn.length)} of the crowd were let in${admitted === undefined ? "" : `, ${whole(admitted)} in its books`}${bypassed > 0 ? `, ${bypassed} beside the line` : ""}`,
    ...(unbooked > 0 ? [`the two disagree: ${unbooked} were let in who are in no book`] : []),
  ];
  return {
    looked: Math.max(letIn.length, admitted ?? 0),
    broken: tooMany + beyond + unbooked,
    words: words.join("; "),
  };
}

/** The most whose whole request lies within so many seconds: they were surely let in within them. */
function mostWithin(letIn: readonly (readonly [sent: number, answered: number])[], seconds: number): number {
  const bySent = [...letIn].sort(([one], [other]) => one - other);
  const byAnswer = [...letIn].sort(([, one], [, other]) => one - other);
  let most = 0;
  let from = 0;
  // A best window ends with an answer. Within it: answered until then, less those who were sent before it began.
  for (const [index, [, answered]] of byAnswer.entries()) {
    while (from < bySent.length && (bySent[from]?.[0] ?? 0) < answered - seconds) from += 1;
    most = Math.max(most, index + 1 - from);
  }
  return most;
}

const brokenIn = (order: RoomOrder, isOneEdge: boolean): number =>
  order.overtakings - (isOneEdge ? 0 : order.atTheDoor) + order.doubled + order.aheadOfTime + order.movedBack;

function orderWords(room: string, order: RoomOrder, isOneEdge: boolean): string {
  const { overtakings, atTheDoor, overtakenMost, doubled, aheadOfTime, movedBack, tau } = order;
  const some = (count: number, words: string): string[] => (count > 0 ? [`${whole(count)} ${words}`] : []);
  return [
    `${whole(overtakings)} overtakings at "${room}"${overtakings > 0 ? `, one shopper by ${whole(overtakenMost)}` : ""}`,
    ...some(isOneEdge ? 0 : atTheDoor, "of them at the door, within what edges that share a line may do"),
    ...some(doubled, "numbers given twice"),
    ...some(aheadOfTime, "came later and got an earlier number"),
    ...some(movedBack, "places moved back"),
    ...(tau === null ? [] : [`Kendall's tau ${tau.toFixed(3)} between numbers and the order of being let in`]),
  ].join("; ");
}
