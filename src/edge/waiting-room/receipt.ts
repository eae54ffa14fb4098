/**
 * Receipts: made for the holder of a ticket out of the join log, and checked by anybody without the shop. Each check is a sentence that
 * holds, is broken, or cannot be told yet; what a receipt cannot show stands beside them. See docs/decisions/2026-11-28-waiting-room.md.
 */
import type { Receipt } from "#contract/receipt.ts";
import type { NowServing, SignedNow } from "#contract/waiting-room.ts";
import { commitmentOf, createDraw, type Draw } from "./draw.ts";
import { toHex } from "./hex.ts";
import { type Join, joinLeafOf } from "./join-leaf.ts";
import { isContinued, isIncluded, leafHashOf, type Sha256 } from "./merkle.ts";
import type { Prover } from "./merkle-proofs.ts";
import { verifySignature } from "./verify-signature.ts";

export type ReceiptCheck = {
  readonly id: "signature" | "join" | "entrants" | "commitment" | "rank" | "earlier";
  /** open: not to be told from this receipt, and `sentence` says why. */
  readonly result: "holds" | "broken" | "open";
  readonly sentence: string;
};

/** `since`: the size of the log in a document that the asker kept and will add as `earlier`. */
export async function makeReceipt(
  given: {
    readonly number: number;
    readonly rank: number | undefined;
    readonly join: Join;
    readonly document: SignedNow;
    readonly keys: Readonly<Record<number, string>>;
    readonly since?: number;
  },
  prover: Prover,
): Promise<Receipt> {
  const { number, join, document } = given;
  const { now } = document;
  const { size } = now.log;
  const drew = lastEntrant(now);
  const inSize = drew !== undefined && number <= drew ? drew : size;
  const texts = (hashes: readonly Uint8Array[]): string[] => hashes.map(toHex);
  return {
    receipt: "spillway receipt 1",
    number,
    rank: given.rank ?? null,
    join: { arrivedMs: join.arrivedMs, nonce: join.nonce },
    inclusion: { size: inSize, proof: texts(await prover.inclusion(number - 1, inSize)) },
    growth: texts(await prover.consistency(inSize, size)),
    document,
    keys: { ...given.keys },
    ...(given.since === undefined
      ? {}
      : { since: { size: given.since, growth: texts(await prover.consistency(given.since, size)) } }),
  };
}

/** `published`: the shop's keys as it publishes them, which are believed instead of those that the receipt brings. */
export async function verifyReceipt(
  receipt: Receipt,
  sha256: Sha256,
  published?: Readonly<Record<string, string>>,
): Promise<ReceiptCheck[]> {
  const { document } = receipt;
  const { now } = document;
  const keys = published ?? receipt.keys;
  const whose = published === undefined ? "the key that the receipt brings itself" : "the key that the shop publishes";
  const checks = [await signatureCheck(document, keys, whose), ...logChecks(receipt, sha256)];
  if (now.draw === undefined) {
    checks.push(rankCheck(receipt, undefined));
  } else {
    checks.push(commitmentCheck(now.draw.commitment, now.draw.seed, sha256), rankCheck(receipt, drawIn(now, sha256)));
  }
  if (receipt.earlier !== undefined) checks.push(await earlierCheck(receipt, receipt.earlier, keys, sha256));
  return checks;
}

export async function signatureCheck(
  { now, keyId, signature }: SignedNow,
  keys: Readonly<Record<string, string>>,
  whose: string,
): Promise<ReceiptCheck> {
  const key = keys[keyId];
  if (key === undefined)
    return {
      id: "signature",
      result: "broken",
      sentence: `The document names key ${keyId}, which is not among the keys.`,
    };
  const holds = await verifySignature(key, JSON.stringify(now), signature);
  return holds
    ? { id: "signature", result: "holds", sentence: `The document is signed by ${whose}, number ${keyId}.` }
    : { id: "signature", result: "broken", sentence: `The document's signature is not by ${whose}, number ${keyId}.` };
}

function logChecks(receipt: Receipt, sha256: Sha256): ReceiptCheck[] {
  const { number, inclusion, document } = receipt;
  const { room, epoch, log, draw } = document.now;
  const last = lastEntrant(document.now);
  const isEntrant = last !== undefined && number <= last;
  const tree = isEntrant ? { size: last, root: draw?.root ?? "" } : log;
  const of = isEntrant ? `the ${tree.size} joins before the draw` : `the ${tree.size} joins of the log`;
  if ([...(draw?.holes ?? []), ...(document.now.holes ?? [])].some(([from, to]) => number >= from && number <= to)) {
    const sentence = `The document says that the line lost what it knew of number ${number}, so the log cannot show it.`;
    return [{ id: "join", result: "open", sentence }];
  }
  const leafHash = leafHashOf(sha256, joinLeafOf({ room, epoch, ...receipt.join }, sha256));
  const isIn =
    inclusion.size === tree.size &&
    isIncluded(
      { leafHash, index: number - 1, size: tree.size, proof: inclusion.proof.map(bytes), root: bytes(tree.root) },
      sha256,
    );
  const found: ReceiptCheck[] = [
    isIn
      ? { id: "join", result: "holds", sentence: `This join is number ${number} of ${of}.` }
      : {
          id: "join",
          result: "broken",
          sentence: `This join is not number ${number} of ${of}: the proof leads to another root.`,
        },
  ];
  if (!isEntrant) return found;
  const continues = isContinued(
    { size: tree.size, root: bytes(tree.root) },
    { size: log.size, root: bytes(log.root) },
    receipt.growth.map(bytes),
    sha256,
  );
  found.push(
    continues
      ? {
          id: "entrants",
          result: "holds",
          sentence: `The joins before the draw are the first ${tree.size} of the ${log.size} joins of the log.`,
        }
      : {
          id: "entrants",
          result: "broken",
          sentence: `The log of ${log.size} joins does not begin with the ${tree.size} before the draw.`,
        },
  );
  return found;
}

export function commitmentCheck(commitment: string, seed: string | null, sha256: Sha256): ReceiptCheck {
  if (seed === null)
    return {
      id: "commitment",
      result: "open",
      sentence: "The seed is not published yet. Get the receipt again after the draw.",
    };
  return commitmentOf(seed, sha256) === commitment
    ? { id: "commitment", result: "holds", sentence: "The seed is the one that the commitment was made of." }
    : { id: "commitment", result: "broken", sentence: "The seed is not the one that the commitment was made of." };
}

function rankCheck({ number, rank, document }: Receipt, draw: Draw | undefined): ReceiptCheck {
  const { draw: told } = document.now;
  if (told !== undefined && draw === undefined)
    return { id: "rank", result: "open", sentence: "The draw has not been made yet, so there is no rank to check." };
  const due = draw?.rankOf(number) ?? number;
  const how =
    draw !== undefined && number <= draw.last
      ? `The draw gives number ${number} rank ${due} of ${draw.entrants}`
      : `Number ${number} came after the doors opened, so its rank is its number`;
  return rank === due
    ? { id: "rank", result: "holds", sentence: `${how}.` }
    : { id: "rank", result: "broken", sentence: `${how}, and the line uses ${rank ?? "none"}.` };
}

async function earlierCheck(
  receipt: Receipt,
  earlier: SignedNow,
  keys: Readonly<Record<string, string>>,
  sha256: Sha256,
): Promise<ReceiptCheck> {
  const before = earlier.now;
  const { now } = receipt.document;
  const at = `the document of ${new Date(before.issuedAtMs).toISOString()}`;
  const broken = (what: string): ReceiptCheck => ({ id: "earlier", result: "broken", sentence: `${what} (${at}).` });
  const signed = await signatureCheck(earlier, keys, "a known key");
  if (signed.result !== "holds") return broken("The earlier document is not signed by a known key");
  if (before.room !== now.room || before.epoch !== now.epoch)
    return broken("The earlier document is of another room or epoch");
  const changed = changedInDraw(before, now);
  if (changed !== undefined) return broken(changed);
  if (now.cursor < before.cursor) return broken(`The line went back, from ${before.cursor} to ${now.cursor} called`);
  if (before.log.size > 0 && receipt.since?.size !== before.log.size)
    return {
      id: "earlier",
      result: "open",
      sentence: `The receipt brings no proof for ${at}. Ask for it with ?since=${before.log.size}.`,
    };
  const grew =
    before.log.size === 0 ||
    isContinued(
      { size: before.log.size, root: bytes(before.log.root) },
      { size: now.log.size, root: bytes(now.log.root) },
      (receipt.since?.growth ?? []).map(bytes),
      sha256,
    );
  if (!grew) return broken("The log was changed: it does not begin with the joins that it held before");
  return {
    id: "earlier",
    result: "holds",
    sentence: `Nothing was taken back since ${at}: the same commitment, and a log that only grew.`,
  };
}

/** The last number that drew or is in one of the draw's holes; undefined before the draw and without one. */
function lastEntrant({ draw }: NowServing): number | undefined {
  if (draw === undefined || draw.entrants === null || draw.root === null) return undefined;
  return draw.entrants + (draw.holes ?? []).reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

export function drawIn({ draw }: NowServing, sha256: Sha256): Draw | undefined {
  if (draw === undefined) return undefined;
  const { entrants, root, seed, holes = [] } = draw;
  return entrants === null || root === null || seed === null
    ? undefined
    : createDraw({ entrants, root, seed, holes }, sha256);
}

/** What was fixed about the draw may not change; what was not known yet may become known. */
function changedInDraw(before: NowServing, now: NowServing): string | undefined {
  if (before.draw === undefined) return undefined;
  if (now.draw?.commitment !== before.draw.commitment) return "The commitment was exchanged";
  for (const name of ["entrants", "root", "seed"] as const) {
    if (before.draw[name] !== null && before.draw[name] !== now.draw[name]) return `The draw's ${name} was exchanged`;
  }
  return undefined;
}

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex);
