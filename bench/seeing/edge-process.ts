/**
 * An edge that sees, or the same one blind: `bin/spillway edge` as it is wired (src/roles/edge.ts), but with one word more.
 *
 *   edge-process.ts CONFIG seeing   counts, times, traces and the access log, as shipped
 *   edge-process.ts CONFIG blind    the seeing stage sees nothing, and no stage counts for /metrics
 *
 * Prints "ready URL", then the access log. Its standard input is a pipe from the bench, and it ends with that.
 */
import { randomBytes } from "node:crypto";
import { listen } from "#adapters/bun/edge-listener.ts";
import { createEdge } from "#edge/edge.ts";
import type { Meter } from "#edge/ports.ts";
import type { Seeing, Sight } from "#edge/seeing.ts";
import { listenerOptions } from "#roles/edge.ts";
import { readEdgeConfig } from "#roles/edge-config.ts";
import { createEdgeParts } from "#roles/edge-parts.ts";
import { Metrics } from "#watch/metrics.ts";

const nothing = (): void => undefined;
const noSight: Sight = { startedMs: 0, trace: undefined, lines: undefined };
const blind: Seeing = {
  stage: (exchange, next) => next(exchange),
  startMs: () => 0,
  seen: nothing,
  begins: () => noSight,
  ends: nothing,
  flush: () => Promise.resolve(),
  underWay: () => 0,
  update: nothing,
};
const countsNothing: Meter = { counter: () => () => nothing, gauge: nothing, histogram: () => () => nothing };

const [file = "", word] = process.argv.slice(2);
const isBlind = word === "blind";
const config = await readEdgeConfig({ env: {}, args: ["--config", file] });
const { deps } = await createEdgeParts(config, new Metrics(), {
  secrets: [randomBytes(32)],
  name: "spillway",
  log: (line) => process.stderr.write(`${line}\n`),
  rooms: { pressure: () => 0 },
});
const wired = { ...deps, ...(isBlind ? { meter: countsNothing } : {}) };
const first = createEdge(config, wired);
// As after a reload, both of them: that is how another stage of seeing gets in.
const edge = createEdge(config, wired, isBlind ? { ...first, seeing: blind } : first);
const { port } = listen(listenerOptions(config), edge.receiver);
process.stdout.write(`ready http://localhost:${port}\n`);
await new Response(Bun.stdin.stream()).text();
process.exit();
