/** What is said to those who wait: figures that people can read, and words that are true. */
import { describe, expect, test } from "bun:test";
import { aheadIn, headline, type PanelView, panelPart, parts, percent, range, valueAt, type Writer } from "./panel.ts";

const writer: Writer = {
  number: (value) => value.toLocaleString("en"),
  time: (ms) => `at ${new Date(ms).toISOString().slice(11, 16)}`,
  heading: "h2",
  to: "/products/drop",
};
const waiting: PanelView = {
  room: "drop",
  phase: "open",
  place: { number: 1300, rank: 1300 },
  ahead: 1204,
  isCalled: false,
  isLate: false,
  isAtTheDoor: false,
  waitSeconds: [730, 1060],
  chance: 0.72,
  stock: { remaining: 31, held: 9, sold: 360 },
  opensAtMs: null,
  preQueueAtMs: null,
  joined: 2000,
  claimSeconds: 300,
  message: null,
  isUnreachable: false,
};
const all = (view: Partial<PanelView>): string =>
  parts.map((part) => panelPart(part, { ...waiting, ...view }, writer)).join("");
const text = (view: Partial<PanelView>): string =>
  all(view)
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

test("somebody who waits reads how many are ahead, how long it takes, what is left and how likely it is theirs", () => {
  const said = text({});
  for (const words of ["1,204 people ahead of you", "12 to 18 minutes", "31 of 400", "72 %", "your place is kept"])
    expect(said).toContain(words);
});

test("times are a range in words that do not flicker", () => {
  const cases = [
    [0, 30, "less than a minute"],
    [20, 59, "about a minute"],
    [61, 119, "1 to 2 minutes"],
    [290, 300, "4 to 5 minutes"],
    [300, 300, "about 5 minutes"],
    [730, 1060, "12 to 18 minutes"],
    [5400, 7300, "1½ to 2½ hours"],
    [7200, 7200, "about 2 hours"],
  ] as const;
  for (const [low, high, words] of cases) expect(range([low, high])).toBe(words);
});

test("no chance is said to be certain", () => {
  expect([0, 0.004, 0.5, 0.999, 1].map(percent)).toEqual(["under 1 %", "under 1 %", "50 %", "over 99 %", "over 99 %"]);
});

describe("each state says what it is", () => {
  const said: [Partial<PanelView>, string][] = [
    [{ ahead: 1 }, "1 person ahead of you"],
    [{ ahead: 0 }, "You are next"],
    [{ isCalled: true, ahead: 0 }, "It is your turn"],
    [{ isCalled: true, isLate: true, ahead: 0 }, "Nothing is lost"],
    [{ isCalled: true, isAtTheDoor: true, ahead: 0 }, "You are at the door"],
    [{ phase: "pre-queue", ahead: null, opensAtMs: 9 * 3_600_000 }, "drawn by lot at 09:00"],
    [{ phase: "before", place: undefined, opensAtMs: 9 * 3_600_000 }, "Doors open at 09:00"],
    [{ phase: "paused" }, "All places stay as they are"],
    [{ phase: "closed" }, "This sale is over"],
    [{ phase: "sold-out", isCalled: false }, "Sold out"],
    [{ phase: "draining", place: undefined }, "No more places are given"],
    [{ place: { number: null, rank: null }, ahead: null }, "Your arrival is noted"],
    [{ chance: 0.04 }, "Probably nothing will be left"],
    [{ isUnreachable: true }, "Your place is kept"],
    [{ message: "Two per person <today>" }, "Two per person &#60;today&#62;"],
  ];
  for (const [view, words] of said) test(words, () => expect(text(view)).toContain(words));
});

test("one line says how it stands where there is no room for more, and a turn is used from there", () => {
  const bar = (view: Partial<PanelView>): string => panelPart("bar", { ...waiting, ...view }, writer);
  expect(bar({})).toContain("<b>1,204 people ahead of you</b> <span>12 to 18 minutes until your turn</span>");
  expect(bar({ chance: 0.04 })).toContain("12 to 18 minutes; probably nothing will be left");
  expect(bar({ phase: "paused" })).toContain("Nobody is let in at the moment");
  expect(bar({})).not.toContain("<form");
  expect(bar({ isCalled: true, ahead: 0 })).toContain('action="/.spillway/rooms/drop/claim"');
  expect(bar({ isCalled: true, phase: "closed" })).not.toContain("<form");
});

test("only a turn that was called has a button, and it goes where the person wanted to go", () => {
  expect(all({})).not.toContain("<button");
  expect(all({ isCalled: true, ahead: 0 })).toContain('name="to" value="/products/drop"');
  expect(panelPart("action", { ...waiting, isCalled: true }, { ...writer, to: '/a"><script>' })).not.toContain(
    "<script>",
  );
});

test("people ahead are counted without the numbers that nobody has", () => {
  expect(aheadIn({ cursor: 10, holes: [] }, 11)).toBe(0);
  expect(
    aheadIn(
      {
        cursor: 10,
        holes: [
          [1, 12],
          [15, 20],
        ],
      },
      18,
    ),
  ).toBe(2);
  expect(aheadIn({ cursor: 10, holes: [[100, 200]] }, 20)).toBe(9);
  expect(aheadIn({ cursor: 10, holes: [] }, 4)).toBe(0);
});

test("between two pairs of a table there is a straight line, and its ends go on", () => {
  const table = [
    [0, 10],
    [100, 20],
    [100, 30],
    [200, 30],
  ] as const;
  expect([0, 50, 100, 150, 900].map((ahead) => valueAt(table, ahead))).toEqual([10, 15, 20, 30, 30]);
  expect(valueAt([], 3)).toBeNull();
});

test("the title is the headline", () => {
  expect(headline(waiting, writer)).toBe("1,204 people ahead of you");
});
