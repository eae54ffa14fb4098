/**
 * What one shopper went through in one room's line, for the question whether it was fair: what they were told, when they asked, when they were let
 * in. It begins with the first answer in which the room speaks, or gives a pass at once, and ends with being let in or with the run.
 */
import type { LineVisit } from "../ports.ts";
import type { Told } from "./waiting-room.ts";

const claimsMax = 100;
/** Another edge hears of what one edge said within this time. */
const hearsayMs = 2000;

export class Visit {
  readonly room: string;
  readonly #came: readonly [number, number];
  readonly #claims: (readonly [number, number])[] = [];
  number: number | undefined;
  rank: number | undefined;
  #numberedMs: number | undefined;
  #waitedMs: number | undefined;
  #letIn: readonly [number, number] | undefined;
  #movedBack = 0;
  #aheadLeast = Number.POSITIVE_INFINITY;
  #aheadSinceMs = 0;

  constructor(room: string, sentMs: number, nowMs: number) {
    this.room = room;
    this.#came = [sentMs, nowMs];
  }

  told({ number, rank, ahead }: Omit<Told, "room">, sentMs: number, nowMs: number): void {
    if (number !== null) {
      if (this.number !== undefined && this.number !== number) this.#movedBack += 1;
      this.#numberedMs ??= nowMs;
      this.number = number;
    }
    if (rank !== null) {
      if (this.rank !== undefined && this.rank !== rank) this.#movedBack += 1;
      this.rank = rank;
    }
    if (ahead === null || ahead === this.#aheadLeast) return;
    if (ahead > this.#aheadLeast) {
      if (sentMs - this.#aheadSinceMs <= hearsayMs) return;
      this.#movedBack += 1;
    }
    this.#aheadLeast = ahead;
    this.#aheadSinceMs = nowMs;
  }

  waited(sentMs: number): void {
    this.#waitedMs = sentMs;
  }

  claimed(sentMs: number, nowMs: number): void {
    if (this.#claims.length < claimsMax) this.#claims.push([sentMs, nowMs]);
  }

  /** Only the first time counts: asked again it is the same admission. */
  letIn(sentMs: number, nowMs: number): void {
    this.#letIn ??= [sentMs, nowMs];
  }

  toData(second: (ms: number) => number): LineVisit {
    const pair = ([sent, answered]: readonly [number, number]) => [second(sent), second(answered)] as const;
    return {
      room: this.room,
      came: pair(this.#came),
      ...(this.number === undefined ? {} : { number: this.number }),
      ...(this.rank === undefined ? {} : { rank: this.rank }),
      ...(this.#numberedMs === undefined ? {} : { numberedSecond: second(this.#numberedMs) }),
      ...(this.#waitedMs === undefined ? {} : { waitedSecond: second(this.#waitedMs) }),
      claims: this.#claims.map(pair),
      ...(this.#letIn === undefined ? {} : { letIn: pair(this.#letIn) }),
      movedBack: this.#movedBack,
    };
  }
}
