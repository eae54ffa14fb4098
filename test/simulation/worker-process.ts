/**
 * A worker process of the simulated world. It is the worker role itself: only its clock, its database connection and
 * its wire to the bank are not the real ones. Notices stay in the outbox, where the end of the run counts them.
 */
import { createOutbox } from "#adapters/postgres/outbox.ts";
import type { Outbox } from "#commerce/outbox/ports.ts";
import type { Parts } from "#roles/parts.ts";
import { createWorker } from "#roles/worker.ts";
import { Metrics } from "#watch/metrics.ts";
import type { Bank } from "./bank.ts";
import type { Process } from "./scheduler.ts";
import { booksOf, flowOf } from "./shop-process.ts";
import type { World } from "./world.ts";

type Used =
  | "clock"
  | "config"
  | "orders"
  | "payments"
  | "paymentFlow"
  | "metrics"
  | "outbox"
  | "carts"
  | "gateways"
  | "pool"
  | "log"
  | "report";

export async function startWorker(world: World, process: Process, banks: readonly Bank[]): Promise<void> {
  const books = booksOf(world, process);
  const tasks = world.mutation.outbox?.(createOutbox(world.database.sql)) ?? createOutbox(world.database.sql);
  const outbox = world.adapter<Outbox>(process, "outbox", tasks);
  const reached = banks.map((bank) => bank.reachedFrom(process));
  const [sandbox] = reached;
  const payments: Outbox = {
    ...outbox,
    async take(lane, limit, leaseSeconds) {
      if (lane !== "payments") return await new Promise(() => undefined);
      return await world.databaseCall(
        process,
        `outbox.take(${lane})`,
        () => tasks.take(lane, limit, leaseSeconds),
        async () => (((await world.nextTaskMs()) ?? Number.POSITIVE_INFINITY) > world.scheduler.nowMs ? [] : undefined),
      );
    },
    done: outbox.done,
    putOff: outbox.putOff,
    depth: outbox.depth,
    woken: async (listener) => await world.listen(process, "outbox", listener),
  };
  const parts = {
    clock: world.scheduler.clockOf(process),
    config: { noticesPerSecond: 10, smtpUrl: undefined, sms: undefined } as Parts["config"],
    ...books,
    paymentFlow: flowOf(world, process, banks, books),
    metrics: new Metrics(),
    outbox: payments,
    carts: { forget: async () => 0 } as unknown as Parts["carts"],
    gateways: { all: reached, sandbox } as unknown as Parts["gateways"],
    pool: world.database.sql,
    log: (line: string) => world.note(process, line),
    report: (error: unknown) => {
      world.unexpected(process.name, error);
      return "";
    },
  } satisfies Pick<Parts, Used>;
  await createWorker(parts as unknown as Parts).start();
}
