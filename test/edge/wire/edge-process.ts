/**
 * An edge in a process of its own: answers /slow after 300 ms, /held when it is told to, everything else at once. Prints its port; SIGTERM
 * stops it, as a role would.
 */
import { startEdge } from "./kit.ts";

const graceMs = Number(process.env.GRACE_MS ?? "4000");
const edge = startEdge(({ path }) => {
  if (path !== "/slow") return new Response("at once\n");
  return Bun.sleep(300).then(() => new Response("slowly\n"));
});
process.once("SIGTERM", () => {
  void edge.stop(graceMs).then(() => process.exit(0));
});
console.log(edge.port);
