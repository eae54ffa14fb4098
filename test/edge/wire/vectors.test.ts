/** Malformed and ambiguous messages through the listener to an origin that records bytes: never two requests out for one in. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { EdgeListener } from "#adapters/bun/listener.ts";
import { forwardTo, type RecordingOrigin, send, startEdge, startOrigin, statuses } from "./kit.ts";
import { vectors } from "./vectors.ts";

let origin: RecordingOrigin;
let edge: EdgeListener;
beforeAll(async () => {
  origin = await startOrigin();
  edge = startEdge(forwardTo(() => origin.port));
});
afterAll(async () => {
  await edge.stop(100);
  origin.stop();
});

describe("what reaches the origin", () => {
  for (const { name, rule, bytes, expect: expected, body } of vectors) {
    test(`${name} (${rule}): ${expected}`, async () => {
      origin.forget();
      // What follows on the same connection is what a smuggler would poison.
      const { text, end } = await send(edge.port, bytes, {
        quietMs: 300,
        until: (soFar) => expected !== "refused" && statuses(soFar).includes(200) && soFar.includes("\r\n\r\n"),
        next: "GET /canary HTTP/1.1\r\nHost: shop.example\r\n\r\n",
      });
      if (expected !== "refused") await Bun.sleep(10);
      const seen = origin.requests();
      const whole = seen.filter(({ isWhole }) => isWhole);
      expect(seen.filter(({ line }) => line.includes("smuggled"))).toEqual([]);
      const [status] = statuses(text);
      if (expected === "refused" || (expected === "either" && status !== 200)) {
        expect({ whole, status: status === undefined || status >= 400, end: end === "open" }).toEqual({
          whole: [],
          status: true,
          end: false,
        });
        expect(statuses(text).length).toBeLessThanOrEqual(1);
        return;
      }
      const canary = whole.slice(1).map(({ line }) => line);
      if (expected === "once" || canary.length > 0) expect(canary).toEqual(["GET /canary HTTP/1.1"]);
      else expect(end).not.toBe("open");
      expect(statuses(text).filter((code) => code === 200).length).toBe(seen.length);
      expect(whole[0]?.body).toBe(body ?? "");
      const names = whole[0]?.fields.map(([field]) => field) ?? [];
      for (const hop of ["keep-alive", "te", "trailer", "upgrade", "http2-settings", "x-secret", "expect"]) {
        expect(names).not.toContain(hop);
      }
    });
  }
});
