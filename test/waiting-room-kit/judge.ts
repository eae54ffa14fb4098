/** What must be true of a scenario that was played, each invariant from nothing but what the shoppers saw. */
import type { Person, Played } from "./play.ts";
import type { Asked } from "./scenario.ts";

export type Verdict = { readonly id: string; readonly isBroken: boolean; readonly found: string };

type Finding = readonly [isBroken: boolean, found: string];
type Judge = (played: Played, asked: Asked) => Finding;

/** One place may be seen by several devices, but is one person's. */
const owners = ({ people }: Played): Person[] => people.filter(({ from }) => from === undefined);
const lastOf = <Value>(person: Person, read: (seen: Person["seen"][number]) => Value | null): Value | undefined =>
  person.seen.map(read).findLast((value): value is Value => value !== null) ?? undefined;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Each admission once, at the moment when the first who used it was in. */
function admissions({ people }: Played): number[] {
  const first = new Map<string, number>();
  let alone = 0;
  for (const { admitted } of people) {
    if (admitted === undefined) continue;
    const key = admitted.admission ?? `alone ${alone++}`;
    first.set(key, Math.min(admitted.atMs, first.get(key) ?? Number.POSITIVE_INFINITY));
  }
  return [...first.values()].sort((a, b) => a - b);
}

/** Admissions that the outflow allows between two moments; a change counts as known a second later. */
function allowedBetween({ outflow }: Played, fromMs: number, toMs: number): number {
  let sum = 0;
  for (const [at, [start, perMinute]] of outflow.entries()) {
    const startMs = at === 0 ? Number.NEGATIVE_INFINITY : start + 1000;
    const endMs = (outflow[at + 1]?.[0] ?? Number.POSITIVE_INFINITY) + 1000;
    sum += (Math.max(0, Math.min(toMs, endMs) - Math.max(fromMs, startMs)) / 60_000) * perMinute;
  }
  return sum;
}
const fastest = ({ outflow }: Played): number => Math.max(...outflow.map(([, perMinute]) => perMinute));

const judges: Readonly<Record<string, Judge>> = {
  "no-duplicate-rank"(played) {
    const byRank = new Map<number, Person>();
    const places = new Set<string>();
    for (const person of owners(played)) {
      const place = lastOf(person, (seen) => seen.place);
      if (place !== undefined && places.has(place)) return [true, `place ${place} was given twice`];
      if (place !== undefined) places.add(place);
      const rank = lastOf(person, (seen) => seen.rank);
      if (rank === undefined) continue;
      if (byRank.has(rank)) return [true, `rank ${rank} was given twice`];
      byRank.set(rank, person);
    }
    return [places.size === 0, `${places.size} places, ${byRank.size} ranks`];
  },

  "no-rank-back"({ people }) {
    let looks = 0;
    for (const { seen, group } of people) {
      let rank: number | undefined;
      let ahead = Number.POSITIVE_INFINITY;
      for (const now of seen) {
        looks += 1;
        if (now.rank !== null && rank !== undefined && now.rank !== rank)
          return [true, `one of ${group} was told rank ${rank}, and later ${now.rank}`];
        if (now.ahead !== null && now.ahead > ahead)
          return [true, `one of ${group} was told that ${ahead} are ahead, and later ${now.ahead}`];
        rank = now.rank ?? rank;
        ahead = now.ahead ?? ahead;
      }
    }
    return [looks === 0, `${looks} looks`];
  },

  "no-over-admission"(played, { burstSeconds }) {
    const times = admissions(played);
    const burst = (fastest(played) / 60) * Number(burstSeconds) + 1;
    let most = 0;
    for (const [first, fromMs] of times.entries()) {
      for (let last = first; last < times.length; last++) {
        const toMs = times[last] as number;
        const count = last - first + 1;
        const allowed = allowedBetween(played, fromMs - 1000, toMs) + burst;
        if (toMs - fromMs < 60_000 && count > Math.min(allowed, fastest(played)))
          return [true, `${count} were admitted in ${seconds(toMs - fromMs)}, where ${allowed.toFixed(1)} may be`];
        if (toMs - fromMs < 60_000) most = Math.max(most, count);
      }
    }
    return [false, `${times.length} admitted, at most ${most} in any 60 s`];
  },

  throughput(played, { from, to, share }) {
    const fromMs = played.startedAtMs + Number(from) * 1000;
    const toMs = played.startedAtMs + Number(to) * 1000;
    const count = admissions(played).filter((atMs) => atMs >= fromMs && atMs < toMs).length;
    const due = allowedBetween(played, fromMs, toMs);
    return [
      count < due * Number(share),
      `${count} admitted from second ${from} to ${to}, of ${due.toFixed(0)} that the rate allows`,
    ];
  },

  "first-come"(played, { swapped, apartSeconds }) {
    const served = owners(played).filter(({ admitted }) => admitted !== undefined);
    let pairs = 0;
    let wrong = 0;
    for (const one of served) {
      for (const other of served) {
        if (other.joinedAtMs - one.joinedAtMs < Number(apartSeconds) * 1000) continue;
        pairs += 1;
        if ((one.admitted?.atMs ?? 0) > (other.admitted?.atMs ?? 0)) wrong += 1;
      }
    }
    // Somebody who came much earlier and is still waiting, while a later one is in, is out of order too.
    const waiting = owners(played).filter(({ admitted, isGhost }) => admitted === undefined && !isGhost);
    for (const one of waiting) {
      for (const other of served) {
        if (other.joinedAtMs - one.joinedAtMs < Number(apartSeconds) * 1000) continue;
        pairs += 1;
        wrong += 1;
      }
    }
    return [pairs === 0 || wrong > pairs * Number(swapped), `${wrong} of ${pairs} pairs the other way round`];
  },

  drawn(played) {
    const opens = played.startedAtMs + played.scenario.room.opensInSeconds * 1000;
    const entrants = owners(played).filter(({ joinedAtMs }) => joinedAtMs < opens - 1000);
    const ranks = entrants.map((person) => lastOf(person, (seen) => seen.rank) ?? 0);
    const whole = ranks.toSorted((a, b) => a - b).every((rank, at) => rank === at + 1);
    if (!whole) return [true, `the ranks of ${ranks.length} entrants are not 1 to ${ranks.length}`];
    const late = owners(played).filter(({ joinedAtMs }) => joinedAtMs > opens);
    if (late.some((person) => (lastOf(person, (seen) => seen.rank) ?? 0) <= ranks.length))
      return [true, "somebody who came after the doors opened was drawn among the entrants"];
    // Spearman's correlation of arrival and rank: 0 for a fair draw, give or take 1 / √n.
    const byArrival = entrants.toSorted((a, b) => a.joinedAtMs - b.joinedAtMs);
    const middle = (ranks.length + 1) / 2;
    let product = 0;
    for (const [at, person] of byArrival.entries())
      product += (at + 1 - middle) * ((lastOf(person, (seen) => seen.rank) ?? 0) - middle);
    const correlation = product / ((ranks.length * (ranks.length ** 2 - 1)) / 12);
    return [
      Math.abs(correlation) > 5 / Math.sqrt(ranks.length),
      `${ranks.length} drew; arrival and rank correlate by ${correlation.toFixed(2)}`,
    ];
  },

  "receipts-hold"({ receipts }) {
    const broken = receipts.flatMap((receipt) => receipt.broken);
    return [receipts.length === 0 || broken.length > 0, broken[0] ?? `${receipts.length} receipts`];
  },

  "place-kept"({ people }) {
    for (const person of people) {
      const places = new Set(person.seen.flatMap(({ place }) => (place === null ? [] : [place])));
      if (places.size > 1) return [true, `one of ${person.group} had places ${[...places].join(", ")}`];
      if (person.from?.by !== "moving") continue;
      const [before, after] = [person.from.person, person].map((one) => ({
        place: lastOf(one, (seen) => seen.place),
        rank: lastOf(one, (seen) => seen.rank),
      }));
      if (after?.place === undefined || before?.place !== after.place || before?.rank !== after.rank)
        return [true, `place ${before?.place} of rank ${before?.rank} became ${after?.place} of rank ${after?.rank}`];
    }
    return [people.length === 0, `${people.length} places`];
  },

  "one-device"({ people }) {
    const moved = people.filter(({ left }) => left !== undefined);
    const wrong = moved.filter(
      ({ left }) => left?.isAdmitted === true || !["moved", "refused"].includes(left?.state ?? ""),
    );
    return [moved.length === 0 || wrong.length > 0, `${wrong.length} of ${moved.length} old devices still had it`];
  },

  "one-admission-a-place"(played) {
    const places = new Map<string, Set<string>>();
    for (const person of played.people) {
      if (person.admitted === undefined) continue;
      const place = lastOf(person.from?.person ?? person, (seen) => seen.place) ?? "";
      places.set(place, (places.get(place) ?? new Set()).add(person.admitted.admission ?? `another ${places.size}`));
    }
    const twice = [...places].find(([, ids]) => ids.size > 1);
    if (twice !== undefined) return [true, `place ${twice[0]} was admitted ${twice[1].size} times`];
    const counted = played.admittedCount;
    return [
      places.size === 0 || (counted !== undefined && counted > places.size),
      `${places.size} places admitted; the room counts ${counted ?? "nothing"}`,
    ];
  },

  "interval-coverage"({ people }, { share }) {
    let told = 0;
    let held = 0;
    for (const { seen } of people) {
      const turn = seen.find(({ state }) => state === "your-turn" || state === "at-the-door" || state === "admitted");
      if (turn === undefined) continue;
      for (const { state, waitSeconds, atMs } of seen) {
        if (state !== "waiting" || waitSeconds === null || atMs >= turn.atMs) continue;
        const actual = (turn.atMs - atMs) / 1000;
        told += 1;
        // People look every second, so a turn is seen up to a second and a round trip after it came.
        if (actual >= waitSeconds[0] - 0.5 && actual - 1.5 <= waitSeconds[1]) held += 1;
      }
    }
    return [told === 0 || held < told * Number(share), `${held} of ${told} expected times held`];
  },

  resumes(played, { seconds: most }) {
    const lostAtMs = played.lostAtMs ?? played.endedAtMs;
    const after = [lostAtMs, ...admissions(played).filter((atMs) => atMs > lostAtMs)];
    const gaps = after.map((atMs, at) => (after[at + 1] ?? played.endedAtMs) - atMs);
    const longest = Math.max(...gaps);
    return [after.length === 1 || longest > Number(most) * 1000, `nobody was admitted for ${seconds(longest)} at most`];
  },

  "cheap-polls"({ documents }, { bytes }) {
    const last = documents.at(-1);
    const found = documents.map((one) => `${one.bytes} bytes${one.isShared ? "" : ", not shared"}`).join("; ");
    if (last === undefined) return [true, "no document"];
    const isCheap = documents.every((one) => one.isShared && one.bytes <= Number(bytes));
    return [
      !isCheap || last.againFarSeconds <= last.againNearSeconds,
      `${found}; again after ${last.againNearSeconds} to ${last.againFarSeconds} s`,
    ];
  },

  "sold-out-told"({ people, soldOutAtMs }, { seconds: within }) {
    const fromMs = (soldOutAtMs ?? 0) + Number(within) * 1000;
    let looks = 0;
    for (const { seen } of people) {
      for (const { atMs, state, chance } of seen) {
        if (soldOutAtMs === undefined || atMs < fromMs || state === "admitted") continue;
        looks += 1;
        if (state !== "sold-out" && state !== "closed" && chance !== 0)
          return [
            true,
            `somebody still read "${state}" ${seconds(atMs - soldOutAtMs)} later, with a chance of ${chance ?? "nothing"}`,
          ];
      }
    }
    return [looks === 0, `${looks} looks`];
  },
};

export function judge(played: Played): Verdict[] {
  return played.scenario.invariants.map((asked) => {
    const judgeOne = judges[asked.id];
    if (judgeOne === undefined) throw new Error(`There is no invariant "${asked.id}"`);
    const [isBroken, found] = judgeOne(played, asked);
    return { id: asked.id, isBroken, found };
  });
}

export const invariantIds = Object.keys(judges);
