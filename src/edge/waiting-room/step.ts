/**
 * One report applied to the line: the only way in which it changes. Pure, so that any edge may do it for all and a simulation can go through every
 * order of events. The steps stand in `step` in their order; each takes the line and gives the next.
 */
import { gcra, remaining } from "#resilience/gcra.ts";
import { advanced, callsOf, horizonOf } from "./calling.ts";
import { known as knownBy, remade, withHole } from "./checkpoint.ts";
import { moved } from "./doors.ts";
import { commitmentOf, entrantsMax } from "./draw.ts";
import { append, appendGap, rootOf, type Sha256 } from "./merkle.ts";
import { withMoves } from "./moved-places.ts";
import { activeMaxOf, outflowOf, paceOf } from "./rates.ts";
import { leaseGraceMs, leaseMs, type Report, type StepInputs } from "./report.ts";
import { advancedTime, bookingMs } from "./room-time.ts";
import { begun, ended, endingBy, insideOf, withoutEnded } from "./sessions.ts";
import {
  type EdgeState,
  type JoinRefusal,
  type Lease,
  type LineState,
  phaseOf,
  type Reply,
  waitingOf,
} from "./state.ts";
import { called, came, showingOf } from "./turns.ts";
import { booked, shifted, totalOf } from "./window.ts";

export type Stepped = { readonly state: LineState; readonly reply: Reply; readonly isChanged: boolean };

/** An edge that was not heard of for so long is forgotten; its leases have ended long before. */
const edgeForgottenMs = 30_000;
const edgesMax = 64;
/** What an edge said of its door counts for so long. */
const doorTrustedMs = 1500;
const releasedMax = 256;

export function step(stored: LineState | null, report: Report, inputs: StepInputs): Stepped {
  const line = knownBy(stored, inputs) ?? remade(stored, report.roomMs, inputs);
  const before = line.edges[report.edge];
  if (before !== undefined && before.report === report.number && line === stored)
    return { state: line, reply: before.reply, isChanged: false };

  let state: LineState = {
    ...line,
    server: inputs.server,
    serial: line.serial + 1,
    roomMs: advancedTime(line, report),
    wallMs: inputs.wallMs,
  };
  // Sent again after a loss was noticed: the answer is kept even then.
  const isRepeated = before !== undefined && before.report === report.number;
  state = withoutThePast(state, bookingMs(state, report.edge), inputs);
  if (isRepeated) return { state, reply: before.reply, isChanged: true };

  state = withTold(state, report);
  state = withUses(state, report, inputs);
  state = withSessions(state, report, inputs);
  state = withDoors(state, report, inputs);
  const joined = withJoins(state, report, inputs);
  state = withCalls(joined.state, report, inputs);
  const granted = withGrant(state, report, inputs);
  state = granted.state;
  const reply: Reply = {
    report: report.number,
    roomMs: state.roomMs,
    joined: joined.joined,
    granted: granted.count,
  };
  const self = state.edges[report.edge] as EdgeState;
  state = { ...state, edges: { ...state.edges, [report.edge]: { ...self, report: report.number, reply } } };
  return { state, reply, isChanged: true };
}

const outstandingOf = (state: LineState): number =>
  Object.values(state.edges).reduce(
    (sum, { leases }) => leases.reduce((held, [, count, used]) => held + count - used, sum),
    0,
  );

/** Buckets and sessions whose time is over; leases that ended without a word, which count as used. */
function withoutThePast(line: LineState, atMs: number, { room }: StepInputs): LineState {
  const { roomMs } = line;
  const sessionMs = room.sessionSeconds * 1000;
  let window = shifted(line.window, roomMs);
  let stranded = shifted(line.stranded, roomMs);
  let sessions = withoutEnded(line.sessions, roomMs);
  const edges: Record<string, EdgeState> = {};
  for (const [id, edge] of Object.entries(line.edges)) {
    const open: Lease[] = [];
    for (const lease of edge.leases) {
      const [, count, used, endsMs] = lease;
      if (endsMs > roomMs) {
        open.push(lease);
        continue;
      }
      window = booked(window, atMs, count - used);
      stranded = booked(stranded, atMs, count - used);
      sessions = begun(sessions, atMs + sessionMs, count - used, sessionMs);
    }
    if (open.length > 0 || roomMs - edge.seenMs < edgeForgottenMs) edges[id] = { ...edge, leases: open };
  }
  return { ...line, window, stranded, assumed: shifted(line.assumed, roomMs), sessions, edges };
}

function withTold(line: LineState, report: Report): LineState {
  const { control, stock, bypassed, released, moved: moves } = report;
  let next: LineState = {
    ...line,
    stock: stock ?? line.stock,
    orders: line.orders + report.orders,
    units: line.units + report.units,
  };
  const reasons = Object.entries(bypassed);
  if (reasons.length > 0) {
    const sums = { ...line.bypassed };
    for (const [reason, count] of reasons) sums[reason] = (sums[reason] ?? 0) + count;
    next = { ...next, bypassed: sums };
  }
  if (released.length > 0) {
    const last = [...line.released.last, ...released].slice(-releasedMax);
    next = { ...next, released: { count: line.released.count + released.length, last } };
  }
  if (moves.length > 0) next = { ...next, moved: withMoves(line.moved ?? [], moves) };
  if (report.seen >= line.next) {
    next = { ...next, holes: withHole(line.holes, line.next, report.seen), next: report.seen + 1 };
  }
  if (control !== null) next = { ...next, control: { ...line.control, ...control, serial: line.control.serial + 1 } };
  return next;
}

/** What was used of this edge's leases, and what it gives back. A lease that is gone was booked in full when it ended. */
function withUses(line: LineState, report: Report, { room }: StepInputs): LineState {
  const { roomMs } = line;
  const atMs = bookingMs(line, report.edge);
  const self = line.edges[report.edge];
  const sessionMs = room.sessionSeconds * 1000;
  let { window, sessions, admitted, admissionsTat } = line;
  const totals = new Map(report.used);
  const returned = new Set(report.returned);
  const leases: Lease[] = [];
  const pace = paceOf(outflowOf(line, room));
  // Under a slower outflow the next admission may have been far away.
  if (roomMs >= line.grantsFromMs) admissionsTat = Math.min(admissionsTat, roomMs + pace.burstMs);
  for (const [id, count, usedBefore, endsMs] of self?.leases ?? []) {
    const used = Math.min(count, Math.max(usedBefore, totals.get(id) ?? 0));
    const newly = used - usedBefore;
    window = booked(window, atMs, newly);
    sessions = begun(sessions, atMs + sessionMs, newly, sessionMs);
    admitted += newly;
    if (returned.has(id)) admissionsTat -= (count - used) * pace.intervalMs;
    else if (used < count) leases.push([id, count, used, endsMs]);
  }
  const edge: EdgeState = {
    report: report.number,
    reply: self?.reply ?? { report: 0, roomMs, joined: { from: 0, count: 0, why: null }, granted: 0 },
    seenMs: roomMs,
    serial: line.serial,
    leases,
    door: report.door,
    pressure: report.pressure,
    inside: report.inside,
  };
  return {
    ...line,
    window,
    sessions,
    admitted,
    admissionsTat,
    edges: withEdge(line.edges, report.edge, edge),
  };
}

/** Where there are too many, the one goes that was silent longest and holds nothing. */
function withEdge(edges: LineState["edges"], id: string, edge: EdgeState): LineState["edges"] {
  const all = { ...edges, [id]: edge };
  if (Object.keys(all).length <= edgesMax) return all;
  const [idle] = Object.entries(all)
    .filter(([other, { leases }]) => other !== id && leases.length === 0)
    .sort(([, a], [, b]) => a.seenMs - b.seenMs);
  if (idle !== undefined) delete all[idle[0]];
  return all;
}

function withSessions(line: LineState, report: Report, { room }: StepInputs): LineState {
  const sessionMs = room.sessionSeconds * 1000;
  let { sessions } = line;
  for (const [fromMs, untilMs, count] of report.renewals) {
    if (!isRenewed(fromMs, line.roomMs)) continue;
    sessions = ended(sessions, fromMs, count, sessionMs);
    sessions = begun(sessions, untilMs, count, sessionMs);
  }
  for (const [untilMs, count] of report.ended) sessions = ended(sessions, untilMs, count, sessionMs);
  return { ...line, sessions };
}

/** A session can be renewed while the line still counts it; the edge knows the outcome by the reply's room time. */
export const isRenewed = (fromMs: number, roomMs: number): boolean => fromMs > roomMs;

function withDoors(line: LineState, _report: Report, inputs: StepInputs): LineState {
  const { room } = inputs;
  const fresh = freshEdges(line);
  let { draw } = line;
  // Published before the pre-queue begins; a room that gave numbers already has none.
  if (draw === null && room.kind === "sale" && room.preQueueMinutes > 0 && !line.doors.open && line.next === 1) {
    const seed = inputs.newSeed();
    draw = { seed, commitment: commitmentOf(seed, inputs.sha256), drawn: null };
  }
  const doors = moved(line.doors, room, {
    wallMs: inputs.wallMs,
    roomMs: line.roomMs,
    isWaitedFor: waitingOf(line) > 0 || fresh.some(({ door }) => door.count > 0),
    pressure: Math.max(0, ...fresh.map(({ pressure }) => pressure)),
    inside: Math.max(
      insideOf(line.sessions),
      fresh.reduce((sum, { inside }) => sum + inside, 0),
    ),
    activeMax: activeMaxOf(line, room),
  });
  const next: LineState = { ...line, doors, draw };
  return draw === null || draw.drawn !== null || !isGiving(next, inputs) ? next : drawn(next, inputs);
}

/** The entrants are all who have a number now; the ranks of numbers that nobody is known to have come after theirs. */
function drawn(line: LineState, { sha256 }: StepInputs): LineState {
  if (line.draw === null) return line;
  const last = line.next - 1;
  const missing = line.holes.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const entrants = last - missing;
  const log = padded(line, sha256);
  return {
    ...line,
    log,
    holes: missing === 0 ? [] : [[entrants + 1, last]],
    draw: { ...line.draw, drawn: { entrants, last, holes: line.holes, root: rootOf(log, sha256) } },
  };
}

/** A number's leaf stands at its own place: numbers that nobody has leave a gap. */
const padded = ({ log, next }: LineState, sha256: Sha256): LineState["log"] =>
  log.size < next - 1 ? appendGap(log, next - 1 - log.size, sha256) : log;

/** Whether people are called and admitted: not in the first seconds after a loss. */
function isGiving(line: LineState, { room }: StepInputs): boolean {
  const phase = phaseOf(line, room.kind);
  return line.roomMs >= line.settledMs && (phase === "open" || phase === "draining");
}

const freshEdges = (line: LineState): EdgeState[] =>
  Object.values(line.edges).filter(({ seenMs }) => line.roomMs - seenMs <= doorTrustedMs);

type Joined = { readonly state: LineState; readonly joined: Reply["joined"] };

function withJoins(line: LineState, { leaves }: Report, inputs: StepInputs): Joined {
  const asked = leaves.length / 32;
  const refused = (why: JoinRefusal | null): Joined => ({ state: line, joined: { from: 0, count: 0, why } });
  if (asked === 0) return refused(null);
  if (line.roomMs < line.settledMs) return refused("settling");
  const phase = phaseOf(line, inputs.room.kind);
  if (phase !== "open" && phase !== "pre-queue" && phase !== "paused") return refused("not-open");
  const rule = gcra({ perSecond: inputs.joinsPerSecondMax, burst: inputs.joinsPerSecondMax });
  const isBeforeDraw = line.draw !== null && line.draw.drawn === null;
  const room = isBeforeDraw ? Math.max(0, entrantsMax - line.next) : asked;
  const count = Math.min(asked, room, remaining(rule, line.joinsTat, line.roomMs));
  const why = count < asked ? "too-many" : null;
  if (count === 0) return refused(why);
  return {
    state: {
      ...line,
      next: line.next + count,
      joinsTat: Math.max(line.joinsTat, line.roomMs) + count * rule.intervalMs,
      log: append(padded(line, inputs.sha256), leaves.subarray(0, count * 32), inputs.sha256),
    },
    joined: { from: line.next, count, why },
  };
}

function withCalls(line: LineState, report: Report, inputs: StepInputs): LineState {
  let { turns } = line;
  for (const [rank, bin, count] of report.came) turns = came(turns, rank, bin, count);
  if (!isGiving(line, inputs)) return { ...line, turns };
  const { roomMs } = line;
  const showing = showingOf(turns, roomMs);
  const activeMax = activeMaxOf(line, inputs.room);
  const calls = callsOf({
    perMs: outflowOf(line, inputs.room) / 60_000,
    roomInside:
      activeMax === 0
        ? Number.POSITIVE_INFINITY
        : activeMax -
          insideOf(line.sessions) -
          outstandingOf(line) +
          endingBy(line.sessions, roomMs + horizonOf(showing)),
    atTheDoor: freshEdges(line).reduce((sum, { door }) => sum + door.count, 0),
    idle: roomMs < line.grantsFromMs ? 0 : remaining(paceOf(outflowOf(line, inputs.room)), line.admissionsTat, roomMs),
    showing,
  });
  const { cursor, count } = advanced(line.cursor, calls, line.next - 1, line.holes);
  if (count === 0) return { ...line, turns };
  return {
    ...line,
    turns: called(turns, cursor, count, roomMs),
    cursor,
    called: line.called + count,
    holes: line.holes.filter(([, to]) => to > cursor),
  };
}

/** As much as this edge wants and the line has: what the window, the pace and the room inside leave, lower ranks at other doors first. */
function withGrant(line: LineState, report: Report, inputs: StepInputs): { state: LineState; count: number } {
  const nothing = { state: line, count: 0 };
  const { wanted } = report.door;
  const { roomMs } = line;
  if (wanted <= 0 || roomMs < line.grantsFromMs || !isGiving(line, inputs)) return nothing;
  const outflow = outflowOf(line, inputs.room);
  const pace = paceOf(outflow);
  const activeMax = activeMaxOf(line, inputs.room);
  const outstanding = outstandingOf(line);
  const free = Math.min(
    outflow - totalOf(line.window) - outstanding,
    remaining(pace, line.admissionsTat, roomMs),
    activeMax === 0 ? Number.POSITIVE_INFINITY : activeMax - insideOf(line.sessions) - outstanding,
  );
  const count = Math.min(wanted, Math.max(0, shareOf(line, report.edge, free)));
  if (count === 0) return nothing;
  const self = line.edges[report.edge] as EdgeState;
  const lease: Lease = [report.number, count, 0, bookingMs(line, report.edge) + leaseMs + leaseGraceMs];
  return {
    state: {
      ...line,
      admissionsTat: Math.max(line.admissionsTat, roomMs) + count * pace.intervalMs,
      edges: { ...line.edges, [report.edge]: { ...self, leases: [...self.leases, lease] } },
    },
    count,
  };
}

/** How many of `free` go to this edge when the lowest ranks at all doors come first. */
function shareOf(line: LineState, id: string, free: number): number {
  if (free <= 0) return 0;
  const standing: { readonly rank: number; readonly weight: number; readonly isOurs: boolean }[] = [];
  let wanted = 0;
  for (const [edge, { door, seenMs }] of Object.entries(line.edges)) {
    if (door.wanted === 0 || line.roomMs - seenMs > doorTrustedMs) continue;
    wanted += door.wanted;
    for (const rank of door.ranks)
      standing.push({ rank, weight: door.wanted / door.ranks.length, isOurs: edge === id });
  }
  if (wanted <= free) return free;
  standing.sort((a, b) => a.rank - b.rank);
  let before = 0;
  let ours = 0;
  for (const { weight, isOurs } of standing) {
    if (before >= free) break;
    if (isOurs) ours += Math.min(weight, free - before);
    before += weight;
  }
  return Math.min(free, Math.ceil(ours - 1e-9));
}
