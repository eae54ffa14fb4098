/**
 * The requests of llhttp's own tests, read from a checkout that `SPILLWAY_LLHTTP_TESTS` names (its folder test/request), sent through the
 * edge to an origin that records bytes. What each is about does not matter here: whatever comes in, never more whole requests go out
 * than llhttp itself finds in strict mode, and the bodies are the same.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { forwardTo, type RecordingOrigin, send, startEdge, startOrigin, statuses } from "./kit.ts";

const folder = process.env.SPILLWAY_LLHTTP_TESTS ?? "";
if (folder === "") {
  console.warn(
    "NOT CHECKED: llhttp's requests. Set SPILLWAY_LLHTTP_TESTS to test/request of a checkout of nodejs/llhttp.",
  );
}

type Message = { readonly name: string; readonly bytes: string; readonly log: string; readonly isStrict: boolean };

/** Fenced blocks of a page: `http` is the message, with \r, \n, \t, \f and \xNN as escapes, and the `log` after it what the parser said. */
function messagesOf(file: string): Message[] {
  const page = readFileSync(join(folder, file), "utf8");
  const found: Message[] = [];
  const block = /<!-- meta=(\{.*?\}) -->\s*```http\n([^`]*?)\n```\n[^`]*```log\n([\s\S]*?)\n```/g;
  for (const match of page.matchAll(block)) {
    const [, meta = "{}", raw = "", log = ""] = match;
    const { type, noScan } = JSON.parse(meta) as { type: string; noScan?: boolean };
    const heading =
      page
        .slice(0, match.index)
        .match(/^#+ .*$/gm)
        ?.at(-1) ?? "";
    // As llhttp's own reader of these pages does: a line break is CRLF, and what is written as an escape is that byte.
    const bytes = raw
      .replace(/\n/g, "\r\n")
      .replace(/\\r/g, "\r")
      .replace(/\\n/g, "\n")
      .replace(/\\t/g, "\t")
      .replace(/\\f/g, "\f")
      .replace(/\\x([0-9a-fA-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    found.push({
      name: `${file} ${heading.replace(/^#+ /, "")} ${noScan === true ? "(no scan)" : ""}`,
      bytes: withHost(bytes),
      log,
      isStrict: type === "request",
    });
  }
  return found;
}

/** Most have no Host, which is another matter than theirs. */
function withHost(bytes: string): string {
  return /^host[ \t]*:/im.test(bytes) ? bytes : bytes.replace(/ HTTP\/1\.([01])\r\n/g, " HTTP/1.$1\r\nHost: a\r\n");
}

/** The bodies that llhttp finds, one for each whole message. A body is whole with its last chunk; the trailers after it are not passed on. */
function bodiesOf(log: string): string[] {
  const bodies: string[] = [];
  let body = "";
  let isWhole = false;
  for (const line of log.split("\n")) {
    if (line.includes("message begin")) {
      body = "";
      isWhole = false;
    }
    body += /span\[body\]="(.*)"$/.exec(line)?.[1] ?? "";
    if (!isWhole && (line.includes("message complete") || line.includes("chunk header len=0"))) {
      isWhole = true;
      bodies.push(body);
    }
  }
  return bodies;
}

/** Its own list of methods ends where this edge passes on what is a token. */
const isOfMethod = (log: string): boolean => /error.*(?:Invalid method for HTTP|Expected space after method)/.test(log);

/** Bun reads past what is wrong with a chunk's extension, and the edge frames anew: the extension goes nowhere. */
const isOfExtension = (log: string): boolean => /error.*chunk extension/i.test(log);

describe.skipIf(folder === "")("llhttp's requests", () => {
  let origin: RecordingOrigin;
  let edge: EdgeListener;
  beforeAll(async () => {
    origin = await startOrigin();
    edge = startEdge(forwardTo(() => origin.port));
  });
  afterAll(async () => {
    await edge.stop(50);
    origin.stop();
  });

  const messages =
    folder === ""
      ? []
      : readdirSync(folder)
          .filter((file) => file.endsWith(".md") && file !== "pausing.md")
          .flatMap(messagesOf);
  let refused = 0;
  let passed = 0;

  for (const { name, bytes, log, isStrict } of messages) {
    test(name, async () => {
      origin.forget();
      const { text } = await send(edge.port, bytes, { quietMs: 120 });
      const whole = origin.requests().filter(({ isWhole }) => isWhole);
      const expected = bodiesOf(log);
      if (isStrict && !isOfExtension(log) && !isOfMethod(log)) {
        expect(whole.length).toBeLessThanOrEqual(expected.length);
        for (const [index, { body }] of whole.entries()) expect(body).toBe(expected[index] ?? "");
      } else expect(whole.length).toBeLessThanOrEqual(Math.max(1, expected.length));
      // Every answer that is not the edge's own belongs to a request that the origin had.
      expect(statuses(text).filter((status) => status === 200).length).toBeLessThanOrEqual(whole.length);
      if (whole.length === 0) refused++;
      else passed++;
    });
  }

  test("there were as many as a checkout has", () => {
    expect(messages.length).toBeGreaterThan(100);
    console.log(`llhttp: ${messages.length} messages, ${passed} went on, ${refused} were refused.`);
  });
});
