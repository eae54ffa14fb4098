/** A checkpoint is there whole, as it was last or as it was before. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCheckpointFile } from "./checkpoint-file.ts";

const folder = mkdtempSync(join(tmpdir(), "spillway-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("what was written last is read again, by another process too, and nothing is left beside it", async () => {
  const place = join(folder, "not", "there yet");
  const file = createCheckpointFile(place);
  expect(await file.read("drop.1")).toBeUndefined();
  for (const text of ["one", "two ".repeat(1000), "three"]) {
    await file.write("drop.1", text);
    expect(await createCheckpointFile(place).read("drop.1")).toBe(text);
  }
  expect(await file.read("drop.2")).toBeUndefined();
  expect(readdirSync(place)).toEqual(["drop.1.checkpoint"]);
});

test("while it is written again and again, whoever reads it finds a whole one", async () => {
  const file = createCheckpointFile(folder);
  const textOf = (count: number) => String(count % 10).repeat(50_000);
  await file.write("busy.1", textOf(0));
  let isOver = false;
  const writing = (async () => {
    for (let count = 1; count < 100; count++) await file.write("busy.1", textOf(count));
    isOver = true;
  })();
  while (!isOver) {
    const text = (await file.read("busy.1")) ?? "";
    expect(text).toBe(textOf(Number(text[0])));
  }
  await writing;
});
