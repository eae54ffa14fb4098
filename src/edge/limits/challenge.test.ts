/** Work opens the door: once, in time, for whoever did it. */
import { describe, expect, test } from "bun:test";
import { createSigner } from "#adapters/system/signer.ts";
import { Limits as LimitsSettings } from "#contract/edge-config.ts";
import { countingMeter, type ExchangeOptions, exchangeOf, settingsOf } from "../../../test/kit/exchange.ts";
import type { Next } from "../exchange.ts";
import type { AltchaChallenge } from "./challenge.ts";
import { sha256Source } from "./challenge-page.ts";
import { createLimits } from "./limits.ts";

const challenge = { maxNumber: 1000, validSeconds: 60, passSeconds: 600 };
const path = "/.spillway/challenge";
const start = 1_795_000_000_000;
let ids = 0;

function door() {
  const limits = createLimits(settingsOf(LimitsSettings, { challenge }), {
    signer: createSigner(new Uint8Array(32).fill(9)),
    newId: () => `id-${String(++ids).padStart(20, "0")}`,
    seed: [1, 2],
    meter: countingMeter(),
  });
  const next: Next = () => new Response("inside");
  const ask = async (options: ExchangeOptions) => await limits.stage(exchangeOf(options), next);
  const wanted = { path: "/drop", route: { template: "/drop", challenge: true } };
  return {
    stats: limits.stats,
    enter: (headers: Record<string, string> = {}, more: ExchangeOptions = {}) => ask({ ...wanted, headers, ...more }),
    issue: async (atMs = start) => (await (await ask({ path, atMs })).json()) as AltchaChallenge,
    send: (body: string, atMs = start, headers: Record<string, string> = {}) =>
      ask({
        path,
        method: "POST",
        atMs,
        headers,
        request: new Request(`https://shop.example${path}`, { method: "POST", body }),
      }),
    other: (method: string) => ask({ path, method }),
  };
}

const sha256 = new Function(`${sha256Source};return sha256`)() as (text: string) => string;

function solve(given: AltchaChallenge): Record<string, unknown> {
  const { algorithm, challenge: hash, salt, signature } = given;
  for (let number = 0; number <= given.maxnumber; number++) {
    if (sha256(salt + number) === hash) return { algorithm, challenge: hash, number, salt, signature };
  }
  throw new Error("The challenge has no solution.");
}

const cookies = (answer: Response): string =>
  answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .join("; ");

test("the page's own SHA-256 is SHA-256", () => {
  for (const length of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]) {
    const text = "spillway ".repeat(112).slice(0, length);
    expect(sha256(text)).toBe(new Bun.CryptoHasher("sha256").update(text).digest("hex"));
  }
});

describe("whoever solves the challenge", () => {
  test("gets a pass that opens the route, and only for as long as it says", async () => {
    const { enter, issue, send, stats } = door();
    expect((await enter()).status).toBe(403);
    const answer = await send(JSON.stringify(solve(await issue())));
    expect(answer.status).toBe(204);
    for (const cookie of answer.headers.getSetCookie()) {
      expect(cookie).toMatch(/; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
    }
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const headers = { cookie: cookies(answer) };
    expect(await (await enter(headers)).text()).toBe("inside");
    expect((await enter(headers, { atMs: start + 599_000 })).status).toBe(200);
    expect((await enter(headers, { atMs: start + 601_000 })).status).toBe(403);
    expect(stats().challenge).toMatchObject({ passed: 1, wrong: 0 });
  });

  test("may send it as the widget does: base64 in a form's field", async () => {
    const { issue, send } = door();
    const form = async () => new URLSearchParams({ altcha: btoa(JSON.stringify(solve(await issue()))) });
    expect((await send(String(await form()))).status).toBe(204);
    expect((await send(JSON.stringify({ altcha: (await form()).get("altcha") }))).status).toBe(204);
  });

  test("finds it in the problem details as well, so that a program needs no request more", async () => {
    const { enter, send } = door();
    const problem = (await (await enter({ accept: "application/json" })).json()) as {
      type: string;
      challenge: AltchaChallenge;
    };
    expect(problem.type).toBe("urn:spillway:error:challenge_required");
    expect(problem.challenge).toMatchObject({ algorithm: "SHA-256", maxnumber: 1000 });
    expect((await send(JSON.stringify(solve(problem.challenge)))).status).toBe(204);
  });

  test("keeps the visitor's cookie that was there", async () => {
    const { issue, send, enter } = door();
    const first = cookies(await send(JSON.stringify(solve(await issue()))));
    const visitor = first.split("; ").find((cookie) => cookie.startsWith("spillway_visitor=")) as string;
    const again = await send(JSON.stringify(solve(await issue())), start, { cookie: visitor });
    expect(again.headers.getSetCookie()).toHaveLength(1);
    expect((await enter({ cookie: `${visitor}; ${cookies(again)}` })).status).toBe(200);
  });
});

describe("nobody gets in", () => {
  test("with a solution that was used before, even by two at the same moment", async () => {
    const { issue, send } = door();
    const body = JSON.stringify(solve(await issue()));
    const both = await Promise.all([send(body), send(body)]);
    expect(both.map(({ status }) => status).sort()).toEqual([204, 400]);
    for (const atMs of [start + 1000, start + 59_000]) expect((await send(body, atMs)).status).toBe(400);
  });

  test("with one that comes too late, also when nobody remembers that it was used", async () => {
    const { issue, send } = door();
    const given = solve(await issue());
    for (const seconds of [61, 130, 10_000])
      expect((await send(JSON.stringify(given), start + seconds * 1000)).status).toBe(400);
  });

  test("with a challenge that was altered in any part", async () => {
    const { issue, send } = door();
    const right = solve(await issue());
    const salt = right.salt as string;
    const number = right.number as number;
    const digit = String(number)[0] as string;
    const altered: unknown[] = [
      { ...right, number: number + 1 },
      { ...right, number: String(number) },
      { ...right, number: number + 0.5 },
      { ...right, number: -1 },
      { ...right, algorithm: "SHA-1" },
      { ...right, signature: "x".repeat(22) },
      { ...right, salt: salt.replace(/expires=\d+/, "expires=9999999999") },
      // Digits moved from the number into the salt: the same hash, another salt (altcha-lib's advisory on splicing).
      { ...right, salt: salt + digit, number: Number(String(number).slice(1) || "0") },
      { ...right, challenge: sha256("mine&5"), salt: "mine&", number: 5 },
      {},
      [],
      null,
      "text",
      7,
    ];
    for (const solution of altered) expect((await send(JSON.stringify(solution))).status).toBe(400);
    for (const body of ["", "{", "altcha=%%%", "%", "a".repeat(10_000), btoa("{}")])
      expect((await send(body)).status).toBe(400);
    expect((await send(JSON.stringify(right))).status).toBe(204);
  });

  test("with another visitor's pass, a pass without its visitor, or a pass that was made longer", async () => {
    const { issue, send, enter } = door();
    const pass = async () => {
      const [visitor = "", own = ""] = cookies(await send(JSON.stringify(solve(await issue())))).split("; ");
      return { visitor, own };
    };
    const [mine, yours] = [await pass(), await pass()];
    expect((await enter({ cookie: `${mine.visitor}; ${mine.own}` })).status).toBe(200);
    expect((await enter({ cookie: `${mine.visitor}; ${yours.own}` })).status).toBe(403);
    expect((await enter({ cookie: mine.own })).status).toBe(403);
    expect((await enter({ cookie: `${mine.visitor}; ${mine.own.replace(/=\d+/, "=9999999999")}` })).status).toBe(403);
    expect((await enter({ cookie: `${mine.visitor}; spillway_pass=` })).status).toBe(403);
  });
});

test("a person gets a page that works by itself, whose script may run and no other", async () => {
  const { enter } = door();
  const answer = await enter({ accept: "text/html" });
  const text = await answer.text();
  const nonce = /nonce="([^"]+)"/.exec(text)?.[1] as string;
  expect(answer.headers.get("content-security-policy")).toContain(`script-src 'nonce-${nonce}'`);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(text).toContain('data-get="1"');
  expect(text).toContain("<noscript>");
  expect(await (await enter({ accept: "text/html" }, { method: "POST" })).text()).toContain('data-get=""');
});

test("the page's script solves the challenge, sends it and reloads", async () => {
  const { enter, send } = door();
  const text = await (await enter({ accept: "text/html" })).text();
  const script = /<script[^>]*>([\s\S]*)<\/script>/.exec(text)?.[1] as string;
  const data = (name: string): string =>
    (new RegExp(`data-${name}="([^"]*)"`).exec(text)?.[1] ?? "").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
  const say = { textContent: "" };
  const done = Promise.withResolvers<Response>();
  let answer: Response | undefined;
  const fetched = async (to: string, init: { body: string }): Promise<Response> => {
    expect(to).toBe(path);
    answer = await send(init.body);
    return answer;
  };
  const document = {
    currentScript: {
      dataset: { challenge: data("challenge"), path: data("path"), get: data("get"), again: "again", failed: "failed" },
    },
    querySelector: () => ({ value: 0 }),
    getElementById: () => say,
  };
  const location = { reload: () => done.resolve(answer as Response) };
  new Function("document", "location", "fetch", script)(document, location, fetched);
  const passed = await done.promise;
  expect(passed.status).toBe(204);
  expect((await enter({ cookie: cookies(passed) })).status).toBe(200);
});

test("the challenge's address takes GET and POST, and says so to others", async () => {
  const { other } = door();
  expect((await other("HEAD")).status).toBe(200);
  const refused = await other("DELETE");
  expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
});
