/** A process of a crowd. It plays what it is told to, and ends when whoever started it does. */
import { type CrowdProcess, crowdProcess } from "./crowd-process.ts";
import type { Order, Word } from "./job.ts";

let crowd: CrowdProcess | undefined;
const say = (word: Word): void => {
  process.send?.(word);
};

process.on("message", (message) => {
  const order = message as Order;
  try {
    if (order.kind === "prepare") {
      crowd = crowdProcess(order.job, (second) => say({ kind: "second", second }));
      crowd.over.then(
        (part) => say({ kind: "over", parts: [part] }),
        (error: unknown) => say({ kind: "failed", message: String(error) }),
      );
      say({ kind: "prepared" });
    } else if (order.kind === "begin") crowd?.begin(order.inMs);
    else crowd?.stop();
  } catch (error) {
    say({ kind: "failed", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on("disconnect", () => process.exit());
// Ctrl-C reaches whoever started it.
process.on("SIGINT", () => undefined);
