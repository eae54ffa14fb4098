/** Receipts: what an honest room hands out holds in every check, and each way to cheat breaks the check that is about it. */
import { expect, test } from "bun:test";
import type { Receipt } from "#contract/receipt.ts";
import { drawnRoom } from "../../../test/kit/drawn-room.ts";
import { sha256 } from "../../../test/kit/sha256.ts";
import { createDraw } from "./draw.ts";
import { verifyReceipt } from "./receipt.ts";

const room = drawnRoom();
const resultsOf = async (receipt: Receipt) =>
  Object.fromEntries((await verifyReceipt(receipt, sha256, room.keys)).map(({ id, result }) => [id, result]));
const brokenOf = async (receipt: Receipt) =>
  (await verifyReceipt(receipt, sha256, room.keys)).filter(({ result }) => result === "broken").map(({ id }) => id);
const copy = <Shape>(value: Shape): Shape => structuredClone(value);

test("every entrant's and every later joiner's receipt holds, also as JSON", async () => {
  for (const number of [1, 2, 17, 39, 40, 41, 77, 100]) {
    const receipt = JSON.parse(JSON.stringify(await room.receipt(number))) as Receipt;
    expect(JSON.stringify(receipt).length).toBeLessThan(6000);
    expect(await resultsOf(receipt)).toEqual({
      signature: "holds",
      join: "holds",
      ...(number <= 40 ? { entrants: "holds" } : {}),
      commitment: "holds",
      rank: "holds",
      earlier: "holds",
    });
  }
});

test("before the draw it shows the join, and says what cannot be told yet", async () => {
  const checks = await verifyReceipt(await room.receipt(5, room.before), sha256, room.keys);
  expect(checks.map(({ id, result }) => `${id} ${result}`)).toEqual([
    "signature holds",
    "join holds",
    "commitment open",
    "rank open",
  ]);
  expect(checks[2]?.sentence).toContain("not published yet");
});

test("a rank that the draw did not give, or another's number, is noticed", async () => {
  const receipt = await room.receipt(17);
  expect(await brokenOf({ ...receipt, rank: (receipt.rank ?? 0) + 1 })).toEqual(["rank"]);
  expect(await brokenOf({ ...receipt, rank: null })).toEqual(["rank"]);
  expect(await brokenOf({ ...receipt, number: 18 })).toEqual(["join", "rank"]);
  expect(await brokenOf({ ...(await room.receipt(60)), rank: 59 })).toEqual(["rank"]);
});

test("a join that came at another time, or without its nonce, is not in the log", async () => {
  const receipt = await room.receipt(17);
  expect(await brokenOf({ ...receipt, join: { ...receipt.join, arrivedMs: receipt.join.arrivedMs - 1 } })).toEqual([
    "join",
  ]);
  expect(await brokenOf({ ...receipt, join: { ...receipt.join, nonce: "00".repeat(16) } })).toEqual(["join"]);
});

test("a document that was changed after it was signed, or signed by a stranger, is noticed", async () => {
  const receipt = await room.receipt(17);
  const changed = copy(receipt);
  Object.assign(changed.document.now, { cursor: 6 });
  expect(await brokenOf(changed)).toEqual(["signature"]);
  const stranger = drawnRoom();
  const foreign = stranger.signed(receipt.document.now);
  expect(await brokenOf({ ...receipt, document: foreign, keys: stranger.keys })).toEqual(["signature"]);
  expect(await brokenOf({ ...receipt, document: { ...receipt.document, keyId: 4 } })).toEqual(["signature"]);
  expect(await brokenOf({ ...receipt, document: { ...receipt.document, signature: "nonsense" } })).toEqual([
    "signature",
  ]);
});

test("an operator who exchanges the seed after seeing who came breaks the commitment, though all else is computed anew", async () => {
  const receipt = await room.receipt(17);
  const now = copy(receipt.document.now);
  const seed = sha256(new TextEncoder().encode("a luckier seed")).toHex();
  const draw = { ...(now.draw as NonNullable<typeof now.draw>), seed };
  const rank = createDraw({ seed, root: draw.root as string, entrants: 40 }, sha256).rankOf(17);
  const document = room.signed({ ...now, draw });
  expect(await brokenOf({ ...receipt, rank, document })).toEqual(["commitment"]);
});

test("an operator who exchanges seed and commitment is caught by a document kept from before", async () => {
  const receipt = await room.receipt(17);
  const now = copy(receipt.document.now);
  const seed = "ab".repeat(32);
  const commitment = sha256(Uint8Array.fromHex(seed)).toHex();
  const draw = { ...(now.draw as NonNullable<typeof now.draw>), seed, commitment };
  const rank = createDraw({ seed, root: draw.root as string, entrants: 40 }, sha256).rankOf(17);
  const cheat: Receipt = { ...receipt, rank, document: room.signed({ ...now, draw }) };
  expect(await brokenOf(cheat)).toEqual(["earlier"]);
  const { earlier: _kept, ...alone } = cheat;
  expect(await brokenOf(alone)).toEqual([]);
});

test("a log that was written anew is caught by a document kept from before", async () => {
  const other = drawnRoom({ entrants: 41 });
  const receipt = await room.receipt(17);
  const earlier = room.signed({ ...room.before.now, log: { size: 12, root: other.after.now.log.root } });
  expect(await brokenOf({ ...receipt, earlier })).toEqual(["earlier"]);
  const back = room.signed({ ...room.before.now, cursor: 9 });
  expect(await brokenOf({ ...receipt, earlier: back })).toEqual(["earlier"]);
  expect(await resultsOf({ ...receipt, since: { size: 3, growth: [] } })).toMatchObject({ earlier: "open" });
});

test("entrants who are not how the log begins are noticed", async () => {
  const receipt = await room.receipt(17);
  expect(await brokenOf({ ...receipt, growth: [] })).toEqual(["entrants"]);
  expect(await brokenOf({ ...receipt, growth: receipt.growth.toReversed() })).toEqual(["entrants"]);
  expect(await brokenOf({ ...receipt, inclusion: { ...receipt.inclusion, size: 39 } })).toEqual(["join"]);
});

test("a number whose join was lost with the store is said to be lost, and not that it was never there", async () => {
  const receipt = await room.receipt(60);
  const lost = room.signed({ ...receipt.document.now, holes: [[58, 61]] });
  const checks = await verifyReceipt({ ...receipt, document: lost }, sha256, room.keys);
  expect(checks.find(({ id }) => id === "join")).toMatchObject({ result: "open" });
  expect(checks.find(({ id }) => id === "join")?.sentence).toContain("lost what it knew of number 60");
});

test("without the shop's published keys it says that the key is the receipt's own", async () => {
  const [signature] = await verifyReceipt(await room.receipt(17), sha256);
  expect(signature?.sentence).toContain("that the receipt brings itself");
});
