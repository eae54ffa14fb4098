/**
 * The order path's statement without HTTP: what Postgres alone can do with the same orders. The statement and its
 * parameters are the shop's own, taken from its flow and its adapter by giving them a database that only listens; all
 * of that is done before the clock starts. Only the keys are new for each call, as random as the shop's hashes are.
 */
import { SQL } from "bun";
import { createCatalogueStore } from "#adapters/postgres/catalogue-store.ts";
import { createOrderIntake } from "#adapters/postgres/order-intake.ts";
import { systemClock } from "#adapters/system/clock.ts";
import { hash128 } from "#adapters/system/hash.ts";
import type { OrderBatch } from "#commerce/orders/ports.ts";
import { defaultSettings } from "#commerce/pricing/shop-settings.ts";
import { CatalogueView } from "#flows/catalogue-view.ts";
import { PlaceOrder } from "#flows/place-order.ts";
import { Histogram } from "#rehearse/measure/histogram.ts";
import { cpuSecondsOfThis } from "./crowd.ts";
import type { BareJob, BareResult } from "./jobs.ts";
import { orderOf } from "./order-template.ts";
import { zipfSequence } from "./zipf.ts";

/** Different batches that take turns. */
const variety = 4;
const keyLiteralsMax = 400_000;

type Call = { readonly statement: string; readonly parameters: unknown[]; readonly keysAt: number };

export async function bare(job: BareJob, onEdge: (edge: "begin" | "end") => void): Promise<BareResult> {
  const sql = new SQL(job.databaseUrl, { max: job.inFlight, connectionTimeout: 10, idleTimeout: 0 });
  try {
    const calls = await prepareCalls(sql, job);
    const keys = keyLiterals(job);
    const nextKeys = () => keys.pop() ?? keyLiteral(job.batchSize);
    const times = new Histogram();
    let placed = 0;
    let orders = 0;
    let turn = 0;
    let counting = false;
    let stopped = false;

    const caller = async (): Promise<void> => {
      while (!stopped) {
        turn += 1;
        const { statement, parameters, keysAt } = calls[turn % calls.length] as Call;
        const given = parameters.with(keysAt, nextKeys());
        const startedAt = performance.now();
        const [row] = (await sql.unsafe(statement, given)) as { verdicts: ArrayLike<number> }[];
        if (row === undefined || row.verdicts.length !== job.batchSize || row.verdicts[0] !== 0)
          throw new Error(`the statement placed nothing: verdict ${row?.verdicts[0]}`);
        placed += job.batchSize;
        if (!counting) continue;
        orders += job.batchSize;
        times.record((performance.now() - startedAt) * 1000);
      }
    };
    const callers = Array.from({ length: job.inFlight }, caller);
    // A caller that fails ends the measurement instead of waiting for the clock.
    const failed = Promise.all(callers);
    await Promise.race([failed, Bun.sleep(job.warmUpMs)]);
    counting = true;
    onEdge("begin");
    const beganAt = performance.now();
    const cpuAtBegin = cpuSecondsOfThis();
    await Promise.race([failed, Bun.sleep(job.windowMs)]);
    stopped = true;
    await failed;
    const windowSeconds = (performance.now() - beganAt) / 1000;
    onEdge("end");
    return {
      orders,
      placed,
      windowSeconds,
      p50Ms: times.percentileMs(50),
      cpuSeconds: cpuSecondsOfThis() - cpuAtBegin,
    };
  } finally {
    await sql.close();
  }
}

async function prepareCalls(sql: SQL, job: BareJob): Promise<Call[]> {
  const batches: OrderBatch[] = [];
  const catalogue = new CatalogueView(createCatalogueStore(sql, { defaultSettings }), systemClock);
  await catalogue.refresh();
  const placeOrder = new PlaceOrder({
    intake: {
      async place(batch) {
        batches.push(batch);
        return batch.orders.map((_order, index) => ({ kind: "placed", id: index + 1 }));
      },
      findByKey: async () => new Map(),
    },
    snapshot: () => catalogue.snapshot(),
    refresh: async () => undefined,
    hash: hash128,
    clock: systemClock,
    providers: new Map([["sandbox", { fingerprintOf: () => null }]]),
    batchMax: job.batchSize,
    queueMax: job.batchSize * variety,
  });
  const order = zipfSequence(job.skus.length);
  const answers = await Promise.all(
    Array.from({ length: job.batchSize * variety }, async (_, index) => {
      const number = String(index).padStart(10, "0");
      const sku = job.skus[order[index % order.length] as number] as string;
      return await placeOrder.place(orderOf(sku, number), `bare-${number}`);
    }),
  );
  const refused = answers.find((answer) => answer.kind !== "placed");
  if (refused !== undefined) throw new Error(`the shop's flow refuses the bench's order: ${JSON.stringify(refused)}`);
  return await Promise.all(batches.map(async (batch) => await encoded(batch)));
}

/** What the adapter sends for a batch. */
async function encoded(batch: OrderBatch): Promise<Call> {
  let call: Call | undefined;
  const keys = `{${batch.orders.map((order) => order.key).join(",")}}`;
  const listening = {
    unsafe: async (statement: string, parameters: unknown[]) => {
      call = { statement, parameters: [...parameters], keysAt: parameters.indexOf(keys) };
      return [{ verdicts: [], ids: [], short_order: [], short_line: [], short_variant: [], short_left: [] }];
    },
  };
  await createOrderIntake(listening as unknown as SQL).place(batch);
  if (call === undefined || call.keysAt < 0)
    throw new Error("the adapter sends its keys in a way this bench does not know");
  return call;
}

const keyLiteral = (size: number): string => `{${Array.from({ length: size }, () => crypto.randomUUID()).join(",")}}`;

function keyLiterals(job: BareJob): string[] {
  // For 40,000 orders a second, which nobody has seen yet; beyond it they are made between calls.
  const wanted = Math.min(((job.warmUpMs + job.windowMs) / 1000) * 40_000, keyLiteralsMax);
  return Array.from({ length: Math.ceil(wanted / job.batchSize) }, () => keyLiteral(job.batchSize));
}
