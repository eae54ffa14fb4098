/**
 * Turns that were called, how many came, and after how long. From them: the share who come, and how many of those called are still expected. A
 * turn is a range of ranks called together; old turns are joined, so there are never more than a few dozen.
 */
export type Turn = readonly [upTo: number, calledMs: number, count: number, came: number];

export type Turns = {
  /** Ascending. */
  readonly turns: readonly Turn[];
  /** Of turns that are no longer kept, the newer ones weighing more. */
  readonly pastCalled: number;
  readonly pastCame: number;
  /** Those who came, by how long after the call: less than a quarter of a second, half, 1, 2, 4, … seconds. */
  readonly delays: readonly number[];
};

const turnsMax = 40;
/** Calls closer together than this are one turn. */
const togetherMs = 500;
/** Longer than this nobody is waited for; who comes later is welcome all the same. */
const keptMs = 3_600_000;
const firstDelayMs = 250;
const delayBins = 12;
const delayWeightMax = 400;
const pastWeightMax = 400;

/** Before anything is measured: seven of ten come, most within eight seconds, as if of a few who were seen. */
const priorShow = 0.7;
const priorWeight = 4;
/** Nobody is called more than twenty times over: who claims would wait at the door for minutes. */
const rateLeast = 0.05;
const priorDelays: readonly number[] = [1, 1, 1, 2, 2, 2, 1.5, 0.7, 0.2, 0, 0, 0];

export const noTurns: Turns = { turns: [], pastCalled: 0, pastCame: 0, delays: [] };

export const delayBinOf = (delayMs: number): number =>
  Math.max(0, Math.min(delayBins - 1, Math.ceil(Math.log2(Math.max(delayMs, 1) / firstDelayMs))));

export function called(before: Turns, upTo: number, count: number, nowMs: number): Turns {
  const turns = before.turns.slice();
  const last = turns.at(-1);
  if (last !== undefined && nowMs - last[1] < togetherMs) {
    turns[turns.length - 1] = [upTo, last[1], last[2] + count, last[3]];
    return { ...before, turns };
  }
  turns.push([upTo, nowMs, count, 0]);
  return thinned({ ...before, turns }, nowMs);
}

/** The two neighbours whose difference matters least for their age become one; what is too old becomes the past. */
function thinned(state: Turns, nowMs: number): Turns {
  let { pastCalled, pastCame } = state;
  const turns = state.turns.slice();
  for (let first = turns[0]; first !== undefined && nowMs - first[1] > keptMs; first = turns[0]) {
    turns.shift();
    const keep = Math.min(1, pastWeightMax / (pastCalled + first[2]));
    pastCalled = (pastCalled + first[2]) * keep;
    pastCame = (pastCame + first[3]) * keep;
  }
  while (turns.length > turnsMax) {
    let best = 1;
    let least = Number.POSITIVE_INFINITY;
    for (let at = 1; at < turns.length; at++) {
      const spanMs = (turns[at] as Turn)[1] - (turns[at - 1] as Turn)[1];
      const weight = spanMs / (nowMs - (turns[at] as Turn)[1] + togetherMs);
      if (weight < least) {
        least = weight;
        best = at;
      }
    }
    const [, , countA, cameA] = turns[best - 1] as Turn;
    const [upTo, calledMs, countB, cameB] = turns[best] as Turn;
    turns.splice(best - 1, 2, [upTo, calledMs, countA + countB, cameA + cameB]);
  }
  return { ...state, turns, pastCalled, pastCame };
}

/** So many of the turn that holds this rank have come, after a delay of this bin. */
export function came(before: Turns, rank: number, delayBin: number, count: number): Turns {
  const at = before.turns.findIndex(([upTo]) => upTo >= rank);
  const turn = before.turns[at];
  if (turn === undefined || !Number.isInteger(delayBin) || delayBin < 0 || delayBin >= delayBins) return before;
  const turns = before.turns.slice();
  turns[at] = [turn[0], turn[1], turn[2], Math.min(turn[2], turn[3] + count)];
  let delays = Array.from(
    { length: delayBins },
    (_, bin) => (before.delays[bin] ?? 0) + (bin === delayBin ? count : 0),
  );
  const weight = delays.reduce((sum, value) => sum + value, 0);
  if (weight > delayWeightMax)
    delays = delays.map((value) => Math.round((value * delayWeightMax * 100) / weight) / 100);
  return { ...before, turns, delays };
}

/** When this rank was called; undefined for one that was not, or longer ago than is kept. */
export function calledAt({ turns }: Turns, rank: number): number | undefined {
  const at = turns.findIndex(([upTo]) => upTo >= rank);
  const turn = turns[at];
  if (turn === undefined) return undefined;
  const [upTo, calledMs, count] = turn;
  // Before the oldest kept turn nothing is known, holes between aside.
  return at === 0 && rank <= upTo - count ? undefined : calledMs;
}

export type Showing = {
  /** The share of those called who come, 0 to 1. */
  readonly rate: number;
  /** Mean milliseconds from the call. */
  readonly delayMs: number;
  /** Called, not come, and still expected. */
  readonly expected: number;
};

export function showingOf({ turns, pastCalled, pastCame, delays }: Turns, nowMs: number): Showing {
  const weights = priorDelays.map((prior, bin) => prior + (delays[bin] ?? 0));
  const total = weights.reduce((sum, value) => sum + value, 0);
  let delayMs = 0;
  for (let bin = 0; bin < delayBins; bin++)
    delayMs += ((weights[bin] as number) / total) * firstDelayMs * 2 ** bin * 0.75;
  const laterThan = (ageMs: number): number => {
    let later = 0;
    for (let bin = 0; bin < delayBins; bin++) {
      const to = firstDelayMs * 2 ** bin;
      const from = bin === 0 ? 0 : to / 2;
      const weight = weights[bin] as number;
      if (ageMs <= from) later += weight;
      else if (ageMs < to) later += (weight * (to - ageMs)) / (to - from);
    }
    return later / total;
  };
  let seen = priorWeight + pastCalled;
  let shown = priorWeight * priorShow + pastCame;
  // The newest turns tell most: with each older one a little less.
  let trust = 1;
  let pending = 0;
  for (let at = turns.length - 1; at >= 0; at--) {
    const [, calledMs, count, cameCount] = turns[at] as Turn;
    const later = laterThan(nowMs - calledMs);
    seen += trust * Math.max(count * (1 - later), cameCount);
    shown += trust * cameCount;
    pending += Math.min(count - cameCount, count * later);
    trust *= 0.95;
  }
  const rate = Math.min(1, Math.max(rateLeast, shown / seen));
  return { rate, delayMs, expected: rate * pending };
}
