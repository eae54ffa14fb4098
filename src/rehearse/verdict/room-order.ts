/**
 * Whether a waiting room let people in in the order of their places, from what those who stood in its line were told and when.
 *
 * An overtaking is a pair: somebody with a later place was let in before somebody with an earlier one who was there for it. Who was there is
 * narrow on purpose, since a turn that nobody uses must not hold up the rest, and since two edges agree within a second or so:
 *  - they were told to wait, by an answer that was asked for `hearsaySeconds` or more after the later one was in;
 *  - or their request to be let in had been with the room for `standsSeconds` by then, and was answered `apartSeconds` or more afterwards. Edges
 *    that share a line let in those at their own doors by what each was granted for seconds, so that this is strict for one edge alone.
 */
import { sum } from "../measure/merge.ts";
import type { LineVisit } from "../ports.ts";

export const hearsaySeconds = 3;
export const standsSeconds = 1;
export const apartSeconds = 0.25;
/** What the clocks of the crowd's processes may differ. */
const clocksSeconds = 0.25;

export type RoomOrder = {
  /** Shoppers whose place is known. */
  readonly placed: number;
  readonly overtakings: number;
  /** Those of `overtakings` that happened at the door, to somebody whose request to be let in was there. */
  readonly atTheDoor: number;
  /** Who was overtaken most often, by how many. */
  readonly overtakenMost: number;
  /** Shoppers who were told a number that another one had. */
  readonly doubled: number;
  /** Who came after somebody had been told their number, and got an earlier one. */
  readonly aheadOfTime: number;
  readonly movedBack: number;
  /** Kendall's tau between places and the order of being let in: 1 when they are the same; null for fewer than two. */
  readonly tau: number | null;
};

type Placed = LineVisit & { readonly rank: number };

export function roomOrderOf(visits: readonly LineVisit[]): RoomOrder {
  const known = visits.filter((visit): visit is Placed => visit.rank !== undefined);
  const placed = [...known, ...withoutNumber(visits, known)];
  const overtaken = overtakingsOf(placed);
  const whileWaiting = overtakingsOf(placed.map((visit) => ({ ...visit, claims: [] })));
  const numbers = visits.flatMap(({ number }) => (number === undefined ? [] : [number]));
  return {
    placed: known.length,
    overtakings: sum(overtaken),
    atTheDoor: sum(overtaken) - sum(whileWaiting),
    overtakenMost: overtaken.reduce((most, count) => Math.max(most, count), 0),
    doubled: numbers.length - new Set(numbers).size,
    aheadOfTime: aheadOfTime(visits),
    movedBack: visits.reduce((total, { movedBack }) => total + movedBack, 0),
    tau: tauOf(placed),
  };
}

/** Who was let in without a word stands behind all whose number was told before they asked. */
function withoutNumber(visits: readonly LineVisit[], known: readonly Placed[]): Placed[] {
  const told = known
    .flatMap(({ rank, numberedSecond }) => (numberedSecond === undefined ? [] : [[numberedSecond, rank] as const]))
    .sort(([one], [other]) => one - other);
  let at = 0;
  let highest = 0;
  return visits
    .filter((visit) => visit.rank === undefined && visit.letIn !== undefined)
    .sort((one, other) => one.came[0] - other.came[0])
    .map((visit) => {
      for (; at < told.length && (told[at]?.[0] ?? 0) < visit.came[0] - clocksSeconds; at++)
        highest = Math.max(highest, told[at]?.[1] ?? 0);
      return { ...visit, rank: highest + 0.5 };
    });
}

/** For each who is placed, how many with later places overtook them. */
function overtakingsOf(placed: readonly Placed[]): number[] {
  const times = placed
    .flatMap(({ letIn }) => (letIn === undefined ? [] : [letIn[1]]))
    .sort((one, other) => one - other);
  const counts = new Int32Array(times.length + 1);
  // A Fenwick tree over the moments of being let in: those of later places stand in it when an earlier one asks.
  const insert = (second: number): void => {
    for (let at = firstAfter(times, second); at <= times.length; at += at & -at)
      counts[at] = (counts[at] as number) + 1;
  };
  const until = (second: number): number => {
    let total = 0;
    for (let at = firstAfter(times, second); at > 0; at -= at & -at) total += counts[at] as number;
    return total;
  };
  const byRank = [...placed].sort((one, other) => other.rank - one.rank);
  const found: number[] = [];
  for (let at = 0; at < byRank.length; ) {
    let end = at;
    while (byRank[end]?.rank === byRank[at]?.rank && end < byRank.length) end += 1;
    const same = byRank.slice(at, end);
    for (const visit of same)
      found.push(thereAt(visit).reduce((total, [from, to]) => total + until(to) - until(from), 0));
    for (const { letIn } of same) if (letIn !== undefined) insert(letIn[1]);
    at = end;
  }
  return found;
}

/** The spans in which whoever is let in with a later place overtakes this one; they do not overlap. */
function thereAt({ waitedSecond, claims, letIn }: LineVisit): (readonly [from: number, to: number])[] {
  const spans: (readonly [number, number])[] = claims.map(([sent, answered]) => [
    sent + standsSeconds,
    answered - apartSeconds,
  ]);
  if (waitedSecond !== undefined) spans.push([Number.NEGATIVE_INFINITY, waitedSecond - hearsaySeconds]);
  let done = Number.NEGATIVE_INFINITY;
  const inAt = letIn === undefined ? Number.POSITIVE_INFINITY : letIn[1] - apartSeconds;
  return spans
    .sort(([one], [other]) => one - other)
    .flatMap(([from, to]) => {
      const span = [Math.max(from, done), Math.min(to, inAt)] as const;
      if (span[1] <= span[0]) return [];
      [, done] = span;
      return [span];
    });
}

function aheadOfTime(visits: readonly LineVisit[]): number {
  const told = visits
    .flatMap(({ number, numberedSecond }) =>
      number === undefined || numberedSecond === undefined ? [] : [[numberedSecond, number] as const],
    )
    .sort(([one], [other]) => one - other);
  let at = 0;
  let highest = 0;
  let early = 0;
  for (const { number, came } of [...visits].sort((one, other) => one.came[0] - other.came[0])) {
    for (; at < told.length && (told[at]?.[0] ?? 0) < came[0] - clocksSeconds; at++)
      highest = Math.max(highest, told[at]?.[1] ?? 0);
    if (number !== undefined && number < highest) early += 1;
  }
  return early;
}

/** Kendall, "A New Measure of Rank Correlation", 1938; pairs out of order are counted while they are merged into it. */
function tauOf(placed: readonly Placed[]): number | null {
  const order = placed
    .flatMap(({ rank, letIn }) => (letIn === undefined ? [] : [{ rank, at: letIn[1] }]))
    .sort((one, other) => one.rank - other.rank)
    .map(({ at }) => at);
  const pairs = (order.length * (order.length - 1)) / 2;
  return pairs === 0 ? null : 1 - (2 * outOfOrder(order).count) / pairs;
}

function outOfOrder(values: readonly number[]): { readonly sorted: readonly number[]; readonly count: number } {
  if (values.length < 2) return { sorted: values, count: 0 };
  const middle = values.length >> 1;
  const [left, right] = [outOfOrder(values.slice(0, middle)), outOfOrder(values.slice(middle))];
  const sorted: number[] = [];
  let count = left.count + right.count;
  let [at, other] = [0, 0];
  while (at < left.sorted.length || other < right.sorted.length) {
    const [one, two] = [left.sorted[at], right.sorted[other]];
    if (two === undefined || (one !== undefined && one <= two)) {
      sorted.push(one as number);
      at += 1;
    } else {
      sorted.push(two);
      count += left.sorted.length - at;
      other += 1;
    }
  }
  return { sorted, count };
}

/** How many of the sorted values are not above this one. */
function firstAfter(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
