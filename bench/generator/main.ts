/** A generator process: takes jobs from the bench one after the other, and ends when the bench does. */
import { bare } from "./bare.ts";
import { get } from "./get.ts";
import type { BareResult, GetResult, Job, LoadResult, Report, SendResult } from "./jobs.ts";
import { load } from "./load.ts";
import { send } from "./send.ts";

const report = (message: Report) => process.send?.(message);

process.on("message", (message) => {
  const job = message as Job;
  const onEdge = (edge: "begin" | "end") => report({ kind: "window", edge });
  run(job, onEdge).then(
    (result) => report({ kind: "result", result }),
    (error: unknown) =>
      report({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
async function run(
  job: Job,
  onEdge: (edge: "begin" | "end") => void,
): Promise<LoadResult | GetResult | SendResult | BareResult> {
  if (job.kind === "load") return await load(job, onEdge);
  if (job.kind === "get") return await get(job, onEdge);
  if (job.kind === "send") return await send(job, onEdge);
  return await bare(job, onEdge);
}
process.on("disconnect", () => process.exit());
