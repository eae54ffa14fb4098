/** Malformed and ambiguous messages through the listener to an origin that records bytes: never two requests out for one in. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { EdgeListener } from "#adapters/bun/edge-listener.ts";
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
        quietMs: 400,
        until: (soFar) => expected !== "refused" && statuses(soFar).length >= 1 && statuses(soFar)[0] === 200,
      });
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
      expect(status).toBe(200);
      expect(whole.map((request) => request.body)).toEqual([body ?? ""]);
      expect(seen.length).toBe(1);
      const names = whole[0]?.fields.map(([field]) => field) ?? [];
      for (const hop of ["keep-alive", "te", "trailer", "upgrade", "http2-settings", "x-secret", "expect"]) {
        expect(names).not.toContain(hop);
      }
    });
  }
});
