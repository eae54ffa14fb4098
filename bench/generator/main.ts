/** A generator process: takes jobs from the bench one after the other, and ends when the bench does. */
import { bare } from "./bare.ts";
import type { Job, Report } from "./jobs.ts";
import { load } from "./load.ts";

const report = (message: Report) => process.send?.(message);

process.on("message", (message) => {
  const job = message as Job;
  const onEdge = (edge: "begin" | "end") => report({ kind: "window", edge });
  (job.kind === "load" ? load(job, onEdge) : bare(job, onEdge)).then(
    (result) => report({ kind: "result", result }),
    (error: unknown) =>
      report({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on("disconnect", () => process.exit());
