/** Holds the CSV reader against csv-parse on sound files, and against what a merchant needs to hear on broken ones. */
import { describe, expect, test } from "bun:test";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { csvText, readCsv } from "./read.ts";
import { csvRow, writeCsv } from "./write.ts";

const cell = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "\r\n", "a", " ", "😀", "'"), maxLength: 6 }),
);
const rows = fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
/** A lone empty cell is an empty line, which the reader leaves out on purpose. */
const isKept = (row: readonly string[]) => row.length > 1 || row[0] !== "";

describe("reading CSV", () => {
  test("what was written reads back the same", () => {
    fc.assert(
      fc.property(rows, (table) => {
        const read = [...readCsv([...writeCsv(table)].join(""))];
        expect(read.every((row) => row.fault === null)).toBe(true);
        expect(read.map((row) => row.cells).filter(isKept)).toEqual(table.filter(isKept));
      }),
      { numRuns: 300 },
    );
  });

  test("csv-parse reads every sound file the same", () => {
    fc.assert(
      fc.property(rows, fc.constantFrom("\n", "\r\n"), fc.boolean(), (table, lineEnd, mark) => {
        const kept = table.filter(isKept).filter((row) => !row[0]?.startsWith("\uFEFF"));
        const text = (mark ? "\uFEFF" : "") + kept.map((row) => csvRow(row).slice(0, -1)).join(lineEnd);
        const theirs = parse(text, { bom: true, relax_column_count: true, record_delimiter: lineEnd });
        expect([...readCsv(text)].map((row) => row.cells)).toEqual(theirs);
      }),
      { numRuns: 300 },
    );
  });

  test("lines are those an editor shows, with line breaks inside quotes and every kind of line end", () => {
    const text = '\uFEFFa,b\r\n1,"x\r\ny\nz"\r\n\r\n2,\r3,4\n"5","6"';
    expect([...readCsv(text)].map((row) => [row.line, ...row.cells])).toEqual([
      [1, "a", "b"],
      [2, "1", "x\r\ny\nz"],
      [6, "2", ""],
      [7, "3", "4"],
      [8, "5", "6"],
    ]);
  });

  test("a broken row costs itself, and every broken row is told with its line", () => {
    const text = 'h,t\na,12" vinyl\nb,"ok"x\nc,fine\nd,"never closed\ne,fine\nf,"also ""fine"""\n';
    expect([...readCsv(text)].map((row) => [row.line, row.cells[0], row.fault !== null])).toEqual([
      [1, "h", false],
      [2, "a", true],
      [3, "b", true],
      [4, "c", false],
      [5, "d", true],
      [6, "e", false],
      [7, "f", false],
    ]);
  });

  test("a quote open to the end of the file does not swallow the rows after it", () => {
    const read = [...readCsv('a,"open\nb,1\nc,2\n')];
    expect(read.map((row) => [row.line, row.cells[0], row.fault !== null])).toEqual([
      [1, "a", true],
      [2, "b", false],
      [3, "c", false],
    ]);
  });

  test("reading stops after a thousand broken rows, in time that grows with the file only", () => {
    const begun = process.cpuUsage();
    const read = [...readCsv('x,"""a\n'.repeat(200_000))];
    expect(read.length).toBe(1_000);
    expect(read.at(-1)?.fault).toContain("nothing after this one was read");
    expect(process.cpuUsage(begun).user / 1000).toBeLessThan(2_000);
  });

  test("text is UTF-8, or UTF-16 with its mark, or refused", () => {
    expect(csvText(new TextEncoder().encode("café"))).toBe("café");
    expect(csvText(Uint8Array.of(0xff, 0xfe, 0x61, 0x00))).toBe("a");
    expect(csvText(Uint8Array.of(0x63, 0x61, 0x66, 0xe9))).toBeUndefined();
  });
});
