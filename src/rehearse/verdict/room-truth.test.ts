import { expect, test } from "bun:test";
import type { LineVisit } from "../ports.ts";
import { judgeRooms, type RoomBooks } from "./room-truth.ts";

const letInAt = (second: number, number: number): LineVisit => ({
  room: "drop",
  came: [second - 5, second - 4.9],
  number,
  rank: number,
  numberedSecond: second - 4.9,
  claims: [[second, second + 0.1]],
  letIn: [second, second + 0.1],
  movedBack: 0,
});
const people = (count: number, everySeconds: number): LineVisit[] =>
  Array.from({ length: count }, (_, at) => letInAt(10 + at * everySeconds, at + 1));
const seen = (visits: readonly LineVisit[], outflowPerMinute?: number) => ({
  visits,
  visitsCount: visits.length,
  sightings: outflowPerMinute === undefined ? [] : [{ room: "drop", atSecond: 5, outflowPerMinute, waiting: 0 }],
});
const book: RoomBooks = {
  room: "drop",
  admitted: 90,
  bypassed: 0,
  outflowPerMinute: 60,
  mostInMinute: 60,
  isRestarted: false,
  beyond: 0,
  edges: 1,
};

test("a crowd that was let in at the rate says so, whoever else came", () => {
  const [admission] = judgeRooms(seen(people(90, 1)), [{ ...book, admitted: 200 }]);
  expect(admission).toMatchObject({ held: true, looked: 200, broken: 0 });
  expect(admission.detail).toBe(
    '60 allowed in any 60 s at "drop"; the crowd saw 60 at most, by its own count 60; 90 of the crowd were let in, 200 in its books',
  );
});

test("too many in a minute are found by the crowd alone, and by the room's own count alone", () => {
  expect(judgeRooms(seen(people(80, 0.5), 60), [])[0]).toMatchObject({ held: false, broken: 20 });
  expect(judgeRooms(seen(people(90, 1)), [{ ...book, mostInMinute: 67, beyond: 7 }])[0]).toMatchObject({
    held: false,
    broken: 7,
  });
});

test("more let in than the books know is a disagreement, unless the books say that they were let in beside the line", () => {
  const [admission] = judgeRooms(seen(people(90, 1)), [{ ...book, admitted: 84 }]);
  expect(admission).toMatchObject({ held: false, broken: 6 });
  expect(admission.detail).toContain("the two disagree: 6 were let in who are in no book");
  expect(judgeRooms(seen(people(90, 1)), [{ ...book, admitted: 84, bypassed: 6 }])[0]).toMatchObject({ held: true });
  expect(judgeRooms(seen(people(90, 1)), [{ ...book, admitted: undefined }])[0]).toMatchObject({ held: true });
});

test("what nobody says is not looked at, and never counted as kept", () => {
  for (const promise of judgeRooms(seen([]), []))
    expect(promise).toMatchObject({ looked: 0, detail: expect.stringContaining("not looked at: the crowd met no") });
  const [admission, fairness] = judgeRooms(seen(people(5, 1)), []);
  expect(admission).toMatchObject({ looked: 0, detail: expect.stringContaining("nobody says how many") });
  expect(fairness).toMatchObject({ held: true, looked: 5 });
});

test("who is overtaken at the door of one edge was wronged; edges that share a line are told of it, and no more", () => {
  const stood: LineVisit = { ...letInAt(20, 1), claims: [[20, 40]], letIn: [20, 40] };
  const visits = [stood, letInAt(30, 2)];
  expect(judgeRooms(seen(visits), [book])[1]).toMatchObject({ held: false, broken: 1 });
  const [, fairness] = judgeRooms(seen(visits), [{ ...book, edges: 2 }]);
  expect(fairness).toMatchObject({ held: true, broken: 0 });
  expect(fairness.detail).toStartWith('1 overtakings at "drop", one shopper by 1; 1 of them at the door, within what');
});
