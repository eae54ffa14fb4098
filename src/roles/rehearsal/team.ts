/**
 * The workers of a crowd as one: told what to play, begun together, stopped together; what they count is handed on as it
 * comes. A worker that is lost ends nothing: the others go on, and the run is void.
 *
 * made -> prepared -> begun -> over (each worker said so, or is lost)
 */
import type { WorkerPart } from "#rehearse/crowd/outcome.ts";
import type { SecondCount } from "#rehearse/measure/tally.ts";
import type { CrowdJob, Worker } from "./job.ts";

export type TeamResult = { readonly parts: readonly WorkerPart[]; readonly lost: readonly string[] };

export type Team = {
  readonly processes: number;
  readonly machines: number;
  /** Rejects when a worker cannot be made ready. */
  prepare(job: Omit<CrowdJob, "share">, share?: CrowdJob["share"]): Promise<void>;
  begin(inMs: number, onSecond: (count: SecondCount) => void): Promise<TeamResult>;
  stop(): void;
  close(): Promise<void>;
};

const preparesWithinMs = 30_000;
/** After `stop`, for the last words. */
const stopsWithinMs = 5000;

export function teamOf(workers: readonly Worker[], machines = 1): Team {
  const processes = workers.reduce((sum, worker) => sum + worker.processes, 0);
  const lost: string[] = [];
  const parts: WorkerPart[] = [];
  const open = new Set(workers);
  const isOver = Promise.withResolvers<void>();
  let onSecond: (count: SecondCount) => void = () => undefined;
  let prepared: { left: number; resolve: () => void; reject: (error: Error) => void } | undefined;

  const ends = (worker: Worker): void => {
    open.delete(worker);
    if (open.size === 0) isOver.resolve();
  };
  for (const worker of workers)
    worker.listen((word) => {
      if (word.kind === "prepared" && prepared !== undefined) {
        prepared.left -= 1;
        if (prepared.left === 0) prepared.resolve();
      } else if (word.kind === "second") onSecond(word.second);
      else if (word.kind === "over") {
        parts.push(...word.parts);
        ends(worker);
      } else if (word.kind === "failed" && open.has(worker)) {
        lost.push(`A part of the generator was lost: ${word.message}`);
        prepared?.reject(new Error(word.message));
        ends(worker);
      }
    });

  return {
    processes,
    machines,
    async prepare(job, share = { index: 0, of: processes }) {
      // A machine with several processes takes as many shares: it parts them again.
      let index = share.index;
      await new Promise<void>((resolve, reject) => {
        prepared = { left: workers.length, resolve, reject };
        for (const worker of workers) {
          worker.tell({ kind: "prepare", job: { ...job, share: { index, of: share.of } } });
          index += worker.processes;
        }
        setTimeout(
          () => reject(new Error("the generator's processes did not start in time")),
          preparesWithinMs,
        ).unref();
      });
      prepared = undefined;
    },
    async begin(inMs, listener) {
      onSecond = listener;
      for (const worker of open) worker.tell({ kind: "begin", inMs });
      if (open.size > 0) await isOver.promise;
      return { parts, lost };
    },
    stop() {
      for (const worker of open) worker.tell({ kind: "stop" });
      setTimeout(() => {
        for (const worker of open) lost.push(`${worker.name} did not stop in time`);
        isOver.resolve();
      }, stopsWithinMs).unref();
    },
    async close() {
      await Promise.all(workers.map(async (worker) => await worker.close()));
    },
  };
}
