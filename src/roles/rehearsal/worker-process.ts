/** A worker in a process of its own: `worker-main.ts` at the other end of Bun's pipe between processes. */
import type { Order, Word, Worker } from "./job.ts";

const endsWithinMs = 2000;

export function startWorkerProcess(name: string): Worker {
  let listener: ((word: Word) => void) | undefined;
  let isClosing = false;
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/worker-main.ts`], {
    stdio: ["ignore", "ignore", "inherit"],
    // Ctrl-C is for whoever leads, who then stops the workers.
    detached: true,
    ipc: (word: Word) => listener?.(word),
    onExit: (_child, code, signal) => {
      if (!isClosing) listener?.({ kind: "failed", message: `${name} ended by itself (${signal ?? code})` });
    },
  });
  return {
    name,
    processes: 1,
    tell: (order: Order) => {
      if (child.exitCode === null) child.send(order);
    },
    listen: (given) => {
      listener = given;
    },
    async close() {
      isClosing = true;
      if (child.exitCode === null) child.disconnect();
      await Promise.race([child.exited, Bun.sleep(endsWithinMs)]);
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}
