/**
 * The 33 rules of uNetworking/h1spec, told anew as data: what a server must wait for, refuse, and answer. Its README counts 33 of 33 for
 * uWebSockets, 32 for Node and 31 for Deno.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { send, startEdge, statuses } from "./kit.ts";

type Rule = {
  readonly name: string;
  readonly bytes: string;
  /** "waits": neither an answer nor an end within half a second. Otherwise the hundreds of the first status. */
  readonly expect: "waits" | readonly number[];
  readonly body?: string;
};

const whole = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r";
const fragments = [
  "G",
  "GET ",
  "GET /hello",
  "GET /hello ",
  "GET /hello HTTP",
  "GET /hello HTTP/1.1",
  "GET /hello HTTP/1.1\r",
  "GET /hello HTTP/1.1\r\n",
  "GET /hello HTTP/1.1\r\nHos",
  "GET /hello HTTP/1.1\r\nHost:",
  "GET /hello HTTP/1.1\r\nHost: ",
  "GET /hello HTTP/1.1\r\nHost: localhost",
  "GET /hello HTTP/1.1\r\nHost: localhost\r",
  "GET /hello HTTP/1.1\r\nHost: localhost\r\n",
  whole,
];
const get = (fields: string): string => `GET / HTTP/1.1\r\nHost: example.com\r\n${fields}\r\n`;
const post = (fields: string, body: string): string => `POST / HTTP/1.1\r\nHost: example.com\r\n${fields}\r\n${body}`;

const rules: readonly Rule[] = [
  ...fragments.map((bytes): Rule => ({ name: `waits for more of ${JSON.stringify(bytes)}`, bytes, expect: "waits" })),
  { name: "a request without version", bytes: "GET / \r\n\r\n", expect: [4, 5] },
  { name: "Expect: 100-continue", bytes: get("Expect: 100-continue\r\n"), expect: [1, 2] },
  { name: "a valid GET", bytes: get(""), expect: [2] },
  { name: "a valid GET with odd cases", bytes: "GET / HTTP/1.1\r\nhoSt:\texample.com\r\nempty:\r\n\r\n", expect: [2] },
  { name: "invalid characters in a name", bytes: get("X-Invalid[]: test\r\n"), expect: [4] },
  { name: "no Host", bytes: "GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", expect: [4] },
  { name: "two Hosts", bytes: get("Host: example.org\r\n"), expect: [4] },
  {
    name: "a negative length that overflows",
    bytes: get("Content-Length: -123456789123456789123456789\r\n"),
    expect: [4],
  },
  { name: "a negative length", bytes: get("Content-Length: -1234\r\n"), expect: [4] },
  { name: "a length that is no number", bytes: get("Content-Length: abc\r\n"), expect: [4] },
  { name: "an empty value", bytes: get("X-Empty-Header: \r\n"), expect: [2] },
  { name: "a control character in a value", bytes: get("X-Bad-Control-Char: test\x07\r\n"), expect: [4] },
  { name: "an unknown version", bytes: "GET / HTTP/9.9\r\nHost: example.com\r\n\r\n", expect: [4, 5] },
  { name: "something before the method", bytes: `Extra line${get("")}`, expect: [4, 5] },
  {
    name: "a wrong line ending",
    bytes: "GET / HTTP/1.1\r\nHost: example.com\r\n\rSome-Header: Test\r\n\r\n",
    expect: [4],
  },
  { name: "a POST with a body", bytes: post("Content-Length: 5\r\n", "hello"), expect: [2], body: "hello" },
  {
    name: "a POST in chunks",
    bytes: post("Transfer-Encoding: chunked\r\n", "c\r\nHellO world1\r\n0\r\n\r\n"),
    expect: [2],
    body: "HellO world1",
  },
  {
    name: "both framings, in odd cases",
    bytes: post("content-LengtH: 5\r\nTransFer-Encoding: chunked\r\n", "c\r\nHellO world1\r\n0\r\n\r\n"),
    expect: [4, 2],
    body: "HellO world1",
  },
];

let edge: EdgeListener;
beforeAll(() => {
  edge = startEdge(async ({ request }) => new Response((await request?.text()) ?? ""));
});
afterAll(() => edge.stop(50));

async function holds({ bytes, expect: expected, body }: Rule): Promise<boolean> {
  const { text, end } = await send(edge.port, bytes, { quietMs: 500 });
  if (expected === "waits") return text === "" && end === "open";
  const first = Number(/^HTTP\/1\.1 (\d)/.exec(text)?.[1]);
  return expected.includes(first) && (body === undefined || statuses(text)[0] !== 200 || text.endsWith(body));
}

test("all 33 rules hold", async () => {
  expect(rules.length).toBe(33);
  const kept = await Promise.all(rules.map(holds));
  expect(rules.filter((_rule, index) => !kept[index]).map(({ name }) => name)).toEqual([]);
  console.log(`h1spec: ${kept.filter(Boolean).length} of ${rules.length} rules hold.`);
});
