import { expect, test } from "bun:test";
import fc from "fast-check";
import { AdmissionRecord } from "./admission-record.ts";

test("the most of any minute is what a count of every minute gives, and never more than that", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4000 }), { minLength: 1, maxLength: 80 }), (gaps) => {
      const record = new AdmissionRecord();
      const times: number[] = [];
      let atMs = 123_456;
      for (const gap of gaps) {
        atMs += gap;
        times.push(atMs);
        record.admitted(atMs);
      }
      const mostWithin = (ms: number) =>
        Math.max(...times.map((end) => times.filter((at) => at <= end && at > end - ms).length));
      expect(record.total).toBe(times.length);
      expect(record.mostInMinute).toBeLessThanOrEqual(mostWithin(60_000));
      expect(record.mostInMinute).toBeGreaterThanOrEqual(mostWithin(60_000 - 10));
    }),
  );
});

test("who is let in beyond the outflow of the last minute is counted, and a lower outflow counts from then on", () => {
  const record = new AdmissionRecord();
  record.allows(3, 0);
  for (let at = 0; at < 3; at++) record.admitted(1000 + at);
  expect(record.beyond).toBe(0);
  record.admitted(60_990);
  expect(record.beyond).toBe(1);
  expect(record.mostInMinute).toBe(4);

  const lowered = new AdmissionRecord();
  lowered.allows(3, 0);
  lowered.allows(1, 10);
  for (let at = 0; at < 3; at++) lowered.admitted(1000 + at);
  // They were allowed by what was in force within these 60 seconds.
  expect(lowered.beyond).toBe(0);
  lowered.allows(1, 120_000);
  lowered.admitted(120_000);
  lowered.admitted(120_001);
  expect(lowered.beyond).toBe(1);
});
