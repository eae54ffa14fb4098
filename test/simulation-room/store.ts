/**
 * The store on the other side of a bad wire. What was asked may be carried out and its answer lost; whoever gets none is told so when the time-out
 * ends. A restart takes back the last changes and gives the server another name; a flush takes back all of them.
 */
import type { LineStore, StoredLine } from "#edge/waiting-room/ports.ts";
import { type Process, type Scheduler, still } from "./scheduler.ts";

const timeoutMs = 1000;
/** A turn lasts so long when it is not taken; so long it is waited for another's, looking again now and then. */
const turnMs = 500;
const lookAgainMs = 5;

export type Wire = {
  readonly latencyMs: (edge: Process) => number;
  /** Whether this message gets lost, or this edge is cut off. `isNote`: it asks to write into the claim book. */
  readonly isLost: (edge: Process, what: "request" | "reply", isNote?: boolean) => boolean;
};

type Value = { value: string; version: number };

export class SimulatedStore {
  /** Its own clock's error. */
  offsetMs = 0;
  readonly #scheduler: Scheduler;
  readonly #wire: Wire;
  readonly #onWrite: (room: string, value: string) => void;
  readonly #server: Process;
  #starts = 1;
  #version = 0;
  #values = new Map<string, Value>();
  /** As it was a moment ago: what a restart goes back to. */
  #saved = new Map<string, Value>();
  #turns = new Map<string, { readonly edge: Process; readonly untilMs: number }>();

  constructor(scheduler: Scheduler, wire: Wire, onWrite: (room: string, value: string) => void) {
    this.#scheduler = scheduler;
    this.#wire = wire;
    this.#onWrite = onWrite;
    this.#server = scheduler.spawn("store");
  }

  save(): void {
    this.#saved = new Map([...this.#values].map(([name, value]) => [name, { ...value }]));
  }

  restart(): void {
    this.#starts += 1;
    this.#turns.clear();
    this.#values = new Map([...this.#saved].map(([name, value]) => [name, { ...value }]));
  }

  flush(): void {
    this.#turns.clear();
    this.#values = new Map();
    this.#saved = new Map();
  }

  get name(): string {
    return `server ${this.#starts}`;
  }

  reachedFrom(edge: Process): LineStore {
    const call = <Answer>(work: () => Answer, isNote = false): Promise<Answer> => this.#call(edge, work, isNote);
    return {
      read: async (room, inTurn = false) => {
        for (let waitedMs = 0; ; waitedMs += lookAgainMs) {
          const isOthers = (): boolean => (inTurn ? !this.#takesTurn(room, edge) : false);
          const { isWaiting, line } = await call(() => ({ isWaiting: isOthers(), line: this.#read(room) }));
          if (!isWaiting || waitedMs >= turnMs) return line;
          await new Promise<void>((resolve) => void this.#scheduler.after(edge, lookAgainMs, resolve));
        }
      },
      write: (room, from, value) => call(() => this.#write(room, from, value, edge), room.includes("/")),
      appendLeaves: () => call(() => undefined),
      readLeaves: () => call(() => new Uint8Array(0)),
      putOnce: () => call(() => true),
      takeOnce: () => call(() => undefined),
      close: () => Promise.resolve(),
    };
  }

  #read(room: string): StoredLine {
    const { value = null, version = 0 } = this.#values.get(room) ?? {};
    return { value, version, server: this.name, wallMs: Math.floor(this.#scheduler.nowMs + this.offsetMs) };
  }

  #isTurnOfOther(room: string, edge: Process): boolean {
    const turn = this.#turns.get(room);
    return turn !== undefined && turn.edge !== edge && turn.untilMs > this.#scheduler.nowMs;
  }

  #takesTurn(room: string, edge: Process): boolean {
    if (this.#isTurnOfOther(room, edge)) return false;
    this.#turns.set(room, { edge, untilMs: this.#scheduler.nowMs + turnMs });
    return true;
  }

  #write(room: string, from: Pick<StoredLine, "version" | "server">, value: string, edge: Process): number | undefined {
    if (this.#isTurnOfOther(room, edge)) return undefined;
    if (from.server !== this.name || from.version !== (this.#values.get(room)?.version ?? 0)) return undefined;
    // Versions of all rooms are of one count, so that none comes again after a flush.
    this.#version = Math.max(this.#version, from.version) + 1;
    const version = from.version === 0 ? this.#version : from.version + 1;
    this.#values.set(room, { value, version });
    this.#turns.delete(room);
    this.#onWrite(room, value);
    return version;
  }

  #call<Answer>(edge: Process, work: () => Answer, isNote: boolean): Promise<Answer> {
    const scheduler = this.#scheduler;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const giveUp = scheduler.after(edge, timeoutMs, () => {
        isOver = true;
        reject(new Error("The store did not answer in time."));
      });
      if (this.#wire.isLost(edge, "request", isNote)) return;
      // On the server's side of the wire: it arrives whatever becomes of who sent it.
      scheduler.after(this.#server, this.#wire.latencyMs(edge), () => {
        const answer = work();
        if (this.#wire.isLost(edge, "reply")) return still;
        scheduler.after(edge, this.#wire.latencyMs(edge), () => {
          if (isOver) return still;
          giveUp();
          resolve(answer);
          return undefined;
        });
        return still;
      });
    });
  }
}
