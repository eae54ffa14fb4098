/** What the bench asks of its generator processes, and what they answer. Plain values: they travel between processes. */

/** A closed loop over HTTP: every connection sends its next order as soon as it has the answer to the last one. */
export type LoadJob = {
  readonly kind: "load";
  readonly port: number;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** All of one length; with more than one, the n-th is asked for 1/n as often as the first (Zipf 1.0). */
  readonly skus: readonly string[];
  /** Begins every idempotency key of this job, so that no key ever comes twice. */
  readonly keyPrefix: string;
};

export type LoadResult = {
  /** Answers within the window, by status. */
  readonly answers: Readonly<Record<number, number>>;
  /** Order numbers that were acknowledged, the warm-up's included: the database has to have exactly these. */
  readonly acknowledged: number;
  /** Requests whose connection failed or whose answer could not be read. */
  readonly broken: number;
  readonly windowSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of this generator within the window. */
  readonly cpuSeconds: number;
};

/** The order path's statement, called as the shop calls it, but with everything prepared before. */
export type BareJob = {
  readonly kind: "bare";
  readonly databaseUrl: string;
  readonly batchSize: number;
  /** Calls under way at once, each on a connection of its own. */
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** As for a load. */
  readonly skus: readonly string[];
};

export type BareResult = {
  readonly orders: number;
  /** Orders placed in all, the warm-up's included. */
  readonly placed: number;
  readonly windowSeconds: number;
  /** Of one call: with a batch of one, that is a commit's time. */
  readonly p50Ms: number;
  readonly cpuSeconds: number;
};

export type Job = LoadJob | BareJob;
export type Report =
  | { readonly kind: "window"; readonly edge: "begin" | "end" }
  | { readonly kind: "result"; readonly result: LoadResult | BareResult }
  | { readonly kind: "failed"; readonly message: string };
