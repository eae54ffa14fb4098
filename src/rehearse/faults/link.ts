/** One direction of one connection: its chain of toxics, in the order in which they were added, and the socket behind. */
import type { Clock, Random } from "#kernel/clock.ts";
import { type Next, Stage } from "./stage.ts";
import type { Toxic } from "./toxic.ts";

export type LinkOptions = {
  readonly clock: Clock;
  readonly random: Random;
  readonly out: Next;
  /** The sender may be read again. */
  readonly room: () => void;
  readonly reset: () => void;
};

export class Link {
  readonly #options: LinkOptions;
  readonly #stages: Stage[] = [];
  #hasEnded = false;

  constructor(toxics: readonly Toxic[], options: LinkOptions) {
    this.#options = options;
    for (const toxic of toxics) this.add(toxic);
  }

  hasRoom(): boolean {
    return this.#first().hasRoom();
  }

  push(data: Uint8Array): void {
    this.#first().push({ data, atMs: this.#options.clock.now() });
  }

  /** The sender sends no more. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#first().end();
  }

  /** The socket behind has room again. */
  drained(): void {
    const last = this.#stages.at(-1);
    if (last === undefined) this.#options.room();
    else last.work();
  }

  add(toxic: Toxic): void {
    const { clock, random, reset, out } = this.#options;
    const before = this.#stages.at(-1);
    const stage: Stage = new Stage(toxic, out, {
      clock,
      random,
      reset,
      room: () => {
        const index = this.#stages.indexOf(stage);
        if (index > 0) this.#stages[index - 1]?.work();
        else if (index === 0) this.#options.room();
      },
    });
    this.#stages.push(stage);
    if (before !== undefined) before.next = stage;
    // A rule that watches for silence begins to.
    if (before === undefined && this.#hasEnded) stage.end();
    else stage.work();
  }

  change(toxic: Toxic): void {
    this.#stageOf(toxic.name)?.change(toxic);
  }

  remove(name: string): void {
    const stage = this.#stageOf(name);
    if (stage === undefined) return;
    const index = this.#stages.indexOf(stage);
    stage.remove();
    this.#stages.splice(index, 1);
    const before = this.#stages[index - 1];
    if (before === undefined) this.#options.room();
    else {
      before.next = stage.next;
      before.work();
    }
  }

  dispose(): void {
    for (const stage of this.#stages) stage.dispose();
  }

  #first(): Next {
    return this.#stages[0] ?? this.#options.out;
  }

  #stageOf(name: string): Stage | undefined {
    return this.#stages.find(({ toxic }) => toxic.name === name);
  }
}
