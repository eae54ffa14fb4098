/**
 * Tells the stock to waiting rooms of edges that run elsewhere: a signed POST to each, as any other shop may send it.
 * The body is {"remaining": 31, "held": 9, "sold": 360}; `Spillway-Signature` is `t=…,v1=…` over it.
 */
import type { TellStock } from "#commerce/stock/ports.ts";
import type { Clock } from "#kernel/clock.ts";
import { signTimed } from "../internal/timed-signature.ts";

/** Behind it the next second's news waits. */
const timeoutMs = 2000;

/** `urls`: with `{room}` where the room's id goes. All are told; it rejects with the first that was not. */
export function createTellStock(options: {
  readonly urls: readonly string[];
  readonly secret: string;
  readonly clock: Clock;
}): TellStock {
  const post = async (url: string, body: Uint8Array<ArrayBuffer>): Promise<void> => {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "spillway-signature": signTimed(options.secret, body, options.clock.now()),
      },
      body,
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`${url} answered ${answer.status} to the stock of its room.`);
  };
  return async (room, stock) => {
    const body = new TextEncoder().encode(JSON.stringify(stock));
    const told = await Promise.allSettled(
      options.urls.map(async (url) => await post(url.replaceAll("{room}", room), body)),
    );
    for (const outcome of told) if (outcome.status === "rejected") throw outcome.reason;
  };
}
