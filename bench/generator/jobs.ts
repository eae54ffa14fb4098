/** What the bench asks of its generator processes, and what they answer. Plain values: they travel between processes. */

/** A closed loop over HTTP: every connection sends its next request as soon as it has the answer to the last one. */
export type CrowdJob = {
  readonly port: number;
  readonly tls?: boolean;
  readonly connections: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
};

export type CrowdResult = {
  /** Answers within the window, by status. */
  readonly answers: Readonly<Record<number, number>>;
  /** Requests whose connection failed or whose answer could not be read. */
  readonly broken: number;
  readonly windowSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Of this generator within the window. */
  readonly cpuSeconds: number;
};

export type LoadJob = CrowdJob & {
  readonly kind: "load";
  /** All of one length; with more than one, the n-th is asked for 1/n as often as the first (Zipf 1.0). */
  readonly skus: readonly string[];
  /** Begins every idempotency key of this job, so that no key ever comes twice. */
  readonly keyPrefix: string;
};

/** Acknowledged: order numbers, the warm-up's included; the database has to have exactly these. */
export type LoadResult = CrowdResult & { readonly acknowledged: number };

export type GetJob = CrowdJob & {
  readonly kind: "get";
  /** "/hit/2048"; a number of seven digits follows, below `keys`. */
  readonly path: string;
  /** With more than one, the n-th is asked for 1/n as often as the first. */
  readonly keys: number;
  /** Each key once, and done, however long the window is. */
  readonly once?: boolean;
  readonly ifNoneMatch?: string;
  /** What a right answer has: its status, and its body's length. */
  readonly status: number;
  readonly length: number;
};

export type SendJob = CrowdJob & {
  readonly kind: "send";
  /** Whole requests, one after the other and then from the first again. */
  readonly requests: readonly string[];
  /** So many and done, however long the window is. */
  readonly count?: number;
  /** Of a right answer. */
  readonly status: number;
  /** Right as well, and what is in the head of each is given back. */
  readonly otherStatus?: number;
};

export type SendResult = GetResult & { readonly otherHeads: readonly string[] };

/** Right: answers within the window with the status and length that were expected. */
export type GetResult = CrowdResult & { readonly right: number };

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

export type Job = LoadJob | GetJob | SendJob | BareJob;
export type Report =
  | { readonly kind: "window"; readonly edge: "begin" | "end" }
  | { readonly kind: "result"; readonly result: LoadResult | GetResult | SendResult | BareResult }
  | { readonly kind: "failed"; readonly message: string };
