/** Who waits, who is turned away and who never is. */
import { describe, expect, spyOn, test } from "bun:test";
import { Shedding as SheddingSettings } from "#contract/edge-config.ts";
import { countingMeter, type ExchangeOptions, exchangeOf, settingsOf } from "../../../test/kit/exchange.ts";
import type { Answer, Exchange, Next } from "../exchange.ts";
import { OriginError } from "../ports.ts";
import { isBackground } from "./rank.ts";
import { createShedding, type SheddingDeps } from "./shedding.ts";
import { classes, type Waiter, WaitingLine } from "./waiting-line.ts";

/** A world whose time passes when it is told to. */
function world(given: object = {}, signals?: SheddingDeps["signals"]) {
  let nowMs = 0;
  let timers: { atMs: number; call: () => void }[] = [];
  const meter = countingMeter();
  const shedding = createShedding(
    settingsOf(SheddingSettings, { algorithm: "fixed", initial: 1, least: 1, queueMax: 4, ...given }),
    {
      now: () => nowMs,
      later: (ms, call) => timers.push({ atMs: nowMs + ms, call }),
      random: () => 0,
      meter,
      ...(signals === undefined ? {} : { signals }),
    },
  );
  return {
    shedding,
    counts: meter.counts,
    now: () => nowMs,
    async pass(ms: number) {
      const end = nowMs + ms;
      for (;;) {
        const next = timers.reduce<(typeof timers)[0] | undefined>(
          (a, b) => (a === undefined || b.atMs < a.atMs ? b : a),
          undefined,
        );
        if (next === undefined || next.atMs > end) break;
        nowMs = Math.max(nowMs, next.atMs);
        timers = timers.filter((timer) => timer !== next);
        next.call();
        await settled();
      }
      nowMs = end;
      await settled();
    },
  };
}

const settled = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await Promise.resolve();
};

/** An upstream that answers when it is told to. */
function upstream() {
  const asked: {
    exchange: Exchange;
    answer: (response?: Response) => Promise<void>;
    fail: (error: unknown) => Promise<void>;
  }[] = [];
  const next: Next = (exchange) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    asked.push({
      exchange,
      answer: async (response = new Response("ok")) => {
        resolve(response);
        await settled();
      },
      fail: async (error) => {
        reject(error);
        await settled();
      },
    });
    return promise;
  };
  return { asked, next, paths: () => asked.map(({ exchange }) => exchange.path) };
}

const all = (answers: readonly Answer[]): Promise<Response[]> =>
  Promise.all(answers.map(async (answer) => await answer));

const of = (name: Exchange["route"]["class"], path: string = name, more: ExchangeOptions = {}) =>
  exchangeOf({ path, route: { class: name }, ...more });

describe("with room", () => {
  test("a request goes straight through, and an answer that is there at once is given at once", () => {
    const { shedding } = world();
    const response = new Response();
    for (let i = 0; i < 3; i++) expect(shedding.stage(of("browsing"), () => response)).toBe(response);
    expect(shedding.stats().inFlight).toBe(0);
  });

  test("the room is free again with the head of the answer, however long its body takes", async () => {
    const { shedding } = world();
    const endless = new Response(new ReadableStream({ pull: () => new Promise(() => {}) }));
    const answer = await shedding.stage(of("browsing"), async () => endless);
    expect(answer).toBe(endless);
    expect(shedding.stats().inFlight).toBe(0);
  });

  test("what goes wrong goes through as it is, and frees its room", async () => {
    const { shedding } = world();
    const wrong = new Error("wrong");
    expect(() =>
      shedding.stage(of("browsing"), () => {
        throw wrong;
      }),
    ).toThrow(wrong);
    const failed = await Promise.resolve(shedding.stage(of("browsing"), async () => Promise.reject(wrong))).catch(
      (error: unknown) => error,
    );
    expect(failed).toBe(wrong);
    await settled();
    expect(shedding.stats().inFlight).toBe(0);
  });
});

describe("without room", () => {
  test("turns go by class, and to the oldest within a class", async () => {
    const { shedding } = world({ queueMax: 10 });
    const { asked, next, paths } = upstream();
    void shedding.stage(of("browsing", "first"), next);
    for (const [name, path] of [
      ["background", "z"],
      ["browsing", "a"],
      ["paying", "p1"],
      ["product", "b"],
      ["paying", "p2"],
      ["cart", "c"],
    ] as const) {
      void shedding.stage(of(name, path), next);
    }
    for (let i = 0; i < 7; i++) await asked[i]?.answer();
    expect(paths()).toEqual(["first", "p1", "p2", "c", "b", "a", "z"]);
  });

  test("a full line makes place for somebody higher by the newest of its lowest, who is told so", async () => {
    const { shedding } = world({ queueMax: 2 });
    const { asked, next, paths } = upstream();
    void shedding.stage(of("paying", "first"), next);
    const [old, young] = [of("browsing", "old"), of("browsing", "young")];
    const answers = [shedding.stage(old, next), shedding.stage(young, next)];
    void shedding.stage(of("paying", "pays"), next);
    const refused = await (answers[1] as Promise<Response>);
    expect(refused.status).toBe(503);
    expect(young.notes).toEqual({ answeredBy: "shedding", refused: "displaced" });
    for (let i = 0; i < 3; i++) await asked[i]?.answer();
    expect(paths()).toEqual(["first", "pays", "old"]);
    expect(shedding.stats().refused).toEqual({ "browsing displaced": 1 });
  });

  test("who finds a line full of people not behind them is refused at once, with a time to come back", async () => {
    const { shedding } = world({ queueMax: 1 });
    const { next } = upstream();
    void shedding.stage(of("cart"), next);
    void shedding.stage(of("cart"), next);
    const exchange = of("cart", "c", { headers: { accept: "application/json" } });
    const refused = shedding.stage(exchange, next);
    expect(refused).toBeInstanceOf(Response);
    const answer = refused as Response;
    expect([answer.status, answer.headers.get("retry-after"), answer.headers.get("cache-control")]).toEqual([
      503,
      "3",
      "no-store",
    ]);
    expect(await answer.json()).toMatchObject({ status: 503, title: "Very busy just now" });
    expect(exchange.notes.refused).toBe("queue full");
    const person = shedding.stage(of("cart", "c", { headers: { accept: "text/html" } }), next) as Response;
    expect(await person.text()).toContain("Please try again in a few seconds.");
  });

  test("nobody waits longer than they should, and whoever pays ten times as long as the others", async () => {
    const { shedding, pass } = world({ queueMs: 100 });
    const { next } = upstream();
    void shedding.stage(of("cart"), next);
    const [early, pays, late] = [of("browsing"), of("paying"), of("product")];
    const answers = [shedding.stage(early, next)];
    await pass(60);
    answers.push(shedding.stage(pays, next), shedding.stage(late, next));
    await pass(39);
    expect(early.notes).toEqual({});
    await pass(1);
    expect(early.notes.refused).toBe("waited too long");
    await pass(59);
    expect(late.notes).toEqual({});
    await pass(1);
    expect(late.notes.refused).toBe("waited too long");
    await pass(899);
    expect(pays.notes).toEqual({});
    // Whoever comes while only somebody who pays is waited for is not kept beyond their time.
    const last = of("browsing");
    answers.push(shedding.stage(last, next));
    await pass(1);
    expect(pays.notes.refused).toBe("waited too long");
    await pass(98);
    expect(last.notes).toEqual({});
    await pass(1);
    expect(last.notes.refused).toBe("waited too long");
    expect((await all(answers)).map(({ status }) => status)).toEqual([503, 503, 503, 503]);
  });

  test("a shop that stands still for as long as a database takes to start again turns nobody away who pays", async () => {
    const { shedding, pass, counts } = world({ initial: 2, queueMax: 40 });
    const { asked, next } = upstream();
    for (const path of ["hangs", "hangs too"]) void shedding.stage(of("browsing", path), next);
    const paying = Array.from({ length: 20 }, (_, n) => of("paying", `p${n}`));
    for (const exchange of paying) void shedding.stage(exchange, next);
    const looking = of("browsing");
    void shedding.stage(looking, next);
    await pass(5000);
    for (let at = 0; at < 2 + paying.length; at++) await asked[at]?.answer();
    expect(looking.notes.refused).toBe("waited too long");
    expect(paying.filter(({ notes }) => notes.refused !== undefined)).toEqual([]);
    expect([...counts].filter(([name]) => /paying/.test(name))).toEqual([]);
  });

  test("whoever leaves the line makes room in it and is never asked for", async () => {
    const { shedding } = world({ queueMax: 1 });
    const { asked, next, paths } = upstream();
    const client = new AbortController();
    void shedding.stage(of("cart", "first"), next);
    const left = of("paying", "left", { request: new Request("https://shop.example/", { signal: client.signal }) });
    const answer = shedding.stage(left, next);
    client.abort();
    expect((await answer).status).toBe(499);
    expect(shedding.stats()).toMatchObject({ gone: 1, waiting: { paying: 0 } });
    void shedding.stage(of("browsing", "next"), next);
    await asked[0]?.answer();
    expect(paths()).toEqual(["first", "next"]);
    const gone = of("paying", "gone", {
      request: new Request("https://shop.example/", { signal: AbortSignal.abort() }),
    });
    expect((await shedding.stage(gone, next)).status).toBe(499);
  });

  test("a long line of answers that are there at once is served without a deep stack", async () => {
    const { shedding } = world({ queueMax: 100_000, queueMs: 60_000 });
    const { asked, next } = upstream();
    void shedding.stage(of("browsing"), next);
    const answers = Array.from({ length: 50_000 }, () => shedding.stage(of("browsing"), () => new Response()));
    await asked[0]?.answer();
    expect((await all(answers)).every(({ status }) => status === 200)).toBe(true);
  });
});

describe("somebody who pays and is not served is counted", () => {
  const refusedFor = (counts: ReadonlyMap<string, number>) =>
    Object.fromEntries(
      ["shed", "nothing answered", "upstream"].map((why) => [
        why,
        counts.get(`spillway_edge_paying_refused_total ${why}`) ?? 0,
      ]),
    );
  const passedOver = (counts: ReadonlyMap<string, number>) => counts.get("spillway_edge_shed_paying_first_total") ?? 0;

  test("as shed, when others were answered meanwhile", async () => {
    const { shedding, counts, pass } = world({ queueMax: 2, queueMs: 100 });
    const { asked, next } = upstream();
    for (let n = 0; n < 3; n++) void shedding.stage(of("paying", `p${n}`), next);
    await pass(10);
    await asked[0]?.answer();
    void shedding.stage(of("paying", "takes the free place in line"), next);
    void shedding.stage(of("paying", "finds the line full"), next);
    expect(refusedFor(counts)).toEqual({ shed: 1, "nothing answered": 0, upstream: 0 });
    await pass(990);
    // Who came before the answer waited too long as well; it was after it that the last one came.
    expect(refusedFor(counts)).toEqual({ shed: 2, "nothing answered": 0, upstream: 0 });
    await pass(10);
    expect(refusedFor(counts)).toEqual({ shed: 3, "nothing answered": 0, upstream: 0 });
    expect(passedOver(counts)).toBe(0);
  });

  test("apart, when nothing behind it answered anybody: no order of turns could have served them", async () => {
    const { shedding, counts, pass } = world({ queueMax: 2, queueMs: 100 });
    const { next } = upstream();
    for (let n = 0; n < 4; n++) void shedding.stage(of("paying", `p${n}`), next);
    void shedding.stage(of("browsing"), next);
    expect(refusedFor(counts)).toEqual({ shed: 0, "nothing answered": 1, upstream: 0 });
    await pass(1000);
    expect(refusedFor(counts)).toEqual({ shed: 0, "nothing answered": 3, upstream: 0 });
    expect(passedOver(counts)).toBe(0);
  });

  test("apart, when it was what is behind that refused or failed them", async () => {
    const { shedding, counts } = world();
    const { asked, next } = upstream();
    const ends = [503, new OriginError("reset", true, "reset"), 200];
    for (const name of ["paying", "browsing"] as const)
      for (const [at, end] of ends.entries()) {
        void Promise.resolve(shedding.stage(of(name), next)).catch(() => {});
        const last = asked.at(-1);
        await (typeof end === "number" ? last?.answer(new Response(null, { status: end })) : last?.fail(end));
        expect(shedding.stats().inFlight, `${name} ${at}`).toBe(0);
      }
    expect(refusedFor(counts)).toEqual({ shed: 0, "nothing answered": 0, upstream: 2 });
  });

  // The stage never does the following: the line is made wrong, or nobody would know that the counter can rise.
  test("as passed over, by a line that gives its turns to the lowest class first", async () => {
    using _wrong = spyOn(WaitingLine.prototype, "next").mockImplementation(function (this: WaitingLine<never>) {
      return classes.map((_, rank) => firstOf(this, rank)).findLast((waiter) => waiter !== undefined);
    });
    const { shedding, counts, pass } = world({ queueMs: 100 });
    const { asked, next, paths } = upstream();
    void shedding.stage(of("browsing", "first"), next);
    void shedding.stage(of("paying", "pays"), next);
    void shedding.stage(of("browsing", "looks"), next);
    await pass(10);
    await asked[0]?.answer();
    expect(paths()).toEqual(["first", "looks"]);
    await pass(990);
    expect(passedOver(counts)).toBe(1);
    expect(refusedFor(counts).shed).toBe(1);
  });

  test("as passed over, by a full line in which nobody gives way", async () => {
    const { shedding, counts } = world();
    const { next } = upstream();
    void shedding.stage(of("browsing", "first"), next);
    void shedding.stage(of("browsing", "looks"), next);
    using _wrong = spyOn(WaitingLine.prototype, "enter").mockReturnValue(undefined);
    void shedding.stage(of("paying", "pays"), next);
    expect(passedOver(counts)).toBe(1);
  });
});

/** Of one class, whoever came first. */
const firstOf = (line: WaitingLine<never>, rank: number): Waiter<never> | undefined =>
  line.endsFirst(classes.map((_, other) => (other === rank ? 0 : Number.POSITIVE_INFINITY)));

test.each([
  ["sec-purpose", "prefetch", true],
  ["sec-purpose", "prefetch;prerender", true],
  ["purpose", "prefetch", true],
  ["x-moz", "prefetch", true],
  ["sec-fetch-dest", "document", false],
  ["user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true],
  [
    "user-agent",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    true,
  ],
  ["user-agent", "facebookexternalhit/1.1", true],
  ["user-agent", "SomeNewBot/3.0", true],
  [
    "user-agent",
    "Mozilla/5.0 (Linux; Android 13; CUBOT KINGKONG 9) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
    false,
  ],
  [
    "user-agent",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    false,
  ],
  ["user-agent", "curl/8.5.0", false],
])("%s: %s is background: %p", (name, value, expected) => {
  expect(isBackground(new Headers({ [name]: value }))).toBe(expected);
});

test("a page fetched in advance waits behind everybody, whatever it is for", async () => {
  const { shedding } = world();
  const { asked, next, paths } = upstream();
  void shedding.stage(of("cart", "first"), next);
  void shedding.stage(of("paying", "early", { headers: { "sec-purpose": "prefetch" } }), next);
  void shedding.stage(of("browsing", "looks"), next);
  await asked[0]?.answer();
  await asked[1]?.answer();
  expect(paths()).toEqual(["first", "looks", "early"]);
});

describe("the limit", () => {
  async function load(algorithm: string, end: (n: number) => Response | Error, tookMs: number, rounds: number) {
    const { shedding, pass } = world({ algorithm, initial: 40, least: 4, most: 400 });
    const run = async (respond: (n: number) => Response | Error, took: number) => {
      for (let round = 0; round < rounds; round++) {
        const { asked, next } = upstream();
        const answers = Array.from({ length: shedding.limitOf() }, () =>
          Promise.resolve(shedding.stage(of("browsing"), next)).catch(() => {}),
        );
        await pass(took);
        for (const [n, one] of asked.entries()) {
          const given = respond(n);
          if (given instanceof Error) await one.fail(given);
          else await one.answer(given);
        }
        await Promise.all(answers);
      }
    };
    await run(() => new Response(), 110);
    const quiet = shedding.limitOf();
    await run(end, tookMs);
    return { quiet, after: shedding.limitOf(), shedding };
  }

  test.each(["gradient", "vegas"])(
    "%s grows while answers stay quick and shrinks when they slow down",
    async (algorithm) => {
      const { quiet, after } = await load(algorithm, () => new Response(), 900, 20);
      expect(quiet).toBeGreaterThan(40);
      expect(after).toBeLessThan(quiet * 0.9);
    },
  );

  test.each(["gradient", "vegas"])(
    "%s shrinks when answers do not come or say that it is too much",
    async (algorithm) => {
      for (const end of [
        () => new OriginError("timeout", true, "no answer"),
        () => new Response(null, { status: 503 }),
        () => new Response(null, { status: 429 }),
      ]) {
        const { quiet, after } = await load(algorithm, end, 110, 20);
        expect(after).toBeLessThan(quiet);
      }
    },
  );

  test("takes no notice of clients that leave and of errors that are no sign of load", async () => {
    for (const end of [() => new DOMException("gone", "AbortError"), () => new Response(null, { status: 500 })]) {
      const { quiet, after } = await load("gradient", end, 1, 20);
      expect(after).toBe(quiet);
    }
  });

  test("is kept apart for each upstream, and all together count", async () => {
    const { shedding, pass } = world({ algorithm: "gradient", initial: 40, least: 4, most: 400 });
    shedding.setUpstreams(["a", "b"]);
    expect(shedding.limitOf()).toBe(80);
    for (let round = 0; round < 45; round++) {
      const { asked, next } = upstream();
      const names = (["a", "b"] as const).flatMap((name) => Array<string>(shedding.limitOf(name)).fill(name));
      for (const name of names) {
        void shedding.stage(of("browsing"), (exchange) => {
          exchange.notes.upstream = name;
          return next(exchange);
        });
      }
      await pass(110);
      for (const { exchange, answer } of asked) if (exchange.notes.upstream === "a") await answer();
      await pass(round < 20 ? 0 : 900);
      for (const { exchange, answer } of asked) if (exchange.notes.upstream === "b") await answer();
    }
    expect(shedding.limitOf("a")).toBeGreaterThan(40);
    expect(shedding.limitOf("b")).toBeLessThan(shedding.limitOf("a") / 2);
    expect(shedding.limitOf()).toBe(shedding.limitOf("a") + shedding.limitOf("b"));
    const kept = shedding.limitOf("a");
    shedding.setUpstreams(["a", "c"]);
    expect([shedding.limitOf("a"), shedding.limitOf("b"), shedding.limitOf("c")]).toEqual([kept, 0, 40]);
  });

  test("that is raised lets those in who wait", async () => {
    const { shedding } = world();
    const { next, paths } = upstream();
    for (const path of ["a", "b", "c"]) void shedding.stage(of("browsing", path), next);
    expect(paths()).toEqual(["a"]);
    shedding.configure(settingsOf(SheddingSettings, { algorithm: "fixed", initial: 2, least: 1, queueMax: 4 }));
    expect(paths()).toEqual(["a", "b"]);
    expect(() => shedding.configure(settingsOf(SheddingSettings, { initial: 2, least: 8 }))).toThrow(
      "least <= initial <= most; they are 8, 2 and 1000",
    );
  });
});

/** A rush by seed: arrivals of all classes, service of any length, errors, clients that leave. */
async function rush(seed: number): Promise<Record<string, number>> {
  let state = seed;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const queueMs = 50 + Math.floor(random() * 300);
  const { shedding, pass, now } = world({
    algorithm: ["fixed", "gradient", "vegas"][seed % 3],
    initial: 4,
    least: 2,
    most: 12,
    queueMax: Math.floor(random() * 20),
    queueMs,
  });
  const waiting = new Map<Exchange, { rank: number; sinceMs: number }>();
  const running: { settle: () => void; atMs: number }[] = [];
  const outcomes: Record<string, number> = {};
  let answered = 0;
  const isLower = (rank: number) => [...waiting.values()].some((other) => other.rank > rank);
  const isHigher = (rank: number) => [...waiting.values()].some((other) => other.rank < rank);
  let arriving: Exchange | undefined;

  const next: Next = (exchange) => {
    const waiter = waiting.get(exchange);
    if (waiter === undefined) expect(exchange).toBe(arriving as Exchange);
    const rank = waiter?.rank ?? classes.indexOf(exchange.route.class);
    waiting.delete(exchange);
    // The invariant: nobody of a higher class waits while this one is served, nor anybody of its own who came before.
    expect(isHigher(rank)).toBe(false);
    if (waiter === undefined) expect(waiting.size).toBe(0);
    else
      expect([...waiting.values()].some((other) => other.rank === rank && other.sinceMs < waiter.sinceMs)).toBe(false);
    expect(shedding.stats().inFlight).toBeLessThanOrEqual(shedding.limitOf());
    const luck = random();
    if (luck < 0.05) return new Response();
    if (luck < 0.07) throw new Error("thrown");
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    running.push({
      atMs: now() + random() ** 3 * 200,
      settle: () => {
        if (luck < 0.12) reject(new OriginError("reset", true, "reset"));
        else resolve(new Response(null, { status: luck < 0.15 ? 503 : 200 }));
      },
    });
    return promise;
  };

  const total = 600;
  const clients: { controller: AbortController; atMs: number }[] = [];
  const ends: Promise<void>[] = [];
  for (let n = 0; n < total; n++) {
    await pass(random() ** 2 * 12);
    for (const one of running.filter(({ atMs }) => atMs <= now())) {
      running.splice(running.indexOf(one), 1);
      one.settle();
      await settled();
    }
    for (const client of clients.filter(({ atMs }) => atMs <= now())) {
      clients.splice(clients.indexOf(client), 1);
      client.controller.abort();
      await settled();
    }
    const name = classes[Math.floor(random() * 5)] as Exchange["route"]["class"];
    const controller = new AbortController();
    if (random() < 0.1) clients.push({ controller, atMs: now() + random() * 100 });
    const exchange = of(name, String(n), {
      request: new Request("https://shop.example/", { signal: controller.signal }),
    });
    const rank = classes.indexOf(name);
    arriving = exchange;
    let answer: Response | Promise<Response> | Error;
    try {
      answer = shedding.stage(exchange, next);
    } catch (error) {
      answer = error as Error;
    }
    arriving = undefined;
    if (exchange.notes.refused === "queue full") expect(isLower(rank)).toBe(false);
    // In line, when neither refused nor under way.
    const isWaiting =
      shedding.stats().waiting[name] === [...waiting.values()].filter((other) => other.rank === rank).length + 1;
    if (isWaiting) waiting.set(exchange, { rank, sinceMs: now() });
    ends.push(
      Promise.resolve(answer)
        .catch((error: unknown) => error)
        .then(() => {
          answered++;
          const why = exchange.notes.refused ?? "served";
          outcomes[why] = (outcomes[why] ?? 0) + 1;
          const waiter = waiting.get(exchange);
          waiting.delete(exchange);
          if (waiter === undefined) return;
          // Turned away out of the line: never somebody who pays for somebody who does not.
          expect(now() - waiter.sinceMs).toBeLessThanOrEqual((waiter.rank === 0 ? 10 : 1) * queueMs + 1);
          if (why === "displaced") expect(isLower(waiter.rank)).toBe(false);
        }),
    );
    await settled();
  }
  while (running.length > 0 || waiting.size > 0) {
    for (const one of running.splice(0)) one.settle();
    await pass(50);
  }
  await Promise.all(ends);
  expect(answered).toBe(total);
  expect(shedding.stats().inFlight).toBe(0);
  expect(Object.values(shedding.stats().waiting)).toEqual([0, 0, 0, 0, 0]);
  return outcomes;
}

test("in any rush, nobody who pays waits or is turned away for somebody who does not, and no room is lost", async () => {
  const sum: Record<string, number> = {};
  for (let seed = 1; seed <= 40; seed++) {
    for (const [why, count] of Object.entries(await rush(seed))) sum[why] = (sum[why] ?? 0) + count;
  }
  // The rushes were such that everything happened often.
  for (const why of ["served", "queue full", "displaced", "waited too long", "client gone"]) {
    expect(sum[why] ?? 0).toBeGreaterThan(50);
  }
}, 60_000);
