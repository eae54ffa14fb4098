/** Real processes killed with -9 and started again under load: whoever may be asked again is answered, all the time. */
import { afterEach, expect, test } from "bun:test";
import { createSocketOrigin } from "#adapters/bun/socket-origin.ts";
import { type Balancer, createBalancer } from "#edge/balancing/balancer.ts";
import { OriginError } from "#edge/ports.ts";
import { until } from "../../kit/until.ts";
import { get, noMeter, settings } from "./world.ts";

const processes = new Set<Bun.Subprocess>();
afterEach(async () => {
  for (const process of processes) {
    process.kill("SIGKILL");
    await process.exited;
  }
  processes.clear();
});

async function startShop(port = 0) {
  const process = Bun.spawn([Bun.argv[0] as string, `${import.meta.dir}/shop-process.ts`, String(port)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  processes.add(process);
  const { value } = await process.stdout.getReader().read();
  return {
    port: Number(new TextDecoder().decode(value)),
    async kill() {
      process.kill("SIGKILL");
      await process.exited;
      processes.delete(process);
    },
  };
}

const balancerBefore = (ports: readonly number[]): Balancer =>
  createBalancer(
    { ...settings, ejectSeconds: 0.2, slowStartSeconds: 0.5 },
    ports.map((port) => ({ url: `http://127.0.0.1:${port}` })),
    {
      open: (url) =>
        createSocketOrigin({
          url,
          hostHeader: "client",
          connectionsMax: 64,
          connectMs: 2000,
          answerMs: 5000,
          bodyIdleMs: 5000,
        }),
      clock: {
        now: () => performance.now(),
        sleep: (ms) => Bun.sleep(ms),
      },
      random: Math.random,
      meter: noMeter,
    },
  );

/** Shoppers who ask again and again until told to stop, and what they got. */
function shoppers(balancer: Balancer, count: number, target: string, method = "GET") {
  const seen = { whole: 0, short: 0, cut: 0, failed: [] as unknown[] };
  let isOver = false;
  const all = Array.from({ length: count }, async () => {
    while (!isOver) {
      try {
        const response = await balancer.send(get({ target, method, headers: new Headers({ host: "shop.example" }) }));
        const text = await response.text().catch(() => undefined);
        if (text === undefined) seen.cut += 1;
        else if (text === "whole".repeat(400)) seen.whole += 1;
        else seen.short += 1;
      } catch (error) {
        seen.failed.push(error);
        await Bun.sleep(1);
      }
    }
  });
  return {
    seen,
    async stop() {
      isOver = true;
      await Promise.all(all);
    },
  };
}

test("one of two killed and revived, then the other: no request fails that may be asked again, no body comes short", async () => {
  const shops = [await startShop(), await startShop()];
  const ports = shops.map(({ port }) => port);
  const balancer = balancerBefore(ports);
  const readers = shoppers(balancer, 24, "/");
  const slowReaders = shoppers(balancer, 8, "/slow");
  const buyers = shoppers(balancer, 4, "/", "POST");
  const stateOf = (index: number) => balancer.upstreams()[index]?.state;
  await until(() => readers.seen.whole > 500);
  for (const index of [0, 1]) {
    await shops[index]?.kill();
    await until(() => stateOf(index) !== "ready");
    await Bun.sleep(300);
    shops[index] = await startShop(ports[index]);
    await until(() => stateOf(index) === "ready");
    const before = balancer.upstreams()[index]?.requests ?? 0;
    await until(() => (balancer.upstreams()[index]?.requests ?? 0) > before + 100);
  }
  await Promise.all([readers.stop(), slowReaders.stop(), buyers.stop()]);
  balancer.stop();
  expect(readers.seen).toEqual({ whole: readers.seen.whole, short: 0, cut: 0, failed: [] });
  // A body that had begun cannot be asked again: its reader is told.
  expect([slowReaders.seen.short, slowReaders.seen.failed]).toEqual([0, []]);
  expect(slowReaders.seen.cut).toBeLessThanOrEqual(2 * 8);
  // An order that may have arrived is not sent twice: at most those under way at each kill.
  expect(buyers.seen.failed.length).toBeLessThanOrEqual(2 * 4);
  for (const error of buyers.seen.failed) expect(error).toMatchObject({ kind: "reset", sent: true });
  expect([buyers.seen.short, buyers.seen.cut]).toEqual([0, 0]);
}, 60_000);

test("the only one killed: everyone is told at once, and answered as soon as it is back", async () => {
  const shop = await startShop();
  const balancer = balancerBefore([shop.port]);
  const readers = shoppers(balancer, 8, "/");
  await until(() => readers.seen.whole > 100);
  await shop.kill();
  await until(() => readers.seen.failed.length > 100);
  for (const error of readers.seen.failed) expect(error).toBeInstanceOf(OriginError);
  await startShop(shop.port);
  const before = readers.seen.whole;
  await until(() => readers.seen.whole > before + 100);
  const failed = readers.seen.failed.length;
  await until(() => readers.seen.whole > before + 300);
  await readers.stop();
  balancer.stop();
  expect([readers.seen.failed.length, readers.seen.short]).toEqual([failed, 0]);
}, 60_000);
