/**
 * A room's line at one edge. What is asked on the way of a request is answered from memory; what must be agreed on goes into the next report
 * (reporter.ts) or into the claim book (claim-book.ts). Here the line's parts are put together: what each of them has to tell is gathered into one report, and
 * its reply is given back to each.
 *
 * opening -> reachable <-> unreachable (the store is silent: what the leases hold is spent on those whom this edge knew, then everybody is held, or admitted
 * at the floor rate) -> stopped
 */
import type { NowServing, Room } from "#contract/waiting-room.ts";
import { type Gcra, gcra, take, wait } from "#resilience/gcra.ts";
import { AdmissionRecord } from "./admission-record.ts";
import { blankLine } from "./checkpoint.ts";
import { ClaimBook } from "./claim-book.ts";
import { EdgeDoor } from "./edge-door.ts";
import { Entrance } from "./entrance.ts";
import { createForecaster } from "./forecast.ts";
import { JoinQueue } from "./join-queue.ts";
import type { Line, LineControl } from "./line.ts";
import { lineStats } from "./line-stats.ts";
import { MetPlaces } from "./met-places.ts";
import { MovedPlaces } from "./moved-places.ts";
import { nowServing, type Published, published } from "./now.ts";
import { ownersMax } from "./places.ts";
import type { CheckpointFile, LineStore, RoomKeys } from "./ports.ts";
import { createRanks } from "./ranks.ts";
import { activeMaxOf, outflowOf } from "./rates.ts";
import { ReleasedPlaces } from "./released-places.ts";
import { Renewals } from "./renewals.ts";
import { Reporter, type Told } from "./reporter.ts";
import { aheadOf, type LineState, phaseOf, type Reply, waitingOf } from "./state.ts";
import { step } from "./step.ts";
import { Tally } from "./tally.ts";
import { calledAt } from "./turns.ts";

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

/** The store is gone when it has been silent for so long. */
const unreachableMs = 2500;
const documentEveryMs = 1000;
const controlsMax = 100;
/** When admissions are asked for, what became of the places at this door is asked for again after this time. */
const lookAgainMs = 2000;

export async function openLine(first: Room, deps: LineDeps): Promise<Line> {
  const { store, keys, monotonicMs, wallMs, later } = deps;
  let room = first;
  const name = `${room.id}.${room.epoch}`;
  const edge = keys.randomBytes(8).toHex();
  const ranks = createRanks(keys.sha256);
  const record = new AdmissionRecord();
  const door = new EdgeDoor({ nowMs: monotonicMs, wallMs, onGone: (rank) => book.forgo(rank) });
  const met = new MetPlaces();
  const moved = new MovedPlaces();
  const renewals = new Renewals();
  const tally = new Tally();
  const joins = new JoinQueue({ store, name, monotonicMs, phase: () => phase(), onJoined: (seq) => met.meet(seq) });
  const controls: { readonly change: LineControl; readonly resolve: () => void }[] = [];
  /** Of the report that is under way. */
  let reportedControl: (typeof controls)[number] | undefined;
  /** The highest number of a ticket that was shown here. */
  let seen = 0;
  let floorTat = Number.NEGATIVE_INFINITY;

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
    onFailure: () => joins.refuseLate(),
    isBusy: () => door.count > 0 || door.held > 0 || (state().next > 1 && waitingOf(state()) > 0),
  });
  const blank = blankLine({ room, wallMs: wallMs(), server: "", tag: "" });
  const state = (): LineState => reporter.state ?? blank;
  const roomMs = (): number => Math.max(reporter.clock.now(), state().roomMs);
  const isReachable = (): boolean => reporter.silentMs < unreachableMs;
  const phase = (): NowServing["phase"] => phaseOf(state(), room.kind);
  const failMode = (): "hold" | "floor" => room.failMode ?? (room.kind === "sale" ? "hold" : "floor");
  /** An edge that knows nothing yet does not know whether there was a draw. */
  const knownRank = (seq: number): number | undefined =>
    reporter.state === undefined ? undefined : ranks.rankOf(seq, reporter.state);

  const book = new ClaimBook({
    store,
    name,
    owner: Number.parseInt(edge.slice(0, 8), 16) % ownersMax,
    roomMs,
    monotonicMs,
    newMark: () => keys.randomBytes(6).toHex(),
  });
  const released = new ReleasedPlaces({ book, rankOf: knownRank });
  const entrance = new Entrance({
    door,
    book,
    record,
    met,
    isReleased: (seq) => released.has(seq),
    isAdmitting: () => phase() === "open" || phase() === "draining",
    silentMs: () => reporter.silentMs,
    sessionMs: () => room.sessionSeconds * 1000,
    roomMs,
    monotonicMs,
    later,
  });

  function gather(): Told {
    const { door: standing, used, returned } = door.told();
    if (standing.wanted > 0) for (const rank of standing.ranks) book.refresh(rank, monotonicMs() - lookAgainMs);
    reportedControl = controls.shift();
    return {
      leaves: joins.toTell(),
      used,
      returned,
      door: standing,
      renewals: renewals.toTell(),
      ...released.toTell(),
      moved: moved.toTell(),
      ...tally.toTell(),
      pressure: deps.pressure?.() ?? 0,
      control: reportedControl?.change ?? null,
      seen,
    };
  }

  function onReply(told: Told, reply: Reply, askedMs: number, askedWallMs: number): void {
    door.heard(told);
    met.answered();
    moved.hear(state().moved ?? []);
    record.allows(outflowOf(state(), room), monotonicMs());
    if (reply.granted > 0) door.granted(reply.report, reply.granted, askedMs, askedWallMs);
    joins.hear(reply);
    renewals.heard(reply.roomMs);
    reportedControl?.resolve();
    reportedControl = undefined;
    document();
    released.hear(state());
    book.push();
    void joins.keepLeaves();
    entrance.letIn();
  }

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
    phase,

    join(leaf, arrivedMs = wallMs()) {
      const late = joins.late(leaf);
      if (late !== undefined) return Promise.resolve(late);
      if (reporter.silentMs > unreachableMs) return Promise.resolve({ kind: "unreachable" });
      const now = phase();
      if (now !== "open" && now !== "pre-queue" && now !== "paused")
        return Promise.resolve({ kind: "not-open", phase: now });
      if (document().signed.now.phase === "sold-out") return Promise.resolve({ kind: "not-open", phase: "sold-out" });
      if (joins.isFull) return Promise.resolve({ kind: "too-many" });
      const joined = joins.join(leaf, arrivedMs);
      reporter.ask();
      return joined;
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
      if (released.has(seq)) return Promise.resolve({ kind: "used" });
      const rank = knownRank(seq);
      if (rank === undefined) return Promise.resolve({ kind: "not-called" });
      const place = book.look(rank);
      const answer = place === undefined ? undefined : entrance.claimedOf(place);
      if (answer !== undefined) return Promise.resolve(answer);
      if (phase() === "closed") return Promise.resolve({ kind: "closed" });
      if (rank > state().cursor) return Promise.resolve({ kind: "not-called" });
      const standing = door.at(rank) ?? door.come(seq, rank);
      if (standing === undefined) return Promise.resolve({ kind: "at-the-door" });
      tally.came(rank, state().turns, roomMs());
      const claimed = entrance.wait(standing, waitMs);
      if (door.at(rank) === standing) reporter.ask();
      return claimed;
    },

    renew(seq, fromRoomMs, untilRoomMs) {
      if (fromRoomMs <= roomMs() || released.isReleased(seq)) return undefined;
      if (untilRoomMs <= fromRoomMs) return fromRoomMs;
      const untilMs = renewals.renew(seq, fromRoomMs, untilRoomMs, activeMaxOf(state(), room) === 0);
      const rank = seq === 0 ? undefined : knownRank(seq);
      if (untilMs !== undefined && rank !== undefined) book.admit(rank, untilMs);
      return untilMs;
    },

    release: (seq) => released.release(seq),
    isReleased: (seq) => released.isReleased(seq),
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
      tally.bypassed("floor");
      return true;
    },
    inside(count) {
      tally.inside = count;
    },
    bypassed: (reason) => tally.bypassed(reason),
    stock({ remaining, held, sold }) {
      tally.stock = { remaining, held, sold };
    },
    ordered: (units) => tally.ordered(units),
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
    stats: () =>
      lineStats(state(), room, {
        isReachable: isReachable(),
        admittedCutOff: entrance.admittedCutOff,
        usedTwice: book.usedTwice,
        record,
        reporter,
      }),
    async stop() {
      await reporter.stop();
      joins.stop();
    },
  };
}
