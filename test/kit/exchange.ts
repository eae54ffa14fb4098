/** Exchanges, settings and counters for tests of single stages: what the listener, the config and `watch` make in earnest. */
import type Type from "typebox";
import Value from "typebox/value";
import type { Exchange, Notes } from "#edge/exchange.ts";
import type { Meter } from "#edge/ports.ts";

export type ExchangeOptions = Partial<Omit<Exchange, "headers" | "route" | "notes">> & {
  readonly headers?: Readonly<Record<string, string>>;
  readonly route?: Partial<Exchange["route"]>;
};

export function exchangeOf(options: ExchangeOptions = {}): Exchange & { readonly notes: Notes } {
  const path = options.path ?? "/";
  return {
    method: "GET",
    scheme: "https",
    host: "shop.example",
    target: path,
    path,
    request: null,
    address: "203.0.113.7",
    atMs: 1_795_000_000_000,
    notes: {},
    ...options,
    headers: new Headers(options.headers),
    route: { template: "/*", class: "browsing", challenge: false, ...options.route },
  };
}

/** What the schema makes of this: everything that is left out has its default. */
export function settingsOf<Schema extends Type.TSchema>(schema: Schema, given: unknown = {}): Type.Static<Schema> {
  return Value.Parse(schema, Value.Default(schema, given)) as Type.Static<Schema>;
}

/** Counts by name and labels, as they would be exported. */
export function countingMeter(): Meter & { readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  const keyOf = (name: string, labels: Readonly<Record<string, string>>): string =>
    [name, ...Object.values(labels)].join(" ");
  return {
    counts,
    counter: (name) => (labels) => () => {
      counts.set(keyOf(name, labels), (counts.get(keyOf(name, labels)) ?? 0) + 1);
    },
    gauge() {},
    histogram: () => () => () => {},
  };
}
