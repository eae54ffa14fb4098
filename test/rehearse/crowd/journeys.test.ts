/** What shoppers do: in virtual time, so that every request and every moment can be told. */
import { expect, test } from "bun:test";
import { Histogram } from "#rehearse/measure/histogram.ts";
import { mergeSteps } from "#rehearse/measure/merge.ts";
import type { StepResult } from "#rehearse/result.ts";
import { type Played, playVirtually, type Target } from "./virtual-world.ts";

const one = { arrivals: { shape: "constant", perSecond: 1, seconds: 1 }, spacing: "even" } as const;
const stepOf = ({ part }: Played, name: string) => part.steps.find(({ step }) => step === name) as StepResult;
const fieldOf = (text: string, name: string) => new RegExp(`^${name}: (.*)\r$`, "im").exec(text)?.[1];
const bodyOf = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4);

test("a shopper takes cookies, an order number and its address along, and asks until it is paid", () => {
  let looks = 0;
  const played = playVirtually(
    {
      ...one,
      journeys: [
        {
          name: "buy",
          steps: [
            { name: "cart", method: "PUT", path: "/cart", body: { sku: "A", quantity: 1 } },
            {
              name: "order",
              method: "POST",
              path: "/orders",
              headers: { "Idempotency-Key": "{{uuid}}" },
              body: { email: "shopper-{{number}}@mail.example" },
              expect: [202],
              extract: [
                { name: "orderNumber", json: "/orderNumber" },
                { name: "statusUrl", json: "/links/0" },
                { name: "trace", header: "X-Trace" },
                { name: "word", pattern: '"say":"(\\w+)"' },
              ],
            },
            {
              name: "track",
              path: "{{statusUrl}}?{{trace}}-{{word}}",
              until: { json: "/status", is: ["paid"], everySeconds: 2 },
            },
          ],
        },
      ],
    },
    ({ path }, reply) => {
      if (path === "/cart") reply({ headers: { "Set-Cookie": "cart=c1; Path=/; HttpOnly" } });
      else if (path === "/orders")
        reply({
          status: 202,
          headers: { "x-trace": "t7" },
          body: { orderNumber: "N1", links: ["http://elsewhere.example/orders/N1/key"], say: "hello" },
        });
      else reply({ body: { status: ++looks < 3 ? "received" : "paid" } });
    },
  );
  const [cart, order, ...tracks] = played.asked;
  expect(cart?.text).toStartWith("PUT /cart HTTP/1.1\r\nHost: 127.0.0.1:1\r\n");
  expect(fieldOf(cart?.text ?? "", "Cookie")).toBeUndefined();
  expect(fieldOf(cart?.text ?? "", "Content-Type")).toBe("application/json");
  expect(JSON.parse(bodyOf(cart?.text ?? ""))).toEqual({ sku: "A", quantity: 1 });
  expect(fieldOf(order?.text ?? "", "Cookie")).toBe("cart=c1");
  expect(fieldOf(order?.text ?? "", "Idempotency-Key")).toMatch(
    /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/,
  );
  expect(JSON.parse(bodyOf(order?.text ?? ""))).toEqual({ email: "shopper-1@mail.example" });
  expect(Number(fieldOf(order?.text ?? "", "Content-Length"))).toBe(bodyOf(order?.text ?? "").length);
  // An address with another host leads to the target all the same: nothing is ever sent elsewhere.
  expect(tracks.map(({ path }) => path)).toEqual(Array.from({ length: 3 }, () => "/orders/N1/key?t7-hello"));
  expect((tracks[1]?.atMs ?? 0) - (tracks[0]?.atMs ?? 0)).toBe(2000);
  expect(played.part.acknowledged).toEqual([
    {
      journey: "buy",
      step: "order",
      atSecond: 0.5,
      orderNumber: "N1",
      statusUrl: "http://elsewhere.example/orders/N1/key",
    },
  ]);
  expect([played.part.journeysBegun, played.part.journeysDone]).toEqual([1, 1]);
});

test("what comes from data or from the shop cannot break out of its place in a request", () => {
  const evil = 'a b"\r\nX-Evil: 1\r\n\r\n{{uuid}}é';
  const { asked } = playVirtually(
    {
      ...one,
      journeys: [
        {
          name: "buy",
          data: { file: "rows.csv", order: "in turn" },
          steps: [
            {
              name: "json",
              method: "POST",
              path: "/{{evil}}",
              headers: { "X-It": "{{evil}}" },
              body: { it: "{{evil}}" },
            },
            { name: "form", method: "POST", path: "/form", body: "it={{evil}}&b=1" },
          ],
        },
      ],
    },
    (_asked, reply) => reply(),
    { tables: { "rows.csv": [["evil"], [evil]] } },
  );
  const [json, form] = asked;
  expect(json?.text.split("\r\n")[0]).toBe(
    "POST /a%20b%22%0D%0AX-Evil:%201%0D%0A%0D%0A%7B%7Buuid%7D%7D%C3%A9 HTTP/1.1",
  );
  expect(fieldOf(json?.text ?? "", "X-Evil")).toBeUndefined();
  expect(fieldOf(json?.text ?? "", "X-It")).toBe('a b"??X-Evil: 1????{{uuid}}?');
  expect(JSON.parse(Buffer.from(bodyOf(json?.text ?? ""), "latin1").toString("utf8"))).toEqual({ it: evil });
  expect(new URLSearchParams(bodyOf(form?.text ?? "")).get("it")).toBe(evil);
});

test("a refusal that the plan expects ends a journey well; one that it does not, or an extract that is missing, is an error", () => {
  const order = {
    name: "order",
    path: "/order",
    expect: [200, 409],
    extract: [{ name: "orderNumber", json: "/orderNumber" }],
  };
  const plan = {
    arrivals: { shape: "constant", perSecond: 1, seconds: 4 },
    spacing: "even",
    journeys: [{ name: "buy", steps: [order, { name: "after", path: "/after" }] }],
  } as const;
  let turn = 0;
  const replies = [
    { status: 409, body: { code: "sold_out" } },
    { status: 500, body: { code: "oh no" } },
    { status: 200, body: {} },
    { status: 200, body: { orderNumber: "N" } },
  ];
  const played = playVirtually(plan, ({ path }, reply) => reply(path === "/order" ? replies[turn++] : {}));
  const step = stepOf(played, "order");
  expect(step.statuses).toEqual({ "200": 2, "409": 1, "500": 1 });
  expect(step.errors).toBe(2);
  expect(stepOf(played, "after").requests).toBe(1);
  expect(played.part.journeysDone).toBe(2);
  expect(played.part.acknowledgedCount).toBe(1);
  expect(played.part.notes).toEqual([
    'buy/order: answered with 500: {"code":"oh no"}',
    "buy/order: its answer has no orderNumber",
  ]);
});

test("a shopper stands in the waiting room's line, claims the turn, and the wait is told apart from the shop's answers", () => {
  const shop: Target = ({ path, text, atMs }, reply, world) => {
    const cookie = fieldOf(text, "Cookie");
    if (path === "/claim/7" && atMs < 11_500)
      reply({ status: 202, body: { state: "at-the-door", lookAgainSeconds: 2 } });
    else if (path === "/claim/7") reply({ body: { state: "admitted" }, headers: { "set-cookie": "pass=ok" } });
    else if (cookie?.includes("pass=ok") === true) world.at(world.nowMs + 40, () => reply({ body: "the shop" }));
    else if (cookie === undefined)
      reply({
        status: 202,
        headers: { "retry-after": "5", "set-cookie": "ticket=7" },
        body: { state: "waiting", position: 3 },
      });
    else if (atMs < 10_000)
      reply({ status: 202, headers: { "retry-after": "5" }, body: { state: "waiting", position: 1 } });
    else reply({ status: 202, body: { state: "your-turn", claimUrl: "/claim/7" } });
  };
  const played = playVirtually(
    {
      ...one,
      journeys: [{ name: "buy", steps: [{ name: "shop", path: "/", waitingRoom: true }] }],
    },
    shop,
  );
  expect(played.asked.map(({ path }) => path)).toEqual(["/", "/", "/", "/claim/7", "/claim/7", "/"]);
  expect(played.asked[3]?.text).toStartWith("POST /claim/7 HTTP/1.1\r\n");
  expect(fieldOf(played.asked[0]?.text ?? "", "Accept")).toBe("application/json");
  const through = stepOf(played, "shop");
  const line = stepOf(played, "shop (in line)");
  expect(through.requests).toBe(1);
  expect(Histogram.from(through.response).percentileMs(50)).toBeCloseTo(40, 0);
  expect(line.requests).toBe(5);
  expect(
    Math.abs(Histogram.from(line.inLine as NonNullable<typeof line.inLine>).percentileMs(50) - 12_000),
  ).toBeLessThan(10);
  expect(played.part.journeysDone).toBe(1);
});

test("a person is shown the page with the line in it, looks at the room's document as its script does, and claims when it calls", () => {
  const room = "/.spillway/rooms/drop";
  const view = { room: "drop", phase: "open", place: { number: 9, rank: 9 }, ahead: 8, isCalled: false };
  const written = JSON.stringify(view).replace(/"/g, "&#34;");
  const waitingPage = `<main><section id="spillway-room" aria-labelledby="spw-title" data-view="${written}"></section>`;
  const shop: Target = ({ path, text, atMs }, reply) => {
    const html = { "content-type": "text/html; charset=utf-8" };
    const cookie = fieldOf(text, "Cookie") ?? "";
    const cursor = Math.floor(atMs / 1000);
    if (path === `${room}/now`)
      reply({
        body: {
          now: {
            phase: "open",
            cursor,
            next: 12,
            holes: [],
            lookAgainSeconds: [
              [0, 1],
              [10, 3],
            ],
            outflowPerMinute: 60,
          },
        },
      });
    else if (path === `${room}/claim`)
      reply({
        body: { state: "admitted", room: "drop", number: 9, rank: 9, ahead: 0 },
        headers: { "set-cookie": "spillway_pass_drop=p" },
      });
    else if (cookie.includes("spillway_pass_drop=p")) reply({ headers: html, body: "<p>The sale</p>" });
    else reply({ headers: { ...html, "set-cookie": "spillway_place_drop=t" }, body: waitingPage });
  };
  const played = playVirtually(
    {
      ...one,
      journeys: [
        { name: "buy", steps: [{ name: "shop", path: "/", headers: { Accept: "text/html" }, waitingRoom: true }] },
      ],
    },
    shop,
  );
  const looks = played.asked.filter(({ path }) => path === `${room}/now`);
  expect(played.asked.map(({ path }) => path)).toEqual(["/", ...looks.map(({ path }) => path), `${room}/claim`, "/"]);
  // The first within a second and a half, then as the table says for so many ahead, a fifth later at most.
  expect((looks[0]?.atMs ?? 0) - (played.asked[0]?.atMs ?? 0)).toBeLessThanOrEqual(1500);
  for (const [at, { atMs }] of looks.slice(1).entries()) {
    const ahead = 8 - Math.floor((looks[at]?.atMs ?? 0) / 1000);
    const seconds = 1 + (2 * ahead) / 10;
    expect(atMs - (looks[at]?.atMs ?? 0)).toBeGreaterThanOrEqual(seconds * 1000 - 1);
    expect(atMs - (looks[at]?.atMs ?? 0)).toBeLessThanOrEqual(seconds * 1200 + 1);
  }
  const { visits, sightings } = played.part.rooms;
  expect(visits).toMatchObject([
    { room: "drop", number: 9, rank: 9, movedBack: 0, claims: [[expect.anything(), expect.anything()]] },
  ]);
  expect(visits[0]?.letIn?.[0]).toBeGreaterThanOrEqual(9);
  expect(sightings[0]).toMatchObject({ room: "drop", outflowPerMinute: 60 });
});

test("an order that is refused since there is a line gets a place first, and is sent again when it is let in", () => {
  const shop: Target = ({ path, text, atMs }, reply) => {
    const cookie = fieldOf(text, "Cookie") ?? "";
    const view = { room: "drop", number: 4, rank: 4, ahead: 2, claimUrl: "/claim/4" };
    if (path === "/claim/4")
      reply({ body: { ...view, state: "admitted" }, headers: { "set-cookie": "spillway_pass_drop=p" } });
    else if (cookie.includes("spillway_pass_drop=p")) reply({ status: 201, body: "ordered" });
    else if (text.startsWith("POST"))
      reply({
        status: 409,
        body: {
          code: "room_waiting",
          room: "drop",
          ...(cookie === "" ? { state: "no-place" } : { ...view, state: atMs < 5000 ? "waiting" : "your-turn" }),
        },
        headers: { "retry-after": "2" },
      });
    else
      reply({
        status: 202,
        body: { ...view, state: "waiting" },
        headers: { "set-cookie": "spillway_place_drop=t", "retry-after": "2" },
      });
  };
  const played = playVirtually(
    {
      ...one,
      journeys: [
        {
          name: "buy",
          steps: [
            {
              name: "order",
              method: "POST",
              path: "/orders?of={{number}}",
              body: { sku: "LAMP" },
              waitingRoom: true,
              expect: [201, 409],
            },
          ],
        },
      ],
    },
    shop,
  );
  const words = played.asked.map(({ text }) => text.split(" HTTP")[0]).filter((line) => !line?.endsWith("/now"));
  expect(words.slice(0, 2)).toEqual(["POST /orders?of=1", "GET /orders?of=1"]);
  expect(words.slice(-2)).toEqual(["POST /claim/4", "POST /orders?of=1"]);
  expect(stepOf(played, "order").statuses).toEqual({ "201": 1 });
  expect(played.part.journeysDone).toBe(1);
});

test("asking until it is so ends after as many times as the plan says, as an error of the journey", () => {
  const played = playVirtually(
    {
      ...one,
      journeys: [
        {
          name: "wait",
          steps: [{ name: "poll", path: "/", until: { json: "/a", is: ["b"], everySeconds: 1, most: 4 } }],
        },
      ],
    },
    (_asked, reply) => reply({ body: { a: "c" } }),
  );
  expect(played.asked.length).toBe(4);
  expect(played.part.journeysDone).toBe(0);
  expect(played.part.notes).toEqual(["wait/poll: asked 4 times, and /a was not as wished"]);
});

test("the mix of journeys is the plan's, and data goes round, at random, or once", () => {
  const rows = [["n"], ["0"], ["1"], ["2"]];
  const played = playVirtually(
    {
      arrivals: { shape: "constant", perSecond: 100, seconds: 60 },
      journeys: [
        { name: "a", weight: 3, steps: [{ name: "s", path: "/a" }] },
        {
          name: "turn",
          weight: 1,
          steps: [{ name: "s", path: "/turn/{{n}}" }],
          data: { file: "rows", order: "in turn" },
        },
        {
          name: "luck",
          weight: 1,
          steps: [{ name: "s", path: "/luck/{{n}}" }],
          data: { file: "rows", order: "random" },
        },
      ],
    },
    (_asked, reply) => reply(),
    { tables: { rows } },
  );
  const of = (start: string) => played.asked.filter(({ path }) => path.startsWith(start)).length;
  const all = played.asked.length;
  expect(Math.abs(of("/a") / all - 0.6)).toBeLessThan(0.03);
  for (const n of [0, 1, 2]) {
    expect(Math.abs(of(`/luck/${n}`) / of("/luck/") - 1 / 3)).toBeLessThan(0.06);
    expect(of(`/turn/${n}`)).toBeGreaterThan(0);
  }
  const once = playVirtually(
    {
      arrivals: { shape: "constant", perSecond: 1, seconds: 6 },
      spacing: "even",
      journeys: [{ name: "a", steps: [{ name: "s", path: "/{{n}}" }], data: { file: "rows", order: "once" } }],
    },
    (_asked, reply) => reply(),
    { tables: { rows } },
  );
  expect(once.asked.map(({ path }) => path)).toEqual(["/0", "/1", "/2"]);
});

test("three workers send together what one alone would, each request once, and their figures merge to the same", () => {
  const plan = {
    arrivals: { shape: "ramp", fromPerSecond: 10, toPerSecond: 60, seconds: 20 },
    journeys: [
      {
        name: "a",
        weight: 2,
        steps: [
          { name: "s", path: "/a/{{number}}", think: { least: 0.1, most: 2 } },
          { name: "t", path: "/t" },
        ],
      },
      { name: "b", weight: 1, steps: [{ name: "s", path: "/b/{{number}}" }] },
    ],
    seed: 9,
  } as const;
  const slowByPath: Target = ({ path }, reply, world) => world.at(world.nowMs + 1 + (path.length % 7), () => reply());
  const alone = playVirtually(plan, slowByPath);
  const three = [0, 1, 2].map((index) => playVirtually(plan, slowByPath, { share: { index, of: 3 } }));
  const sorted = (asked: Played["asked"]) => asked.map(({ path, atMs }) => `${atMs.toFixed(3)} ${path}`).sort();
  expect(sorted(three.flatMap(({ asked }) => asked))).toEqual(sorted(alone.asked));
  const merged = mergeSteps(three.map(({ part }) => part.steps));
  expect(merged).toEqual(mergeSteps([alone.part.steps]));
  expect(three.reduce((sum, { part }) => sum + part.journeysBegun, 0)).toBe(alone.part.journeysBegun);
});

test("what is warmed up is not counted, and a run ends at its ceiling of requests", () => {
  const base = {
    arrivals: { shape: "constant", perSecond: 10, seconds: 10 },
    spacing: "even",
    journeys: [{ name: "a", steps: [{ name: "s", path: "/" }] }],
  } as const;
  const warmed = playVirtually({ ...base, warmUpSeconds: 5 }, (_asked, reply) => reply());
  expect(warmed.asked.length).toBe(150);
  expect(stepOf(warmed, "s").requests).toBe(100);
  expect(warmed.seconds.map(({ arrivals }) => arrivals)).toEqual(Array.from({ length: 10 }, () => 10));
  const bounded = playVirtually({ ...base, requestsMax: 30 }, (_asked, reply) => reply());
  expect(bounded.asked.length).toBe(30);
  expect(bounded.part.isRequestsMaxReached).toBe(true);
});

test("a closed crowd never has more under way than its users, and comes again after thinking", () => {
  let most = 0;
  let now = 0;
  const { part, asked } = playVirtually(
    {
      model: "closed",
      closed: { users: 4, seconds: 10 },
      journeys: [{ name: "a", steps: [{ name: "s", path: "/", think: 0.15 }] }],
    },
    (_asked, reply, world) => {
      now += 1;
      most = Math.max(most, now);
      world.at(world.nowMs + 50, () => {
        now -= 1;
        reply();
      });
    },
  );
  expect(most).toBe(4);
  // 50 ms and 150 ms: five a second for each of four users.
  expect(Math.abs(asked.length - 200)).toBeLessThanOrEqual(4);
  expect(Histogram.from((part.steps[0] as StepResult).response).percentileMs(99)).toBeCloseTo(50, 0);
});
