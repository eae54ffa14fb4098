import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { LineVisit } from "../ports.ts";
import { apartSeconds, hearsaySeconds, roomOrderOf, standsSeconds } from "./room-order.ts";

const visit = (rank: number | undefined, more: Partial<LineVisit> = {}): LineVisit => ({
  room: "drop",
  came: [rank ?? 100, (rank ?? 100) + 0.1],
  ...(rank === undefined ? {} : { rank, number: rank, numberedSecond: rank + 0.1 }),
  claims: [],
  movedBack: 0,
  ...more,
});
/** Let in by a claim. */
const inAt = (rank: number, sent: number, answered = sent + 0.1): LineVisit =>
  visit(rank, { claims: [[sent, answered]], letIn: [sent, answered] });

describe("the order of a line", () => {
  test("is fair when places go in as they came, and nobody was there whom a later one overtook", () => {
    expect(roomOrderOf([inAt(1, 50), inAt(2, 51), inAt(3, 52)])).toEqual({
      placed: 3,
      overtakings: 0,
      atTheDoor: 0,
      overtakenMost: 0,
      doubled: 0,
      aheadOfTime: 0,
      movedBack: 0,
      tau: 1,
    });
    // Called and not there: the turn is not lost, and the rest are not held up.
    const late = roomOrderOf([inAt(1, 90), inAt(2, 51), inAt(3, 52)]);
    expect(late.overtakings).toBe(0);
    expect(late.tau).toBeCloseTo(-1 / 3, 10);
  });

  test("is unfair when somebody who stood at the door saw two later ones go in", () => {
    const stood = visit(1, {
      claims: [
        [40, 42],
        [42, 60],
      ],
      letIn: [42, 60],
    });
    expect(roomOrderOf([stood, inAt(2, 50), inAt(3, 55), inAt(4, 61)])).toMatchObject({
      overtakings: 2,
      atTheDoor: 2,
      overtakenMost: 2,
    });
  });

  test("is unfair when somebody is told to wait long after a later one is in, and not when two edges differ for a moment", () => {
    const told = (waitedSecond: number) => visit(1, { waitedSecond });
    expect(roomOrderOf([told(50.1 + hearsaySeconds), inAt(2, 50)])).toMatchObject({ overtakings: 1, atTheDoor: 0 });
    expect(roomOrderOf([told(50 + hearsaySeconds), inAt(2, 50)])).toMatchObject({ overtakings: 0 });
  });

  test("counts who was let in without a word behind all who had a number when they asked", () => {
    const waits = visit(1, { waitedSecond: 60 });
    expect(roomOrderOf([waits, visit(undefined, { came: [50, 50.1], letIn: [50, 50.1] })])).toMatchObject({
      overtakings: 1,
    });
    expect(roomOrderOf([visit(undefined, { came: [0.5, 0.6], letIn: [0.5, 0.6] }), waits])).toMatchObject({
      overtakings: 0,
    });
  });

  test("knows numbers that two have, and a later one with an earlier number", () => {
    const twin = visit(2, { came: [2.5, 2.6] });
    expect(roomOrderOf([inAt(1, 50), inAt(2, 51), twin])).toMatchObject({ doubled: 1, aheadOfTime: 0 });
    const early = { ...visit(3, { came: [20, 20.1] }), numberedSecond: 20.1 };
    expect(roomOrderOf([inAt(7, 50), early])).toMatchObject({ aheadOfTime: 1 });
  });
});

test("overtakings are those that looking at each pair gives", () => {
  const second = fc.integer({ min: 0, max: 30 });
  const someVisit = fc
    .record({
      rank: fc.integer({ min: 1, max: 12 }),
      sent: second,
      took: fc.integer({ min: 0, max: 12 }),
      isIn: fc.boolean(),
      waited: fc.option(second),
    })
    .map(({ rank, sent, took, isIn, waited }) =>
      visit(rank, {
        claims: [[sent, sent + took]],
        ...(isIn ? { letIn: [sent, sent + took] as const } : {}),
        ...(waited === null ? {} : { waitedSecond: waited }),
      }),
    );
  fc.assert(
    fc.property(fc.array(someVisit, { maxLength: 25 }), (visits) => {
      const isThere = (one: LineVisit, at: number): boolean => {
        if (one.letIn !== undefined && at > one.letIn[1] - apartSeconds) return false;
        const isTold = one.waitedSecond !== undefined && at <= one.waitedSecond - hearsaySeconds;
        return isTold || one.claims.some(([sent, back]) => at > sent + standsSeconds && at <= back - apartSeconds);
      };
      const expected = visits.map(
        (one) =>
          visits.filter(
            (other) => (other.rank ?? 0) > (one.rank ?? 0) && other.letIn !== undefined && isThere(one, other.letIn[1]),
          ).length,
      );
      const order = roomOrderOf(visits);
      expect(order.overtakings).toBe(expected.reduce((sum, count) => sum + count, 0));
      expect(order.overtakenMost).toBe(Math.max(0, ...expected));
    }),
  );
});
