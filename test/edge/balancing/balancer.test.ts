/** The balancer in simulated time: who is asked, who is left alone, what is asked again, and what never is. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createBalancer } from "#edge/balancing/balancer.ts";
import type { Notes } from "#edge/exchange.ts";
import { OriginError } from "#edge/ports.ts";
import { balancerFor, Crowd, get, noMeter, Server, settings, World } from "./world.ts";

const seeds = [1, 2, 3];
const shareOf = (server: Server, all: readonly Server[]) =>
  server.asked / all.reduce((sum, { asked }) => sum + asked, 0);

describe("whom it asks", () => {
  test.each(seeds)(
    "a slow server gets a share by what it can do, and shoppers hardly meet it (seed %p)",
    async (seed) => {
      const world = new World(seed);
      const servers = [new Server(world, 10), new Server(world, 10), new Server(world, 40)];
      const balancer = balancerFor(world, servers);
      const crowd = new Crowd(world);
      // The three can do 1800 a second; the slow one alone 200, a ninth.
      world.traffic(1000, 10_000, () => crowd.ask(balancer));
      await world.run(12_000);
      const [fast, other, slow] = servers as [Server, Server, Server];
      expect(crowd.answered).toBe(crowd.asked);
      expect(shareOf(slow, servers)).toBeLessThan(0.13);
      expect(shareOf(slow, servers)).toBeGreaterThan(0.01);
      expect(fast.asked / other.asked).toBeWithin(0.8, 1.25);
      expect(crowd.quantile(0.5)).toBeLessThan(12);
    },
  );

  test.each(seeds)(
    "near the limit of all together each bears what it can, and no queue runs away (seed %p)",
    async (seed) => {
      const world = new World(seed);
      const servers = [new Server(world, 10), new Server(world, 20), new Server(world, 40)];
      const balancer = balancerFor(world, servers);
      const crowd = new Crowd(world);
      // 800 + 400 + 200 a second; evenly spread the last would have to bear 400.
      world.traffic(1200, 8000, () => crowd.ask(balancer));
      await world.run(10_000);
      expect(crowd.answered).toBe(crowd.asked);
      expect(shareOf(servers[2] as Server, servers)).toBeWithin(0.06, 0.2);
      expect(crowd.quantile(0.99)).toBeLessThan(500);
      for (const server of servers) expect(server.peak).toBeLessThan(120);
    },
  );

  test("weights are shares", async () => {
    const world = new World(7);
    const servers = [1, 1, 1, 1, 1].map(() => new Server(world, 10));
    const weights = [1, 1, 2, 4, 8];
    const balancer = balancerFor(world, servers, {}, {}, weights);
    for (const server of servers) server.workers = 1000;
    const crowd = new Crowd(world);
    world.traffic(2000, 8000, () => crowd.ask(balancer));
    await world.run(9000);
    const shares = servers.map((server) => shareOf(server, servers));
    expect((shares[4] as number) / (shares[3] as number)).toBeWithin(1.4, 3);
    expect((shares[3] as number) / (shares[2] as number)).toBeWithin(1.4, 3);
    expect((shares[2] as number) / (shares[0] as number)).toBeWithin(1.4, 3);
  });

  test("a crowd of edges does not run to a server that is new", async () => {
    const world = new World(5);
    const servers = Array.from({ length: 6 }, () => new Server(world, 10));
    const fresh = new Server(world, 10);
    const balancers = Array.from({ length: 10 }, () =>
      balancerFor(world, servers, {}, { open: (url) => servers[new URL(url).hostname.charCodeAt(0) - 97] ?? fresh }),
    );
    const crowd = new Crowd(world);
    world.traffic(2500, 6000, () => crowd.ask(balancers[Math.floor(world.random() * 10)] as (typeof balancers)[0]));
    await world.run(3000);
    for (const balancer of balancers) expect(balancer.add({ name: "z", url: "http://z.test" })).toBe(true);
    const before = servers.map(({ asked }) => asked);
    await world.run(1000);
    const inSecond = servers.map(({ asked }, index) => asked - (before[index] as number));
    expect(fresh.asked).toBeLessThan(Math.min(...inSecond) * 0.6);
    expect(fresh.asked).toBeGreaterThan(0);
    await world.run(3000);
    expect(fresh.peak).toBeLessThanOrEqual(Math.max(...servers.map(({ peak }) => peak)));
    expect(crowd.errors).toEqual([]);
  });

  test("nobody has more requests under way than allowed, and who comes then is told at once", async () => {
    const world = new World(3);
    const servers = [new Server(world, 50), new Server(world, 50)];
    const balancer = balancerFor(world, servers, { connectionsMax: 5 });
    const crowd = new Crowd(world);
    for (let more = 0; more < 20; more++) crowd.ask(balancer);
    await world.run(5000);
    expect(servers.map(({ peak }) => peak)).toEqual([5, 5]);
    expect([crowd.answered, crowd.errors.length]).toEqual([10, 10]);
    expect(crowd.errors[0]).toMatchObject({ kind: "refused", sent: false });
    expect(balancer.upstreams().every(({ state }) => state === "ready")).toBe(true);
  });

  test("an origin that has no connection left is passed by, and not thought ill of", async () => {
    const world = new World(3);
    const servers = [new Server(world, 5), new Server(world, 5)];
    Object.assign(servers[0] as Server, { isFull: () => true });
    const balancer = balancerFor(world, servers);
    const crowd = new Crowd(world);
    world.traffic(100, 1000, () => crowd.ask(balancer));
    await world.run(2000);
    expect([servers[0]?.asked, crowd.errors, balancer.upstreams()[0]?.state]).toEqual([0, [], "ready"]);
  });
});

describe("a server that is dead", () => {
  test.each([
    ["refuses", 1],
    ["resets", 2],
    ["hangs", 3],
  ] as const)("and %s gets probes alone, at a growing distance, and comes back by itself", async (mood, seed) => {
    const world = new World(seed);
    const servers = [new Server(world, 10), new Server(world, 10), new Server(world, 10)];
    const [dead] = servers as [Server];
    const balancer = balancerFor(world, servers, { ejectSeconds: 1 });
    const crowd = new Crowd(world);
    world.traffic(300, 40_000, () => crowd.ask(balancer));
    await world.run(1000);
    dead.mood = mood;
    // Those that hang do so for half a minute before anyone knows.
    await world.run(mood === "hangs" ? 33_000 : 2000);
    const asked = dead.asked;
    if (mood !== "hangs") {
      await world.run(10_000);
      // After 1, 2, 4, 8 seconds.
      expect(dead.asked - asked).toBeWithin(1, 5);
      expect(crowd.errors).toEqual([]);
    }
    expect(balancer.upstreams()[0]).toMatchObject({ state: expect.stringMatching(/out|probing/), reason: "no-answer" });
    dead.mood = "well";
    await world.run(39_000 - world.nowMs);
    expect(crowd.errors).toEqual([]);
    if (mood !== "hangs") expect(balancer.upstreams()[0]?.state).toBe("ready");
    balancer.stop();
  });

  test("and comes back gets its share little by little", async () => {
    const world = new World(9);
    const servers = [new Server(world, 10), new Server(world, 10)];
    const [dead, other] = servers as [Server, Server];
    const balancer = balancerFor(world, servers, { ejectSeconds: 1, slowStartSeconds: 10 });
    const crowd = new Crowd(world);
    world.traffic(400, 30_000, () => crowd.ask(balancer));
    dead.mood = "refuses";
    await world.run(900);
    dead.mood = "well";
    while (balancer.upstreams()[0]?.state !== "ready") await world.run(10);
    const shares: number[] = [];
    for (let second = 0; second < 12; second++) {
      const before = [dead.asked, other.asked] as const;
      await world.run(1000);
      const got = dead.asked - before[0];
      shares.push(got / (got + other.asked - before[1]));
    }
    expect(shares[0]).toBeWithin(0.01, 0.15);
    expect(shares[4]).toBeWithin(0.1, 0.35);
    expect(shares[11]).toBeWithin(0.38, 0.62);
    expect(crowd.errors).toEqual([]);
  });

  test("and alone holds up a few only, the rest are told at once; it is found again at once", async () => {
    const world = new World(4);
    const [only] = [new Server(world, 10)] as const;
    const balancer = balancerFor(world, [only]);
    const crowd = new Crowd(world);
    only.mood = "hangs";
    world.traffic(100, 60_000, () => crowd.ask(balancer));
    await world.run(31_000);
    expect(balancer.upstreams()[0]?.state).toBe("out");
    // Those of the first half minute have given up by and by.
    await world.run(31_000);
    expect(only.underWay).toBeLessThanOrEqual(8);
    expect(crowd.errors.every((error) => error instanceof OriginError)).toBe(true);
    only.mood = "well";
    await world.run(31_000);
    const again = new Crowd(world);
    world.traffic(100, 2000, () => again.ask(balancer));
    await world.run(3000);
    expect([again.errors.length < 5, balancer.upstreams()[0]?.state]).toEqual([true, "ready"]);
  });

  test("and alone, refusing, is found again with the first requests", async () => {
    const world = new World(4);
    const only = new Server(world, 10);
    const balancer = balancerFor(world, [only]);
    const crowd = new Crowd(world);
    only.mood = "refuses";
    world.traffic(200, 5000, () => crowd.ask(balancer));
    await world.run(5000);
    expect(crowd.answered).toBe(0);
    only.mood = "well";
    const again = new Crowd(world);
    world.traffic(200, 2000, () => again.ask(balancer));
    await world.run(3000);
    expect(again.errors).toEqual([]);
  });

  test("one that answers worse than its siblings is left alone; never more than the allowed share of them", async () => {
    const world = new World(8);
    const servers = Array.from({ length: 4 }, () => new Server(world, 10));
    const balancer = balancerFor(world, servers, { ejectMaxPercent: 50 });
    const crowd = new Crowd(world);
    world.traffic(400, 8000, () => crowd.ask(balancer));
    const out = () => balancer.upstreams().filter(({ state }) => state === "out").length;
    await world.run(500);
    (servers[0] as Server).mood = "errs";
    await world.run(500);
    expect([out(), balancer.upstreams()[0]?.reason]).toEqual([1, "errors"]);
    for (const server of servers) server.mood = "errs";
    await world.run(4000);
    // What is wrong with all of them is no fault of one.
    expect(out()).toBeLessThanOrEqual(2);
  });
});

describe("panic", () => {
  test("with fewer ready than allowed all are asked, with enough only the ready ones", async () => {
    const world = new World(2);
    const servers = Array.from({ length: 4 }, () => new Server(world, 5));
    const ill = new Set<Server>();
    for (const server of servers) {
      const send = server.send.bind(server);
      server.send = (request) =>
        request.target === "/health" && ill.has(server)
          ? Promise.resolve(new Response(null, { status: 503 }))
          : send(request);
    }
    const balancer = balancerFor(world, servers, { healthPath: "/health", healthSeconds: 0.5, slowStartSeconds: 0 });
    const crowd = new Crowd(world);
    world.traffic(400, 20_000, () => crowd.ask(balancer));
    const askedInSecond = async () => {
      const before = servers.map(({ asked }) => asked);
      await world.run(1000);
      // Health checks are two or three of them.
      return servers.map(({ asked }, index) => asked - (before[index] as number) > 10);
    };
    ill.add(servers[0] as Server).add(servers[1] as Server);
    await world.run(3000);
    expect(balancer.upstreams().map(({ state }) => state)).toEqual(["unhealthy", "unhealthy", "ready", "ready"]);
    expect(await askedInSecond()).toEqual([false, false, true, true]);
    ill.add(servers[2] as Server);
    await world.run(3000);
    expect(await askedInSecond()).toEqual([true, true, true, true]);
    ill.clear();
    await world.run(3000);
    expect(balancer.upstreams().every(({ state }) => state === "ready")).toBe(true);
    expect(crowd.errors).toEqual([]);
    balancer.stop();
  });
});

describe("what is asked again", () => {
  const bad = (mood: Server["mood"], count = 3) => {
    const world = new World(1);
    const servers = Array.from({ length: count }, () => new Server(world, 5));
    for (const server of servers.slice(0, count - 1)) server.mood = mood;
    return { world, servers, balancer: balancerFor(world, servers) };
  };

  test("an idempotent request without an answer, elsewhere, and its notes tell of it", async () => {
    const { world, balancer } = bad("resets");
    const seen: Notes[] = [];
    for (let more = 0; more < 20; more++) {
      const notes: Notes = {};
      seen.push(notes);
      balancer
        .send(get({ method: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"][more % 5] as string }), notes)
        .catch(() => 0);
      await world.run(100);
    }
    expect(seen.every(({ upstream }) => upstream === "c")).toBe(true);
    expect(seen.some(({ tries }) => (tries ?? 0) > 1)).toBe(true);
    expect(seen.every(({ tries }) => (tries ?? 0) <= 3)).toBe(true);
  });

  test("never an order that may have arrived; always one that surely did not", async () => {
    for (const [mood, isAnswered] of [
      ["resets", false],
      ["refuses", true],
    ] as const) {
      const { world, servers, balancer } = bad(mood, 2);
      const crowd = new Crowd(world);
      for (let more = 0; more < 10; more++) {
        crowd.ask(balancer, get({ method: "POST", body: new Response("order").body }));
        await world.run(50);
      }
      const total = servers.reduce((sum, { asked }) => sum + asked, 0);
      if (isAnswered) expect([crowd.answered, total > 10]).toEqual([10, true]);
      else expect([total, crowd.errors.length]).toEqual([10, 10 - crowd.answered]);
    }
  });

  test("never a request whose body was begun", async () => {
    const { world, servers, balancer } = bad("refuses", 2);
    for (const server of servers) {
      server.mood = "refuses";
      const send = server.send.bind(server);
      server.send = (request) => {
        request.body?.getReader();
        return send(request);
      };
    }
    const crowd = new Crowd(world);
    crowd.ask(balancer, get({ method: "PUT", body: new Response("x").body }));
    await world.run(100);
    expect([servers.reduce((sum, { asked }) => sum + asked, 0), crowd.errors.length]).toEqual([1, 1]);
  });

  test("whatever fails however often, retries and hedges stay within their budget", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 2 ** 31 }),
        fc.constantFrom(0, 5, 20, 100),
        fc.constantFrom(0, 30),
        fc.array(fc.constantFrom("well", "refuses", "resets", "errs", "hangs" as const), {
          minLength: 12,
          maxLength: 12,
        }),
        async (seed, retryBudgetPercent, hedgeMs, moods) => {
          const world = new World(seed);
          const servers = Array.from({ length: 4 }, () => new Server(world, 20));
          const balancer = balancerFor(world, servers, {
            retryBudgetPercent,
            hedgeMs,
            connectionsMax: 20,
            ejectSeconds: 0.2,
          });
          const crowd = new Crowd(world);
          world.traffic(200, 3000, () => crowd.ask(balancer));
          for (const [step, mood] of moods.entries()) {
            (servers[step % 4] as Server).mood = mood as Server["mood"];
            await world.run(250);
            const sent = servers.reduce((sum, { asked }) => sum + asked, 0);
            const saved = retryBudgetPercent === 0 ? 0 : 20;
            expect(sent - crowd.asked).toBeLessThanOrEqual(saved + (crowd.asked * retryBudgetPercent) / 100);
            for (const { peak } of servers) expect(peak).toBeLessThanOrEqual(20);
          }
          await world.run(120_000);
          // Everyone has an answer or is told that there is none.
          expect(crowd.answered + crowd.errors.length).toBe(crowd.asked);
          expect(servers.map(({ underWay }) => underWay)).toEqual([0, 0, 0, 0]);
          expect(balancer.upstreams().map(({ inFlight }) => inFlight)).toEqual([0, 0, 0, 0]);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("a request that its shopper gave up is neither asked again nor held against the server", async () => {
    const world = new World(1);
    const servers = [new Server(world, 5), new Server(world, 5)];
    for (const server of servers) server.mood = "hangs";
    const balancer = balancerFor(world, servers);
    const gone = new AbortController();
    const answers = Array.from({ length: 10 }, () =>
      balancer.send(get({ signal: gone.signal })).catch((error: Error) => error.name),
    );
    await world.run(10);
    gone.abort();
    expect(await Promise.all(answers)).toEqual(Array(10).fill("AbortError"));
    expect(servers.reduce((sum, { asked }) => sum + asked, 0)).toBe(10);
    expect(balancer.upstreams().map(({ state, failures }) => [state, failures])).toEqual(Array(2).fill(["ready", 0]));
  });
});

test("a request that no server could use is held against none of them", async () => {
  const world = new World(1);
  const servers = [new Server(world, 5), new Server(world, 5)];
  for (const server of servers) server.send = () => Promise.reject(new TypeError("the body is too short"));
  const balancer = balancerFor(world, servers);
  const crowd = new Crowd(world);
  for (let more = 0; more < 20; more++) crowd.ask(balancer);
  await world.run(100);
  expect(crowd.errors).toEqual(Array(20).fill(new TypeError("the body is too short")));
  expect(balancer.upstreams().map(({ state, failures }) => [state, failures])).toEqual(Array(2).fill(["ready", 0]));
});

describe("hedging", () => {
  test("spares shoppers the slowest answers, for a few requests more, and gives the loser up", async () => {
    const run = async (hedgeMs: number) => {
      const world = new World(6);
      const servers = Array.from({ length: 4 }, () => new Server(world, 5));
      for (const server of servers) {
        server.workers = 100;
        server.serviceMs = () => (world.random() < 0.03 ? 800 : world.exponential(5));
      }
      const balancer = balancerFor(world, servers, { hedgeMs });
      const crowd = new Crowd(world);
      world.traffic(200, 10_000, () => crowd.ask(balancer));
      await world.run(15_000);
      expect(crowd.answered).toBe(crowd.asked);
      const sent = servers.reduce((sum, { asked }) => sum + asked, 0);
      const aborted = servers.reduce((sum, server) => sum + server.aborted, 0);
      expect(servers.map(({ underWay }) => underWay)).toEqual([0, 0, 0, 0]);
      return {
        p99: crowd.quantile(0.99),
        extra: (sent - crowd.asked) / crowd.asked,
        isGivenUp: sent - crowd.asked === aborted,
      };
    };
    const without = await run(0);
    const hedged = await run(60);
    expect(without.p99).toBe(800);
    expect(hedged.p99).toBeLessThan(120);
    expect(hedged.extra).toBeLessThan(0.06);
    expect(hedged.isGivenUp).toBe(true);
  });

  test("is for GET alone, and never of the one that was asked", async () => {
    const world = new World(6);
    const servers = [new Server(world, 500), new Server(world, 500)];
    const balancer = balancerFor(world, servers, { hedgeMs: 10 });
    const crowd = new Crowd(world);
    crowd.ask(balancer, get({ method: "POST" }));
    crowd.ask(balancer, get({ method: "HEAD" }));
    await world.run(20_000);
    expect(servers.reduce((sum, { asked }) => sum + asked, 0)).toBe(2);
    crowd.ask(balancer);
    await world.run(20_000);
    expect(servers.map(({ asked }) => asked)).toEqual(expect.arrayContaining([2]));
    expect(servers.reduce((sum, { asked }) => sum + asked, 0)).toBe(4);
  });
});

describe("what an operator may do", () => {
  test("a drained upstream gets nothing new and finishes what it has; resumed, it is asked again", async () => {
    const world = new World(1);
    const servers = [new Server(world, 300), new Server(world, 300)];
    const balancer = balancerFor(world, servers);
    const crowd = new Crowd(world);
    for (let more = 0; more < 10; more++) crowd.ask(balancer);
    expect(balancer.drain("a")).toBe(true);
    expect(balancer.upstreams()[0]?.state).toBe("draining");
    const asked = servers[0]?.asked;
    world.traffic(50, 3000, () => crowd.ask(balancer));
    await world.run(10_000);
    expect([servers[0]?.asked, balancer.upstreams()[0]?.state, crowd.errors]).toEqual([asked, "drained", []]);
    expect(balancer.resume("a")).toBe(true);
    world.traffic(50, 3000, () => crowd.ask(balancer));
    await world.run(10_000);
    expect((servers[0] as Server).asked).toBeGreaterThan(asked as number);
    expect([balancer.drain("nobody"), balancer.setWeight("nobody", 2)]).toEqual([false, false]);
  });

  test("a removed upstream is closed when its last answer is there, and all drained means none", async () => {
    const world = new World(1);
    const servers = [new Server(world, 300)];
    const balancer = balancerFor(world, servers);
    const crowd = new Crowd(world);
    crowd.ask(balancer);
    expect([balancer.remove("a"), servers[0]?.isClosed, balancer.upstreams()]).toEqual([true, false, []]);
    crowd.ask(balancer);
    await world.run(5000);
    expect([servers[0]?.isClosed, crowd.answered]).toEqual([true, 1]);
    expect(crowd.errors).toMatchObject([{ kind: "unreachable", sent: false }]);
    expect(balancer.remove("a")).toBe(false);
  });

  test("a list that was reloaded adds, removes and weighs, and leaves the rest as it is", () => {
    const world = new World(1);
    const servers = Array.from({ length: 4 }, () => new Server(world, 5));
    const balancer = balancerFor(
      world,
      servers.slice(0, 2),
      {},
      { open: (url) => servers[new URL(url).hostname.charCodeAt(0) - 97] as Server },
    );
    balancer.replace([
      { name: "b", url: "http://b.test", weight: 5 },
      { name: "c", url: "http://c.test" },
    ]);
    expect(balancer.upstreams().map(({ name, weight }) => [name, weight])).toEqual([
      ["b", 5],
      ["c", 1],
    ]);
    expect(servers.map(({ isClosed }) => isClosed)).toEqual([true, false, false, false]);
    expect(balancer.add({ name: "c", url: "http://d.test" })).toBe(false);
  });

  test("every address of a name is asked; those that go are closed, and a name service in trouble changes nothing", async () => {
    const world = new World(1);
    const opened = new Map<string, Server>();
    let answer: readonly string[] | undefined = ["10.0.0.1", "10.0.0.2"];
    const balancer = balancerFor(
      world,
      [new Server(world, 5)],
      { resolveSeconds: 5 },
      {
        open: (_, address) => {
          const server = new Server(world, 5);
          opened.set(address ?? "by name", server);
          return server;
        },
        resolve: (name) =>
          answer === undefined ? Promise.reject(new Error("away")) : Promise.resolve(name === "a.test" ? answer : []),
      },
    );
    const names = () => balancer.upstreams().map(({ name }) => name);
    await world.run(100);
    expect([names(), opened.get("by name")?.isClosed]).toEqual([["a@10.0.0.1", "a@10.0.0.2"], true]);
    for (const changed of [undefined, []]) {
      answer = changed;
      await world.run(6000);
      expect(names()).toEqual(["a@10.0.0.1", "a@10.0.0.2"]);
    }
    balancer.setWeight("a", 3);
    answer = ["10.0.0.2", "10.0.0.3"];
    await world.run(6000);
    expect([names(), opened.get("10.0.0.1")?.isClosed]).toEqual([["a@10.0.0.2", "a@10.0.0.3"], true]);
    expect(balancer.upstreams().map(({ weight }) => weight)).toEqual([3, 3]);
    balancer.drain("a");
    answer = ["10.0.0.4"];
    await world.run(6000);
    expect(balancer.upstreams().map(({ state }) => state)).toEqual(["drained"]);
    balancer.stop();
  });
});

test("counts say how requests ended, for each configured upstream", async () => {
  const world = new World(1);
  const counts = new Map<string, number>();
  const gauges = new Map<string, () => unknown>();
  const servers = [new Server(world, 5), new Server(world, 5)];
  (servers[0] as Server).mood = "refuses";
  const ends: boolean[] = [];
  const balancer = balancerFor(
    world,
    servers,
    {},
    {
      meter: {
        ...noMeter,
        counter: (name) => (labels) => () => {
          const key = `${name} ${Object.values(labels).join(" ")}`.trim();
          counts.set(key, (counts.get(key) ?? 0) + 1);
        },
        gauge: (name, _, read) => void gauges.set(name, read),
      },
      ended: (_, isFailure) => void ends.push(isFailure),
    },
  );
  const crowd = new Crowd(world);
  world.traffic(100, 2000, () => crowd.ask(balancer));
  await world.run(3000);
  const refused = servers[0]?.asked as number;
  expect(counts.get("spillway_edge_upstream_requests_total b answered")).toBe(crowd.asked);
  expect(counts.get("spillway_edge_upstream_requests_total a refused")).toBe(refused);
  expect(counts.get("spillway_edge_upstream_retries_total made")).toBe(refused);
  expect(counts.get("spillway_edge_upstream_ejections_total a")).toBe(1);
  expect([ends.length, ends.filter(Boolean).length]).toEqual([crowd.asked + refused, refused]);
  expect(gauges.get("spillway_edge_upstream_ready")?.()).toEqual([
    [{ upstream: "a" }, 0],
    [{ upstream: "b" }, 1],
  ]);
});

test("two upstreams of one name are complained about", () => {
  const world = new World(1);
  const open = () => new Server(world, 1);
  const deps = { open, clock: world.clock, random: world.random, meter: noMeter };
  const twice = [{ url: "http://a.test" }, { url: "http://a.test" }];
  expect(() => createBalancer(settings, twice, deps)).toThrow(
    "Two upstreams have the name a.test: give one of them another `name`.",
  );
});
