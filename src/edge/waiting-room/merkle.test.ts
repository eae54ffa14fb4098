/**
 * The join log against RFC 6962: its hashes, its proofs, and the vectors that transparency-dev/merkle publishes, read from a checkout
 * that `SPILLWAY_MERKLE_TESTS` names (its folder testdata).
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { sha256 } from "../../../test/kit/sha256.ts";
import {
  append,
  appendGap,
  emptyFrontier,
  isContinued,
  isIncluded,
  leafBytes,
  leafHashOf,
  nodeHashOf,
  rootOf,
} from "./merkle.ts";
import { createProver } from "./merkle-proofs.ts";

/** RFC 6962, section 2.1, as it is written there. */
function treeHashOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leafHashOf(sha256, leaves[0] as Uint8Array);
  const split = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  return nodeHashOf(sha256, treeHashOf(leaves.slice(0, split)), treeHashOf(leaves.slice(split)));
}

const leavesOf = (count: number): Uint8Array => {
  const all = new Uint8Array(count * leafBytes);
  for (let at = 0; at < count; at++) all.set(sha256(new TextEncoder().encode(`leaf ${at}`)), at * leafBytes);
  return all;
};
const split = (all: Uint8Array): Uint8Array[] =>
  Array.from({ length: all.length / leafBytes }, (_none, at) => all.subarray(at * leafBytes, (at + 1) * leafBytes));
const proverOf = (all: Uint8Array) =>
  createProver(sha256, async (from, to) => all.slice(from * leafBytes, to * leafBytes));
const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex);

test("hashes as Certificate Transparency's own test data does, from an empty tree to eight leaves", () => {
  const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const roots = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ];
  for (const [count, root] of roots.entries()) expect(treeHashOf(inputs.slice(0, count).map(bytes)).toHex()).toBe(root);
});

test("the root from a frontier is the tree's, however the leaves came in", () => {
  const all = leavesOf(300);
  for (let count = 0; count <= 300; count++) {
    const expected = treeHashOf(split(all).slice(0, count)).toHex();
    const at = Math.floor(count * 0.37) * leafBytes;
    const first = append(emptyFrontier, all.subarray(0, at), sha256);
    const kept = JSON.parse(JSON.stringify(first)) as typeof first;
    expect(rootOf(append(kept, all.subarray(at, count * leafBytes), sha256), sha256)).toBe(expected);
  }
});

test("a gap of numbers that nobody has is as many leaves of zeros", () => {
  fc.assert(
    fc.property(fc.nat(70), fc.nat(300), fc.nat(40), (before, gap, after) => {
      const start = append(emptyFrontier, leavesOf(before), sha256);
      const quick = append(appendGap(start, gap, sha256), leavesOf(after), sha256);
      const slow = append(append(start, new Uint8Array(gap * leafBytes), sha256), leavesOf(after), sha256);
      expect(quick).toEqual(slow);
    }),
    { numRuns: 150, seed: 4 },
  );
});

test("refuses half a leaf, and a frontier that is none", () => {
  expect(() => append(emptyFrontier, new Uint8Array(33), sha256)).toThrow("no whole leaves");
  expect(() => rootOf({ size: 3, hashes: ["00"] }, sha256)).toThrow("has 2 hashes, and not 1");
  expect(() => rootOf({ size: 1, hashes: ["zz".repeat(32)] }, sha256)).toThrow("not 32 bytes");
});

test("every leaf of every tree can be shown to be in it, and nowhere else in it", async () => {
  const all = leavesOf(70);
  const prover = proverOf(all);
  for (let size = 1; size <= 70; size++) {
    const root = treeHashOf(split(all).slice(0, size));
    for (let index = 0; index < size; index++) {
      const proof = await prover.inclusion(index, size);
      const leafHash = leafHashOf(sha256, split(all)[index] as Uint8Array);
      expect(isIncluded({ leafHash, index, size, proof, root }, sha256)).toBe(true);
      expect(isIncluded({ leafHash, index: (index + 1) % size, size, proof, root }, sha256)).toBe(size === 1);
    }
  }
});

test("every tree can be shown to have grown out of every smaller one, and out of no other", async () => {
  const all = leavesOf(40);
  const prover = proverOf(all);
  const other = leavesOf(41).subarray(leafBytes);
  for (let size = 0; size <= 40; size++) {
    for (let older = 0; older <= size; older++) {
      const from = { size: older, root: treeHashOf(split(all).slice(0, older)) };
      const to = { size, root: treeHashOf(split(all).slice(0, size)) };
      const proof = await prover.consistency(older, size);
      expect(isContinued(from, to, proof, sha256)).toBe(older > 0);
      const foreign = { size: older, root: treeHashOf(split(other).slice(0, older)) };
      expect(isContinued(foreign, to, proof, sha256)).toBe(false);
      if (older > 0 && older < size) expect(isContinued(from, { size, root: foreign.root }, proof, sha256)).toBe(false);
    }
  }
});

test("proofs hold across chunks, for earlier sizes too, and while the log grows", async () => {
  const count = 3000;
  const all = leavesOf(count);
  let reads = 0;
  const prover = createProver(sha256, async (from, to) => {
    reads += 1;
    return all.slice(from * leafBytes, to * leafBytes);
  });
  const rootAt = (size: number) =>
    bytes(rootOf(append(emptyFrontier, all.subarray(0, size * leafBytes), sha256), sha256));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: count }), fc.nat(), fc.nat(), async (size, pickIndex, pickOlder) => {
      const index = pickIndex % size;
      const older = pickOlder % (size + 1);
      const [proof, growth] = await Promise.all([prover.inclusion(index, size), prover.consistency(older, size)]);
      const root = rootAt(size);
      const leafHash = leafHashOf(sha256, all.subarray(index * leafBytes, (index + 1) * leafBytes));
      expect(isIncluded({ leafHash, index, size, proof, root }, sha256)).toBe(true);
      const from = { size: older, root: rootAt(older) };
      expect(isContinued(from, { size, root }, growth, sha256)).toBe(older > 0);
      for (const at of proof.keys()) {
        const bent = proof.map((hash, position) => (position === at ? hash.with(7, (hash[7] ?? 0) ^ 1) : hash));
        expect(isIncluded({ leafHash, index, size, proof: bent, root }, sha256)).toBe(false);
      }
      expect(isIncluded({ leafHash, index, size, proof: [...proof, leafHash], root }, sha256)).toBe(false);
    }),
    { numRuns: 60, seed: 4 },
  );
  const readsBefore = reads;
  await prover.inclusion(1234, count);
  expect(reads - readsBefore).toBeLessThanOrEqual(2);
});

test("says that the log is not all there instead of proving something of what is", async () => {
  const prover = proverOf(leavesOf(300));
  expect(prover.inclusion(3, 301)).rejects.toThrow("holds 44 of the 45 leaves from 256 on");
  expect(prover.inclusion(3, 900)).rejects.toThrow("holds");
  expect(prover.inclusion(300, 300)).rejects.toThrow("no proof");
  // One that failed does not stand in the way of the next.
  expect(await prover.inclusion(3, 300)).toHaveLength(9);
});

const folder = process.env.SPILLWAY_MERKLE_TESTS ?? "";
if (folder === "")
  console.warn(
    "NOT CHECKED: the vectors of transparency-dev/merkle. Set SPILLWAY_MERKLE_TESTS to testdata of a checkout of it.",
  );

describe.skipIf(folder === "")("the vectors of transparency-dev/merkle", () => {
  type Vector = { readonly desc: string; readonly wantErr: boolean; readonly proof: readonly string[] | null };
  const vectorsOf = <Shape>(kind: string): (Vector & Shape)[] =>
    (readdirSync(join(folder, kind), { recursive: true }) as string[])
      .filter((file) => file.endsWith(".json"))
      .map((file) => JSON.parse(readFileSync(join(folder, kind, file), "utf8")) as Vector & Shape);
  const hashes = (texts: readonly string[] | null) => (texts ?? []).map((text) => Uint8Array.fromBase64(text));
  const hash = (text: string) => Uint8Array.fromBase64(text);

  test("agree on every proof that a leaf is in a tree", () => {
    const vectors = vectorsOf<{ leafIdx: number; treeSize: number; root: string; leafHash: string }>("inclusion");
    expect(vectors.length).toBeGreaterThan(90);
    for (const { leafIdx, treeSize, root, leafHash, proof, wantErr, desc } of vectors) {
      const given = {
        leafHash: hash(leafHash),
        index: leafIdx,
        size: treeSize,
        proof: hashes(proof),
        root: hash(root),
      };
      expect([desc, isIncluded(given, sha256)]).toEqual([desc, !wantErr]);
    }
  });

  test("agree on every proof that a tree only grew", () => {
    const vectors = vectorsOf<{ size1: number; size2: number; root1: string; root2: string }>("consistency");
    expect(vectors.length).toBeGreaterThan(90);
    for (const { size1, size2, root1, root2, proof, wantErr, desc } of vectors) {
      const from = { size: size1, root: hash(root1) };
      const held = isContinued(from, { size: size2, root: hash(root2) }, hashes(proof), sha256);
      expect([desc, size1, size2, held]).toEqual([desc, size1, size2, !wantErr]);
    }
  });
});
