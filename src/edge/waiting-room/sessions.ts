/**
 * How many are inside, without a list of them: counts by the time at which they end at the latest. Each doubt is decided for "still inside": an end
 * is rounded up, and one who ends early is taken from the earliest count that it can be of.
 */
export type Sessions = {
  /** Ascending by time; a dozen to a hundred. */
  readonly ends: readonly (readonly [untilMs: number, count: number])[];
  /** After a loss those who were inside are counted here, whenever they really end; 0 when there was none. */
  readonly mergedMs: number;
};

export const emptySessions: Sessions = { ends: [], mergedMs: 0 };

/** What an edge's clock may lag behind the line's when it judges a pass. */
export const lagMaxMs = 2000;

const shares = 60;

export function begun(sessions: Sessions, untilMs: number, count: number, sessionMs: number): Sessions {
  if (count <= 0) return sessions;
  const unitMs = Math.max(1000, sessionMs / shares);
  const end = Math.ceil((untilMs + lagMaxMs) / unitMs) * unitMs;
  const ends = sessions.ends.slice();
  const at = ends.findIndex(([other]) => other >= end);
  const found = ends[at];
  if (found?.[0] === end) ends[at] = [end, found[1] + count];
  else ends.splice(at < 0 ? ends.length : at, 0, [end, count]);
  return { ...sessions, ends };
}

/** Ended before their time, which was `untilMs` by their pass. */
export function ended(sessions: Sessions, untilMs: number, count: number, sessionMs: number): Sessions {
  const unitMs = Math.max(1000, sessionMs / shares);
  const latest = Math.ceil((untilMs + lagMaxMs) / unitMs) * unitMs;
  let left = count;
  const ends: (readonly [number, number])[] = [];
  for (const [end, inside] of sessions.ends) {
    const isTheirs = end <= latest || end === sessions.mergedMs;
    const taken = isTheirs ? Math.min(left, inside) : 0;
    left -= taken;
    if (inside > taken) ends.push([end, inside - taken]);
  }
  return { ...sessions, ends };
}

export function withoutEnded(sessions: Sessions, nowMs: number): Sessions {
  const { ends } = sessions;
  const first = ends[0];
  if (first === undefined || first[0] > nowMs) return sessions;
  return { ...sessions, ends: ends.filter(([end]) => end > nowMs) };
}

export const insideOf = ({ ends }: Sessions): number => ends.reduce((sum, [, count]) => sum + count, 0);

/** How many end by themselves until then. */
export const endingBy = ({ ends }: Sessions, untilMs: number): number =>
  ends.reduce((sum, [end, count]) => (end <= untilMs ? sum + count : sum), 0);

/** After a loss: all who may be inside, ending as late as they can. */
export function merged(count: number, untilMs: number): Sessions {
  return count <= 0 ? emptySessions : { ends: [[untilMs, count]], mergedMs: untilMs };
}
