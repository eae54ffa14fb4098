/**
 * An edge's talk with the line: one report at a time, its number kept until it is acknowledged, sent again over any outage. Between two reports is a
 * pause, shorter when somebody waits for the answer. Whatever asks for a report within a pause shares it.
 *
 * idle -> (something to tell, or the pause is over) -> sending -> acknowledged -> idle; or -> failed -> sending again, the same report
 */
import type { Room } from "#contract/waiting-room.ts";
import { checkpointText, readCheckpoint } from "./checkpoint.ts";
import type { CheckpointFile, LineStore, RoomKeys, StoredLine } from "./ports.ts";
import type { Known, Report, StepInputs } from "./report.ts";
import { RoomClock } from "./room-clock.ts";
import type { LineState, Reply } from "./state.ts";
import type { step } from "./step.ts";

/** What makes up a report beside its name, number and time. */
export type Told = Omit<Report, "edge" | "number" | "roomMs">;

export type ReporterOptions = {
  readonly store: LineStore;
  readonly keys: RoomKeys;
  readonly checkpoint: CheckpointFile | undefined;
  /** Of this room and epoch in the store. */
  readonly name: string;
  readonly edge: string;
  readonly room: () => Room;
  readonly joinsPerSecondMax: number;
  readonly isShared: boolean;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly later: (ms: number, run: () => void) => () => void;
  readonly step: typeof step;
  readonly gather: () => Told;
  /** `askedMs`: monotonic, when the report was sent for the first time; `askedWallMs`: the wall's. */
  readonly onReply: (told: Told, reply: Reply, askedMs: number, askedWallMs: number) => void;
  /** The line was made again since this edge last saw it. */
  readonly onNewLife: () => void;
  readonly onFailure: () => void;
  /** Whether somebody waits for the next report, so that the short pause is taken. */
  readonly isBusy: () => boolean;
};

type Reading = { readonly from: StoredLine; readonly state: LineState | null; readonly readMs: number };

const busyPauseMs = 250;
const idlePauseMs = 500;
/** After a report was asked for: what comes within it shares the report. */
const gatherMs = 1;
const failedPauseMs = 250;
/** Others have changed the line meanwhile: so often it is read and tried again at once. */
const triesMax = 8;
const checkpointEveryMs = 1000;
/** A calendar is read by the store's clock at least so often. */
const cachedMs = 5000;

export class Reporter {
  readonly clock: RoomClock;
  readonly #options: ReporterOptions;
  #number = 0;
  #pending: { told: Told; number: number; askedMs: number; askedWallMs: number } | undefined;
  #known: { state: LineState; atMs: number } | undefined;
  #cached: Reading | undefined;
  #cancel: (() => void) | undefined;
  #dueMs = 0;
  #isSending = false;
  #isAsked = false;
  #isStopped = false;
  #lastAnswerMs = Number.NEGATIVE_INFINITY;
  #checkpointMs = Number.NEGATIVE_INFINITY;
  #isWriting = false;
  #firstTry: (() => void) | undefined;
  reportMs = 0;
  failures = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.clock = new RoomClock(options.monotonicMs);
  }

  /** As last agreed by this edge; undefined when it knows nothing yet. */
  get state(): LineState | undefined {
    return this.#known?.state;
  }

  /** Milliseconds since the store last answered. */
  get silentMs(): number {
    return this.#options.monotonicMs() - this.#lastAnswerMs;
  }

  /** Resolves when the line was reached for the first time, or could not be. */
  async start(): Promise<void> {
    const { checkpoint, keys, room, wallMs, monotonicMs } = this.#options;
    const text = await checkpoint?.read(this.#options.name).catch(() => undefined);
    const kept = text === undefined ? undefined : readCheckpoint(text, room().epoch, wallMs(), keys);
    if (kept !== undefined) this.#known = { state: kept.state, atMs: monotonicMs() - kept.ageMs };
    await new Promise<void>((resolve) => {
      this.#firstTry = resolve;
      this.ask();
    });
  }

  /** There is something to tell that somebody waits for. */
  ask(): void {
    if (this.#isSending) this.#isAsked = true;
    else if (!this.#isSettling) this.#schedule(gatherMs);
  }

  /** The line gives nothing yet and waits for what other edges know: whoever asks it in a hurry only keeps those from telling. */
  get #isSettling(): boolean {
    const isHeard = this.#lastAnswerMs > Number.NEGATIVE_INFINITY;
    return isHeard && this.state !== undefined && this.state.roomMs < this.state.settledMs;
  }

  async stop(): Promise<void> {
    // What was used and what is given back should be known.
    if (!this.#isSending && !this.#isStopped) await this.#send();
    this.#isStopped = true;
    this.#cancel?.();
    if (this.state !== undefined) await this.#keep(this.state);
  }

  #schedule(ms: number): void {
    if (this.#isStopped) return;
    const dueMs = this.#options.monotonicMs() + ms;
    if (this.#cancel !== undefined && this.#dueMs <= dueMs) return;
    this.#cancel?.();
    this.#dueMs = dueMs;
    this.#cancel = this.#options.later(ms, () => {
      this.#cancel = undefined;
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#isAsked = false;
    this.#cancel?.();
    this.#cancel = undefined;
    let pauseMs = failedPauseMs;
    try {
      const beganMs = this.#options.monotonicMs();
      if (await this.#agree()) {
        this.reportMs = this.#options.monotonicMs() - beganMs;
        pauseMs = this.#options.isBusy() && !this.#isSettling ? busyPauseMs : idlePauseMs;
        if (this.#isAsked && !this.#isSettling) pauseMs = gatherMs;
      }
    } catch {
      this.failures += 1;
      this.#cached = undefined;
      this.#options.onFailure();
    } finally {
      this.#isSending = false;
      this.#firstTry?.();
      this.#firstTry = undefined;
      this.#schedule(pauseMs);
    }
  }

  /** True when the line has taken the report; false when others were quicker too often. */
  async #agree(): Promise<boolean> {
    const { store, name, edge, monotonicMs, wallMs } = this.#options;
    this.#pending ??= {
      told: this.#options.gather(),
      number: ++this.#number,
      askedMs: monotonicMs(),
      askedWallMs: wallMs(),
    };
    const { told, number, askedMs, askedWallMs } = this.#pending;
    for (let tries = 0; tries < triesMax; tries++) {
      const atMs = monotonicMs();
      const base = this.#fresh(atMs) ?? (await this.#read(atMs, tries > 0));
      const report: Report = { ...told, edge, number, roomMs: this.clock.now() };
      const { state, reply, isChanged } = this.#options.step(base.state, report, this.#inputs(base.from, base.readMs));
      const sentMs = monotonicMs();
      const version = isChanged ? await store.write(name, base.from, JSON.stringify(state)) : base.from.version;
      if (version === undefined) {
        this.#cached = undefined;
        continue;
      }
      this.#cached = { from: { ...base.from, version }, state, readMs: base.readMs };
      this.#adopt(state, isChanged ? sentMs : atMs);
      this.#pending = undefined;
      this.clock.told(state.roomMs, report.roomMs <= state.roomMs);
      this.#options.onReply(told, reply, askedMs, askedWallMs);
      return true;
    }
    return false;
  }

  #fresh(nowMs: number): Reading | undefined {
    const cached = this.#cached;
    return cached !== undefined && nowMs - cached.readMs < cachedMs ? cached : undefined;
  }

  async #read(atMs: number, inTurn: boolean): Promise<Reading> {
    const from = await this.#options.store.read(this.#options.name, inTurn);
    return { from, state: from.value === null ? null : (JSON.parse(from.value) as LineState), readMs: atMs };
  }

  #inputs(from: StoredLine, readMs: number): StepInputs {
    const { keys, room, joinsPerSecondMax, isShared, monotonicMs } = this.#options;
    const nowMs = monotonicMs();
    const known: Known | null =
      this.#known === undefined ? null : { state: this.#known.state, ageMs: nowMs - this.#known.atMs };
    const { id, epoch } = room();
    return {
      room: room(),
      joinsPerSecondMax,
      server: from.server,
      wallMs: Math.floor(from.wallMs + nowMs - readMs),
      known,
      isShared,
      newTag: () => keys.randomBytes(6).toHex(),
      newSeed: () => keys.derive(`draw ${id} ${epoch}`).toHex(),
      sha256: keys.sha256,
    };
  }

  #adopt(state: LineState, atMs: number): void {
    const before = this.#known?.state;
    this.#known = { state, atMs };
    this.#lastAnswerMs = this.#options.monotonicMs();
    if (before !== undefined && before.tag !== state.tag) this.#options.onNewLife();
    // A draw that was told is never held again.
    if (isDrawn(state) && !isDrawn(before)) this.#checkpointMs = Number.NEGATIVE_INFINITY;
    if (this.#lastAnswerMs - this.#checkpointMs >= checkpointEveryMs && !this.#isWriting) void this.#keep(state);
  }

  async #keep(state: LineState): Promise<void> {
    const { checkpoint, name, wallMs, keys, monotonicMs } = this.#options;
    if (checkpoint === undefined) return;
    this.#isWriting = true;
    this.#checkpointMs = monotonicMs();
    try {
      await checkpoint.write(name, checkpointText(state, wallMs(), keys));
    } catch {
      // A disk that is full or gone: the line itself is in its store, and the next one is tried in a second.
    } finally {
      this.#isWriting = false;
    }
  }
}

const isDrawn = (state: LineState | undefined): boolean => (state?.draw?.drawn ?? null) !== null;
