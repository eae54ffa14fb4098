/**
 * The secrets of SPILLWAY_EDGE_SECRET, which edges beside each other and the shop behind them share. The first signs, the others are only believed, so
 * that one can be taken over by another without anybody losing what the old one signed: put in front, kept for a while, taken away.
 */
import { createHash } from "node:crypto";
import { SpillwayError } from "#kernel/error.ts";

export type EdgeSecrets = readonly [newest: Uint8Array, ...older: Uint8Array[]];

/** More are a mistake: each is tried for everything that is signed by none of them. */
const secretsMax = 4;
/** Stands for the secret that the shop made and keeps in its database. */
const ofDatabase = "database";

/** Undefined where none is set. `own`: the secret in the shop's database, where there is one. */
export function edgeSecrets(text: string | undefined, own?: Uint8Array): EdgeSecrets | undefined {
  const words = (text ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  if (words.length > secretsMax)
    throw wrong(
      `has ${words.length} secrets, and may have ${secretsMax}: take away those that nothing is signed by any more.`,
    );
  if (new Set(words).size < words.length) throw wrong("has the same secret twice.");
  const [newest, ...older] = words.map((word) => {
    if (word !== ofDatabase) return createHash("sha256").update(word).digest();
    if (own !== undefined) return own;
    throw wrong('says "database", which only bin/spillway up can: this process has no database of its own.');
  });
  return newest === undefined ? undefined : [newest, ...older];
}

const wrong = (what: string): SpillwayError => new SpillwayError("bad_config", `SPILLWAY_EDGE_SECRET ${what}`);
