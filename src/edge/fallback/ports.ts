/** What the fallback needs of the world: pages that were kept while the origin was well. */

/** The form in which a body is kept; an answer names it in Content-Encoding unless it is the identity. */
export type Coding = "br" | "gzip" | "identity";

export type SnapshotPage = {
  /** When the page was fetched, milliseconds since the epoch. */
  readonly takenAtMs: number;
  /** What the page was answered with and may be said again: its type, language, policies. Names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** A strong validator of the identity form, with its quotes. */
  readonly etag: string;
  readonly codings: readonly Coding[];
  /** Undefined when it can no longer be read: the page is then as good as never kept. */
  body(coding: Coding): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer> | undefined>;
};

/**
 * Pages of one site as they were published, by path and query. A new snapshot takes the place of the old one as a whole,
 * by itself, while pages of the old one may still be on their way out.
 */
export interface SnapshotStore {
  find(target: string): SnapshotPage | undefined;
}
