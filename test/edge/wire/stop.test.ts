/** SIGTERM to a real process while clients ask without a pause. */
import { expect, test } from "bun:test";
import { until } from "../../kit/until.ts";
import { hammer, newTally } from "./hammer.ts";
import { send, statuses } from "./kit.ts";

test("a stop fails no request: those under way finish, and every connection is told to close on its next answer", async () => {
  const edge = Bun.spawn([process.execPath, `${import.meta.dir}/edge-process.ts`], {
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, GRACE_MS: "4000" },
  });
  const { value } = await edge.stdout.getReader().read();
  const port = Number(new TextDecoder().decode(value));
  const tally = newTally();
  const clients = Array.from({ length: 40 }, (_, index) =>
    hammer({ port, path: index % 2 === 0 ? "/" : "/slow", comesBack: false }, tally),
  );
  const idle = send(port, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n", { quietMs: 10_000 });
  await until(() => tally.answered > 400);
  edge.kill("SIGTERM");
  await until(() => tally.toldToClose > 0);
  // A door that is closing still answers who has not heard of it.
  const late = await send(port, "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  expect(statuses(late.text)).toEqual([200]);
  expect(late.text.toLowerCase()).toContain("connection: close");
  expect(late.end).toBe("closed");

  await Promise.all(clients);
  expect(tally.failures).toEqual([]);
  expect(tally.toldToClose).toBe(40);
  expect(tally.answered).toBeGreaterThan(400);
  // Who has been answered and asks nothing is closed when nobody else asks any more.
  expect((await idle).end).toBe("closed");
  expect(await edge.exited).toBe(0);
}, 20_000);
