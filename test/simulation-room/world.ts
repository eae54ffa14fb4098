/** One simulated room: its edges, their store, those who come, and what befalls them. */
import Value from "typebox/value";
import { Room } from "#contract/waiting-room.ts";
import type { Line } from "#edge/waiting-room/line.ts";
import { openLine } from "#edge/waiting-room/open-line.ts";
import type { LineStore, RoomKeys } from "#edge/waiting-room/ports.ts";
import type { Dice } from "../simulation/dice.ts";
import { simulatedKeys } from "./keys.ts";
import type { Mutation } from "./mutants.ts";
import { Observer } from "./observer.ts";
import type { Plan } from "./plan.ts";
import { beginningMs, type Process, Scheduler } from "./scheduler.ts";
import { SimulatedStore } from "./store.ts";

export type Edge = {
  readonly slot: number;
  process: Process;
  line: Line | undefined;
  /** Until then nothing gets through between it and the store. */
  cutOffUntilMs: number;
  starts: number;
  /** Its checkpoint on the disk. */
  file: string | undefined;
};

const defaults = Value.Parse(Room, Value.Default(Room, { id: "drop" }));
const savedEveryMs = 400;
/** Longer than it takes an edge that was killed with all the others to start again and to tell. */
const sparedMs = 10_000;

export class World {
  readonly scheduler: Scheduler;
  readonly observer: Observer;
  readonly store: SimulatedStore;
  readonly edges: Edge[] = [];
  readonly outside: Process;
  readonly room: Room;
  readonly keys: RoomKeys;
  readonly befell = new Map<string, number>();
  readonly plan: Plan;
  readonly dice: Dice;
  readonly mutation: Mutation;
  isHealed = false;
  /** Of edges that are no more. */
  #admittedCutOff = 0;
  #usedTwice = 0;
  /** Nothing befalls this one for a while: it knows what others have lost. */
  #witness: Edge | undefined;
  #witnessUntilMs = 0;

  constructor(plan: Plan, dice: Dice, mutation: Mutation, tellsAll: boolean) {
    this.plan = plan;
    this.dice = dice;
    this.mutation = mutation;
    this.scheduler = new Scheduler(dice, tellsAll);
    this.observer = new Observer(this.scheduler);
    this.observer.beganMs = beginningMs;
    this.keys = simulatedKeys(dice);
    this.outside = this.scheduler.spawn("outside");
    const opensAtMs = beginningMs + plan.preQueueSeconds * 300;
    this.room = {
      ...defaults,
      ...(plan.preQueueSeconds === 0
        ? {}
        : { opensAt: new Date(opensAtMs).toISOString(), preQueueMinutes: plan.preQueueSeconds / 60 }),
      outflowPerMinute: plan.outflowPerMinute,
      activeMax: plan.activeMax,
      sessionSeconds: plan.sessionSeconds,
      renews: plan.renews,
    };
    this.store = new SimulatedStore(
      this.scheduler,
      {
        latencyMs: (process) => dice.whole(plan.latencyMs[0], plan.latencyMs[1]) + this.#farMs(process),
        isLost: (process, what, isNote) => this.#isLost(process, what, isNote === true),
      },
      (name, value) => this.#written(name, value),
    );
    this.store.offsetMs = this.#skew();
    this.observer.rules(plan.outflowPerMinute, plan.activeMax);
    for (let slot = 0; slot < plan.edges; slot++) {
      const edge: Edge = {
        slot,
        process: this.outside,
        line: undefined,
        cutOffUntilMs: 0,
        starts: 0,
        file: undefined,
      };
      this.edges.push(edge);
      this.start(edge);
    }
    this.#every(savedEveryMs, () => this.store.save());
    this.#every(1000, () => this.#look());
  }

  note(what: string): void {
    this.befell.set(what, (this.befell.get(what) ?? 0) + 1);
  }

  start(edge: Edge): void {
    const { scheduler, plan, dice } = this;
    edge.starts += 1;
    const process = scheduler.spawn(`edge ${edge.slot + 1}.${edge.starts}`, {
      rate: 1 + dice.whole(-plan.driftPpm, plan.driftPpm) / 1e6,
      offsetMs: this.#skew(),
    });
    edge.process = process;
    edge.line = undefined;
    scheduler.note(process.name, edge.file === undefined ? "starts" : "starts with its checkpoint");
    const reached: LineStore = this.store.reachedFrom(process);
    void openLine(this.room, {
      store: this.mutation.store?.(reached) ?? reached,
      isShared: plan.edges > 1 || plan.isEverythingLost,
      keys: this.keys,
      checkpoint: {
        read: async () => edge.file,
        write: async (_room, text) => {
          if (process.isAlive) edge.file = text;
        },
      },
      wallMs: () => scheduler.nowMs + process.offsetMs,
      monotonicMs: () =>
        this.mutation.isWallClock === true ? scheduler.nowMs + process.offsetMs : scheduler.monotonicMs(process),
      ...(this.mutation.step === undefined ? {} : { step: this.mutation.step }),
      later: (ms, run) => scheduler.after(process, ms, run),
      joinsPerSecondMax: 500,
    }).then((line) => {
      if (process.isAlive && edge.process === process) edge.line = line;
    });
  }

  /** One that a request gets through to. */
  anyEdge(): (Edge & { line: Line }) | undefined {
    const edge = this.dice.pick(this.edges);
    const isThere =
      edge.line !== undefined && edge.process.isAlive && edge.process.pausedUntilMs <= this.scheduler.nowMs;
    return isThere ? (edge as Edge & { line: Line }) : undefined;
  }

  /** The most advanced clock of all edges: by it a session is over for everybody. */
  roomMs(): number {
    let most = 0;
    for (const { line, process } of this.edges)
      if (process.isAlive && line !== undefined) most = Math.max(most, line.roomMs());
    return most;
  }

  /** By edges that were cut off; and how often such an edge found, when it was back, that the place had been used at another, too. */
  cutOffCounts(): { readonly admitted: number; readonly usedTwice: number } {
    const all = this.edges.flatMap(({ line }) => (line === undefined ? [] : [line.stats()]));
    return {
      admitted: all.reduce((sum, stats) => sum + stats.admittedCutOff, this.#admittedCutOff),
      usedTwice: all.reduce((sum, stats) => sum + stats.usedTwice, this.#usedTwice),
    };
  }

  /** What it counted is kept for the outcome; nobody else hears of it. */
  #end(edge: Edge): void {
    const stats = edge.line?.stats();
    this.#admittedCutOff += stats?.admittedCutOff ?? 0;
    this.#usedTwice += stats?.usedTwice ?? 0;
    edge.process.isAlive = false;
    edge.line = undefined;
  }

  outflowNow(): number {
    const known = this.edges.flatMap(({ line }) => (line === undefined ? [] : [line.stats().outflowPerMinute]));
    return Math.min(this.plan.outflowPerMinute, ...known);
  }

  strandedShare(): number | undefined {
    const stats = this.edges.find(({ line }) => line !== undefined)?.line?.stats();
    return stats === undefined ? undefined : stats.strandedLastMinute / stats.outflowPerMinute;
  }

  heal(): void {
    this.isHealed = true;
    this.store.offsetMs = 0;
    for (const edge of this.edges) {
      edge.cutOffUntilMs = 0;
      edge.process.pausedUntilMs = Math.min(edge.process.pausedUntilMs, this.scheduler.nowMs);
      if (!edge.process.isAlive) this.start(edge);
    }
  }

  #every(ms: number, run: () => void): void {
    this.scheduler.after(this.outside, ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  /** One edge's wire may be longer than the others'. */
  #farMs(process: Process): number {
    return this.plan.farMs > 0 && process === this.edges.at(-1)?.process ? this.plan.farMs : 0;
  }

  #skew(): number {
    return this.plan.skewMs === 0 ? 0 : this.dice.whole(-this.plan.skewMs, this.plan.skewMs);
  }

  #isLost(process: Process, what: "request" | "reply", isNote: boolean): boolean {
    const edge = this.edges.find((one) => one.process === process);
    const isBefallen = isNote && !this.isHealed && edge !== undefined && edge !== this.#protected();
    if (isBefallen && this.dice.chance(this.plan.cutAtNote)) {
      this.note("cut off with an admission");
      this.#cutOff(edge);
    }
    if (edge !== undefined && edge.cutOffUntilMs > this.scheduler.nowMs) {
      this.observer.cutOff(process.name);
      return true;
    }
    if (this.isHealed || edge === this.#protected()) return false;
    if (!this.dice.chance(what === "request" ? this.plan.requestLost : this.plan.replyLost)) return false;
    this.note(`${what} lost`);
    this.observer.cutOff(process.name);
    return true;
  }

  /** What is in force is what stands in the line. */
  #written(name: string, value: string): void {
    if (name.includes("/")) return;
    const { control } = JSON.parse(controlOf(value)) as { control: ControlOf };
    this.observer.rules(
      control.outflowPerMinute ?? this.plan.outflowPerMinute,
      control.activeMax ?? this.plan.activeMax,
    );
  }

  #protected(): Edge | undefined {
    return this.scheduler.nowMs < this.#witnessUntilMs ? this.#witness : undefined;
  }

  /** Once a second: what befalls whom. */
  #look(): void {
    for (const edge of this.edges) {
      if (edge.line === undefined || !edge.process.isAlive) continue;
      this.observer.published(edge.process.name, edge.line.now().cursor);
    }
    if (this.isHealed) return;
    const { dice, plan, scheduler } = this;
    for (const edge of this.edges) {
      if (!edge.process.isAlive || edge === this.#protected()) continue;
      if (dice.chance(plan.partition)) {
        this.note("partition");
        this.#cutOff(edge);
      }
      if (edge.process.pausedUntilMs <= scheduler.nowMs && dice.chance(plan.pause)) {
        this.note("pause");
        const ms = dice.whole(100, dice.pick([2000, 20_000]));
        edge.process.pausedUntilMs = scheduler.nowMs + ms;
        this.observer.cutOff(edge.process.name);
        // Its machine slept, and its monotonic clock with it.
        const isAsleep = dice.chance(0.3);
        if (isAsleep) edge.process.sleptMs += ms;
        scheduler.note(edge.process.name, `${isAsleep ? "sleeps" : "is paused"} for ${ms} ms`);
      }
      if (dice.chance(plan.wallJump)) {
        this.note("wall clock jump");
        edge.process.offsetMs = this.#skew();
      }
      if (dice.chance(plan.crash) && this.#othersKnow(edge)) this.crash(edge);
    }
    if (dice.chance(plan.wallJump)) this.store.offsetMs = this.#skew();
    if (dice.chance(plan.flush) && this.#hasWitness()) {
      this.note("flush");
      scheduler.note("store", "is flushed");
      this.store.flush();
    }
    if (dice.chance(plan.storeRestart) && this.#hasWitness()) {
      this.note("store restart");
      scheduler.note("store", "restarts, its last changes lost");
      this.store.restart();
    }
    if (dice.chance(plan.outflowChange)) this.#changeOutflow();
  }

  #cutOff(edge: Edge): void {
    const { dice, scheduler } = this;
    edge.cutOffUntilMs = scheduler.nowMs + dice.whole(200, dice.pick([3000, 30_000]));
    scheduler.note(edge.process.name, `is cut off for ${Math.round(edge.cutOffUntilMs - scheduler.nowMs)} ms`);
  }

  crash(edge: Edge): void {
    const { dice, plan, scheduler } = this;
    this.note("crash");
    scheduler.note(edge.process.name, "crashes");
    this.#end(edge);
    this.observer.cutOff(edge.process.name);
    if (!dice.chance(plan.keepsFiles)) edge.file = undefined;
    scheduler.after(this.outside, dice.whole(100, 10_000), () => {
      if (!edge.process.isAlive) this.start(edge);
    });
  }

  /**
   * Everything is lost but the edges' files. Where none of those has the line as it is, nothing is left to tell of it: that is not promised, and neither is
   * anything when its edge never gets to tell.
   */
  loseEverything(): void {
    if (!this.#hasWitness(({ file }) => file !== undefined)) return;
    this.note("everything lost");
    this.scheduler.note("world", "everything is lost but the edges' files");
    this.store.flush();
    for (const edge of this.edges) {
      this.observer.cutOff(edge.process.name);
      this.#end(edge);
      this.scheduler.after(this.outside, this.dice.whole(100, 2000), () => {
        if (!edge.process.isAlive) this.start(edge);
      });
    }
  }

  /** What the store loses somebody must know: an edge that has just heard of it, and is spared until it has told. */
  #hasWitness(mayBe: (edge: Edge) => boolean = () => true): boolean {
    if (this.#protected() !== undefined) return false;
    const { nowMs } = this.scheduler;
    const witness = this.edges.find(
      (edge) =>
        mayBe(edge) &&
        edge.line?.stats().silentMs !== undefined &&
        edge.line.stats().silentMs < 1200 &&
        edge.process.isAlive &&
        edge.process.pausedUntilMs <= nowMs &&
        edge.cutOffUntilMs <= nowMs,
    );
    if (witness === undefined) return false;
    this.#witness = witness;
    this.#witnessUntilMs = nowMs + sparedMs;
    return true;
  }

  /** One that is alone and keeps no file takes all it knows with it, but the store knows it, too; unless it forgets. */
  #othersKnow(edge: Edge): boolean {
    return this.edges.length > 1 || edge.file !== undefined;
  }

  #changeOutflow(): void {
    const edge = this.anyEdge();
    if (edge === undefined) return;
    const outflowPerMinute = Math.max(6, Math.round(this.plan.outflowPerMinute * this.dice.pick([0.2, 0.5, 1, 2])));
    this.note("outflow change");
    this.scheduler.note("operator", `wants ${outflowPerMinute} a minute`);
    void edge.line.control({ outflowPerMinute });
  }
}

type ControlOf = { readonly outflowPerMinute: number | null; readonly activeMax: number | null };

/** Only this part is read: the line is written thousands of times in a run. */
function controlOf(value: string): string {
  const from = value.indexOf('"control":');
  return `{${value.slice(from, value.indexOf("}", from) + 1)}}`;
}
