/**
 * The house as data: which room may import which. ARCHITECTURE.md shows the same table; tidy.test.ts holds the code to it.
 */
export type Room = {
  readonly floor: number;
  readonly room: string;
  readonly line: string;
  /** Other rooms; a room always knows itself. */
  readonly mayImport: readonly string[];
  /** Packages and runtime modules, beside what every room may not. */
  readonly packages: readonly string[];
};

export const rooms: readonly Room[] = [
  {
    floor: 0,
    room: "kernel",
    line: "money, ids, results, error codes, clock and random as interfaces",
    mayImport: [],
    packages: [],
  },
  {
    floor: 1,
    room: "resilience",
    line: "buckets, batches, adaptive limits, breakers, choice of upstream: pure, time is an argument",
    mayImport: ["kernel"],
    packages: [],
  },
  {
    floor: 1,
    room: "contract",
    line: "shapes on the wire, from which OpenAPI is made",
    mayImport: ["kernel"],
    packages: ["typebox"],
  },
  {
    floor: 2,
    room: "commerce",
    line: "rules of selling: catalogue, pricing, cart, stock, orders, payments",
    mayImport: ["kernel"],
    packages: [],
  },
  {
    floor: 2,
    room: "edge",
    line: "admits, limits, caches, sheds, forwards; has never heard of an order",
    mayImport: ["kernel", "resilience", "contract"],
    packages: [],
  },
  {
    floor: 2,
    room: "rehearse",
    line: "a crowd, its troubles and the verdict: over HTTP only, it knows no shop from inside",
    mayImport: ["kernel", "contract"],
    packages: [],
  },
  { floor: 2, room: "watch", line: "counts and times, in Prometheus' words", mayImport: ["kernel"], packages: [] },
  {
    floor: 3,
    room: "flows",
    line: "one file per thing a person or a timer does",
    mayImport: ["kernel", "resilience", "commerce"],
    packages: [],
  },
  {
    floor: 3,
    room: "storefront",
    line: "pages and notices as typed templates, and the little script they need",
    mayImport: ["kernel", "contract"],
    packages: [],
  },
  {
    floor: 3,
    room: "console",
    line: "pages for the operator",
    mayImport: ["kernel", "contract", "storefront"],
    packages: [],
  },
  {
    floor: 4,
    room: "http",
    line: "translates between contract, flows and pages; decides nothing",
    mayImport: ["kernel", "contract", "commerce", "watch", "flows", "storefront", "console"],
    packages: ["typebox", "node:crypto", "node:zlib"],
  },
  {
    floor: 4,
    room: "adapters",
    line: "one folder per technology, one file per port, same name as the port",
    mayImport: ["kernel", "commerce", "edge", "rehearse"],
    packages: ["*"],
  },
  {
    floor: 5,
    room: "roles",
    line: "reads the settings once, picks adapters, wires, drains; the tools of the command line",
    mayImport: [
      "kernel",
      "resilience",
      "contract",
      "commerce",
      "edge",
      "rehearse",
      "watch",
      "flows",
      "storefront",
      "console",
      "http",
      "adapters",
    ],
    packages: ["*"],
  },
  {
    floor: 6,
    room: "main.ts",
    line: "words of the command line to a role or tool",
    mayImport: ["kernel", "roles"],
    packages: [],
  },
];
