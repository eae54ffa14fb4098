/**
 * One who comes to the room: joins at some edge, looks now and then, claims when it is their turn. Some never come back, some come late, some show
 * their ticket to several edges. Every request may go to another edge.
 */
import type { Claimed } from "#edge/waiting-room/line.ts";
import { type Process, still } from "./scheduler.ts";
import type { Edge, World } from "./world.ts";

export type Shopper = {
  readonly name: string;
  seq: number | undefined;
  isIn: boolean;
  readonly isLive: boolean;
  readonly isLate: boolean;
};

const leafBytes = 32;

export function comes(world: World, number: number): Shopper {
  const { scheduler, dice, observer, plan, outside } = world;
  const isGhost = dice.chance(plan.ghosts);
  const lateMs = dice.chance(plan.late) ? dice.whole(5000, 30_000) : 0;
  const shopper: Shopper = {
    name: `shopper ${number}`,
    seq: undefined,
    isIn: false,
    isLive: !isGhost,
    isLate: lateMs > 0,
  };
  const isCopied = dice.chance(plan.copied);
  const leaf = Uint8Array.from({ length: leafBytes }, (_, at) => (number >> (8 * (at % 4))) & 255);
  const arrivedMs = scheduler.nowMs;
  let wasCalled = false;

  const soon = (ms: number, run: () => unknown): typeof still => {
    scheduler.after(outside, ms * (0.8 + 0.4 * dice.next()), run);
    return still;
  };

  function join(): typeof still | undefined {
    const edge = world.anyEdge();
    if (edge === undefined) return soon(1000, join);
    const { process } = edge;
    void edge.line.join(leaf, arrivedMs).then((joined) => {
      if (!process.isAlive) return;
      if (joined.kind !== "joined") {
        soon(1500, join);
        return;
      }
      observer.joined(joined.seq, shopper.name);
      shopper.seq = joined.seq;
      scheduler.note(shopper.name, `joins as ${joined.seq}`);
      if (!isGhost) look();
    });
    unlessHeard(process, () => shopper.seq !== undefined, join);
    return undefined;
  }

  /** An edge that has crashed never answers: the request breaks off, and they try again. */
  function unlessHeard(process: Process, isHeard: () => boolean, run: () => unknown): void {
    scheduler.after(outside, 6000, () => (isHeard() || process.isAlive ? still : run()));
  }

  function look(): typeof still | undefined {
    if (shopper.isIn || shopper.seq === undefined) return still;
    const edge = world.anyEdge();
    if (edge === undefined) return soon(1000, look);
    const rank = edge.line.rankOf(shopper.seq);
    if (rank === undefined) return soon(3000, look);
    observer.ranked(shopper.seq, rank);
    const ahead = edge.line.aheadOf(rank);
    if (ahead > 0) return soon(Math.min(15_000, 1500 + (ahead * 15_000) / plan.outflowPerMinute), look);
    if (!wasCalled && lateMs > 0) {
      wasCalled = true;
      return soon(lateMs, look);
    }
    wasCalled = true;
    claim(edge, shopper.seq);
    if (isCopied) {
      const other = world.anyEdge();
      if (other !== undefined && other !== edge) show(other, shopper.seq, () => undefined);
    }
    return undefined;
  }

  function claim(edge: Edge, seq: number): void {
    let isHeard = false;
    show(edge, seq, (claimed) => {
      isHeard = true;
      if (claimed.kind === "admitted") enter(claimed.expiresRoomMs);
      else if (claimed.kind === "used") shopper.isIn = true;
      else soon(claimed.kind === "at-the-door" ? 200 : 1500, look);
    });
    unlessHeard(edge.process, () => isHeard, look);
  }

  /** What an edge answers has happened, whether or not anybody hears it. */
  function show(edge: Edge, seq: number, heard: (claimed: Claimed) => void): void {
    const { process, line } = edge;
    if (line === undefined) return;
    void line.claim(seq, dice.whole(500, 4000)).then((claimed) => {
      if (!process.isAlive) return;
      if (claimed.kind === "admitted") {
        scheduler.note(process.name, `admits ${seq}`);
        observer.admitted(seq, claimed.expiresRoomMs, process.name, world.roomMs());
      }
      heard(claimed);
    });
  }

  function enter(untilMs: number): void {
    if (shopper.isIn) return;
    shopper.isIn = true;
    // Lost the pass and shows the ticket again, somewhere else.
    if (dice.chance(0.05)) soon(3000, again);
    if (plan.activeMax > 0 && dice.chance(0.5)) soon(dice.whole(3000, 20_000), leave);
    else if (plan.renews && plan.activeMax > 0) soon(5000, () => renew(untilMs, 0));
  }

  function again(): void {
    const edge = world.anyEdge();
    if (edge !== undefined && shopper.seq !== undefined) show(edge, shopper.seq, () => undefined);
  }

  function renew(untilMs: number, times: number): void {
    const edge = world.anyEdge();
    if (times > 8 || shopper.seq === undefined) return;
    const asked = edge === undefined ? undefined : edge.line.roomMs() + plan.sessionSeconds * 1000;
    const renewed = asked === undefined ? undefined : edge?.line.renew(shopper.seq, untilMs, Math.floor(asked));
    if (renewed !== undefined) observer.renewed(shopper.seq, renewed);
    soon(4000, () => renew(renewed ?? untilMs, times + 1));
  }

  function leave(): void {
    const edge = world.anyEdge();
    if (edge === undefined || shopper.seq === undefined) return;
    edge.line.release(shopper.seq);
    observer.released(shopper.seq);
  }

  join();
  return shopper;
}
