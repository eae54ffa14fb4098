/** A generator process as the bench holds it: one job at a time, told when the measured window begins and ends. */
import type {
  BareJob,
  BareResult,
  GetJob,
  GetResult,
  Job,
  LoadJob,
  LoadResult,
  Report,
  SendJob,
  SendResult,
} from "./jobs.ts";

export type Generator = {
  readonly pid: number;
  load(job: Omit<LoadJob, "kind">, onEdge?: (edge: "begin" | "end") => void): Promise<LoadResult>;
  get(job: Omit<GetJob, "kind">, onEdge?: (edge: "begin" | "end") => void): Promise<GetResult>;
  send(job: Omit<SendJob, "kind">, onEdge?: (edge: "begin" | "end") => void): Promise<SendResult>;
  bare(job: Omit<BareJob, "kind">, onEdge?: (edge: "begin" | "end") => void): Promise<BareResult>;
  stop(): Promise<void>;
};

/** `before`: words in front of the command, such as those that pin it to a core. */
export function startGenerator(before: readonly string[] = []): Generator {
  let waiting: { take(report: Report): void; gone(): void } | undefined;
  const child = Bun.spawn([...before, process.execPath, `${import.meta.dir}/main.ts`], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    // Ctrl-C is for the bench, which then ends its generators.
    detached: true,
    ipc: (report: Report) => waiting?.take(report),
    onExit: () => waiting?.gone(),
  });
  async function ask<Result>(job: Job, onEdge: (edge: "begin" | "end") => void): Promise<Result> {
    return await new Promise<Result>((resolve, reject) => {
      waiting = {
        take(report) {
          if (report.kind === "window") onEdge(report.edge);
          else if (report.kind === "result") resolve(report.result as Result);
          else reject(new Error(`the generator failed: ${report.message}`));
        },
        gone: () => reject(new Error("the generator process ended")),
      };
      child.send(job);
    });
  }
  return {
    pid: child.pid,
    load: async (job, onEdge = () => undefined) => await ask<LoadResult>({ kind: "load", ...job }, onEdge),
    get: async (job, onEdge = () => undefined) => await ask<GetResult>({ kind: "get", ...job }, onEdge),
    send: async (job, onEdge = () => undefined) => await ask<SendResult>({ kind: "send", ...job }, onEdge),
    bare: async (job, onEdge = () => undefined) => await ask<BareResult>({ kind: "bare", ...job }, onEdge),
    async stop() {
      waiting = undefined;
      child.disconnect();
      await Promise.race([child.exited, Bun.sleep(2000)]);
      child.kill();
      await child.exited;
    },
  };
}
