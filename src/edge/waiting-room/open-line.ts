/**
 * A room's line at one edge. What is asked on the way of a request is answered from memory; what must be agreed on goes into the next report
 * (reporter.ts) or into the claim book (claim-book.ts).
 *
 * opening -> reachable <-> unreachable (the store is silent: what the leases hold is spent on those whom this edge knew, then everybody is held, or admitted
 * at the floor rate) -> stopped
 */
import type { NowServing, Room } from "#contract/waiting-room.ts";
import { type Gcra, gcra, take, wait } from "#resilience/gcra.ts";
import { AdmissionRecord } from "./admission-record.ts";
import { blankLine } from "./checkpoint.ts";
import { ClaimBook } from "./claim-book.ts";
import { EdgeDoor, type HeldLease, lingersMs, type Standing } from "./edge-door.ts";
import { createForecaster } from "./forecast.ts";
import type { Claimed, Joined, Line, LineControl, LineStats } from "./line.ts";
import { MetPlaces } from "./met-places.ts";
import { MovedPlaces } from "./moved-places.ts";
import { nowServing, type Published, published } from "./now.ts";
import { ownersMax, type Place, pendingOursMs } from "./places.ts";
import type { CheckpointFile, LineStore, RoomKeys } from "./ports.ts";
import { createRanks } from "./ranks.ts";
import { activeMaxOf, outflowOf } from "./rates.ts";
import { RecentSet } from "./recent-set.ts";
import { Reporter, type Told } from "./reporter.ts";
import { insideOf } from "./sessions.ts";
import { admittedLastMinuteOf, aheadOf, type LineState, phaseOf, type Reply, waitingOf } from "./state.ts";
import { isRenewed, step } from "./step.ts";
import { calledAt, delayBinOf, showingOf } from "./turns.ts";
import { totalOf } from "./window.ts";

export type LineDeps = {
  readonly store: LineStore;
  /** Whether other processes use this store, too. */
  readonly isShared: boolean;
  readonly keys: RoomKeys;
  readonly checkpoint?: CheckpointFile | undefined;
  /** Milliseconds since the epoch, of a clock that may be wrong. */
  readonly wallMs: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonicMs: () => number;
  readonly later: (ms: number, run: () => void) => () => void;
  readonly joinsPerSecondMax: number;
  /** 0 to 3. */
  readonly pressure?: () => number;
  /** The line's rule; another one is for simulations that take a part of it away. */
  readonly step?: typeof step;
};

/** Joins of one report. */
const joinsMax = 8192;
/** Waiting to be told; beyond it people are told that there are too many. */
const joinsQueueMax = 100_000;
/** A join that got no number for so long is told that the line cannot be reached. */
const joinWaitMs = 1500;
const listMax = 512;
const queueMax = 200_000;
/** The store is gone when it has been silent for so long. */
const unreachableMs = 2500;
const documentEveryMs = 1000;

const reasonsMax = 50;
const controlsMax = 100;
/** A place is noted again when its note would lapse within this time. */
const noteAgainMs = 4000;
/** After another edge had it, or the claim book could not be reached. */
const tryAgainMs = 500;
/** After so long a silence of the store an admission is used without a note: a single lost message is tried again. */
const cutOffMs = 1000;
/** When admissions are asked for, what became of the places at this door is asked for again after this time. */
const lookAgainMs = 2000;
/** So long before a lease was asked for the store has said at the earliest that a place is free which goes in without a note. */
const freeSinceMs = 2500;
const knownMax = 100_000;

type WaitingJoin = {
  readonly leaf: Uint8Array;
  readonly arrivedMs: number;
  readonly resolve: (joined: Joined) => void;
  readonly askedMs: number;
  /** Has been told that the line cannot be reached, while its report was under way. */
  isLate: boolean;
};

export async function openLine(first: Room, deps: LineDeps): Promise<Line> {
  const { store, keys, monotonicMs, wallMs, later } = deps;
  let room = first;
  const name = `${room.id}.${room.epoch}`;
  const edge = keys.randomBytes(8).toHex();
  const ranks = createRanks(keys.sha256);
  const record = new AdmissionRecord();
  const door = new EdgeDoor({ nowMs: monotonicMs, wallMs, onGone: (rank) => book.forgo(rank) });

  let joins: WaitingJoin[] = [];
  const reportedJoins = new Map<Told, WaitingJoin[]>();
  let cameCounts = new Map<string, [number, number, number]>();
  const renewals: { seq: number; fromMs: number; untilMs: number }[] = [];
  const reportedRenewals = new Map<Told, typeof renewals>();
  const ended: [number, number][] = [];
  const releasedSeqs: number[] = [];
  let bypassedCounts: Record<string, number> = {};
  let orders = 0;
  let units = 0;
  let stockTold: Told["stock"] = null;
  let insideCount = 0;
  const controls: { readonly change: LineControl; readonly resolve: () => void }[] = [];
  const reportedControls = new Map<Told, (typeof controls)[number]>();
  /** Those who were told too early that the line cannot be reached: who asks again with the same leaf gets the number that it was given. */
  const lateJoins = new Map<string, { seq: number | undefined }>();
  const agreedRenewals = new Map<number, number>();
  const askedRenewals = new Set<number>();
  const shown = new RecentSet(knownMax);
  const met = new MetPlaces();
  const moved = new MovedPlaces();
  let admittedCutOff = 0;
  let isTryingAgain = false;
  const releasedSet = new RecentSet(1_000_000);
  let releasedTag = "";
  let releasedCount = 0;
  let seen = 0;
  let floorTat = Number.NEGATIVE_INFINITY;
  const leavesToKeep: { at: number; leaves: Uint8Array }[] = [];
  let isKeepingLeaves = false;

  const reporter = new Reporter({
    store,
    keys,
    checkpoint: deps.checkpoint,
    name,
    edge,
    room: () => room,
    joinsPerSecondMax: deps.joinsPerSecondMax,
    isShared: deps.isShared,
    monotonicMs,
    wallMs,
    later,
    step: deps.step ?? step,
    gather,
    onReply,
    onNewLife: () => book.restore(),
    onFailure: () => refuseLateJoins(),
    isBusy: () => door.count > 0 || door.held > 0 || (state().next > 1 && waitingOf(state()) > 0),
  });
  const blank = blankLine({ room, wallMs: wallMs(), server: "", tag: "" });
  const state = (): LineState => reporter.state ?? blank;
  const roomMs = (): number => Math.max(reporter.clock.now(), state().roomMs);
  const isReachable = (): boolean => reporter.silentMs < unreachableMs;
  const phase = (): NowServing["phase"] => phaseOf(state(), room.kind);
  const sessionMs = (): number => room.sessionSeconds * 1000;
  const failMode = (): "hold" | "floor" => room.failMode ?? (room.kind === "sale" ? "hold" : "floor");

  function gather(): Told {
    const batch = joins.length <= joinsMax ? joins : joins.slice(0, joinsMax);
    joins = joins.slice(batch.length);
    if (batch.length > 1) batch.sort((a, b) => a.arrivedMs - b.arrivedMs);
    const leaves = new Uint8Array(batch.length * 32);
    for (let at = 0; at < batch.length; at++) leaves.set((batch[at] as WaitingJoin).leaf, at * 32);
    const { door: standing, used, returned } = door.told();
    if (standing.wanted > 0) for (const rank of standing.ranks) book.refresh(rank, monotonicMs() - lookAgainMs);
    const told: Told = {
      leaves,
      used,
      returned,
      door: standing,
      came: [...cameCounts.values()],
      renewals: renewals.slice(0, listMax).map(({ fromMs, untilMs }) => [fromMs, untilMs, 1] as const),
      ended: ended.splice(0, listMax),
      released: releasedSeqs.splice(0, listMax),
      moved: moved.toTell(),
      bypassed: bypassedCounts,
      orders,
      units,
      stock: stockTold,
      pressure: deps.pressure?.() ?? 0,
      inside: insideCount,
      control: controls[0]?.change ?? null,
      seen,
    };
    reportedJoins.set(told, batch);
    reportedRenewals.set(told, renewals.splice(0, listMax));
    const control = controls.shift();
    if (control !== undefined) reportedControls.set(told, control);
    cameCounts = new Map();
    bypassedCounts = {};
    orders = 0;
    units = 0;
    stockTold = null;
    return told;
  }

  function onReply(told: Told, reply: Reply, askedMs: number, askedWallMs: number): void {
    door.heard(told);
    met.answered();
    moved.hear(state().moved ?? []);
    record.allows(outflowOf(state(), room), monotonicMs());
    if (reply.granted > 0) door.granted(reply.report, reply.granted, askedMs, askedWallMs);
    takeNumbers(told, reply);
    for (const { seq, fromMs, untilMs } of reportedRenewals.get(told) ?? []) {
      if (!askedRenewals.delete(seq) || !isRenewed(fromMs, reply.roomMs)) continue;
      if (agreedRenewals.size >= knownMax) agreedRenewals.clear();
      agreedRenewals.set(seq, untilMs);
    }
    reportedRenewals.delete(told);
    reportedControls.get(told)?.resolve();
    reportedControls.delete(told);
    document();
    hearReleases();
    book.push();
    void keepLeaves();
    letIn();
  }

  function takeNumbers(told: Told, { joined }: Reply): void {
    const batch = reportedJoins.get(told) ?? [];
    reportedJoins.delete(told);
    if (batch.length === 0) return;
    if (joined.why === "settling") {
      for (const { isLate, leaf } of batch) if (isLate) lateJoins.delete(leaf.toHex());
      joins = [...batch.filter(({ isLate }) => !isLate), ...joins];
      refuseLateJoins();
      return;
    }
    if (joined.count > 0) {
      leavesToKeep.push({ at: joined.from - 1, leaves: told.leaves.subarray(0, joined.count * 32) });
      void keepLeaves();
    }
    for (let at = 0; at < batch.length; at++) {
      const { resolve, isLate, leaf } = batch[at] as WaitingJoin;
      if (isLate) keepLate(leaf, at < joined.count ? joined.from + at : undefined);
      if (at < joined.count) {
        met.meet(joined.from + at);
        resolve({ kind: "joined", seq: joined.from + at });
      } else resolve(joined.why === "not-open" ? { kind: "not-open", phase: phase() } : { kind: "too-many" });
    }
  }

  /** Nobody waits longer than they should. Whose report is under way may have a number by now, and gets it when they ask again. */
  function refuseLateJoins(): void {
    const beforeMs = monotonicMs() - joinWaitMs;
    const isDue = (join: WaitingJoin): boolean => join.askedMs <= beforeMs && !join.isLate;
    for (const batch of reportedJoins.values()) {
      for (const join of batch) {
        if (!isDue(join)) continue;
        join.isLate = true;
        if (lateJoins.size < knownMax) lateJoins.set(join.leaf.toHex(), { seq: undefined });
        join.resolve({ kind: "unreachable" });
      }
    }
    if (!joins.some(isDue)) return;
    for (const join of joins) if (isDue(join)) join.resolve({ kind: "unreachable" });
    joins = joins.filter((join) => !isDue(join));
  }

  function keepLate(leaf: Uint8Array, seq: number | undefined): void {
    if (seq === undefined) lateJoins.delete(leaf.toHex());
    else lateJoins.set(leaf.toHex(), { seq });
  }

  async function keepLeaves(): Promise<void> {
    if (isKeepingLeaves) return;
    isKeepingLeaves = true;
    try {
      for (let first = leavesToKeep[0]; first !== undefined; first = leavesToKeep[0]) {
        await store.appendLeaves(name, first.at, first.leaves);
        leavesToKeep.shift();
      }
    } catch {
      // With the next report that gets through.
    } finally {
      isKeepingLeaves = false;
    }
  }

  const book = new ClaimBook({
    store,
    name,
    owner: Number.parseInt(edge.slice(0, 8), 16) % ownersMax,
    roomMs,
    monotonicMs,
  });

  function letIn(): void {
    if (!isAdmitting()) return;
    for (const [standing, lease] of door.entering()) void enter(standing, lease);
  }

  /**
   * First the claim book, then the admission: so of two edges that are shown the same ticket one uses an admission for it. An edge that is cut off does not
   * let what it holds come to nothing: see `mayGoUnnoted`.
   */
  async function enter(standing: Standing, lease: HeldLease): Promise<void> {
    const askedMs = monotonicMs();
    const outcome = standing.oursUntilMs > askedMs + noteAgainMs ? "ours" : await book.claim(standing.rank);
    lease.kept -= 1;
    standing.isEntering = false;
    if (outcome === "ours") standing.oursUntilMs = Math.max(standing.oursUntilMs, askedMs + pendingOursMs);
    const isUnnoted = outcome === "unreachable" && mayGoUnnoted(standing, lease);
    if (outcome === "ours" || isUnnoted) {
      const isStill =
        standing.waiting.length > 0 && isAdmitting() && (isUnnoted || monotonicMs() < standing.oursUntilMs);
      if (isStill && door.taken(lease)) admit(standing, isUnnoted);
    } else {
      standing.notBeforeMs = monotonicMs() + tryAgainMs;
      const answer = outcome === "unreachable" || outcome === "busy" ? undefined : claimedOf(outcome);
      if (answer !== undefined) leaveWith(standing, answer);
      else if (outcome === "unreachable") tryAgain();
    }
    letIn();
  }

  /** Cut off, no reply comes that would have somebody let in. */
  function tryAgain(): void {
    if (isTryingAgain) return;
    isTryingAgain = true;
    later(tryAgainMs, () => {
      isTryingAgain = false;
      letIn();
    });
  }

  /**
   * Cut off: what is held is spent on those whom this edge knew before, and of whom the store said about when the lease was asked for that nobody else had let
   * them in. The same ticket may be used at another edge meanwhile, by another admission; it is still one order.
   */
  function mayGoUnnoted({ seq, rank }: Standing, { askedMs }: HeldLease): boolean {
    if (reporter.silentMs < cutOffMs || !met.has(seq) || releasedSet.has(seq)) return false;
    return book.isFree(rank, askedMs - freeSinceMs);
  }

  /** Undefined while it is still open what becomes of it. */
  function claimedOf(place: Place): Claimed | undefined {
    if (place.kind === "released") return { kind: "used" };
    if (place.kind !== "admitted") return undefined;
    return place.untilMs > roomMs() ? { kind: "admitted", expiresRoomMs: place.untilMs } : { kind: "used" };
  }

  function leaveWith(standing: Standing, answer: Claimed): void {
    door.leave(standing.rank);
    for (const answered of standing.waiting.splice(0)) answered(answer);
  }

  function admit(standing: Standing, isUnnoted: boolean): void {
    // Whole seconds, as the claim book keeps them: asked again it is the same answer.
    const expiresRoomMs = Math.floor((roomMs() + sessionMs()) / 1000) * 1000;
    if (isUnnoted) {
      admittedCutOff += 1;
      book.admitUnnoted(standing.rank, expiresRoomMs);
    } else book.admit(standing.rank, expiresRoomMs);
    record.admitted(monotonicMs());
    leaveWith(standing, { kind: "admitted", expiresRoomMs });
  }

  const isAdmitting = (): boolean => phase() === "open" || phase() === "draining";

  function noteCame(rank: number): void {
    if (shown.has(rank)) return;
    shown.add(rank);
    const { turns } = state();
    const atMs = calledAt(turns, rank);
    if (atMs === undefined) return;
    const turn = turns.turns.find(([upTo]) => upTo >= rank)?.[0] ?? rank;
    const bin = delayBinOf(roomMs() - atMs);
    const key = `${turn} ${bin}`;
    const counted = cameCounts.get(key);
    if (counted !== undefined) counted[2] += 1;
    else if (cameCounts.size < listMax) cameCounts.set(key, [turn, bin, 1]);
  }

  function hearReleases(): void {
    const { released, tag } = state();
    const missed = tag === releasedTag ? released.count - releasedCount : Number.POSITIVE_INFINITY;
    if (missed > released.last.length) book.doubt();
    for (const seq of released.last.slice(-Math.min(missed, released.last.length) || released.last.length)) {
      if (missed > 0) releasedSet.add(seq);
    }
    releasedTag = tag;
    releasedCount = released.count;
  }

  const isReleased = (seq: number): boolean => {
    if (seq === 0) return false;
    if (releasedSet.has(seq)) return true;
    const rank = knownRank(seq);
    if (rank === undefined) return false;
    const place = book.look(rank);
    if (place === undefined) book.fetch(rank);
    return place?.kind === "released";
  };

  const forecaster = createForecaster();
  let documentMs = Number.NEGATIVE_INFINITY;
  let shownDocument: Published | undefined;
  function document(): Published {
    const nowMs = monotonicMs();
    if (shownDocument !== undefined && nowMs - documentMs < documentEveryMs) return shownDocument;
    documentMs = nowMs;
    const at = {
      roomMs: roomMs(),
      wallMs: wallMs(),
      pressure: deps.pressure?.() ?? 0,
      forecast: forecaster.look(state(), room, roomMs()),
    };
    shownDocument = published(nowServing(state(), room, at, keys), keys);
    return shownDocument;
  }

  await reporter.start();

  return {
    now: () => document().signed.now,
    document,

    join(leaf, arrivedMs = wallMs()) {
      const late = lateJoins.size === 0 ? undefined : lateJoins.get(leaf.toHex());
      if (late?.seq !== undefined) return Promise.resolve({ kind: "joined", seq: late.seq });
      if (late !== undefined || reporter.silentMs > unreachableMs) return Promise.resolve({ kind: "unreachable" });
      const now = phase();
      if (now !== "open" && now !== "pre-queue" && now !== "paused")
        return Promise.resolve({ kind: "not-open", phase: now });
      if (document().signed.now.phase === "sold-out") return Promise.resolve({ kind: "not-open", phase: "sold-out" });
      if (joins.length >= joinsQueueMax) return Promise.resolve({ kind: "too-many" });
      return new Promise((resolve) => {
        joins.push({ leaf, arrivedMs, resolve, askedMs: monotonicMs(), isLate: false });
        reporter.ask();
      });
    },

    rankOf(seq) {
      met.meet(seq);
      return knownRank(seq);
    },
    aheadOf: (rank) => aheadOf(state(), rank),
    calledAtMs: (rank) => (rank > state().cursor ? undefined : calledAt(state().turns, rank)),

    claim(seq, waitMs) {
      seen = Math.max(seen, seq);
      met.meet(seq);
      if (releasedSet.has(seq)) return Promise.resolve({ kind: "used" });
      const rank = knownRank(seq);
      if (rank === undefined) return Promise.resolve({ kind: "not-called" });
      const place = book.look(rank);
      const answer = place === undefined ? undefined : claimedOf(place);
      if (answer !== undefined) return Promise.resolve(answer);
      if (phase() === "closed") return Promise.resolve({ kind: "closed" });
      if (rank > state().cursor) return Promise.resolve({ kind: "not-called" });
      const standing = door.at(rank) ?? door.come(seq, rank);
      if (standing === undefined) return Promise.resolve({ kind: "at-the-door" });
      noteCame(rank);
      const nowMs = monotonicMs();
      standing.untilMs = Math.max(standing.untilMs, nowMs + waitMs + lingersMs);
      return new Promise((resolve) => {
        const answered = (claimed: Claimed): void => {
          cancel();
          resolve(claimed);
        };
        const cancel = later(Math.max(0, waitMs), () => {
          standing.waiting = standing.waiting.filter((one) => one !== answered);
          resolve({ kind: "at-the-door" });
        });
        standing.waiting.push(answered);
        letIn();
        if (door.at(rank) === standing) reporter.ask();
      });
    },

    renew(seq, fromRoomMs, untilRoomMs) {
      if (fromRoomMs <= roomMs() || isReleased(seq)) return undefined;
      if (untilRoomMs <= fromRoomMs) return fromRoomMs;
      const rank = seq === 0 ? undefined : knownRank(seq);
      const agreed = agreedRenewals.get(seq);
      if (agreed !== undefined && agreed > fromRoomMs) {
        agreedRenewals.delete(seq);
        if (rank !== undefined) book.admit(rank, agreed);
        return agreed;
      }
      const isFree = activeMaxOf(state(), room) === 0;
      if (!askedRenewals.has(seq) && renewals.length < queueMax) {
        renewals.push({ seq, fromMs: fromRoomMs, untilMs: untilRoomMs });
        if (!isFree) askedRenewals.add(seq);
      }
      if (!isFree) return undefined;
      if (rank !== undefined) book.admit(rank, untilRoomMs);
      return untilRoomMs;
    },

    release(seq) {
      if (seq === 0 || releasedSet.has(seq)) return;
      releasedSet.add(seq);
      if (releasedSeqs.length < queueMax) releasedSeqs.push(seq);
      const rank = knownRank(seq);
      if (rank === undefined) return;
      void book.release(rank).then((untilMs) => {
        if (untilMs !== undefined && ended.length < queueMax) ended.push([untilMs, 1]);
      });
    },
    isReleased,
    move(seq, generation) {
      moved.move(seq, generation);
      reporter.ask();
    },
    generationOf: (seq) => moved.generationOf(seq),

    admitAtFloor() {
      if (isReachable() || failMode() !== "floor" || room.floorPerMinute === 0) return false;
      const rule: Gcra = gcra({ perSecond: room.floorPerMinute / 60, burst: Math.max(1, room.floorPerMinute / 60) });
      const nowMs = monotonicMs();
      if (wait(rule, floorTat, nowMs) > 0) return false;
      floorTat = take(rule, floorTat, nowMs);
      bypassed("floor");
      return true;
    },
    inside(count) {
      insideCount = count;
    },
    bypassed,
    stock(told) {
      stockTold = { remaining: told.remaining, held: told.held, sold: told.sold };
    },
    ordered(count) {
      orders += 1;
      units += count;
    },
    roomMs,
    isReachable,

    control(change) {
      if (controls.length >= controlsMax)
        return Promise.reject(
          new Error("Too many changes of this room wait for its store: try again when it answers."),
        );
      return new Promise((resolve) => {
        const agreed = (): void => {
          // Whoever asks what holds now is not shown what held before.
          documentMs = Number.NEGATIVE_INFINITY;
          resolve();
        };
        controls.push({ change, resolve: agreed });
        reporter.ask();
      });
    },
    configure(next) {
      room = next;
      reporter.ask();
    },
    stats,
    async stop() {
      await reporter.stop();
      for (const { resolve } of joins.splice(0)) resolve({ kind: "unreachable" });
    },
  };

  /** An edge that knows nothing yet does not know whether there was a draw. */
  function knownRank(seq: number): number | undefined {
    return reporter.state === undefined ? undefined : ranks.rankOf(seq, reporter.state);
  }

  function bypassed(reason: string): void {
    if (bypassedCounts[reason] === undefined && Object.keys(bypassedCounts).length >= reasonsMax) return;
    bypassedCounts[reason] = (bypassedCounts[reason] ?? 0) + 1;
  }

  function stats(): LineStats {
    const line = state();
    return {
      isReachable: isReachable(),
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
      admittedCutOff,
      usedTwice: book.usedTwice,
    };
  }
}
