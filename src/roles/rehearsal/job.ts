/** What a worker is asked to play, and what it answers. Plain values: they travel between processes and machines. */
import type { RehearsalPlan } from "#contract/rehearsal-plan.ts";
import type { Piece } from "#rehearse/crowd/arrivals.ts";
import type { Tables } from "#rehearse/crowd/journey.ts";
import type { WorkerPart } from "#rehearse/crowd/outcome.ts";
import type { SecondCount } from "#rehearse/measure/tally.ts";

export type CrowdJob = {
  readonly plan: RehearsalPlan;
  readonly tables: Tables;
  readonly pieces: readonly Piece[];
  readonly share: { readonly index: number; readonly of: number };
  readonly runName: string;
  readonly agent: string;
};

/** To a worker. */
export type Order =
  | { readonly kind: "prepare"; readonly job: CrowdJob }
  | { readonly kind: "begin"; readonly inMs: number }
  | { readonly kind: "stop" };

/** From a worker. */
export type Word =
  | { readonly kind: "prepared" }
  | { readonly kind: "second"; readonly second: SecondCount }
  | { readonly kind: "over"; readonly parts: readonly WorkerPart[] }
  | { readonly kind: "failed"; readonly message: string };

/** A worker as whoever leads it sees it: a process here, or a whole machine elsewhere with several. */
export type Worker = {
  readonly name: string;
  readonly processes: number;
  tell(order: Order): void;
  /** Called with each word, and with "failed" when it ends without one. */
  listen(listener: (word: Word) => void): void;
  close(): Promise<void>;
};
