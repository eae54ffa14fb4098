/**
 * Places that went over to another device, and the generation of the ticket that counts now. The last ones stand in the line, so with its next report every
 * edge knows them; an edge that was cut off while more moved than the line keeps has missed the older ones.
 */

export type Move = readonly [seq: number, generation: number];

/** Kept in the line: a few hundred bytes. */
const toldMax = 64;
const rememberedMax = 100_000;

/** The line's list with these put in; the last of a place is the one that counts. */
export function withMoves(last: readonly Move[], moves: readonly Move[]): readonly Move[] {
  const newest = new Map<number, number>();
  for (const [seq, generation] of [...last, ...moves]) {
    const known = newest.get(seq) ?? 0;
    newest.delete(seq);
    newest.set(seq, Math.max(known, generation));
  }
  return [...newest].slice(-toldMax);
}

export class MovedPlaces {
  readonly #newest = new Map<number, number>();
  #toTell: Move[] = [];

  /** 0 for a place that never moved, as far as is known here. */
  generationOf(seq: number): number {
    return this.#newest.get(seq) ?? 0;
  }

  /** Here: the others are told with the next report. */
  move(seq: number, generation: number): void {
    this.hear([[seq, generation]]);
    if (this.#toTell.length < rememberedMax) this.#toTell.push([seq, generation]);
  }

  /** For one report: no more than the line keeps. */
  toTell(): readonly Move[] {
    return this.#toTell.splice(0, toldMax);
  }

  /** As it stands in the line. The oldest goes first. */
  hear(moves: readonly Move[]): void {
    for (const [seq, generation] of moves) {
      if (generation <= this.generationOf(seq)) continue;
      this.#newest.delete(seq);
      if (this.#newest.size >= rememberedMax) this.#newest.delete(this.#newest.keys().next().value as number);
      this.#newest.set(seq, generation);
    }
  }
}
