/**
 * How somebody who stands at an edge's door (edge-door.ts) goes in: first the place is noted in the claim book, then the admission is used. So of two edges that
 * are shown the same ticket one uses an admission for it. An edge that is cut off does not let what it holds come to nothing: see `#mayGoUnnoted`.
 *
 * at the door -> entering (an admission is kept for it while it is noted) -> in; or another edge has it: used, or tried again
 */
import type { AdmissionRecord } from "./admission-record.ts";
import type { ClaimBook } from "./claim-book.ts";
import { type EdgeDoor, type HeldLease, lingersMs, type Standing } from "./edge-door.ts";
import type { Claimed } from "./line.ts";
import type { MetPlaces } from "./met-places.ts";
import { type Place, pendingOursMs } from "./places.ts";

/** A place is noted again when its note would lapse within this time. */
const noteAgainMs = 4000;
/** After another edge had it, or the claim book could not be reached. */
const tryAgainMs = 500;
/** After so long a silence of the store an admission is used without a note: a single lost message is tried again. */
const cutOffMs = 1000;
/** So long before a lease was asked for the store has said at the earliest that a place is free which goes in without a note. */
const freeSinceMs = 2500;

type Options = {
  readonly door: EdgeDoor;
  readonly book: ClaimBook;
  readonly record: AdmissionRecord;
  readonly met: MetPlaces;
  readonly isReleased: (seq: number) => boolean;
  /** Whether the line lets anybody in now. */
  readonly isAdmitting: () => boolean;
  /** Milliseconds since the store last answered. */
  readonly silentMs: () => number;
  readonly sessionMs: () => number;
  readonly roomMs: () => number;
  readonly monotonicMs: () => number;
  readonly later: (ms: number, run: () => void) => () => void;
};

export class Entrance {
  readonly #options: Options;
  #isTryingAgain = false;
  /** Without a note, because the store was silent. */
  admittedCutOff = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Undefined while it is still open what becomes of it. */
  claimedOf(place: Place): Claimed | undefined {
    if (place.kind === "released") return { kind: "used" };
    if (place.kind !== "admitted") return undefined;
    return place.untilMs > this.#options.roomMs()
      ? { kind: "admitted", expiresRoomMs: place.untilMs }
      : { kind: "used" };
  }

  /** Resolves within `waitMs`. */
  wait(standing: Standing, waitMs: number): Promise<Claimed> {
    const { monotonicMs, later } = this.#options;
    standing.untilMs = Math.max(standing.untilMs, monotonicMs() + waitMs + lingersMs);
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
      this.letIn();
    });
  }

  /** As many as there are admissions for. */
  letIn(): void {
    const { isAdmitting, door } = this.#options;
    if (!isAdmitting()) return;
    for (const [standing, lease] of door.entering()) void this.#enter(standing, lease);
  }

  async #enter(standing: Standing, lease: HeldLease): Promise<void> {
    const { monotonicMs, book, isAdmitting, door } = this.#options;
    const askedMs = monotonicMs();
    const outcome = standing.oursUntilMs > askedMs + noteAgainMs ? "ours" : await book.claim(standing.rank);
    lease.kept -= 1;
    standing.isEntering = false;
    if (outcome === "ours") standing.oursUntilMs = Math.max(standing.oursUntilMs, askedMs + pendingOursMs);
    const isUnnoted = outcome === "unreachable" && this.#mayGoUnnoted(standing, lease);
    if (outcome === "ours" || isUnnoted) {
      const isStill =
        standing.waiting.length > 0 && isAdmitting() && (isUnnoted || monotonicMs() < standing.oursUntilMs);
      if (isStill && door.taken(lease)) this.#admit(standing, isUnnoted);
    } else {
      standing.notBeforeMs = monotonicMs() + tryAgainMs;
      const answer = outcome === "unreachable" || outcome === "busy" ? undefined : this.claimedOf(outcome);
      if (answer !== undefined) this.#leaveWith(standing, answer);
      else if (outcome === "unreachable") this.#tryAgain();
    }
    this.letIn();
  }

  /** Cut off, no reply comes that would have somebody let in. */
  #tryAgain(): void {
    if (this.#isTryingAgain) return;
    this.#isTryingAgain = true;
    this.#options.later(tryAgainMs, () => {
      this.#isTryingAgain = false;
      this.letIn();
    });
  }

  /**
   * Cut off: what is held is spent on those whom this edge knew before, and of whom the store said about when the lease was asked for that nobody else had let
   * them in. The same ticket may be used at another edge meanwhile, by another admission; it is still one order.
   */
  #mayGoUnnoted({ seq, rank }: Standing, { askedMs }: HeldLease): boolean {
    const { silentMs, met, isReleased, book } = this.#options;
    if (silentMs() < cutOffMs || !met.has(seq) || isReleased(seq)) return false;
    return book.isFree(rank, askedMs - freeSinceMs);
  }

  #admit(standing: Standing, isUnnoted: boolean): void {
    const { roomMs, sessionMs, book, record, monotonicMs } = this.#options;
    // Whole seconds, as the claim book keeps them: asked again it is the same answer.
    const expiresRoomMs = Math.floor((roomMs() + sessionMs()) / 1000) * 1000;
    if (isUnnoted) {
      this.admittedCutOff += 1;
      book.admitUnnoted(standing.rank, expiresRoomMs);
    } else book.admit(standing.rank, expiresRoomMs);
    record.admitted(monotonicMs());
    this.#leaveWith(standing, { kind: "admitted", expiresRoomMs });
  }

  #leaveWith(standing: Standing, answer: Claimed): void {
    this.#options.door.leave(standing.rank);
    for (const answered of standing.waiting.splice(0)) answered(answer);
  }
}
