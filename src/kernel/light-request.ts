/** What a handler may ask of a request: less than `Request` has, so that an edge in the same process need not make one. */
export type LightRequest = Pick<Request, "method" | "url" | "body" | "signal" | "arrayBuffer" | "json"> & {
  readonly headers: { get(name: string): string | null } & Iterable<readonly [string, string]>;
  /** The body, where all of it is there already. */
  readonly whole?: Uint8Array<ArrayBuffer> | undefined;
};
