/**
 * `spillway verify-draw RECEIPT`: checks a receipt of a waiting room without trusting the shop that gave it; with `--all` the whole draw
 * from the published leaves. Needs no configuration and no database.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { Compile } from "typebox/compile";
import { Receipt } from "#contract/receipt.ts";
import type { SignedNow } from "#contract/waiting-room.ts";
import { type Draw, entrantsMax } from "#edge/waiting-room/draw.ts";
import { append, emptyFrontier, leafBytes, rootOf, type Sha256 } from "#edge/waiting-room/merkle.ts";
import {
  commitmentCheck,
  drawIn,
  type ReceiptCheck,
  signatureCheck,
  verifyReceipt,
} from "#edge/waiting-room/receipt.ts";
import { SpillwayError } from "#kernel/error.ts";
import { args, print, progress, table } from "./terminal.ts";

const usage = `usage: bin/spillway verify-draw RECEIPT [--keys KEYS] [--earlier DOCUMENT] [--json]
       bin/spillway verify-draw --document DOCUMENT --number NUMBER [--keys KEYS]
       bin/spillway verify-draw --all LEAVES --document DOCUMENT [--keys KEYS]

Each may be a file, - for standard input, or an address (http or https).

  RECEIPT              what /.spillway/rooms/ID/receipt gives the holder of a ticket
  --keys KEYS          the shop's published keys, /.spillway/keys; without them the receipt's own are used, and it says so
  --earlier DOCUMENT   a /.spillway/rooms/ID/now that was kept from before: what was fixed then must be so still
  --all LEAVES         computes the whole draw: all leaves of the join log, 32 bytes each (/.spillway/rooms/ID/leaves);
                       prints number,rank as CSV, and the checks beside it on standard error
  --document DOCUMENT  /.spillway/rooms/ID/now after the draw
  --number NUMBER      the rank that the document's draw gives this number; that somebody joined with it only a receipt shows
  --json               the checks as one JSON document

Exit code: 0 when nothing is broken, 4 when something is, 2 when it could not be read.
What no receipt shows: that every ticket is another person, that the shop itself did not join, or that it did not choose the very last
joins to suit itself. It shows that the seed was fixed before anybody came, and that nobody's rank was chosen.`;

const textBytesMax = 4 * 1024 * 1024;
const receipts = Compile(Receipt);
const documents = Compile(Receipt.properties.document);

export async function verifyDrawTool(given: string[]): Promise<number> {
  const { values, positionals } = args(given, {
    keys: { type: "string" },
    earlier: { type: "string" },
    all: { type: "string" },
    document: { type: "string" },
    number: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  });
  if (values.help) {
    print(usage);
    return 0;
  }
  const keys = values.keys === undefined ? undefined : await readKeys(values.keys);
  if (values.all !== undefined) {
    if (values.document === undefined || positionals.length > 0) throw new SpillwayError("bad_usage", usage);
    return await wholeDraw(values.all, await readDocument(values.document), keys);
  }
  if (values.number !== undefined && values.document !== undefined && positionals.length === 0)
    return await oneRank(values.number, await readDocument(values.document), keys);
  const [from, ...more] = positionals;
  if (from === undefined || more.length > 0 || values.document !== undefined || values.number !== undefined)
    throw new SpillwayError("bad_usage", usage);
  const receipt = await readReceipt(from);
  const earlier = values.earlier === undefined ? receipt.earlier : await readDocument(values.earlier);
  const whole: Receipt = earlier === undefined ? receipt : { ...receipt, earlier };
  const checks = await verifyReceipt(whole, sha256, keys);
  const broken = checks.filter(({ result }) => result === "broken").length;
  const { room, epoch } = receipt.document.now;
  if (values.json) print(JSON.stringify({ room, epoch, number: receipt.number, rank: receipt.rank, broken, checks }));
  else {
    print(`Room ${room}, epoch ${epoch}, number ${receipt.number}, rank ${receipt.rank ?? "not drawn yet"}.\n`);
    print(checkTable(checks));
    print(broken === 0 ? "\nNothing is broken." : `\n${broken} of ${checks.length} checks are broken.`);
  }
  return broken === 0 ? 0 : 4;
}

async function oneRank(
  given: string,
  document: SignedNow,
  keys: Readonly<Record<string, string>> | undefined,
): Promise<number> {
  const number = Number(given);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new SpillwayError("bad_usage", `${given} is no number of a ticket.`);
  const { draw, commitment, seed } = madeDraw(document);
  const checks = [await documentCheck(document, keys), commitmentCheck(commitment, seed, sha256)];
  print(checkTable(checks));
  if (checks.some(({ result }) => result === "broken")) return 4;
  print(`\nNumber ${number} has rank ${draw.rankOf(number)}.`);
  return 0;
}

function madeDraw({ now }: SignedNow): { readonly draw: Draw; readonly commitment: string; readonly seed: string } {
  const draw = drawIn(now, sha256);
  if (draw === undefined || now.draw === undefined)
    throw new SpillwayError(
      "bad_usage",
      "The document tells of no draw that was made. Get it again after the doors have opened.",
    );
  return { draw, commitment: now.draw.commitment, seed: draw.seed };
}

const documentCheck = async (
  document: SignedNow,
  keys: Readonly<Record<string, string>> | undefined,
): Promise<ReceiptCheck> =>
  keys === undefined
    ? {
        id: "signature",
        result: "open",
        sentence: "Whose document it is was not checked: name the shop's keys with --keys.",
      }
    : await signatureCheck(document, keys, "the key that the shop publishes");

async function wholeDraw(
  from: string,
  document: SignedNow,
  keys: Readonly<Record<string, string>> | undefined,
): Promise<number> {
  const { log } = document.now;
  const { draw, commitment, seed } = madeDraw(document);
  const { last, root } = draw;
  const bar = progress("leaves");
  const roots = new Map<number, string>();
  let frontier = emptyFrontier;
  for await (const leaves of leavesFrom(from, log.size)) {
    // Up to the entrants, look at the root, and on.
    const first = Math.min(leaves.length / leafBytes, Math.max(0, last - frontier.size));
    for (const part of [leaves.subarray(0, first * leafBytes), leaves.subarray(first * leafBytes)]) {
      frontier = append(frontier, part, sha256);
      if (frontier.size === last || frontier.size === log.size) roots.set(frontier.size, rootOf(frontier, sha256));
    }
    bar.show(frontier.size, log.size);
  }
  bar.end();
  if (last === 0) roots.set(0, rootOf(emptyFrontier, sha256));
  const checks: ReceiptCheck[] = [
    await documentCheck(document, keys),
    commitmentCheck(commitment, seed, sha256),
    rootCheck("entrants", `the ${last} joins before the draw`, roots.get(last), root),
    rootCheck("join", `all ${log.size} joins of the log`, roots.get(log.size), log.root),
  ];
  process.stderr.write(`${checkTable(checks)}\n`);
  if (checks.some(({ result }) => result === "broken")) return 4;
  const lines = ["number,rank"];
  for (let number = 1; number <= last; number++) {
    lines.push(`${number},${draw.rankOf(number)}`);
    if (lines.length === 10_000) print(lines.splice(0).join("\n"));
  }
  if (lines.length > 0) print(lines.join("\n"));
  return 0;
}

const rootCheck = (id: ReceiptCheck["id"], of: string, found: string | undefined, told: string): ReceiptCheck => {
  if (found === undefined) return { id, result: "open", sentence: `There are fewer leaves here than ${of}.` };
  return found === told
    ? { id, result: "holds", sentence: `The leaves are ${of}: they lead to the root in the document.` }
    : { id, result: "broken", sentence: `The leaves are not ${of}: they lead to ${found}, the document says ${told}.` };
};

const words = { holds: "holds", broken: "BROKEN", open: "open" } as const;
const checkTable = (checks: readonly ReceiptCheck[]): string =>
  table(checks.map(({ id, result, sentence }) => [words[result], id, sentence]));

const sha256: Sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

async function readReceipt(from: string): Promise<Receipt> {
  const value = await readJson(from);
  if (receipts.Check(value)) return value;
  const [first] = receipts.Errors(value);
  throw new SpillwayError(
    "bad_usage",
    `${from} is no receipt: ${first?.instancePath === "" ? "the whole" : first?.instancePath} ${first?.message}.`,
  );
}

async function readDocument(from: string): Promise<SignedNow> {
  const value = await readJson(from);
  if (documents.Check(value)) return value;
  throw new SpillwayError(
    "bad_usage",
    `${from} is no document of a waiting room, as /.spillway/rooms/ID/now gives it.`,
  );
}

/** `{ "keys": { "1": "…" } }`, or the inner object alone. */
async function readKeys(from: string): Promise<Record<string, string>> {
  const value = (await readJson(from)) as { readonly keys?: unknown } | null;
  const keys = value?.keys ?? value;
  if (typeof keys === "object" && keys !== null && Object.values(keys).every((key) => typeof key === "string"))
    return keys as Record<string, string>;
  throw new SpillwayError("bad_usage", `${from} holds no keys, as /.spillway/keys gives them.`);
}

async function readJson(from: string): Promise<unknown> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytesFrom(from)) {
    length += piece.length;
    if (length > textBytesMax)
      throw new SpillwayError(
        "bad_usage",
        `${from} is longer than ${textBytesMax} bytes, so it is no receipt or document.`,
      );
    pieces.push(piece);
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(pieces)));
  } catch {
    throw new SpillwayError("bad_usage", `${from} is not JSON. Save the receipt as it came, and try again.`);
  }
}

/** Whole leaves, some megabytes at a time; no more than `most`. */
async function* leavesFrom(from: string, most: number): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  let left = Math.min(most, entrantsMax * 100) * leafBytes;
  for await (const piece of bytesFrom(from)) {
    const joined = Buffer.concat([rest, piece]).subarray(0, left);
    const whole = joined.length - (joined.length % leafBytes);
    rest = joined.subarray(whole);
    left -= whole;
    if (whole > 0) yield joined.subarray(0, whole);
    if (left <= 0) return;
  }
  if (rest.length > 0)
    throw new SpillwayError(
      "bad_usage",
      `${from} ends within a leaf: it must be ${leafBytes} bytes for each, and nothing else.`,
    );
}

async function* bytesFrom(from: string): AsyncGenerator<Uint8Array> {
  if (/^https?:\/\//.test(from)) {
    const answer = await fetch(from, {
      headers: { accept: "application/json, */*" },
      signal: AbortSignal.timeout(300_000),
    }).catch((error: unknown) => {
      throw new SpillwayError(
        "bad_usage",
        `${from} cannot be reached: ${error instanceof Error ? error.message : error}.`,
      );
    });
    if (!answer.ok || answer.body === null)
      throw new SpillwayError("bad_usage", `${from} answers ${answer.status}. Is that the right address?`);
    yield* answer.body;
    return;
  }
  if (from === "-") {
    yield* process.stdin as AsyncIterable<Uint8Array>;
    return;
  }
  const file = await open(from).catch(() => {
    throw new SpillwayError("bad_usage", `There is no file ${from} that can be read.`);
  });
  try {
    yield* file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
  } finally {
    await file.close();
  }
}
