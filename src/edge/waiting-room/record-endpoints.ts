/** What can be checked afterwards: a receipt for the holder of a place, and the whole join log for whoever wants to draw again. */
import type { Exchange } from "../exchange.ts";
import { json } from "./answers.ts";
import { type Join, joinLeafOf } from "./join-leaf.ts";
import { leafBytes } from "./merkle.ts";
import { createProver, type Prover } from "./merkle-proofs.ts";
import type { OpenRoom } from "./open-room.ts";
import type { LineStore, RoomKeys } from "./ports.ts";
import { makeReceipt } from "./receipt.ts";
import type { Place } from "./room-places.ts";
import type { Talk } from "./talk.ts";

const leavesAtOnce = 8192;

/** Under which the store knows a room's line. */
const storeName = ({ id, epoch }: OpenRoom["config"]): string => `${id}.${epoch}`;

export function createRecordEndpoints(
  { keys, store }: { readonly keys: RoomKeys; readonly store: Pick<LineStore, "readLeaves"> },
  { troubled }: Talk,
) {
  const provers = new Map<string, Prover>();

  async function receipt(open: OpenRoom, exchange: Exchange, place: Place): Promise<Response> {
    const { config, line } = open;
    const number = place.seq;
    const document = line.document().signed;
    if (number === 0 || number > document.now.log.size)
      return troubled(exchange, open, {
        status: 409,
        code: "room_no_receipt",
        title: "There is no receipt yet",
        detail: "Your number is not yet in a signed document. Try again in a few seconds.",
        retryAfterSeconds: 2,
      });
    const key = storeName(config);
    let prover = provers.get(key);
    if (prover === undefined) {
      prover = createProver(
        (...parts) => keys.sha256(...parts),
        async (from, to) => await store.readLeaves(key, from, to),
      );
      provers.set(key, prover);
    }
    try {
      return await made(open, exchange, place, prover);
    } catch {
      return troubled(exchange, open, {
        status: 409,
        code: "room_no_receipt",
        title: "There is no receipt",
        detail:
          "The log of who joined cannot be read: it was lost with the memory that it was kept in, or its store does not answer at this moment. Your place is not touched by that.",
        retryAfterSeconds: 30,
      });
    }
  }

  async function made(open: OpenRoom, exchange: Exchange, place: Place, prover: Prover): Promise<Response> {
    const { config, line, places } = open;
    const number = place.seq;
    const document = line.document().signed;
    const key = storeName(config);
    // Who joined before the secret was taken over by another has a leaf of the older one's.
    const joins = places.joinsOf(place);
    const leaf = joins.length > 1 ? await store.readLeaves(key, number - 1, number) : undefined;
    const join = joins.find((one) => leaf !== undefined && keys.equal(joinLeafOf(one, keys.sha256), leaf)) ?? joins[0];
    const since = Number(new URLSearchParams(exchange.target.split("?", 2)[1] ?? "").get("since") ?? Number.NaN);
    const written = await makeReceipt(
      {
        number,
        rank: line.rankOf(number),
        join: join as Join,
        document,
        keys: keys.documentKeys,
        ...(Number.isSafeInteger(since) && since > 0 && since <= document.now.log.size ? { since } : {}),
      },
      prover,
    );
    const name = `receipt-${config.id}-${number}.json`;
    return json(exchange, written, { fields: [["content-disposition", `attachment; filename="${name}"`]] });
  }

  /** Read as it is sent, a piece at a time: a million joins are 32 MB. */
  function leaves({ config, line }: OpenRoom, exchange: Exchange): Response {
    const { size } = line.document().signed.now.log;
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (at >= size) return controller.close();
        const to = Math.min(size, at + leavesAtOnce);
        const piece = await store.readLeaves(storeName(config), at, to);
        if (piece.length < (to - at) * leafBytes) throw new Error(`The join log of ${config.id} is not whole.`);
        at = to;
        controller.enqueue(piece);
      },
    });
    return new Response(exchange.method === "HEAD" ? null : body, {
      headers: { "content-type": "application/octet-stream", "cache-control": "no-store" },
    });
  }

  return { receipt, leaves };
}
