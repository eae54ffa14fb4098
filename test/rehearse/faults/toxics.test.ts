/**
 * What each toxic does to real sockets, after toxiproxy's own Go tests. Where toxiproxy's server is on this machine
 * (SPILLWAY_TEST_TOXIPROXY, or `toxiproxy-server` on the path), the same is asked of it: what holds here holds there.
 * Times are lower bounds and orders only; this machine may be busy.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { type FaultServer, newProxy, ourFaultServer, realToxiproxy, toxiproxyProgram } from "./fault-server.ts";
import { rawClient, rawServer } from "./raw-sockets.ts";

// No package of a distribution has it, so that its absence is said and not held against anybody.
if (toxiproxyProgram === undefined)
  console.warn("SKIPPED: no toxiproxy-server on this machine; its semantics are tested on our proxy alone.");

const servers: FaultServer[] = [
  await ourFaultServer(),
  ...(toxiproxyProgram === undefined ? [] : [await realToxiproxy(toxiproxyProgram)]),
];
afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});

/** Timers may fire a breath early by the clock that measures. */
const breathMs = 3;

for (const server of servers) {
  describe(`on ${server.name}`, () => {
    let proxies = 0;
    const open = async (upstream: string) => {
      proxies += 1;
      const name = `t${proxies}`;
      const listen = await newProxy(server, upstream, name);
      const toxic = async (
        type: string,
        stream: string,
        attributes: Record<string, number>,
        more: Record<string, unknown> = {},
      ) => {
        const { status, body } = await server.ask("POST", `/proxies/${name}/toxics`, {
          name: type,
          type,
          stream,
          attributes,
          ...more,
        });
        if (status !== 200) throw new Error(JSON.stringify(body));
      };
      const change = async (path: string, body: unknown) => await server.ask("PATCH", `/proxies/${name}${path}`, body);
      const remove = async (toxicName: string) => await server.ask("DELETE", `/proxies/${name}/toxics/${toxicName}`);
      return { name, listen, toxic, change, remove };
    };
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const beganAt = performance.now();
      await work();
      return performance.now() - beganAt;
    };

    test("without a toxic everything passes both ways, and a closed end closes the other", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      const text = "hello ".repeat(20_000);
      client.socket.write(text);
      await client.until(() => client.bytes() === text.length);
      expect(client.text()).toBe(text);
      client.socket.end();
      expect(await (await upstream.connection()).ended).toBe("end");
      expect(await client.ended).toBe("end");
    });

    test("an upstream that is not there: the connection is taken, and closed", async () => {
      const proxy = await open("127.0.0.1:1");
      await using client = await rawClient(proxy.listen);
      expect(await client.ended).toBe("end");
    });

    test("two latencies of 500 ms add, on a connection that was open before", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      const end = await upstream.connection();
      await proxy.toxic("latency", "upstream", { latency: 500 }, { name: "one" });
      await proxy.toxic("latency", "upstream", { latency: 500 }, { name: "two" });
      const ms = await timed(async () => {
        client.socket.write("x".repeat(32 * 1024));
        await end.until(() => end.bytes() === 32 * 1024);
      });
      expect(ms).toBeGreaterThanOrEqual(1000 - breathMs);
    });

    test("latency delays its direction alone, and what is sent within it is on its way together", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      const end = await upstream.connection();
      await proxy.toxic("latency", "downstream", { latency: 1000 });
      let thereAtMs = 0;
      const ms = await timed(async () => {
        for (let part = 0; part < 10; part++) {
          client.socket.write("0123456789");
          await Bun.sleep(20);
          if (end.bytes() > 0 && thereAtMs === 0) thereAtMs = performance.now();
        }
        await client.until(() => client.bytes() === 100);
      });
      expect(end.bytes()).toBe(100);
      expect(thereAtMs).toBeGreaterThan(0);
      expect(ms).toBeGreaterThanOrEqual(1000 - breathMs);
      // One after another they would have taken ten times as long.
      expect(ms).toBeLessThan(9000);
    });

    test("a latency that is taken away lets go what it held", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await proxy.toxic("latency", "upstream", { latency: 60_000 });
      await using client = await rawClient(proxy.listen);
      client.socket.write("held");
      const end = await upstream.connection();
      await Bun.sleep(100);
      expect(end.bytes()).toBe(0);
      expect((await proxy.remove("latency")).status).toBe(204);
      await end.until(() => end.text() === "held");
    });

    test("bandwidth: 200 KB at 400 KB/s take half a second, and arrive whole", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await proxy.toxic("bandwidth", "upstream", { rate: 400 });
      await using client = await rawClient(proxy.listen);
      const text = "hello world ".repeat(16_667);
      const end = await upstream.connection();
      const ms = await timed(async () => {
        client.socket.write(text);
        await end.until(() => end.bytes() === text.length);
      });
      expect(end.text()).toBe(text);
      expect(ms).toBeGreaterThanOrEqual(450);
    });

    test("timeout 0 is a black hole until it is removed; then the connection closes", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      client.socket.write("before");
      await client.until(() => client.text() === "before");
      await proxy.toxic("timeout", "upstream", { timeout: 0 });
      client.socket.write("swallowed");
      await Bun.sleep(150);
      expect(client.text()).toBe("before");
      expect((await upstream.connection()).text()).toBe("before");
      await proxy.remove("timeout");
      expect(await client.ended).toBe("end");
      expect(await (await upstream.connection()).ended).toBe("end");
    });

    test("timeout: drops what comes, and closes after its time", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await proxy.toxic("timeout", "downstream", { timeout: 200 });
      await using client = await rawClient(proxy.listen);
      const ms = await timed(async () => {
        client.socket.write("asks");
        await client.ended;
      });
      expect(ms).toBeGreaterThanOrEqual(200 - breathMs);
      expect(client.bytes()).toBe(0);
      expect((await upstream.connection()).text()).toBe("asks");
    });

    for (const stream of ["upstream", "downstream"]) {
      test(`reset_peer ${stream}: the client sees a TCP reset, not before its 100 ms are over`, async () => {
        await using upstream = await rawServer();
        const proxy = await open(upstream.address);
        await proxy.toxic("reset_peer", stream, { timeout: 100 });
        await using client = await rawClient(proxy.listen);
        let how = "";
        const ms = await timed(async () => {
          client.socket.write("anything");
          how = await client.ended;
        });
        expect(how).toBe("reset");
        expect(ms).toBeGreaterThanOrEqual(100 - breathMs);
        expect(client.bytes()).toBe(0);
      });
    }

    test("reset_peer 0: at once, and the upstream sees a reset too", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await proxy.toxic("reset_peer", "upstream", { timeout: 0 });
      await using client = await rawClient(proxy.listen);
      const end = await upstream.connection();
      client.socket.write("anything");
      expect(await client.ended).toBe("reset");
      expect(await end.ended).toBe("reset");
    });

    test("slicer: what was sent in one piece comes in many, and is the same", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await proxy.toxic("slicer", "upstream", { average_size: 1024, size_variation: 512, delay: 2000 });
      await using client = await rawClient(proxy.listen);
      const text = "hello world ".repeat(4000);
      client.socket.write(text);
      const end = await upstream.connection();
      await end.until(() => end.bytes() === text.length);
      expect(end.text()).toBe(text);
      expect(end.sizes.length).toBeGreaterThan(15);
    });

    test("limit_data: exactly so many bytes pass, then it closes", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await proxy.toxic("limit_data", "upstream", { bytes: 100 });
      await using client = await rawClient(proxy.listen);
      const end = await upstream.connection();
      client.socket.write("a".repeat(90));
      await end.until(() => end.bytes() === 90);
      client.socket.write("b".repeat(20));
      expect(await end.ended).toBe("end");
      expect(end.text()).toBe("a".repeat(90) + "b".repeat(10));
      await client.ended;
    });

    test("limit_data remembers what has passed when its limit is changed", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await proxy.toxic("limit_data", "upstream", { bytes: 1000 });
      await using client = await rawClient(proxy.listen);
      const end = await upstream.connection();
      client.socket.write("a".repeat(90));
      await end.until(() => end.bytes() === 90);
      expect((await proxy.change("/toxics/limit_data", { attributes: { bytes: 100 } })).status).toBe(200);
      client.socket.write("b".repeat(50));
      await end.ended;
      expect(end.text()).toBe("a".repeat(90) + "b".repeat(10));
    });

    test("slow_close: the close comes late, the data do not", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await proxy.toxic("slow_close", "upstream", { delay: 300 });
      await using client = await rawClient(proxy.listen);
      client.socket.write("last words");
      const end = await upstream.connection();
      const ms = await timed(async () => {
        client.socket.end();
        await end.until(() => end.text() === "last words");
        await end.ended;
      });
      expect(ms).toBeGreaterThanOrEqual(300 - breathMs);
    });

    test("toxicity 0 touches nobody, 1 everybody; changed while connections are open", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      await proxy.toxic("timeout", "downstream", { timeout: 0 }, { toxicity: 0 });
      client.socket.write("passes");
      await client.until(() => client.text() === "passes");
      await proxy.change("/toxics/timeout", { toxicity: 1, attributes: { timeout: 100 } });
      client.socket.write("does not");
      await client.ended;
      expect(client.text()).toBe("passes");
    });

    test("toxicity one half: of sixty connections some are touched and some are not", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await proxy.toxic("timeout", "downstream", { timeout: 100 }, { toxicity: 0.5 });
      const answered = await Promise.all(
        Array.from({ length: 60 }, async () => {
          await using client = await rawClient(proxy.listen);
          client.socket.write("?");
          await Promise.race([client.ended, client.until(() => client.bytes() > 0)]);
          return client.bytes() > 0;
        }),
      );
      const share = answered.filter(Boolean).length / 60;
      expect(share).toBeGreaterThan(0.1);
      expect(share).toBeLessThan(0.9);
    });

    test("disabled: connections are cut and new ones refused; enabled again it is where it was", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      client.socket.write("x");
      await client.until(() => client.bytes() === 1);
      expect((await proxy.change("", { enabled: false })).body).toMatchObject({ enabled: false });
      await client.ended;
      expect(rawClient(proxy.listen)).rejects.toThrow();
      expect((await proxy.change("", { enabled: true })).body).toMatchObject({ enabled: true, listen: proxy.listen });
      await using again = await rawClient(proxy.listen);
      again.socket.write("y");
      await again.until(() => again.text() === "y");
    });

    test("toxics added and removed without end: not a byte is lost or swapped", async () => {
      await using upstream = await rawServer();
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      let isOver = false;
      const meddling = (async () => {
        while (!isOver) {
          await proxy.toxic("latency", "upstream", { latency: 1 });
          await proxy.toxic("slicer", "downstream", { average_size: 100, size_variation: 10, delay: 0 });
          await Bun.sleep(1);
          await proxy.remove("latency");
          await proxy.remove("slicer");
        }
      })();
      const sent: string[] = [];
      for (let part = 0; part < 300; part++) {
        sent.push(`<${part}>`.repeat(200));
        client.socket.write(sent.at(-1) as string);
        if (part % 10 === 0) await Bun.sleep(1);
      }
      const text = sent.join("");
      await client.until(() => client.bytes() === text.length);
      isOver = true;
      await meddling;
      expect(client.text()).toBe(text);
    });

    test("a reader that does not read holds back its sender: memory stays bounded", async () => {
      await using upstream = await rawServer({ silent: true });
      const proxy = await open(upstream.address);
      await using client = await rawClient(proxy.listen);
      const end = await upstream.connection();
      end.socket.pause();
      const block = Buffer.alloc(1024 * 1024);
      let written = 0;
      for (const stopAt = performance.now() + 5000; performance.now() < stopAt && written < 200; written++) {
        const flushed = new Promise<boolean>((resolve) => client.socket.write(block, () => resolve(true)));
        if (!(await Promise.race([flushed, Bun.sleep(500).then(() => false)]))) break;
      }
      // The kernel's buffers of four sockets hold a few megabytes; two hundred would have to be kept in memory.
      expect(written).toBeLessThan(100);
      end.socket.resume();
      const all = written * block.length;
      await end.until(() => end.bytes() >= all);
    });
  });
}
