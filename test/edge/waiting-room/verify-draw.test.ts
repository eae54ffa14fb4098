/** `bin/spillway verify-draw` as a shopper's or a journalist's shell sees it: real processes, files and addresses, exit codes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawnRoom } from "../../kit/drawn-room.ts";

const room = drawnRoom();
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-verify-draw-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function verifyDraw(words: readonly string[], stdin?: string) {
  const child = Bun.spawn([join(import.meta.dir, "../../../bin/spillway"), "verify-draw", ...words], {
    stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect(err).not.toMatch(/\bat .*\.ts:\d|\[object Object\]|undefined/);
  return { out, err, code };
}
const file = async (name: string, value: unknown): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, value instanceof Uint8Array ? value : JSON.stringify(value));
  return path;
};

test("an honest receipt holds, sentence by sentence", async () => {
  const receipt = await file("receipt.json", await room.receipt(17));
  const { out, code } = await verifyDraw([receipt, "--keys", await file("keys.json", { keys: room.keys })]);
  expect(code).toBe(0);
  expect(out).toContain(`Room lamps, epoch 7, number 17, rank ${room.rankOf(17)}.`);
  expect(out).toContain("This join is number 17 of the 40 joins before the draw.");
  expect(out).toContain("Nothing is broken.");
  expect(out.match(/^holds /gm)).toHaveLength(6);
});

test("a bent receipt is broken, with exit code 4, also from standard input and as JSON", async () => {
  const bent = JSON.stringify({ ...(await room.receipt(17)), rank: room.rankOf(18) });
  const { out, code } = await verifyDraw(["-", "--json"], bent);
  expect(code).toBe(4);
  const { broken, checks } = JSON.parse(out);
  expect(broken).toBe(1);
  expect(checks.find(({ id }: { id: string }) => id === "rank").result).toBe("broken");
});

test("a document kept from before is laid beside it", async () => {
  const { earlier: _kept, ...receipt } = await room.receipt(17);
  const exchanged = room.signed({
    ...room.before.now,
    draw: { commitment: "ab".repeat(32), entrants: null, root: null, seed: null },
  });
  const path = await file("alone.json", receipt);
  expect(await verifyDraw([path, "--earlier", await file("before.json", room.before)])).toMatchObject({ code: 0 });
  const { out, code } = await verifyDraw([path, "--earlier", await file("exchanged.json", exchanged)]);
  expect(out).toContain("BROKEN  earlier     The commitment was exchanged");
  expect(code).toBe(4);
});

test("the whole draw is computed anew from the published leaves, over HTTP too", async () => {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      new URL(request.url).pathname === "/leaves" ? new Response(Buffer.from(room.leaves)) : Response.json(room.after),
  });
  try {
    const at = `http://127.0.0.1:${server.port}`;
    const { out, err, code } = await verifyDraw(["--all", `${at}/leaves`, "--document", `${at}/now`]);
    expect(code).toBe(0);
    const lines = out.trim().split("\n");
    expect(lines[0]).toBe("number,rank");
    expect(lines.slice(1)).toEqual(Array.from({ length: 40 }, (_none, at) => `${at + 1},${room.rankOf(at + 1)}`));
    expect(err).toContain("The leaves are the 40 joins before the draw: they lead to the root in the document.");
    expect(err).toContain("The leaves are all 100 joins of the log");
  } finally {
    await server.stop(true);
  }
});

test("one rank is computed from the published document alone, unless its seed is another's", async () => {
  const document = await file("published.json", room.after);
  const keys = await file("published-keys.json", { keys: room.keys });
  const { out, code } = await verifyDraw(["--document", document, "--number", "17", "--keys", keys]);
  expect(code).toBe(0);
  expect(out).toContain(`Number 17 has rank ${room.rankOf(17)}.`);
  const seed = "ee".repeat(32);
  const draw = { ...(room.after.now.draw as NonNullable<typeof room.after.now.draw>), seed };
  const cheat = await file("cheat.json", room.signed({ ...room.after.now, draw }));
  expect(await verifyDraw(["--document", cheat, "--number", "17"])).toMatchObject({ code: 4 });
  const early = await file("early.json", room.before);
  expect((await verifyDraw(["--document", early, "--number", "17"])).err).toContain("no draw that was made");
});

test("one leaf exchanged after the draw breaks it, and fewer leaves are said to be fewer", async () => {
  const bent = room.leaves.slice();
  bent[5 * 32] = (bent[5 * 32] ?? 0) ^ 1;
  const document = await file("after.json", room.after);
  const broken = await verifyDraw(["--all", await file("bent", bent), "--document", document]);
  expect(broken.code).toBe(4);
  expect(broken.out).toBe("");
  expect(broken.err).toContain("BROKEN  entrants    The leaves are not the 40 joins before the draw");
  const entrantsOnly = await file("entrants", room.leaves.slice(0, 40 * 32));
  const fewer = await verifyDraw(["--all", entrantsOnly, "--document", document]);
  expect(fewer.code).toBe(0);
  expect(fewer.err).toContain("There are fewer leaves here than all 100 joins");
});

test.each([
  [[], "usage: bin/spillway verify-draw"],
  [["no-such-file"], "There is no file no-such-file"],
  [["-"], "- is not JSON"],
  [["http://127.0.0.1:1/receipt"], "cannot be reached"],
  [["a", "b"], "usage:"],
  [["--all", "x"], "usage:"],
  [["--number", "3"], "usage:"],
  [["--colour", "red"], "See --help."],
])("%j is answered with a sentence and 2", async (words, sentence) => {
  const { err, code } = await verifyDraw(words, "{");
  expect(err).toContain(sentence);
  expect(code).toBe(2);
});

test("what is no receipt is told where it is wrong", async () => {
  const receipt = await room.receipt(17);
  const { err, code } = await verifyDraw([
    await file("odd.json", { ...receipt, inclusion: { size: 3, proof: ["xx"] } }),
  ]);
  expect(err).toContain("/inclusion/proof/0 must match");
  expect(code).toBe(2);
});
