/** The crowd that orders: what bench and kill tests of the order path send, and how many orders were acknowledged. */
import { crowd } from "./crowd.ts";
import type { LoadJob, LoadResult } from "./jobs.ts";
import { orderTemplate } from "./order-template.ts";
import { zipfSequence } from "./zipf.ts";

export async function load(job: LoadJob, onEdge: (edge: "begin" | "end") => void): Promise<LoadResult> {
  const template = orderTemplate({ port: job.port, keyPrefix: job.keyPrefix, sku: job.skus[0] as string });
  const skus = job.skus.map((sku) => new Uint8Array(Buffer.from(sku)));
  const order = zipfSequence(skus.length);
  let number = 0;
  let acknowledged = 0;
  const result = await crowd(
    job,
    {
      next() {
        number += 1;
        template.fill(number, skus[order[number % order.length] as number] as Uint8Array);
        return template.bytes;
      },
      answered(answer) {
        if (answer.acknowledged) acknowledged += 1;
      },
    },
    onEdge,
  );
  return { ...result, acknowledged };
}
