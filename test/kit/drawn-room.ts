/**
 * A small room after its draw, as its edge would have made it: log, documents before and after, and a receipt for any number. Tests bend it and look
 * whether that is noticed.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import type { Receipt } from "#contract/receipt.ts";
import type { NowServing, SignedNow } from "#contract/waiting-room.ts";
import { commitmentOf, createDraw } from "#edge/waiting-room/draw.ts";
import { joinLeafOf, joinOf } from "#edge/waiting-room/join-leaf.ts";
import { append, emptyFrontier, leafBytes, rootOf } from "#edge/waiting-room/merkle.ts";
import { createProver } from "#edge/waiting-room/merkle-proofs.ts";
import { makeReceipt } from "#edge/waiting-room/receipt.ts";
import { sha256 } from "./sha256.ts";

export type DrawnRoom = {
  readonly keys: Readonly<Record<string, string>>;
  readonly before: SignedNow;
  readonly after: SignedNow;
  readonly leaves: Uint8Array;
  readonly rankOf: (number: number) => number;
  signed(now: NowServing): SignedNow;
  receipt(number: number, document?: SignedNow): Promise<Receipt>;
};

export function drawnRoom({ entrants = 40, joins = 100, keptSize = 12 } = {}): DrawnRoom {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const keys = { "3": publicKey.export({ format: "jwk" }).x as string };
  const signed = (now: NowServing): SignedNow => ({
    now,
    keyId: 3,
    signature: sign(null, Buffer.from(JSON.stringify(now)), privateKey).toString("base64url"),
  });
  const seed = sha256(new TextEncoder().encode("a seed")).toHex();
  const joinAt = (number: number) =>
    joinOf(new Uint8Array(32), { room: "lamps", epoch: 7, arrivedMs: 1_795_000_000_000 + number * 37 }, number, sha256);
  const leaves = new Uint8Array(joins * leafBytes);
  for (let number = 1; number <= joins; number++)
    leaves.set(joinLeafOf(joinAt(number), sha256), (number - 1) * leafBytes);
  const rootAt = (size: number) => rootOf(append(emptyFrontier, leaves.subarray(0, size * leafBytes), sha256), sha256);
  const commitment = commitmentOf(seed, sha256);
  const draw = createDraw({ seed, root: rootAt(entrants), entrants }, sha256);
  const common = {
    room: "lamps",
    title: "The lamps",
    epoch: 7,
    holes: [],
    outflowPerMinute: 600,
    admittedLastMinute: 0,
    atTheDoor: 0,
    waitLowSeconds: [],
    waitHighSeconds: [],
    stock: null,
    bypassed: {},
    message: null,
    opensAtMs: 1_795_000_060_000,
    closesAtMs: null,
    lookAgainSeconds: [],
    claimSeconds: 300,
  };
  const before = signed({
    ...common,
    phase: "pre-queue",
    cursor: 0,
    next: keptSize + 1,
    draw: { commitment, entrants: null, root: null, seed: null },
    log: { size: keptSize, root: rootAt(keptSize) },
    roomMs: 1000,
    issuedAtMs: 1_795_000_000_000,
  });
  const after = signed({
    ...common,
    phase: "open",
    cursor: 5,
    next: joins + 1,
    draw: { commitment, entrants, root: draw.root, seed },
    log: { size: joins, root: rootAt(joins) },
    roomMs: 90_000,
    issuedAtMs: 1_795_000_090_000,
  });
  const prover = createProver(sha256, async (from, to) => leaves.slice(from * leafBytes, to * leafBytes));
  return {
    keys,
    before,
    after,
    leaves,
    rankOf: draw.rankOf,
    signed,
    receipt: async (number, document = after) => {
      const isDrawn = document.now.draw?.seed !== null;
      const join = joinAt(number);
      const rank = isDrawn ? draw.rankOf(number) : undefined;
      const made = await makeReceipt({ number, rank, join, document, keys, since: keptSize }, prover);
      return isDrawn ? { ...made, earlier: before } : made;
    },
  };
}
